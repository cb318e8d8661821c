//! What of greenserve reads the network or a user's text, one function a fuzz
//! target: each takes any bytes, and panics where a promise does not hold.

mod library;

pub use library::{address, frames, lines, proxy_header};
