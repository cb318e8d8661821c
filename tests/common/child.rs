//! Tests in a process of their own: the test binary again, with one test.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const CHILD: &str = "GREENSERVE_TEST_CHILD";

/// True in the process that [`command`] of the same test starts.
pub(crate) fn is_child(test: &str) -> bool {
    std::env::var(CHILD).is_ok_and(|child| child == test)
}

/// This program again, running only `test`, which finds itself to be a child.
pub(crate) fn command(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, test)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a child left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Fails unless the child's test ran and passed.
    #[track_caller]
    pub(crate) fn passed(&self) {
        assert!(
            self.status.success() && self.stdout.contains("test result: ok. 1 passed"),
            "the child ended with {}\n{}\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
    }
}

/// Runs `test` in a child and waits for its end, for at most `limit`.
pub(crate) fn run(test: &str, limit: Duration) -> Ended {
    finish(command(test).spawn().unwrap(), limit)
}

/// Waits for a child's end; kills it, and fails, after `limit`.
pub(crate) fn finish(mut child: Child, limit: Duration) -> Ended {
    drop(child.stdin.take());
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let begin = Instant::now();
    let mut hung = false;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > limit {
            hung = true;
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(2));
    };
    let ended = Ended {
        status,
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    };
    assert!(
        !hung,
        "the child did not end within {limit:?}\n{}\n{}",
        ended.stdout, ended.stderr
    );
    ended
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    })
}
