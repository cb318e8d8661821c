//! Files from outside, read as far as they may be long.

use std::fs::{self, File};
use std::io::{Error, ErrorKind, Read, Result};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Reads all of the file at `path`.
///
/// # Errors
/// When it cannot be read, would have to be waited for, or has more than `most`
/// bytes, as a device without an end does.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let bytes = beginning(path, most.saturating_add(1))?;
    match bytes.len() as u64 > most {
        true => Err(Error::new(
            ErrorKind::FileTooLarge,
            format!("it has more than {most} bytes; give a smaller file"),
        )),
        false => Ok(bytes),
    }
}

/// Reads at most the first `most` bytes of the file at `path`.
///
/// # Errors
/// When it cannot be read, or would have to be waited for.
pub(crate) fn beginning(path: &Path, most: u64) -> Result<Vec<u8>> {
    if is_named_pipe(path) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "it is a named pipe, and to open it would wait for a writer; give a file",
        ));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether to open `path` may wait for whoever opens the other end. A pipe that
/// a shell put in `/dev/fd` is open already and has no name.
pub(crate) fn is_named_pipe(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) && path.canonicalize().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit_and_a_device_not_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "abc").unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"abc");
        assert_eq!(read(&path, 2).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(beginning(&path, 2).unwrap(), b"ab");
        assert!(read(Path::new("/dev/zero"), 1000).is_err());
    }

    #[test]
    fn a_named_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        assert!(read(&path, 1).unwrap_err().to_string().contains("named pipe"));
        let (end, _other) = std::io::pipe().unwrap();
        let open = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&end));
        assert!(!is_named_pipe(Path::new(&open)));
    }
}
