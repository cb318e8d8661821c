//! The servers of one command, and what was measured of each.

use crate::base::failure::Status;
use crate::judge::verdict;
use crate::run::outcome::Outcome;
use crate::run::stage::Stage;
use crate::saved::Saved;

/// One server and what was measured of it.
#[derive(Debug)]
pub(crate) struct Side {
    /// What it is called.
    pub(crate) name: String,
    /// What was measured.
    pub(crate) outcome: Outcome,
}

/// The worst of what the sides' exit statuses would be.
pub(crate) fn worst(sides: &[Side]) -> Status {
    let statuses = sides.iter().map(|side| verdict::status(&side.saved()));
    statuses.max().unwrap_or(Status::Fine)
}

/// The report of `sides`.
pub(crate) fn saved(sides: &[Side], stage: &Stage) -> Saved {
    Saved::new(stage.manifest(), sides.iter().map(Side::saved).collect())
}
