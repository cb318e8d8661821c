//! The file a bound Unix socket leaves behind, and who may remove it.
//!
//! `bind(2)` refuses a path that exists, even if the server that made it has
//! crashed, and nothing removes the file when a socket is closed (`unix(7)`).
//! So a server clears away what a crashed one left before it binds, and its
//! own file when it ends. The order is
//!
//! 1. [`SocketFile::claim`],
//! 2. `bind(2)`,
//! 3. [`SocketFile::owned`],
//! 4. `listen(2)`, for a stream socket,
//! 5. drop the [`Claim`].
//!
//! At the end the [`SocketFile`] is dropped first and the socket closed
//! second. While the socket is open its inode cannot be used again and other
//! starters see a live server, so the path cannot change hands between the
//! check and the removal.
//!
//! # Races
//!
//! Two starters may find the same stale file, and the slower one would remove
//! the socket of the faster. A socket that is bound but does not listen yet
//! looks stale, too. Against both, a [`Claim`] holds a `flock(2)` on the
//! directory: no lock file is left behind, and the lock ends with the process.
//! What is left:
//!
//! - A program that does not take this lock can still put its socket there
//!   between the last look at a stale file and its removal, or have it taken
//!   for stale before it listens.
//! - The lock is not waited for longer than half a second, and is done without
//!   where the directory cannot be read or its file system has no locks: a
//!   foreign lock on `/tmp`, say, must not keep servers from starting.
//! - Systems other than Linux may refuse a connection because the queue is
//!   full, and a live server then looks stale.

mod directory_lock;

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process;
use std::time::SystemTime;

use nix::errno::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

use self::directory_lock::DirectoryLock;
use super::Address;
use crate::{Error, Result};

/// The type of the Unix socket that is to be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `SOCK_STREAM`.
    Stream,
    /// `SOCK_DGRAM`.
    Datagram,
}

impl Kind {
    fn socket_type(self) -> Type {
        match self {
            Kind::Stream => Type::STREAM,
            Kind::Datagram => Type::DGRAM,
        }
    }
}

/// The right to bind a path, until it is dropped.
///
/// It is held until the socket is bound and, for a stream socket, listens; see
/// the module's text for why.
#[derive(Debug)]
#[must_use = "dropping the claim lets another starter take the path"]
pub(crate) struct Claim {
    path: PathBuf,
    absolute: PathBuf,
    _lock: Option<DirectoryLock>,
}

/// The file of a socket this process bound; dropping it removes the file.
///
/// Dropping does nothing in a forked child, and never removes a file other
/// than the one that was bound. If the removal fails that is logged as a
/// warning, because nothing else can be done about it.
#[derive(Debug)]
#[must_use = "dropping the socket file removes it"]
pub(crate) struct SocketFile {
    absolute: PathBuf,
    identity: Identity,
    process: u32,
}

impl SocketFile {
    /// Makes sure that `path` can be bound, removing what a crashed server
    /// left there.
    ///
    /// Whether a server lives is found out by connecting: a stream server
    /// accepts one connection that ends at once. This blocks the thread for up
    /// to half a second if another server starts in the same directory.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] with the kind
    ///
    /// - `AddrInUse` if a server lives there, or if the file is not a socket
    ///   (a symbolic link is not one either): neither is touched,
    /// - `NotFound` if the directory does not exist,
    /// - anything else the system says, such as `PermissionDenied` if it
    ///   cannot be found out whether a server lives there.
    pub(crate) fn claim(path: &Path, kind: Kind) -> Result<Claim> {
        claim(path, kind).map_err(|source| cannot_bind(path, source))
    }

    /// Takes over the file that `bind(2)` has just made at the claimed path.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] if no socket is there, because it was removed already.
    pub(crate) fn owned(claim: &Claim) -> Result<SocketFile> {
        owned(claim).map_err(|source| cannot_bind(&claim.path, source))
    }

    fn remove(&self) -> io::Result<()> {
        // A forked child has this value, too, but its parent still serves.
        if process::id() != self.process {
            return Ok(());
        }
        match look(&self.absolute)? {
            Some(found) if Identity::of(&found) == self.identity => remove_file(&self.absolute),
            _ => Ok(()),
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(err) = self.remove() {
            let path = self.absolute.display();
            log::warn!("cannot remove the socket file {path}: {err}; remove it by hand");
        }
    }
}

/// Which file something was, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    /// Inode numbers are used again; not every file system has this, though.
    created: Option<SystemTime>,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            created: metadata.created().ok(),
        }
    }
}

/// What is behind a socket file.
#[derive(Debug, PartialEq, Eq)]
enum Holder {
    Live,
    Dead,
    /// The file itself went away meanwhile.
    Gone,
}

