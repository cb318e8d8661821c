//! A measurement as it is saved: what the JSON file holds, and what every
//! report and every comparison is made of.
//!
//! Fields whose name ends in `_s` are seconds, in `_bytes` bytes; times in
//! [`Times`] are nanoseconds. A figure that there is none of is `null`.

pub(crate) mod archive;
pub(crate) mod decoding;
pub(crate) mod figure;
mod headline;
mod judgement;
mod machine;
mod run;
#[cfg(test)]
mod schema;
mod times;
mod usage;
mod workload;

use serde::{Deserialize, Serialize};

pub(crate) use decoding::DIGITS;
pub(crate) use judgement::{Difference, Judgement, Knee, Party, Word};
pub(crate) use machine::Machine;
pub(crate) use run::{Ceiling, Connections, Errors, Fairness, Run, TlsSessions, Verdict};
pub(crate) use times::{Second, Times};
pub(crate) use usage::{Host, Memory, Usage};
pub(crate) use workload::Workload;

/// Raised whenever a field changes its meaning or goes.
pub(crate) const SCHEMA: u32 = 3;

/// Everything one command measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// How it came about.
    #[serde(flatten)]
    pub(crate) manifest: Manifest,
    /// One for each server, or for each round of each, in the order of time.
    pub(crate) runs: Vec<Run>,
    /// What was concluded of sides that were compared.
    #[serde(default)]
    pub(crate) judgements: Vec<Judgement>,
    /// Of a sweep, the knee for each size.
    #[serde(default)]
    pub(crate) knees: Vec<Knee>,
}

impl Saved {
    /// These runs, of which nothing is concluded.
    pub(crate) fn new(manifest: Manifest, runs: Vec<Run>) -> Saved {
        Saved {
            manifest,
            runs,
            judgements: Vec::new(),
            knees: Vec::new(),
        }
    }
}

/// What every file begins with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// [`SCHEMA`] of the program that wrote it.
    pub(crate) schema: u32,
    /// The command line.
    pub(crate) command: Vec<String>,
    /// This program's version and revision.
    pub(crate) version: String,
    /// What it ran on.
    pub(crate) machine: Machine,
    /// The processor the servers were bound to.
    pub(crate) server_cpu: Option<usize>,
    /// The processor the client was bound to.
    pub(crate) client_cpu: Option<usize>,
}
