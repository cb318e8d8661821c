//! A worker process, from the supervisor's side.

use std::fs;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, pipe2};

use super::label::Label;
use super::launch::launch;
use super::program::Program;
use crate::lifecycle::CUT;

/// A worker that was started and has not been reaped yet. Dropping it kills
/// it, and waits for its end.
#[derive(Debug)]
pub(super) struct Process {
    index: usize,
    pid: Pid,
    started: Instant,
    /// Where it says that it is ready; `None` once it has, or never will.
    report: Option<File>,
    ready: bool,
    /// When it is killed: set when it is told to end.
    kill_at: Option<Instant>,
    /// Why it was killed, if it was.
    killed: Option<&'static str>,
    reaped: bool,
}

impl Process {
    pub(super) fn start(program: &Program, label: Label, sockets: &[BorrowedFd<'_>]) -> io::Result<Process> {
        let (report, told) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        let pid = launch(program, label, sockets, told.as_fd())?;
        Ok(Process {
            index: label.index,
            pid,
            started: Instant::now(),
            report: Some(report.into()),
            ready: false,
            kill_at: None,
            killed: None,
            reaped: false,
        })
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    /// True when it has not been ready `limit` after its start.
    pub(super) fn is_late(&self, limit: Duration, now: Instant) -> bool {
        self.ready_by(limit).is_some_and(|by| now >= by)
    }

    /// Until when it has to be ready, as long as it is not.
    pub(super) fn ready_by(&self, limit: Duration) -> Option<Instant> {
        (!self.ready && self.kill_at.is_none() && self.killed.is_none()).then(|| self.started + limit)
    }

    /// The pipe that tells that it is ready, as long as it has not.
    pub(super) fn report(&self) -> Option<BorrowedFd<'_>> {
        self.report.as_ref().map(AsFd::as_fd)
    }

    /// Looks whether it has said that it is ready; true the one time that it
    /// has.
    pub(super) fn hear(&mut self) -> bool {
        let Some(report) = &mut self.report else {
            return false;
        };
        match report.read(&mut [0; 1]) {
            Ok(1..) => self.ready = true,
            Ok(0) => {}
            Err(_) => return false,
        }
        self.report = None;
        self.ready
    }

    /// Whether it has a handler for `signal`, which else might end it.
    pub(super) fn catches(&self, signal: Signal) -> bool {
        let caught = || {
            let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
            let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
            u64::from_str_radix(mask.trim(), 16).ok()
        };
        caught().unwrap_or(0) >> (signal as i32 - 1) & 1 == 1
    }

    pub(super) fn send(&self, signal: Signal) {
        // Not reaped, so the number is still its.
        if let Err(err) = kill(self.pid, signal) {
            log::warn!("cannot send {signal} to {self}: {err}");
        }
    }

    /// Tells it to drain. If it still runs `limit` later, it is killed.
    pub(super) fn tell_to_end(&mut self, limit: Duration, now: Instant) {
        self.send(Signal::SIGTERM);
        self.kill_at = Some(self.kill_at.unwrap_or(now + limit));
    }

    /// When it is to be killed, if that is to come.
    pub(super) fn kill_at(&self) -> Option<Instant> {
        self.kill_at.filter(|_| self.killed.is_none())
    }

    pub(super) fn kill_overdue(&mut self, now: Instant) {
        if self.kill_at().is_some_and(|at| now >= at) {
            self.kill("it did not end in time");
        }
    }

    /// Kills it and what it forked.
    pub(super) fn kill(&mut self, why: &'static str) {
        self.killed = Some(why);
        if killpg(self.pid, Signal::SIGKILL).is_err() {
            self.send(Signal::SIGKILL);
        }
    }

    /// How it ended, if it has.
    pub(super) fn reap(&mut self) -> Option<End> {
        let status = match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => return None,
            Ok(WaitStatus::Exited(_, status)) => How::Status(status),
            Ok(WaitStatus::Signaled(_, signal, _)) => How::Signal(signal),
            Ok(_) => return None,
            // Somebody else has reaped it.
            Err(_) => How::Unknown,
        };
        self.reaped = true;
        Some(End {
            who: self.to_string(),
            how: status,
            was_ready: self.ready,
            killed: self.killed,
            lived: self.started.elapsed(),
        })
    }
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "worker {} (process {})", self.index, self.pid)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill("the supervisor ends");
            let _ = waitpid(self.pid, None);
        }
    }
}

/// The end of a worker.
#[derive(Clone, Debug)]
pub(super) struct End {
    who: String,
    how: How,
    pub(super) was_ready: bool,
    killed: Option<&'static str>,
    pub(super) lived: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Status(i32),
    Signal(Signal),
    Unknown,
}

impl End {
    /// Whether a worker that was told to end cut nothing short.
    pub(super) fn is_clean(&self) -> bool {
        match self.how {
            How::Status(status) => status == 0,
            // It had no handler yet, and no client.
            How::Signal(Signal::SIGTERM) => !self.was_ready,
            How::Signal(_) | How::Unknown => false,
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let End { who, how, .. } = self;
        match how {
            How::Status(status) if *status == i32::from(CUT) => write!(f, "{who} cut short what was in flight"),
            How::Status(status) => write!(f, "{who} ended with status {status}"),
            How::Signal(signal) => match self.killed {
                Some(why) => write!(f, "{who} was killed: {why}"),
                None => write!(f, "{who} was ended by {signal}"),
            },
            How::Unknown => write!(f, "{who} was reaped by somebody else"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(how: How, was_ready: bool) -> End {
        End {
            who: "worker 0 (process 1)".to_owned(),
            how,
            was_ready,
            killed: None,
            lived: Duration::ZERO,
        }
    }

    #[test]
    fn only_who_had_no_client_may_be_ended_by_the_signal() {
        assert!(end(How::Status(0), true).is_clean());
        assert!(!end(How::Status(3), true).is_clean());
        assert!(!end(How::Status(101), true).is_clean());
        assert!(end(How::Signal(Signal::SIGTERM), false).is_clean());
        assert!(!end(How::Signal(Signal::SIGTERM), true).is_clean());
        assert!(!end(How::Signal(Signal::SIGKILL), false).is_clean());
        assert!(end(How::Signal(Signal::SIGABRT), true).to_string().contains("SIGABRT"));
    }
}
