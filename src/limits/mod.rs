//! How much a server takes on: requests in flight, by one client, a second.

mod gate;
mod peers;
mod rate;
mod settings;
mod shim;

pub(crate) use gate::{Gate, Unwelcome};
pub use gate::{Refusal, Refused};
pub use peers::PeerLoad;
pub(crate) use peers::{PeerKey, PeerPlace};
pub(crate) use rate::Rate;
pub use settings::{AtLimit, Limits};
