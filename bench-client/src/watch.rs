//! Who watches a run: the person in front of it, who may interrupt it.

use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::{Failure, Status};
use crate::progress::Progress;

/// How often the watch looks up from its waiting.
pub(crate) const GLANCE: Duration = Duration::from_millis(50);
const TERMINAL_EVERY: Duration = Duration::from_millis(250);
const LOG_EVERY: Duration = Duration::from_secs(1);

/// The progress line, and the flag that SIGINT and SIGTERM raise.
#[derive(Debug)]
pub(crate) struct Watch {
    raised: Arc<AtomicBool>,
    terminal: bool,
    /// What is being measured, at the head of the line.
    subject: String,
    shown: Option<Instant>,
}

impl Watch {
    /// Takes over SIGINT and SIGTERM; the second of them ends the process.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(crate) fn begin() -> Result<Watch, Failure> {
        let raised = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            let again = Arc::clone(&raised);
            flag::register_conditional_shutdown(signal, Status::Interrupted as i32, again)
                .and_then(|_| flag::register(signal, Arc::clone(&raised)))
                .map_err(|err| Failure::system("handle SIGINT and SIGTERM", err))?;
        }
        Ok(Watch {
            raised,
            terminal: stderr().is_terminal(),
            subject: String::new(),
            shown: None,
        })
    }

    /// True once a signal came.
    pub(crate) fn interrupted(&self) -> bool {
        self.raised.load(Ordering::Relaxed)
    }

    /// Fails once a signal came.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.interrupted() {
            true => Err(Failure::Interrupted),
            false => Ok(()),
        }
    }

    /// Puts `subject` at the head of the progress line.
    pub(crate) fn turn_to(&mut self, subject: impl Into<String>) {
        self.clear();
        self.subject = subject.into();
    }

    /// Shows how far it is, if it is time to.
    pub(crate) fn show<P: Into<Progress>>(&mut self, progress: impl FnOnce() -> P) {
        let every = if self.terminal { TERMINAL_EVERY } else { LOG_EVERY };
        let now = Instant::now();
        if self.shown.is_some_and(|shown| now - shown < every) {
            return;
        }
        self.shown = Some(now);
        let line = format!("{}: {}", self.subject, progress().into().text);
        // A progress line that nobody can read is no reason to stop.
        let _ = match self.terminal {
            true => write!(stderr(), "\r{line}\x1b[K"),
            false => writeln!(stderr(), "{line}"),
        };
    }

    /// Says something that stays on the screen.
    pub(crate) fn say(&mut self, text: &str) {
        self.clear();
        let _ = writeln!(stderr(), "{text}");
    }

    /// Waits until `until` or until a signal comes, showing `progress`.
    pub(crate) fn wait<P: Into<Progress>>(&mut self, until: Instant, progress: impl Fn() -> P) {
        while !self.interrupted() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.show(&progress);
            std::thread::sleep(left.min(GLANCE));
        }
    }

    /// Leaves the terminal's line empty.
    pub(crate) fn clear(&mut self) {
        if self.terminal && self.shown.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
        self.shown = None;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.clear();
    }
}
