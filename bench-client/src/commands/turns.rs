//! What the commands share that start servers and measure them in turn.

use std::time::Duration;

use clap::Args;

use crate::base::quantity;
use crate::plan::Plan;
use crate::report::outputs::Outputs;
use crate::run::options::{LoadOptions, Phases};

/// The load that every server gets, and where it is written down.
#[derive(Clone, Debug, Args)]
pub(crate) struct TurnOptions {
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    /// How long each server is measured.
    #[arg(short, long, default_value = "5s", value_parser = quantity::positive_duration)]
    pub(crate) duration: Duration,
    /// How long each server is warmed up before.
    #[arg(long, default_value = "1s", value_parser = quantity::duration)]
    pub(crate) warmup: Duration,
    /// Let server and client run on any CPU.
    #[arg(long)]
    pub(crate) no_pin: bool,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

impl TurnOptions {
    /// The plan of each turn, at an address that is to be set.
    pub(crate) fn plan(&self) -> Plan {
        let phases = Phases {
            warmup: self.warmup,
            duration: self.duration,
        };
        self.outputs.equip(self.load.plan(&phases))
    }
}