fn claim(path: &Path, kind: Kind) -> io::Result<Claim> {
    // The working directory may be another one when the file is removed.
    let absolute = std::path::absolute(path)?;
    let lock = directory_lock::acquire(&absolute)?;
    clear(path, &absolute, kind)?;
    Ok(Claim {
        path: path.to_path_buf(),
        absolute,
        _lock: lock,
    })
}

fn owned(claim: &Claim) -> io::Result<SocketFile> {
    match look(&claim.absolute)? {
        Some(found) if found.file_type().is_socket() => Ok(SocketFile {
            absolute: claim.absolute.clone(),
            identity: Identity::of(&found),
            process: process::id(),
        }),
        _ => Err(io::Error::other("its file was removed at once")),
    }
}

fn clear(path: &Path, absolute: &Path, kind: Kind) -> io::Result<()> {
    let Some(found) = look(absolute)? else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return Err(not_a_socket());
    }
    match probe(path, kind)? {
        Holder::Live => Err(Errno::EADDRINUSE.into()),
        Holder::Gone => Ok(()),
        Holder::Dead => remove_stale(absolute, Identity::of(&found)),
    }
}

/// Connects through the path as given, as a longer one may not fit.
fn probe(path: &Path, kind: Kind) -> io::Result<Holder> {
    let socket = Socket::new(Domain::UNIX, kind.socket_type(), None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Ok(()) => Ok(Holder::Live),
        Err(err) => judge(err),
    }
}

fn judge(err: io::Error) -> io::Result<Holder> {
    match err.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ECONNREFUSED) => Ok(Holder::Dead),
        Some(Errno::ENOENT) => Ok(Holder::Gone),
        // The queue is full, or the server is slow.
        Some(Errno::EAGAIN | Errno::EINPROGRESS) => Ok(Holder::Live),
        // Only a socket that lives has a type, or a peer of its own that
        // makes it refuse others.
        Some(Errno::EPROTOTYPE | Errno::EPERM) => Ok(Holder::Live),
        _ => Err(err),
    }
}

fn remove_stale(absolute: &Path, stale: Identity) -> io::Result<()> {
    // A starter that takes no lock may have been here since.
    match look(absolute)? {
        Some(found) if Identity::of(&found) != stale => return Err(Errno::EADDRINUSE.into()),
        _ => remove_file(absolute)?,
    }
    let path = absolute.display();
    log::info!("removed the stale socket file {path}: no server listens there");
    Ok(())
}

fn look(path: &Path) -> io::Result<Option<Metadata>> {
    unless_gone(fs::symlink_metadata(path).map(Some))
}

fn remove_file(path: &Path) -> io::Result<()> {
    unless_gone(fs::remove_file(path))
}

fn unless_gone<T: Default>(result: io::Result<T>) -> io::Result<T> {
    match result {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        other => other,
    }
}

fn not_a_socket() -> io::Error {
    let text = "the file there is not a socket and was left alone";
    io::Error::new(io::ErrorKind::AddrInUse, text)
}

