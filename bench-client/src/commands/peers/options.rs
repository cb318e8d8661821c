//! The options of `bench-client peers`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::base::quantity;
use crate::commands::peers::probe::Probe;
use crate::commands::turns::TurnOptions;
use crate::plan::Plan;
use crate::plan::accepts::VerdictOptions;
use crate::plan::churn::Churn;

/// Between these numbers of idle clients memory is taken.
const IDLE_FEW: u32 = 500;
const IDLE_MANY: u32 = 5000;
/// More at once say nothing more about short-lived connections.
const CHURNING: u32 = 100;

/// The measurement of our server beside its peers.
#[derive(Clone, Debug, Args)]
pub(crate) struct PeersOptions {
    #[command(flatten)]
    pub(crate) turns: TurnOptions,
    /// How often everything is measured, in the order A B C, then C B A, ...
    #[arg(long, default_value = "3", value_parser = quantity::count)]
    pub(crate) rounds: u32,
    /// Measure these peers only.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) only: Vec<String>,
    /// What to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "echo,churn,memory,many")]
    pub(crate) probe: Vec<Probe>,
    /// Clients of the probe `many`.
    #[arg(long, default_value = "15000", value_parser = quantity::count)]
    pub(crate) many: u32,
    /// Where the peers' sources are.
    #[arg(long, value_name = "DIR", default_value_os_t = sources())]
    pub(crate) peers_dir: PathBuf,
    /// Draw the medians as bars to FILE, as SVG
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) bars: Option<PathBuf>,
}

impl PeersOptions {
    /// How many clients `probe` takes.
    pub(crate) fn clients(&self, probe: Probe) -> u32 {
        match probe {
            Probe::Echo => self.turns.load.clients,
            Probe::Churn => CHURNING.min(self.turns.load.clients),
            Probe::Memory => IDLE_MANY,
            Probe::Many => self.many,
            Probe::Spawn | Probe::Wake => 0,
        }
    }

    /// The run of `probe`, which is a load.
    pub(crate) fn plan(&self, probe: Probe) -> Plan {
        let clients = self.clients(probe);
        let plan = Plan {
            clients,
            // Looking at memory twice takes time and is for one probe only.
            few: clients,
            // What is compared is the processor time of an echo, which a client
            // that has none left does not change.
            accepts: VerdictOptions {
                allow_client_limited: true,
            },
            ..self.turns.plan()
        };
        match probe {
            Probe::Echo | Probe::Spawn | Probe::Wake => plan,
            // A round of so many clients takes a quarter of a second: a longer
            // warm-up is as many rounds as the others have.
            Probe::Many => Plan {
                warmup: plan.warmup * 2,
                ..plan
            },
            Probe::Churn => Plan {
                churn: Churn::PerRequest,
                ..plan
            },
            Probe::Memory => Plan {
                idle: true,
                few: IDLE_FEW,
                duration: Duration::from_millis(100),
                ..plan
            },
        }
    }
}

/// Where the peers' sources are unless told otherwise.
pub(crate) fn sources() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers")
}
