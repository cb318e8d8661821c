//! How near the client came to what it can drive, as it is saved.

use serde::{Deserialize, Serialize};

/// The client's ceiling by a calibration, and the part of it that was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ceiling {
    /// The answers per second at which the client's processors would have been
    /// fully used, with messages of this run's mean size.
    pub(crate) answers_per_s: f64,
    /// The part of it that the run had. A calibration is a measurement too:
    /// this may be more than 1.
    pub(crate) share: f64,
    /// The day of the calibration, as `2026-11-21`.
    pub(crate) calibrated: String,
}
