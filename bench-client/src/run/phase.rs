//! Where a run is between connecting and its end.

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Phase {
    /// The clients connect, or work without being measured.
    WarmUp,
    /// What the clients do counts.
    Measure,
    /// The clients send nothing more, but hold their connections.
    Closing,
    /// The clients finish what they are at.
    Over,
}
