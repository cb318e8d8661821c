//! Where the files are: a directory for each user, plain names, whole files.
//!
//! Everything here blocks its thread, and is called through `offload`. A
//! refusal's text is for the client and says nothing about the machine.

use std::fmt::{self, Display};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::frame::MAX_FRAME;

/// What unfinished uploads are called; no client can give such a name.
const UNFINISHED: &str = ".upload-";

/// Why the store does not do what it was asked, in words for the client.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl Refused {
    pub(crate) fn because(reason: impl Into<String>) -> Refused {
        Refused(reason.into())
    }
}

impl Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Refused {
    fn from(err: io::Error) -> Refused {
        log::info!("refused: {err}");
        Refused(err.kind().to_string())
    }
}

/// The name of a user or a file: it stays in its directory.
#[derive(Clone, Debug)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn new(text: &str) -> Result<Name, Refused> {
        let reason = if text.is_empty() {
            "a name is missing"
        } else if text.len() > 255 {
            "a name has at most 255 bytes"
        } else if text.starts_with('.') {
            "a name does not begin with a dot"
        } else if text.contains(['/', '\\']) {
            "a name has no separators"
        } else if text.contains(char::is_control) {
            "a name has no control characters"
        } else {
            return Ok(Name(text.to_owned()));
        };
        Err(Refused::because(reason))
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The root, with a directory for each user.
#[derive(Debug)]
pub(crate) struct Store {
    root: PathBuf,
    limit: u64,
}

impl Store {
    /// Keeps files of at most `limit` bytes under `root`, a directory.
    pub(crate) fn open(root: &Path, limit: u64) -> io::Result<Store> {
        let root = root.canonicalize()?;
        if !root.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Store { root, limit })
    }

    /// The directory of `user`, who gets one on the first visit.
    pub(crate) fn home(&self, user: &Name) -> Result<Home, Refused> {
        let directory = self.root.join(&user.0);
        match fs::create_dir(&directory) {
            Err(err) if err.kind() != io::ErrorKind::AlreadyExists => return Err(err.into()),
            _ => {}
        }
        // Not `is_dir`, which follows symbolic links.
        if !directory.symlink_metadata()?.is_dir() {
            return Err(Refused::because("not a user's directory"));
        }
        let limit = self.limit;
        Ok(Home { directory, limit })
    }
}

/// One user's files.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    directory: PathBuf,
    limit: u64,
}

impl Home {
    /// The names of all files that can be got, in order.
    pub(crate) fn list(&self) -> Result<Vec<String>, Refused> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string()
                && entry.file_type()?.is_file()
                && Name::new(&name).is_ok()
                && !has_other_names(&entry.metadata()?)
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Opens a file to be read, and tells its size.
    pub(crate) fn open(&self, name: &Name) -> Result<(File, u64), Refused> {
        let path = self.directory.join(&name.0);
        // A symbolic link is refused, and a pipe must not make us wait for
        // somebody to write to it.
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path);
        let file = opened.map_err(|err| match err.raw_os_error() {
            Some(libc::ELOOP) => not_a_file(),
            _ => err.into(),
        })?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(not_a_file());
        }
        if has_other_names(&about) {
            return Err(Refused::because("a file with several names"));
        }
        Ok((file, about.len()))
    }

    /// Begins to take a file in. Until it is whole, who asks for `name` gets
    /// what was there before.
    pub(crate) fn begin(&self, name: &Name) -> Result<Upload, Refused> {
        let target = self.directory.join(&name.0);
        match target.symlink_metadata() {
            Ok(about) if !about.is_file() => return Err(not_a_file()),
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err.into()),
            _ => {}
        }
        Ok(Upload {
            file: tempfile::Builder::new()
                .prefix(UNFINISHED)
                .tempfile_in(&self.directory)?,
            target,
            room: self.limit,
        })
    }
}

/// A hard link leads out of the root as a symbolic one does, and only the count
/// of a file's names tells.
fn has_other_names(about: &Metadata) -> bool {
    about.nlink() > 1
}

fn not_a_file() -> Refused {
    Refused::because("not a file")
}

/// A file on its way in. Dropping it removes what has come so far: one short
/// call, made where the drop is, so that it has happened when a killed
/// handler has ended.
#[derive(Debug)]
pub(crate) struct Upload {
    file: NamedTempFile,
    target: PathBuf,
    room: u64,
}

impl Upload {
    pub(crate) fn append(mut self, bytes: &[u8]) -> Result<Upload, Refused> {
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.room = self
            .room
            .checked_sub(count)
            .ok_or_else(|| Refused::because("the file is too large"))?;
        self.file.write_all(bytes)?;
        Ok(self)
    }

    /// Puts the file in its place, whole and on the disk.
    pub(crate) fn commit(self) -> Result<(), Refused> {
        self.file.as_file().sync_all()?;
        self.file.persist(self.target).map_err(|err| err.error)?;
        Ok(())
    }
}

/// The next part of a file, and the file; an empty part at the end.
pub(crate) fn read_part(mut file: File) -> io::Result<(Vec<u8>, File)> {
    let mut part = vec![0; MAX_FRAME];
    let count = file.read(&mut part)?;
    part.truncate(count);
    Ok((part, file))
}
