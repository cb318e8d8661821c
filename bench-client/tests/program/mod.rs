//! The program, run as its users run it.
#![allow(dead_code, reason = "not every test file uses all of it")]

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::thread;

use serde_json::Value;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-client");

/// A run that ended.
#[derive(Debug)]
pub(crate) struct Run {
    output: Output,
    /// Of its report the only run, or all of it; null when there is none.
    pub(crate) report: Value,
}

impl Run {
    pub(crate) fn status(&self) -> i32 {
        self.output.status.code().expect("it was not killed")
    }

    /// (class, count) of all that went wrong, in the order of reports.
    pub(crate) fn errors(&self) -> Vec<(&str, u64)> {
        let errors = self.report["errors"]
            .as_array()
            .unwrap_or_else(|| panic!("no report: {}", self.text()));
        let count = |error: &Value| error["count"].as_u64().expect("a count");
        errors
            .iter()
            .map(|error| (error["class"].as_str().expect("a text"), count(error)))
            .collect()
    }

    /// With the only run of its report as the report.
    pub(crate) fn only(self) -> Run {
        let report = self.report["runs"][0].clone();
        Run { report, ..self }
    }

    /// A figure of the report.
    pub(crate) fn count(&self, field: &str) -> u64 {
        let count = self.report[field].as_u64();
        count.unwrap_or_else(|| panic!("no {field}: {}", self.text()))
    }

    /// Both outputs.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned() + &String::from_utf8_lossy(&self.output.stderr)
    }
}

/// Measures `target` with `options`.
pub(crate) fn run(target: &str, options: &[&str]) -> Run {
    measure(&[&["run", target, "--warmup", "100ms"], options].concat()).only()
}

/// Carries out the command of these words; the report is all of its report.
pub(crate) fn measure(words: &[&str]) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let json = folder.path().join("report.json");
    let output = Command::new(PROGRAM)
        .args(words)
        .arg("--json")
        .arg(&json)
        .output()
        .expect("it can be started");
    let text = std::fs::read(&json).unwrap_or_else(|_| b"null".to_vec());
    Run {
        output,
        report: serde_json::from_slice(&text).expect("JSON"),
    }
}

/// Looks for what would spoil a run.
pub(crate) fn doctor(options: &[&str]) -> Run {
    command(&[&["doctor"], options].concat())
}

/// A command that writes no report.
pub(crate) fn command(words: &[&str]) -> Run {
    let output = Command::new(PROGRAM).args(words).output();
    Run {
        output: output.expect("it can be started"),
        report: Value::Null,
    }
}

/// Each connection is served by `attend`, on a thread of its own.
pub(crate) fn listen(attend: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let target = format!("tcp://{}", listener.local_addr().expect("it is bound"));
    let attend = Arc::new(attend);
    thread::spawn(move || {
        while let Ok((client, _)) = listener.accept() {
            let attend = Arc::clone(&attend);
            // How a connection ends is for the client to say.
            thread::spawn(move || attend(client));
        }
    });
    target
}

/// An echo server of its own process; ends with the test.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) target: String,
}

impl Server {
    /// With a coroutine or a thread for each client.
    pub(crate) fn start(model: &str) -> Server {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--die-with-parent", "--model", model])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it speaks");
        let address = line.trim().strip_prefix("listening on ").expect("it listens");
        Server {
            target: format!("tcp://{address}"),
            child,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }
}
