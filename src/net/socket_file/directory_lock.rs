//! A lock that starters on the same machine take in turn.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// How long a starter waits for another one in the same directory.
///
/// Between claim and listen there are a few system calls, so that even a
/// crowd of starters is through much sooner.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often it looks meanwhile.
const RETRY: Duration = Duration::from_millis(5);

/// A `flock(2)` on a directory, which ends when this is dropped.
///
/// That works even if a child forked meanwhile has the descriptor, too.
pub(super) type DirectoryLock = Flock<File>;

/// Locks the directory that `absolute` is in, and returns `None` if that is not
/// possible for now or at all.
///
/// # Errors
///
/// What opening the directory fails with, unless it is only unreadable.
pub(super) fn acquire(absolute: &Path) -> io::Result<Option<DirectoryLock>> {
    let Some(directory) = absolute.parent() else {
        return Ok(None);
    };
    match open_directory(directory) {
        Ok(directory) => Ok(lock_within(directory, PATIENCE)),
        // One can bind in a directory that one cannot read.
        Err(err) if err.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        Err(err) => Err(err),
    }
}

fn open_directory(path: &Path) -> io::Result<File> {
    // Without the flag, opening a named pipe would wait for ever.
    OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_DIRECTORY)
        .open(path)
}

fn lock_within(mut directory: File, patience: Duration) -> Option<DirectoryLock> {
    let deadline = Instant::now() + patience;
    loop {
        match Flock::lock(directory, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Some(lock),
            Err((file, Errno::EAGAIN | Errno::EINTR)) if Instant::now() < deadline => {
                directory = file;
            }
            Err((_, err)) => {
                log::debug!("starting without a lock on the socket's directory: {err}");
                return None;
            }
        }
        thread::sleep(RETRY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_lock_is_not_waited_for_long() {
        let directory = tempfile::tempdir().unwrap();
        let open = || open_directory(directory.path()).unwrap();
        let patience = Duration::from_millis(20);
        let foreign = lock_within(open(), patience);
        assert!(foreign.is_some());
        let began = Instant::now();
        assert!(lock_within(open(), patience).is_none());
        assert!(began.elapsed() >= patience);
        drop(foreign);
        assert!(lock_within(open(), patience).is_some());
    }

    #[test]
    fn a_lock_is_taken_as_soon_as_it_is_free() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let first = acquire(&path).unwrap();
        let second = thread::scope(|scope| {
            let second =
                scope.spawn(|| lock_within(open_directory(directory.path()).unwrap(), Duration::from_secs(60)));
            thread::sleep(RETRY);
            drop(first);
            second.join().unwrap()
        });
        assert!(second.is_some());
    }

    #[test]
    fn only_an_unreadable_directory_is_done_without() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing/a.sock");
        let err = acquire(&missing).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::NotFound);
        assert!(acquire(Path::new("/")).unwrap().is_none());
    }
}
