//! Who sent a message.

/// Who sent a message, and as its how-manieth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Number of the simulated client, from 0.
    pub(crate) connection: u32,
    /// Number of the message among that client's, from 0.
    pub(crate) sequence: u64,
}
