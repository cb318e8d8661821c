//! The options of the comparison that is made without a command.

use std::time::Duration;

use clap::Args;

use super::LoadOptions;
use crate::gate::GateOptions;
use crate::quantity;
use crate::report::outputs::Outputs;

/// The comparison of our two models.
#[derive(Clone, Debug, Args)]
pub(crate) struct ComparisonOptions {
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    /// How long each server is measured.
    #[arg(short, long, default_value = "5s", value_parser = quantity::positive_duration)]
    pub(crate) duration: Duration,
    /// How long each server is warmed up before.
    #[arg(long, default_value = "1s", value_parser = quantity::duration)]
    pub(crate) warmup: Duration,
    /// Worker threads of the coroutine server.
    #[arg(long, default_value = "1", value_parser = quantity::count)]
    pub(crate) server_workers: u32,
    #[command(flatten)]
    pub(crate) gates: GateOptions,
    /// Let server and client run on any CPU.
    #[arg(long)]
    pub(crate) no_pin: bool,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}
