//! What is asked of a run before its figures are believed.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What a client that keeps its schedule may send late, but for one message of
/// 100.
pub(crate) const ON_TIME: Duration = Duration::from_millis(1);

/// How figures are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct VerdictOptions {
    /// Accept figures that the client's processor time limited.
    #[arg(long)]
    pub(crate) allow_client_limited: bool,
}

/// Which calibration runs are held against.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct CeilingOptions {
    /// Calibration to compare the client with [default: the saved one]
    #[arg(long, value_name = "FILE|none", default_value = "", hide_default_value = true)]
    pub(crate) ceiling: Source,
}

/// Where a calibration is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nowhere: there is none to be used.
    #[default]
    Nowhere,
    /// Where `calibrate` saves it unless told, if it is there.
    Usual,
    /// In this file, or there is no run.
    File(PathBuf),
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Source, Infallible> {
        Ok(match text {
            "" => Source::Usual,
            "none" => Source::Nowhere,
            path => Source::File(path.into()),
        })
    }
}
