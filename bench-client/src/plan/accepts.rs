//! What is asked of a run before its figures are believed.

use std::time::Duration;

/// What a client that keeps its schedule may send late, but for one message of
/// 100.
pub(crate) const ON_TIME: Duration = Duration::from_millis(1);

/// How figures are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct VerdictOptions {
    /// Accept figures that were bounded by the client's processor time.
    #[arg(long)]
    pub(crate) allow_client_limited: bool,
}
