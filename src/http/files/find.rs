//! Finding the file that answers. Everything here blocks its thread.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use ::http::StatusCode;

use super::super::codings::Coding;
use super::super::handler::Result;
use super::super::refusal::Refusal;
use super::path::Named;
use super::pieces::Pieces;
use super::root::Root;
use crate::handler::Failure;

/// What is looked for.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) named: Named,
    pub(super) index: Option<String>,
    /// Of neighbours that may be sent instead, the best first.
    pub(super) codings: Vec<Coding>,
    /// Whether the file will be sent from its begin, so that this can be read
    /// at once.
    pub(super) begins: bool,
}

#[derive(Debug)]
pub(super) enum Found {
    File(Opened),
    /// One that was not written as one.
    Folder,
}

/// A plain file.
#[derive(Debug)]
pub(super) struct Opened {
    /// In lower case.
    pub(super) extension: String,
    pub(super) size: u64,
    pub(super) modified: Option<SystemTime>,
    pub(super) coding: Option<Coding>,
    pub(super) pieces: Pieces,
}

impl Search {
    pub(super) fn run(self, root: &Root) -> Result<Found> {
        let (file, about) = open(root, &self.named.path)?;
        if !about.is_dir() {
            return match self.named.is_folder {
                true => Err(not_found().into()),
                false => self.plain(root, &self.named.path, file, &about),
            };
        }
        let index = self.index.as_ref().ok_or_else(not_found)?;
        let path = Path::new(&self.named.path).join(index).into_os_string();
        let (file, about) = open(root, &path)?;
        match self.named.is_folder {
            true => self.plain(root, &path, file, &about),
            false => Ok(Found::Folder),
        }
    }

    fn plain(&self, root: &Root, path: &OsStr, file: File, about: &Metadata) -> Result<Found> {
        // A pipe or a device has no size, and may have no end.
        if !about.is_file() {
            return Err(not_found().into());
        }
        let neighbours = self.codings.iter();
        let mut neighbours = neighbours.filter_map(|coding| neighbour(root, path, about, *coding));
        let (file, about, coding) = match neighbours.next() {
            Some((file, its, coding)) => (file, its, Some(coding)),
            None => (file, about.clone(), None),
        };
        let mut pieces = Pieces::of(file);
        if self.begins {
            pieces.read(0, about.len())?;
        }
        let extension = Path::new(path).extension().and_then(OsStr::to_str);
        Ok(Found::File(Opened {
            extension: extension.unwrap_or_default().to_ascii_lowercase(),
            size: about.len(),
            modified: about.modified().ok(),
            coding,
            pieces,
        }))
    }
}

/// The same content in `coding`, if it lies there and is not out of date.
fn neighbour(root: &Root, path: &OsStr, about: &Metadata, coding: Coding) -> Option<(File, Metadata, Coding)> {
    let mut name = OsString::from(path);
    name.push(match coding {
        Coding::Brotli => ".br",
        Coding::Gzip => ".gz",
    });
    let (file, its) = open(root, &name).ok()?;
    let is_new = its.modified().ok()? >= about.modified().ok()?;
    (its.is_file() && is_new).then_some((file, its, coding))
}

pub(super) fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing here")
}

fn open(root: &Root, path: &OsStr) -> Result<(File, Metadata)> {
    let opened = root.file(path).and_then(|file| {
        let about = file.metadata()?;
        Ok((file, about))
    });
    opened.map_err(|err| refused(&err, path))
}

/// What the client is told of a file that the system does not open.
fn refused(err: &io::Error, path: &OsStr) -> Failure {
    match err.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => Refusal::new(StatusCode::FORBIDDEN, "this may not be read").into(),
        // Not there, no folder on the way, out of the root, a circle of links,
        // too long for a name, a socket.
        Some(
            libc::ENOENT
            | libc::ENOTDIR
            | libc::EXDEV
            | libc::ELOOP
            | libc::ENAMETOOLONG
            | libc::EINVAL
            | libc::ENXIO
            | libc::ENODEV,
        ) => not_found().into(),
        _ => io::Error::new(
            err.kind(),
            format!("cannot open {path:?} below the folder of files: {err}"),
        )
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As root nothing is forbidden, so no file can show it there.
    #[test]
    fn what_the_system_says_is_told_as_a_status() {
        let told = |code| {
            let failure = refused(&io::Error::from_raw_os_error(code), OsStr::new("a"));
            Refusal::of(&failure).map(|refusal| refusal.status().as_u16())
        };
        for code in [libc::EACCES, libc::EPERM] {
            assert_eq!(told(code), Some(403), "{code}");
        }
        for code in [
            libc::ENOENT,
            libc::ENOTDIR,
            libc::EXDEV,
            libc::ELOOP,
            libc::ENAMETOOLONG,
        ] {
            assert_eq!(told(code), Some(404), "{code}");
        }
        assert_eq!(told(libc::EMFILE), None, "a failure of ours");
    }
}
