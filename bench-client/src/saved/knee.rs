//! Where more clients bring no more answers, as it is saved.

use serde::{Deserialize, Serialize};

/// Where the throughput of one server under one load stops growing with the
/// number of clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Knee {
    /// Sizes of messages in bytes, as they were given.
    pub(crate) size: String,
    /// Numbers of clients it was looked for in: those whose runs are valid.
    pub(crate) points: u32,
    /// The fewest clients with 95 % of the highest rate; `null` when there is
    /// no knee.
    pub(crate) clients: Option<u32>,
    /// Answers per second with so many.
    pub(crate) answers_per_s: Option<f64>,
    /// The highest rate of all of them.
    pub(crate) highest_per_s: Option<f64>,
    /// Why there is none.
    pub(crate) reason: Option<String>,
}
