//! A server for the tests of whoever writes handlers.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs, io, process, thread};

use crate::concurrency::{Coroutine, Model};
use crate::error::{Error, Result};
use crate::family::{Family, Tcp, Unix};
use crate::handler::Handler;
use crate::lifecycle::{DrainReport, ServerHandle};
use crate::net::{Address, Stream, SystemStream, TcpStream, UnixStream};
use crate::server::{Builder, Running, Server};

/// How long requests in flight may take to end, and how long a client waits.
const LIMIT: Duration = Duration::from_secs(5);

/// A server in the background, on an address that nobody else has: a free port
/// of 127.0.0.1, or a Unix path in a new directory.
///
/// Dropping it drains it: requests in flight get 5 s to end and are killed
/// then, or at once when the test has panicked. Of the directory nothing is
/// left.
///
/// A test that wants to know how the drain went calls
/// [`stop`](TestServer::stop). Forking servers cannot run in the background,
/// so they cannot be tested this way.
///
/// ```
/// use greenserve::{Tcp, net::TcpStream, testing::TestServer};
/// use std::io::{self, Read, Write};
///
/// fn upper(client: &mut TcpStream) -> io::Result<()> {
///     let mut buffer = [0; 1024];
///     let count = client.read(&mut buffer)?;
///     client.write_all(&buffer[..count].to_ascii_uppercase())
/// }
///
/// let server = TestServer::<Tcp>::start(upper)?;
/// let mut client = server.connect()?;
/// client.write_all(b"hello")?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert_eq!(answer, "HELLO");
/// assert!(server.stop()?.is_clean());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends the server"]
pub struct TestServer<F: Family, M: Model = Coroutine> {
    // Dropped before the directory its socket file is in.
    running: Option<Running<F, M>>,
    address: Address,
    handle: ServerHandle,
    _directory: Option<Directory>,
}

impl<F: Family> TestServer<F, Coroutine> {
    /// Serves `handler` on coroutines, with the default settings.
    ///
    /// # Errors
    /// When the system refuses a socket, a directory or the runtime's threads.
    pub fn start(handler: impl Handler<F::Request>) -> Result<Self> {
        TestServer::build(Server::builder(handler))
    }
}

impl<F: Family, M: Model> TestServer<F, M> {
    /// Serves what `builder` describes.
    ///
    /// ```
    /// use greenserve::{UnixServer, net::UnixStream, testing::TestServer};
    /// use std::io::{Read, Write};
    ///
    /// let builder = UnixServer::builder(|client: &mut UnixStream| client.write_all(b"welcome")).threads();
    /// let server = TestServer::build(builder)?;
    /// let mut heard = String::new();
    /// server.connect()?.read_to_string(&mut heard)?;
    /// assert_eq!(heard, "welcome");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`start`](TestServer::start), and a setting out of range.
    pub fn build(builder: Builder<F, M>) -> Result<Self> {
        if !F::HAS_PATH {
            return Self::run(builder.bind((Ipv4Addr::LOCALHOST, 0))?, None);
        }
        let directory = Directory::create()?;
        Self::run(builder.bind(directory.socket())?, Some(directory))
    }

    /// Serves a server that is bound already, wherever that is.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn serve(server: Server<F, M>) -> Result<Self> {
        Self::run(server, None)
    }

    fn run(server: Server<F, M>, directory: Option<Directory>) -> Result<Self> {
        let running = server.start()?;
        Ok(TestServer {
            address: running.address(),
            handle: running.handle().clone(),
            running: Some(running),
            _directory: directory,
        })
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The remote control of the server.
    pub fn handle(&self) -> &ServerHandle {
        &self.handle
    }

    /// Ends the server and tells how: requests in flight get 5 s to end.
    ///
    /// # Errors
    /// What [`Server::serve_forever`] returned.
    ///
    /// # Panics
    /// When the accept loop did: a hook of the server panicked.
    pub fn stop(mut self) -> Result<DrainReport> {
        match self.running.take() {
            Some(running) => running.stop(LIMIT),
            None => Ok(DrainReport::default()),
        }
    }
}

impl<M: Model> TestServer<Tcp, M> {
    /// A new client. Its reads and writes fail after 5 s, so that a mistake
    /// fails the test rather than hangs it.
    ///
    /// # Errors
    /// What connect(2) says.
    pub fn connect(&self) -> io::Result<TcpStream> {
        limited(TcpStream::connect(&self.address)?)
    }
}

impl<M: Model> TestServer<Unix, M> {
    /// As for TCP: a new client whose reads and writes fail after 5 s.
    ///
    /// # Errors
    /// What connect(2) says.
    pub fn connect(&self) -> io::Result<UnixStream> {
        limited(UnixStream::connect(&self.address)?)
    }
}

fn limited<S: SystemStream>(client: Stream<S>) -> io::Result<Stream<S>> {
    client.set_read_timeout(Some(LIMIT))?;
    client.set_write_timeout(Some(LIMIT))?;
    Ok(client)
}

impl<F: Family, M: Model> Drop for TestServer<F, M> {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        if thread::panicking() {
            // Dropped like this it waits for nobody.
            return;
        }
        match running.stop(LIMIT) {
            Ok(report) if report.is_clean() => {}
            Ok(report) => log::warn!("a test's server on {}: {report}", self.address),
            Err(err) => log::error!("a test's server on {}: {err}", self.address),
        }
    }
}

/// A directory of its own, so that two tests never look at one path, and so
/// that starters lock nothing that others use.
#[derive(Debug)]
struct Directory(PathBuf);

impl Directory {
    fn create() -> Result<Directory> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = env::temp_dir().join(format!("greenserve-{}-{number}", process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Directory(path)),
                // Left by a process that had our number and was killed.
                Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => {
                    return Err(Error::System {
                        action: "create a directory for a test's socket",
                        source,
                    });
                }
            }
        }
    }

    fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // The server has removed its file unless it survived its own end.
        if let Err(err) = fs::remove_dir_all(&self.0) {
            log::warn!("cannot remove {}: {err}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Thread, UnixDatagrams};

    #[test]
    fn nothing_is_left_of_a_servers_directory() {
        let server = TestServer::<UnixDatagrams>::start(|_: &mut _| io::Result::Ok(())).unwrap();
        let path = server.address().unix_path().unwrap().to_owned();
        assert!(path.exists());
        drop(server);
        assert!(!path.parent().unwrap().exists());
    }

    #[test]
    fn a_test_that_panics_does_not_wait_for_its_handlers() {
        let begin = std::time::Instant::now();
        let outcome = std::panic::catch_unwind(|| {
            let sleepy = |_: &mut TcpStream| crate::runtime::sleep(Duration::from_secs(600));
            let builder = Server::<Tcp>::builder(sleepy).model(Thread::new());
            let server = TestServer::build(builder).unwrap();
            let _client = server.connect().unwrap();
            while server.handle().in_flight() == 0 {
                thread::yield_now();
            }
            panic!("on purpose");
        });
        assert!(outcome.is_err());
        assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
    }
}
