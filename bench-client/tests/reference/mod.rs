//! The reference server as a child process.
#![allow(dead_code, reason = "not every test file uses all of it")]

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// Runs until it is asked what it did, or dropped.
#[derive(Debug)]
pub(crate) struct Reference {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Where it listens, in its own words.
    pub(crate) address: String,
}

impl Reference {
    /// Starts `bench-client serve` with these words.
    pub(crate) fn start(words: &str) -> Reference {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bench-client"))
            .arg("serve")
            .args(words.split_whitespace())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let stdout = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines();
        let line = lines.next().expect("it says where it listens").expect("text");
        let address = line.strip_prefix("listening on ").expect(&line).to_owned();
        Reference { child, lines, address }
    }

    /// As a client of this protocol takes it.
    pub(crate) fn target(&self, protocol: &str) -> String {
        let place = self.address.strip_prefix("unix:").unwrap_or(&self.address);
        format!("{protocol}://{place}")
    }

    /// Ends it, and returns what it counted.
    pub(crate) fn counts(mut self) -> Value {
        let status = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(status.expect("there is kill").success());
        let line = self.lines.next().expect("it prints its counts").expect("text");
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
        serde_json::from_str(&line).expect("JSON")
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // Ended already if it was asked for its counts.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
