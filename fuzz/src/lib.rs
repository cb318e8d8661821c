//! What of greenserve reads the network or a user's text, one function a fuzz
//! target: each takes any bytes, and panics where a promise does not hold.

mod answer;
mod ask;
mod codings;
mod conditions;
mod conversation;
mod cookies;
mod dates;
mod fields;
mod files;
mod forms;
mod frames;
mod http;
mod library;
mod pieces;
mod routes;
mod upgrade;

pub use codings::http_codings;
pub use conditions::http_conditions;
pub use conversation::websocket_frames;
pub use cookies::http_cookies;
pub use fields::http_form;
pub use files::http_files;
pub use forms::http_multipart;
pub use http::{http_body, http_head};
pub use library::{address, frames, lines, proxy_header};
pub use routes::http_routes;
pub use upgrade::websocket_upgrade;
