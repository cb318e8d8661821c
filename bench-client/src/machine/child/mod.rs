//! A server under test as a child process: started, found, stopped.

mod drain;
mod group;
mod lines;
pub(crate) mod outputs;
mod relay;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use tempfile::TempDir;

pub(crate) use group::stop;
use outputs::Outputs;

use crate::base::failure::Failure;
use crate::machine::invocation::{Invocation, SELF, ServerCommand};
use crate::plan::target::Endpoint;
use crate::view::watch::{GLANCE, Watch};

/// How long a server may take to say where it listens.
const START_LIMIT: Duration = Duration::from_secs(15);

/// A server that runs; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    child: Child,
    outputs: Outputs,
    endpoint: Endpoint,
    /// Holds its socket, if we chose its path; removed when it has been stopped.
    _folder: Option<TempDir>,
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
        let failed = |err: io::Error| Failure::Server {
            name: command.name.clone(),
            reason: err.to_string(),
        };
        let invocation = command.invocation(workers).map_err(failed)?;
        let mut child = spawn(&invocation, cpu).map_err(failed)?;
        let mut server = Server {
            name: command.name.clone(),
            outputs: Outputs::of(&mut child, watch.is_quiet()),
            child,
            endpoint: SocketAddr::from(([127, 0, 0, 1], 0)).into(),
            _folder: invocation.folder,
        };
        server.endpoint = server.await_endpoint(invocation.chosen.as_ref(), watch)?;
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
        Ok(self.outputs.last_said().unwrap_or_default())
    }

    /// How it ended and what it said last, if it ended without having been
    /// asked to.
    pub(crate) fn end(&mut self) -> Option<String> {
        let status = self.ended()?;
        self.outputs.settle();
        let words = self.outputs.last_words();
        Some(match words.is_empty() {
            true => status.to_string(),
            false => format!("{status}; its last words: {}", words.join(" / ")),
        })
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The process that was started. The server may be another, which it led to.
    pub(crate) fn pid(&self) -> i32 {
        group::leader(&self.child).as_raw()
    }

    /// Waits until it says where it listens, or somebody answers at `chosen`,
    /// where it was told to.
    fn await_endpoint(&mut self, chosen: Option<&Endpoint>, watch: &Watch) -> Result<Endpoint, Failure> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            watch.check()?;
            if let Some(said) = self.outputs.endpoint(GLANCE) {
                return Ok(chosen.cloned().unwrap_or(said));
            }
            if let Some(status) = self.ended() {
                self.outputs.settle();
                return Err(self.silenced(&format!("it ended with {status}")));
            }
            if let Some(endpoint) = chosen.filter(|endpoint| listens(endpoint)) {
                return Ok(endpoint.clone());
            }
        }
        let limit = START_LIMIT.as_secs();
        Err(self.silenced(&match chosen {
            Some(endpoint) => format!("it did not listen on {endpoint} within {limit} s"),
            None => format!(
                "it did not say \"listening on ADDRESS\" or \"listening on unix:/PATH\" for {limit} s; \
                 put {{port}}, {{address}} or {{path}} in its command"
            ),
        }))
    }

    /// That it did not come up, with all there is to know about why.
    fn silenced(&self, reason: &str) -> Failure {
        let words = self.outputs.last_words();
        self.failed(&match words.is_empty() {
            true => format!("{reason}, and wrote nothing"),
            false => format!("{reason}. Its last words:\n  {}", words.join("\n  ")),
        })
    }

    fn failed(&self, reason: &str) -> Failure {
        Failure::Server {
            name: self.name.clone(),
            reason: reason.to_owned(),
        }
    }

    fn stop(&mut self) -> io::Result<()> {
        let left = group::stop(&mut self.child)?;
        if !left.is_empty() {
            log::warn!(
                "server {} left processes that are not in its process group: {}; end them with kill",
                self.name,
                left.join(", ")
            );
        }
        self.outputs.settle();
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

/// Whether somebody listens there.
fn listens(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Ip(address) => accepts(*address),
        Endpoint::Path(path) => is_bound(path),
    }
}

/// Whether a connection to `address` is accepted. One that a socket made to
/// itself, which TCP allows where nobody listens, is none.
fn accepts(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, GLANCE).is_ok_and(|client| client.local_addr().is_ok_and(|own| own != address))
}

/// Whether a socket of either kind takes clients at `path`. One for datagrams
/// does as soon as it is there, and refuses a stream for being another kind.
fn is_bound(path: &Path) -> bool {
    match UnixStream::connect(path) {
        Ok(_) => true,
        Err(err) => err.raw_os_error() == Some(Errno::EPROTOTYPE as i32),
    }
}

fn spawn(invocation: &Invocation, cpu: Option<usize>) -> io::Result<Child> {
    launched(cpu.as_slice())
        .args(&invocation.words)
        .envs(invocation.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // What it writes there would spoil what is drawn.
        .stderr(Stdio::piped())
        .spawn()
}

/// A command on processors `cpus`, or where this process runs if there are none,
/// that ends with this process; its words are to be added.
pub(crate) fn launched(cpus: &[usize]) -> Command {
    let mut launch = Command::new(SELF);
    launch.args(["launch", "--parent"]);
    launch.arg(std::process::id().to_string());
    for cpu in cpus {
        launch.args(["--cpu", &cpu.to_string()]);
    }
    // Ctrl-C on the terminal is for us: a server must live until the clients
    // are done, and a client is stopped by who waits for it.
    launch.process_group(0).arg("--");
    launch
}
