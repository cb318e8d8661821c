//! The program that workers run: this one, as it was started.

use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const ITSELF: &str = "/proc/self/exe";

/// What is executed anew for each worker.
#[derive(Clone, Debug)]
pub(super) struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl Program {
    /// This program with its arguments, by the path under which it was
    /// started: who puts a new program there, or turns a symbolic link on the
    /// way to it, has the next workers run that.
    ///
    /// To be asked at the start, as long as this program is still there.
    pub(super) fn of_this_process() -> io::Result<Program> {
        let arguments: Vec<_> = env::args_os().collect();
        let started_as = arguments.first().map(OsString::as_os_str).unwrap_or_default();
        let path = match candidates(started_as)?.into_iter().find(|path| is_this_program(path)) {
            Some(path) => path,
            None => env::current_exe()?,
        };
        Ok(Program { path, arguments })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path and the arguments as execve(2) takes them.
    pub(super) fn to_c(&self) -> io::Result<(CString, Vec<CString>)> {
        let arguments = self.arguments.iter().map(|one| c_string(one.clone()));
        Ok((
            c_string(self.path.clone().into())?,
            arguments.collect::<io::Result<_>>()?,
        ))
    }
}

/// Nothing that came from the system has a NUL byte in it.
pub(super) fn c_string(text: OsString) -> io::Result<CString> {
    CString::new(text.into_vec()).map_err(io::Error::other)
}

/// Where a shell would have found `started_as`.
fn candidates(started_as: &OsStr) -> io::Result<Vec<PathBuf>> {
    if started_as.as_bytes().contains(&b'/') {
        return Ok(vec![env::current_dir()?.join(started_as)]);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::split_paths(&path)
        .map(|directory| directory.join(started_as))
        .collect())
}

fn is_this_program(path: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    match (identity(path), identity(Path::new(ITSELF))) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_found_where_it_was_started() {
        let program = Program::of_this_process().unwrap();
        assert!(is_this_program(&program.path) && program.path.is_absolute());
        let (path, arguments) = program.to_c().unwrap();
        assert_eq!(path.as_bytes(), program.path.as_os_str().as_bytes());
        assert_eq!(arguments.len(), env::args_os().count());
    }

    #[test]
    fn a_link_to_it_is_kept_as_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("program");
        std::os::unix::fs::symlink(env::current_exe().unwrap(), &link).unwrap();
        assert_eq!(
            candidates(link.as_os_str()).unwrap().as_slice(),
            std::slice::from_ref(&link)
        );
        assert!(is_this_program(&link));
    }

    #[test]
    fn another_program_of_the_same_name_is_not_taken() {
        assert!(!is_this_program(Path::new("/bin/sh")));
        assert!(!is_this_program(Path::new("/nonexistent")));
        assert!(
            candidates(OsStr::new("sh"))
                .unwrap()
                .iter()
                .all(|path| path.ends_with("sh"))
        );
    }
}
