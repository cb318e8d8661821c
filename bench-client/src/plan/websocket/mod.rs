//! WebSockets as a client speaks them (RFC 6455): the request that opens one,
//! the frames that go over it, and the messages that those make.
//!
//! Frames' heads are written and read by `tungstenite`. Its client is not
//! taken: it owns its connection and copies every message, where one is
//! compared here in the buffer that it was read to; it draws keys and masks from
//! the system, where a run can be repeated to the byte; and it gives up at a
//! broken frame without saying what of it counted.

mod frame;
mod message;
mod opening;

pub(crate) use frame::{control, mask};
pub(crate) use message::Reader;
pub(crate) use opening::{Opening, key};
