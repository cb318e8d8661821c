//! The options of `bench-client run`.

use std::time::Duration;

use clap::Args;

use super::LoadOptions;
use crate::account::AccountOptions;
use crate::gate::GateOptions;
use crate::quantity;
use crate::report::outputs::Outputs;
use crate::round_options::RoundOptions;
use crate::template::Template;
use crate::workload::WorkloadOptions;

/// The measurement of one server.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunOptions {
    /// The server: tcp:// or udp://HOST:PORT, unix:// or unixgram:///PATH, http://HOST:PORT/PATH.
    ///
    /// With --spawn it may be left out; {address}, {port} or {path} in it is the
    /// server's: http://{address}/path, unixgram://{path}.
    #[arg(required_unless_present = "spawn")]
    pub(crate) target: Option<Template>,
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    #[command(flatten)]
    pub(crate) rounds: RoundOptions,
    #[command(flatten)]
    pub(crate) gates: GateOptions,
    /// How long the server is measured.
    #[arg(short, long, default_value = "10s", value_parser = quantity::positive_duration)]
    pub(crate) duration: Duration,
    /// How long the server is warmed up before.
    #[arg(long, default_value = "2s", value_parser = quantity::duration)]
    pub(crate) warmup: Duration,
    #[command(flatten)]
    pub(crate) workload: WorkloadOptions,
    #[command(flatten)]
    pub(crate) account: AccountOptions,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}
