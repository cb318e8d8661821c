//! greenserve
mod error;
pub mod runtime;

pub use error::{Error, Result, WaitError};
