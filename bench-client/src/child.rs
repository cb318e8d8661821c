//! A server under test as a child process: started, found, stopped.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::account::Account;
use crate::failure::Failure;
use crate::watch::{GLANCE, Watch};

/// This very program, however it was started and even if its file is replaced
/// meanwhile.
pub(crate) const SELF: &str = "/proc/self/exe";

/// How long a server may take to say where it listens.
const START_LIMIT: Duration = Duration::from_secs(15);
/// How long it may take to end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(2);
const STOP_GLANCE: Duration = Duration::from_millis(5);

/// How a server is started. All of them take `--listen` and `--workers`.
#[derive(Clone, Debug)]
pub(crate) struct ServerCommand {
    /// What reports call it.
    pub(crate) name: String,
    /// The program and what comes before the common options.
    pub(crate) words: Vec<OsString>,
}

impl ServerCommand {
    /// Our own server on `model`.
    pub(crate) fn ours(name: &str, model: crate::serve::Model) -> ServerCommand {
        let words = [SELF, "serve", "--die-with-parent", "--model", model.id()];
        ServerCommand {
            name: name.to_owned(),
            words: words.map(OsString::from).to_vec(),
        }
    }
}

/// A server that runs; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts the server on processor `cpu` and waits until it listens.
    ///
    /// # Errors
    /// [`Failure::Server`] when it ends, or says nothing for 15 s.
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
        let mut child = spawn(command, workers, cpu).map_err(|err| failed(err.to_string()))?;
        let stdout = child.stdout.take();
        let mut server = Server {
            name: command.name.clone(),
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let lines = stdout.map(read_lines);
        server.address = server.await_address(lines, watch)?;
        Ok(server)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
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
        // Never negative: the kernel's process numbers end at 2^22.
        Pid::from_raw(self.child.id() as i32)
    }

    fn await_address(&mut self, lines: Option<Receiver<String>>, watch: &Watch) -> Result<SocketAddr, Failure> {
        let deadline = Instant::now() + START_LIMIT;
        let lines = lines.ok_or_else(|| self.failed("its output is not connected"))?;
        while Instant::now() < deadline {
            watch.check()?;
            match lines.recv_timeout(GLANCE) {
                Ok(line) => return self.read_address(&line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended_at_start()),
            }
        }
        Err(self.failed(&format!("it said nothing for {} s", START_LIMIT.as_secs())))
    }

    fn read_address(&self, line: &str) -> Result<SocketAddr, Failure> {
        line.strip_prefix("listening on ")
            .and_then(|address| address.parse().ok())
            .ok_or_else(|| self.failed(&format!("it said {line:?} instead of \"listening on ADDRESS\"")))
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
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        // Not waited for until here, so the number is still its own.
        kill(self.pid(), Signal::SIGTERM)?;
        let deadline = Instant::now() + STOP_LIMIT;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                self.child.kill()?;
                return self.child.wait().map(drop);
            }
            std::thread::sleep(STOP_GLANCE);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(err) = self.stop() {
            log::error!("cannot stop server {}: {err}", self.name);
        }
    }
}

fn spawn(command: &ServerCommand, workers: usize, cpu: Option<usize>) -> io::Result<Child> {
    let mut launch = Command::new(SELF);
    launch.args(["launch", "--parent"]);
    launch.arg(std::process::id().to_string());
    if let Some(cpu) = cpu {
        launch.args(["--cpu", &cpu.to_string()]);
    }
    launch.arg("--").args(&command.words);
    launch.args(["--listen", "127.0.0.1:0", "--workers", &workers.to_string()]);
    launch
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Ctrl-C on the terminal is for us: the server must live until the
        // clients are done.
        .process_group(0)
        .spawn()
}

/// The server's output, line by line; read to its end so that it never blocks.
fn read_lines(stdout: ChildStdout) -> Receiver<String> {
    let (said, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // After the first line nobody listens any more.
            let _ = said.send(line);
        }
    });
    lines
}