fn cannot_bind(path: &Path, source: io::Error) -> Error {
    Error::Listen {
        action: "bind",
        address: Address::Unix(path.to_path_buf()).to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs::File;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
    use std::process::Command;
    use std::sync::Barrier;
    use std::thread;
    use std::time::Duration;

    use nix::fcntl::{Flock, FlockArg};
    use tempfile::TempDir;

    use super::*;

    const KINDS: [Kind; 2] = [Kind::Stream, Kind::Datagram];

    fn directory_and_path() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        (directory, path)
    }

    fn leave_stale_file(path: &Path, kind: Kind) {
        let socket = Socket::new(Domain::UNIX, kind.socket_type(), None).unwrap();
        socket.bind(&SockAddr::unix(path).unwrap()).unwrap();
        drop(socket);
        // A child that another test forks holds the socket until it executes.
        while probe(path, kind).unwrap() == Holder::Live {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn exists(path: &Path) -> bool {
        look(path).unwrap().is_some()
    }

    fn bound(path: &Path) -> (UnixListener, SocketFile) {
        let claim = SocketFile::claim(path, Kind::Stream).unwrap();
        let listener = UnixListener::bind(path).unwrap();
        (listener, SocketFile::owned(&claim).unwrap())
    }

    /// The error of a claim, of which the address is always that of `path`.
    fn refusal(path: &Path, kind: Kind) -> io::Error {
        match SocketFile::claim(path, kind) {
            Err(Error::Listen {
                action: "bind",
                address,
                source,
            }) => {
                assert_eq!(address, format!("unix:{}", path.display()));
                source
            }
            other => panic!("{other:?}"),
        }
    }

    fn assert_in_use(path: &Path, kind: Kind) {
        let before = Identity::of(&look(path).unwrap().unwrap());
        assert_eq!(refusal(path, kind).kind(), io::ErrorKind::AddrInUse);
        let after = Identity::of(&look(path).unwrap().unwrap());
        assert_eq!(before, after);
    }

    #[test]
    fn a_free_path_can_be_claimed() {
        let (_directory, path) = directory_and_path();
        for kind in KINDS {
            let claim = SocketFile::claim(&path, kind).unwrap();
            assert!(!exists(&claim.absolute));
        }
    }

    #[test]
    fn a_stale_file_of_either_type_is_removed() {
        let (_directory, path) = directory_and_path();
        for old in KINDS {
            for new in KINDS {
                leave_stale_file(&path, old);
                let _claim = SocketFile::claim(&path, new).unwrap();
                assert!(!exists(&path));
            }
        }
    }

    #[test]
    fn a_live_server_of_either_type_is_left_alone() {
        let (_directory, path) = directory_and_path();
        let listener = UnixListener::bind(&path).unwrap();
        assert_in_use(&path, Kind::Stream);
        assert_in_use(&path, Kind::Datagram);
        drop(listener);
        fs::remove_file(&path).unwrap();

        let _socket = UnixDatagram::bind(&path).unwrap();
        assert_in_use(&path, Kind::Stream);
        assert_in_use(&path, Kind::Datagram);
    }

    #[test]
    fn a_live_server_with_a_full_queue_is_left_alone() {
        let (_directory, path) = directory_and_path();
        let server = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        server.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        server.listen(0).unwrap();
        let _queued = UnixStream::connect(&path).unwrap();
        let busy = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        busy.set_nonblocking(true).unwrap();
        let err = busy.connect(&SockAddr::unix(&path).unwrap()).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::WouldBlock);
        assert_in_use(&path, Kind::Stream);
    }

    #[test]
    fn a_live_datagram_server_with_a_peer_of_its_own_is_left_alone() {
        let (directory, path) = directory_and_path();
        let server = UnixDatagram::bind(&path).unwrap();
        let _peer = UnixDatagram::bind(directory.path().join("peer")).unwrap();
        server.connect(directory.path().join("peer")).unwrap();
        assert_in_use(&path, Kind::Datagram);
    }

    #[test]
    fn errors_of_the_probe_are_judged() {
        let judged = |errno: Errno| judge(errno.into());
        assert_eq!(judged(Errno::ECONNREFUSED).unwrap(), Holder::Dead);
        assert_eq!(judged(Errno::ENOENT).unwrap(), Holder::Gone);
        for errno in [Errno::EAGAIN, Errno::EINPROGRESS, Errno::EPROTOTYPE, Errno::EPERM] {
            assert_eq!(judged(errno).unwrap(), Holder::Live, "{errno}");
        }
        for errno in [Errno::EACCES, Errno::EMFILE] {
            let err = judged(errno).unwrap_err();
            assert_eq!(err.raw_os_error(), Some(errno as i32));
        }
    }

    fn permit(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_server_that_cannot_be_asked_is_left_alone() {
        let (_directory, path) = directory_and_path();
        leave_stale_file(&path, Kind::Stream);
        permit(&path, 0o000);
        if probe(&path, Kind::Stream).is_ok() {
            return; // Root may do anything.
        }
        let err = refusal(&path, Kind::Stream);
        assert_eq!(err.kind(), io::ErrorKind::PermissionDenied);
        assert!(exists(&path));
    }

    #[test]
    fn a_directory_that_cannot_be_read_will_do() {
        let (directory, path) = directory_and_path();
        leave_stale_file(&path, Kind::Stream);
        permit(directory.path(), 0o300);
        let (_listener, file) = bound(&path);
        drop(file);
        assert!(!exists(&path));
        permit(directory.path(), 0o700);
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let (directory, path) = directory_and_path();
        fs::write(&path, "text").unwrap();
        fs::create_dir(directory.path().join("directory")).unwrap();
        symlink("nowhere", directory.path().join("dangling")).unwrap();
        let _listener = UnixListener::bind(directory.path().join("live")).unwrap();
        symlink("live", directory.path().join("link")).unwrap();
        for name in ["a.sock", "directory", "dangling", "link"] {
            for kind in KINDS {
                let path = directory.path().join(name);
                assert_in_use(&path, kind);
                let text = refusal(&path, kind).to_string();
                assert!(text.contains("not a socket"), "{text}");
            }
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
    }

    #[test]
    fn a_missing_directory_is_named() {
        let (directory, path) = directory_and_path();
        let missing = directory.path().join("missing/a.sock");
        assert_eq!(refusal(&missing, Kind::Stream).kind(), io::ErrorKind::NotFound);
        let err = SocketFile::claim(&missing, Kind::Stream).unwrap_err();
        assert!(err.to_string().contains("create it first"), "{err}");

        fs::write(&path, "text").unwrap();
        let below = path.join("a.sock");
        assert_eq!(refusal(&below, Kind::Stream).kind(), io::ErrorKind::NotADirectory);
    }

    #[test]
    fn a_stale_file_that_was_replaced_is_left_alone() {
        let (directory, path) = directory_and_path();
        let _other = UnixListener::bind(directory.path().join("other")).unwrap();
        let stale = look(&directory.path().join("other")).unwrap().unwrap();
        let _listener = UnixListener::bind(&path).unwrap();
        let err = remove_stale(&path, Identity::of(&stale)).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::AddrInUse);
        assert!(exists(&path));
    }

    #[test]
    fn dropping_removes_the_file() {
        let (_directory, path) = directory_and_path();
        let (_listener, file) = bound(&path);
        assert!(exists(&path));
        drop(file);
        assert!(!exists(&path));
    }

    #[test]
    fn dropping_in_a_forked_child_removes_nothing() {
        let (_directory, path) = directory_and_path();
        let (_listener, mut file) = bound(&path);
        file.process += 1;
        drop(file);
        assert!(exists(&path));
    }

    #[test]
    fn dropping_removes_no_successor() {
        let (_directory, path) = directory_and_path();
        let (_listener, file) = bound(&path);
        fs::remove_file(&path).unwrap();
        let _successor = UnixListener::bind(&path).unwrap();
        drop(file);
        assert!(exists(&path));
    }

    #[test]
    fn dropping_after_someone_removed_the_file_is_fine() {
        let (_directory, path) = directory_and_path();
        let (_listener, file) = bound(&path);
        fs::remove_file(&path).unwrap();
        file.remove().unwrap();
    }

    #[test]
    fn dropping_only_warns_if_the_file_cannot_be_removed() {
        let (directory, path) = directory_and_path();
        let (_listener, mut file) = bound(&path);
        fs::write(directory.path().join("text"), "").unwrap();
        file.absolute = directory.path().join("text/a.sock");
        file.remove().unwrap_err();
        drop(file);
    }

    #[test]
    fn a_path_that_was_not_bound_cannot_be_owned() {
        let (_directory, path) = directory_and_path();
        let claim = SocketFile::claim(&path, Kind::Stream).unwrap();
        SocketFile::owned(&claim).unwrap_err();
        fs::write(&path, "").unwrap();
        SocketFile::owned(&claim).unwrap_err();
        assert!(exists(&path));
    }

    /// Runs in a process of its own, as all tests share one working directory.
    #[test]
    fn a_relative_path_survives_a_change_of_directory() {
        const ROLE: &str = "SOCKET_FILE_TEST_CHANGES_DIRECTORY";
        if env::var_os(ROLE).is_some() {
            return changes_directory();
        }
        let name = concat!(module_path!(), "::a_relative_path_survives_a_change_of_directory");
        let (_crate_name, name) = name.split_once("::").unwrap();
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", name])
            .env(ROLE, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }

    fn changes_directory() {
        let (directory, path) = directory_and_path();
        env::set_current_dir(directory.path()).unwrap();
        leave_stale_file(Path::new("a.sock"), Kind::Stream);
        let (_listener, file) = bound(Path::new("a.sock"));
        env::set_current_dir("/").unwrap();
        assert!(exists(&path));
        drop(file);
        assert!(!exists(&path));
    }

    #[test]
    fn of_many_starters_one_wins() {
        const STARTERS: usize = 16;
        let (_directory, path) = directory_and_path();
        leave_stale_file(&path, Kind::Stream);
        let barrier = Barrier::new(STARTERS);
        let start = || {
            barrier.wait();
            let claim = SocketFile::claim(&path, Kind::Stream)?;
            let server = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            server.bind(&SockAddr::unix(&path).unwrap()).unwrap();
            // Here the socket looks stale, and only the lock protects it.
            thread::sleep(Duration::from_millis(20));
            let file = SocketFile::owned(&claim)?;
            server.listen(STARTERS as i32).unwrap();
            Ok::<_, Error>((server, file))
        };
        let results: Vec<_> = thread::scope(|scope| {
            let starters: Vec<_> = (0..STARTERS).map(|_| scope.spawn(start)).collect();
            starters.into_iter().map(|starter| starter.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn the_lock_ends_with_the_claim() {
        let (directory, path) = directory_and_path();
        let claim = SocketFile::claim(&path, Kind::Stream).unwrap();
        let directory = || File::open(directory.path()).unwrap();
        let lock = |directory| Flock::lock(directory, FlockArg::LockExclusiveNonblock);
        lock(directory()).unwrap_err();
        drop(claim);
        lock(directory()).unwrap();
    }
}
