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

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

pub(crate) use calibration::{Calibration, Point};
pub(crate) use conditions::Conditions;
pub(crate) use file::SaveOptions;
pub(crate) use yardstick::Yardstick;

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
