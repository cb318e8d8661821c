//! The options of `bench-client peers`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::base::quantity;
use crate::commands::peers::probe::Probe;
use crate::report::outputs::Outputs;
use crate::run::options::LoadOptions;

/// The measurement of our server beside its peers.
#[derive(Clone, Debug, Args)]
pub(crate) struct PeersOptions {
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    /// How long each measurement takes.
    #[arg(short, long, default_value = "5s", value_parser = quantity::positive_duration)]
    pub(crate) duration: Duration,
    /// How long each server is warmed up before.
    #[arg(long, default_value = "1s", value_parser = quantity::duration)]
    pub(crate) warmup: Duration,
    /// How often everything is measured: in the order A B C, then C B A, ...
    #[arg(long, default_value = "3", value_parser = quantity::count)]
    pub(crate) rounds: u32,
    /// Measure these peers only.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) only: Vec<String>,
    /// What to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "echo,churn,memory,many")]
    pub(crate) probe: Vec<Probe>,
    /// Clients of the measurement with many.
    #[arg(long, default_value = "15000", value_parser = quantity::count)]
    pub(crate) many: u32,
    /// Let server and client run on any CPU.
    #[arg(long)]
    pub(crate) no_pin: bool,
    /// Where the peers' sources are.
    #[arg(long, value_name = "DIR", default_value_os_t = crate::commands::peers::sources())]
    pub(crate) peers_dir: PathBuf,
    /// Draw the medians as bars to FILE, as SVG
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) bars: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}
