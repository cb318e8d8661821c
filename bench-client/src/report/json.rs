//! Everything that was measured, for programs.

use std::path::Path;

use serde::Serialize;

use super::{Side, write_file};
use crate::failure::Failure;
use crate::saved::{Manifest, Saved};
use crate::stage::Stage;

/// The report of `sides`.
pub(crate) fn saved(sides: &[Side], stage: &Stage) -> Saved {
    Saved::new(Manifest::new(stage), sides.iter().map(Side::saved).collect())
}

/// Writes a report to `path`.
///
/// # Errors
/// [`Failure::Report`].
pub(crate) fn write(path: &Path, report: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(report).map_err(|err| Failure::Report {
        path: path.to_owned(),
        source: err.into(),
    })?;
    write_file(path, &(text + "\n"))
}
