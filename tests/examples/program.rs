//! A program under test: started, watched, ended.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long anything here may take before the test fails: generous, since
/// machines are busy, and reached only by failures.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Where the build put the example.
pub(crate) fn built(example: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|dependencies| dependencies.parent()).unwrap();
    let path = profile.join("examples").join(example);
    assert!(
        path.exists(),
        "{} is missing; `cargo test` without a selection of targets builds it",
        path.display()
    );
    path
}

/// A running program. Dropping it kills it, and waits for its end.
pub(crate) struct Program {
    child: Child,
    output: Receiver<String>,
    errors: Receiver<String>,
}

/// What a program leaves.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Its lines that nobody has taken before.
    pub(crate) output: Vec<String>,
    pub(crate) errors: String,
}

impl Ended {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

impl Program {
    pub(crate) fn start<A: AsRef<OsStr>>(example: &str, arguments: &[A]) -> Program {
        Program::run(Command::new(built(example)).args(arguments).env_remove("RUST_LOG"))
    }

    /// As [`start`](Program::start), with a variable in its environment.
    pub(crate) fn start_with(example: &str, arguments: &[&str], name: &str, value: &str) -> Program {
        Program::run(Command::new(built(example)).args(arguments).env(name, value))
    }

    pub(crate) fn run(command: &mut Command) -> Program {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = lines(child.stdout.take().unwrap());
        let errors = lines(child.stderr.take().unwrap());
        Program { child, output, errors }
    }

    /// As [`run`](Program::run), with somewhere else for its log to go.
    pub(crate) fn run_with_errors(command: &mut Command, errors: impl Into<Stdio>) -> Program {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let output = lines(child.stdout.take().unwrap());
        let errors = lines(std::io::empty());
        Program { child, output, errors }
    }

    /// The next line it prints.
    pub(crate) fn line(&mut self) -> String {
        match self.output.recv_timeout(LIMIT) {
            Ok(line) => line,
            Err(err) => panic!(
                "no line: {err}; it said {:?}",
                self.errors.try_iter().collect::<Vec<_>>()
            ),
        }
    }

    /// Where it listens, from the line that it prints first.
    pub(crate) fn address(&mut self) -> String {
        let line = self.line();
        match line.strip_prefix("listening on ") {
            Some(address) => address.to_owned(),
            None => panic!("unexpected line {line:?}"),
        }
    }

    /// As [`address`](Program::address), or `None` when it prints nothing.
    pub(crate) fn address_unless_refused(&mut self) -> Option<String> {
        match self.output.recv_timeout(LIMIT) {
            Ok(line) => line.strip_prefix("listening on ").map(str::to_owned),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("it neither listens nor ends"),
        }
    }

    /// The next line of its log.
    pub(crate) fn logged(&mut self) -> String {
        self.errors.recv_timeout(LIMIT).unwrap()
    }

    /// Types a text.
    pub(crate) fn type_in(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    pub(crate) fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }

    #[allow(dead_code, reason = "another test binary uses it")]
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> Ended {
        let deadline = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "it does not end; it said {:?}",
                rest(&self.errors)
            );
            // Only how often to look: nothing is assumed to have happened.
            thread::sleep(Duration::from_millis(5));
        };
        Ended {
            status,
            output: rest(&self.output),
            errors: rest(&self.errors).join("\n"),
        }
    }

    /// Sends SIGTERM: the status must be 0, and no line must be left. Returns
    /// its log.
    pub(crate) fn end_well(self) -> String {
        self.signal(Signal::SIGTERM);
        let ended = self.ended();
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        assert_eq!(ended.output, [""; 0], "{ended:?}");
        ended.errors
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines as they come, so that no pipe ever fills up.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
            line.clear();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The lines until the program and its children have closed the pipe.
fn rest(lines: &Receiver<String>) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        match lines.recv_timeout(Duration::from_secs(10)) {
            Ok(line) => all.push(line),
            Err(RecvTimeoutError::Disconnected) => return all,
            Err(RecvTimeoutError::Timeout) => {
                all.push("(the pipe is still open)".to_owned());
                return all;
            }
        }
    }
}

/// Runs a TCP example on a free port, with `talk` as its clients.
pub(crate) fn serve_tcp(example: &str, model: &str, talk: fn(&str)) {
    let mut program = Program::start(example, &["--listen", "127.0.0.1:0", "--model", model]);
    let address = program.address();
    talk(&address);
    program.end_well();
}

/// Connects with limits on every wait.
pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_write_timeout(Some(LIMIT)).unwrap();
    stream
}

/// Reads exactly what is expected.
pub(crate) fn hears(stream: &mut impl Read, expected: impl AsRef<[u8]>) {
    let expected = expected.as_ref();
    let mut heard = vec![0; expected.len()];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), String::from_utf8_lossy(expected));
}

/// Reads the end of the stream, with nothing before it.
pub(crate) fn hears_end(stream: &mut impl Read) {
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), "");
}

/// Says something and reads the answer.
pub(crate) fn exchange(stream: &mut (impl Read + Write), said: impl AsRef<[u8]>, answer: impl AsRef<[u8]>) {
    stream.write_all(said.as_ref()).unwrap();
    hears(stream, answer);
}
