//! What is shown of a run while it goes on.
#![expect(dead_code, reason = "the full-screen view reads it")]

use crate::saved::Second;

/// How far a run is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// In words: `3 of 10 s, 82,113 echoes/s, 0 errors`.
    pub(crate) text: String,
    /// How much of the present phase is over, from 0 to 1, if that is known.
    pub(crate) share: Option<f64>,
    /// What was measured until now, once something is.
    pub(crate) live: Option<Live>,
}

/// What was measured until now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    /// The seconds of the window that are over.
    pub(crate) seconds: Vec<Second>,
    /// Errors until now, by class.
    pub(crate) errors: Vec<(&'static str, u64)>,
    /// Clients at work.
    pub(crate) clients: u32,
}

impl From<String> for Progress {
    fn from(text: String) -> Progress {
        Progress {
            text,
            ..Progress::default()
        }
    }
}
