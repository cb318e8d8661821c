//! What of greenserve reads the network or a user's text, one function a fuzz
//! target: each takes any bytes, and panics where a promise does not hold.

mod answer;
mod ask;
mod files;
mod forms;
mod http;
mod library;
mod pieces;
mod routes;

pub use files::http_files;
pub use forms::http_multipart;
pub use http::{http_body, http_head};
pub use library::{address, frames, lines, proxy_header};
pub use routes::http_routes;
