//! A saved measurement, shown again.

use std::path::PathBuf;

use clap::Args;

use crate::base::failure::{Failure, Status};
use crate::report::outputs::Outputs;
use crate::saved::archive;

/// The report of a saved measurement.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReportOptions {
    /// A file that was written with --json.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

/// Writes the forms that were asked for, or prints the text.
///
/// # Errors
/// When the file is no report, or one cannot be written.
pub(crate) fn render(options: &ReportOptions) -> Result<Status, Failure> {
    let saved = archive::read(&options.file)?;
    options.outputs.check(&[])?;
    match options.outputs.any() {
        true => options.outputs.write(&saved)?,
        false => options.outputs.publish(&saved)?,
    }
    Ok(Status::Fine)
}
