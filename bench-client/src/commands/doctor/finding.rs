//! One thing that was looked at.

use std::str::FromStr;
use std::{fmt, fs};

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) subject: &'static str,
    pub(super) text: String,
}

impl Finding {
    pub(super) fn ok(subject: &'static str, text: impl Into<String>) -> Finding {
        Finding {
            level: Level::Ok,
            subject,
            text: text.into(),
        }
    }

    /// The same, found so that `remedy` is needed.
    pub(super) fn but(self, level: Level, remedy: &str) -> Finding {
        Finding {
            level,
            text: format!("{}; {remedy}", self.text),
            ..self
        }
    }

    /// The same, with a warning if `wrong`.
    pub(super) fn warn_if(self, wrong: bool, remedy: &str) -> Finding {
        if wrong { self.but(Level::Warning, remedy) } else { self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Problem => "PROBLEM",
        };
        write!(f, "{level:<9}{:<18}{}", self.subject, self.text)
    }
}

/// How it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// It may show in the figures.
    Warning,
    /// A run would fail, or be invalid.
    Problem,
}

/// The first figure in a file of the kernel; `None` when it has none.
pub(super) fn figure<T: FromStr>(path: &str) -> Option<T> {
    let text = fs::read_to_string(path).ok()?;
    text.split_whitespace().next()?.parse().ok()
}
