//! What reads the network, a file or the command line, one function a fuzz
//! target: each takes any bytes, and panics where a promise does not hold.
//!
//! The directory `fuzz` runs them under libFuzzer; the tests here run them over
//! its seeds and over mutations of those.
#![allow(missing_docs, reason = "CONTRIBUTING.md has the table of targets")]

mod command_line;
mod echo;
#[cfg(any(test, fuzzing))]
pub(crate) mod example;
mod exchange;
mod histogram;
mod kernel;
mod report;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod websocket;

pub use command_line::command_line;
pub use echo::echo;
pub use histogram::histogram;
pub use kernel::kernel;
pub use report::{report, report_fields};
pub use request::http_request;
pub use response::http_response;
pub use websocket::websocket;
