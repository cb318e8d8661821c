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

pub(crate) use calibration::{Calibration, Point};
pub(crate) use conditions::Conditions;
pub(crate) use file::SaveOptions;
pub(crate) use yardstick::Yardstick;
