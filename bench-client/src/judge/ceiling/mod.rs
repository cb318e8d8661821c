//! What the client can drive, as a calibration found it, and how near to that a
//! run came.
//!
//! A calibration is of one protocol on one machine by one version of this
//! program. It is used for what it is of and for nothing else: a run that it
//! does not fit gets a remark instead, which says why and what to do.

mod calibration;
mod conditions;
mod file;
mod yardstick;

use crate::base::format;
use crate::saved::{Ceiling, Run};

pub(crate) use calibration::{Calibration, Point};
pub(crate) use conditions::Conditions;
pub(crate) use file::SaveOptions;
pub(crate) use yardstick::Yardstick;

/// How near the client came to its ceiling in the round that came nearest.
pub(crate) fn nearest_ceiling<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Option<String> {
    let with = runs.into_iter().filter_map(|run| Some((run.ceiling.as_ref()?, run)));
    let (ceiling, run) = with.max_by(|(one, _), (other, _)| one.share.total_cmp(&other.share))?;
    Some(format!("client at most {}", ceiling.in_words(run.workload.units())))
}

impl Ceiling {
    /// How near the client came to it.
    pub(crate) fn in_words(&self, units: &str) -> String {
        format!(
            "at {} of its ceiling (calibrated {}: {} {units}/s)",
            format::percent(self.share),
            self.calibrated,
            format::thousands(self.answers_per_s)
        )
    }
}
