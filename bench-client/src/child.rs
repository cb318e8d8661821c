//! A server under test as a child process: started, found, stopped.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::account::Account;
use crate::failure::Failure;
use crate::invocation::ServerCommand;
use crate::target::Endpoint;
use crate::watch::{GLANCE, Watch};

/// This very program, however it was started and even if its file is replaced
/// meanwhile.
pub(crate) const SELF: &str = "/proc/self/exe";

/// How long a server may take to say where it listens.
const START_LIMIT: Duration = Duration::from_secs(15);
/// How long it may take to end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(2);
const STOP_GLANCE: Duration = Duration::from_millis(5);

/// A server that runs; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    child: Child,
    endpoint: Endpoint,
    /// What it says after it said where it listens.
    lines: Option<Receiver<String>>,
}

impl Server {
    /// Starts the server on processor `cpu` and waits until it listens.
    ///
    /// # Errors
    /// [`Failure::Server`] when it ends, or does not listen for 15 s.
    pub(crate) fn start(
        command: &ServerCommand,
        workers: usize,
        cpu: Option<usize>,
        watch: &Watch,
    ) -> Result<Server, Failure> {
        let failed = |reason| Failure::Server {
            name: command.name.clone(),
            reason,
        };
        let spawned = command
            .invocation(workers)
            .and_then(|(words, address)| Ok((spawn(&words, cpu)?, address)));
        let (mut child, chosen) = spawned.map_err(|err| failed(err.to_string()))?;
        let stdout = child.stdout.take();
        let mut server = Server {
            name: command.name.clone(),
            child,
            endpoint: SocketAddr::from(([127, 0, 0, 1], 0)).into(),
            lines: stdout.map(read_lines),
        };
        server.endpoint = match chosen {
            Some(address) => server.await_connection(address, watch)?.into(),
            None => server.await_endpoint(watch)?,
        };
        Ok(server)
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Where it listens, if that is no path.
    ///
    /// # Errors
    /// [`Failure::Server`] when it is.
    pub(crate) fn address(&self) -> Result<SocketAddr, Failure> {
        match &self.endpoint {
            Endpoint::Ip(address) => Ok(*address),
            Endpoint::Path(path) => Err(self.failed(&format!(
                "it listens on {} instead of an address and a port",
                path.display()
            ))),
        }
    }

    /// Stops it, and returns what it said last.
    ///
    /// # Errors
    /// [`Failure::Server`] when it cannot be stopped.
    pub(crate) fn last_words(mut self) -> Result<String, Failure> {
        self.stop().map_err(|err| self.failed(&err.to_string()))?;
        let lines = self.lines.take().into_iter();
        Ok(lines.flatten().last().unwrap_or_default())
    }

    /// What it has used.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn account(&self) -> Result<Account, Failure> {
        Account::of(self.pid().as_raw())
    }

    /// How it ended, if it did without having been asked to.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    fn pid(&self) -> Pid {
        pid(&self.child)
    }

    fn await_endpoint(&mut self, watch: &Watch) -> Result<Endpoint, Failure> {
        let deadline = Instant::now() + START_LIMIT;
        let unconnected = || self.failed("its output is not connected");
        let lines = self.lines.as_ref().ok_or_else(unconnected)?;
        let mut said = None;
        while Instant::now() < deadline {
            watch.check()?;
            match lines.recv_timeout(GLANCE) {
                Ok(line) => match read_endpoint(&line) {
                    Some(endpoint) => return Ok(endpoint),
                    None => said = Some(line),
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended_at_start()),
            }
        }
        let said = said.map_or_else(|| "nothing".to_owned(), |line| format!("{line:?}"));
        Err(self.failed(&format!(
            "it said {said} instead of \"listening on ADDRESS\" for {} s; put {{port}} or {{address}} in its command",
            START_LIMIT.as_secs()
        )))
    }

    /// Waits until somebody answers at `address`, where it was told to listen.
    fn await_connection(&mut self, address: SocketAddr, watch: &Watch) -> Result<SocketAddr, Failure> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            watch.check()?;
            if self.ended().is_some() {
                return Err(self.ended_at_start());
            }
            if listens(address) {
                return Ok(address);
            }
            std::thread::sleep(GLANCE);
        }
        let limit = START_LIMIT.as_secs();
        Err(self.failed(&format!("it did not listen on {address} within {limit} s")))
    }

    fn ended_at_start(&mut self) -> Failure {
        match self.child.wait() {
            Ok(status) => self.failed(&format!("it ended with {status}; see its message above")),
            Err(err) => self.failed(&err.to_string()),
        }
    }

    fn failed(&self, reason: &str) -> Failure {
        Failure::Server {
            name: self.name.clone(),
            reason: reason.to_owned(),
        }
    }

    fn stop(&mut self) -> io::Result<()> {
        stop(&mut self.child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(err) = self.stop() {
            log::error!("cannot stop server {}: {err}", self.name);
        }
    }
}

/// Whether a connection to `address` is accepted. One that a socket made to
/// itself, which TCP allows where nobody listens, is none.
fn listens(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, GLANCE).is_ok_and(|client| client.local_addr().is_ok_and(|own| own != address))
}

/// The address or path in `listening on ADDRESS`; any address of this machine
/// is its loopback address.
pub(crate) fn read_endpoint(line: &str) -> Option<Endpoint> {
    let said = line.trim_end().strip_prefix("listening on ")?;
    if let Some(path) = said.strip_prefix("unix:") {
        return Some(Endpoint::Path(path.into()));
    }
    let mut address: SocketAddr = said.parse().ok()?;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Some(address.into())
}

fn spawn(words: &[OsString], cpu: Option<usize>) -> io::Result<Child> {
    launched(cpu)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}

/// A command on processor `cpu` that ends with this process; its words are to
/// be added.
pub(crate) fn launched(cpu: Option<usize>) -> Command {
    let mut launch = Command::new(SELF);
    launch.args(["launch", "--parent"]);
    launch.arg(std::process::id().to_string());
    if let Some(cpu) = cpu {
        launch.args(["--cpu", &cpu.to_string()]);
    }
    // Ctrl-C on the terminal is for us: a server must live until the clients
    // are done, and a client is stopped by who waits for it.
    launch.process_group(0).arg("--");
    launch
}

/// Asks `child` to end, and ends it if it does not.
///
/// # Errors
/// When the system refuses.
pub(crate) fn stop(child: &mut Child) -> io::Result<()> {
    if child.try_wait()?.is_some() {
        return Ok(());
    }
    // Not waited for until here, so the number is still its own.
    kill(pid(child), Signal::SIGTERM)?;
    let deadline = Instant::now() + STOP_LIMIT;
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            child.kill()?;
            return child.wait().map(drop);
        }
        std::thread::sleep(STOP_GLANCE);
    }
    Ok(())
}

fn pid(child: &Child) -> Pid {
    // Never negative: the kernel's process numbers end at 2^22.
    Pid::from_raw(child.id() as i32)
}

/// The server's output, line by line; read to its end so that it never blocks.
fn read_lines(stdout: ChildStdout) -> Receiver<String> {
    let (said, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Whoever started it may have gone.
            let _ = said.send(line);
        }
    });
    lines
}
