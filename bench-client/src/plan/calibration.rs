//! Which calibration the client is held against.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

/// Which calibration runs are held against.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct CeilingOptions {
    /// Hold the client against a calibration [default: the saved one]
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
