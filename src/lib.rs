//! greenserve
mod error;
pub mod net;
pub mod runtime;

pub use error::{Error, Result, WaitError};
