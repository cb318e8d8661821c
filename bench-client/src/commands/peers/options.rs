//! The options of `bench-client peers`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::base::failure::Failure;
use crate::base::quantity;
use crate::commands::peers::probe::{Probe, Subject};
use crate::commands::turns::TurnOptions;
use crate::plan::Plan;
use crate::plan::accepts::VerdictOptions;
use crate::plan::churn::Churn;
use crate::plan::http::Request;
use crate::plan::protocol::Protocol;

/// Between these numbers of idle clients memory is taken.
const IDLE_FEW: u32 = 500;
const IDLE_MANY: u32 = 5000;
/// More at once say nothing more about short-lived connections.
const CHURNING: u32 = 100;
/// Of HTTP, at most.
const ASKING: u32 = 128;
/// Requests of each on their way where they are pipelined.
const PIPELINED: u32 = 16;
/// What every server of HTTP answers, and what for [`LARGE_PATH`].
const HELLO: &[u8] = b"Hello, world!";
const LARGE_PATH: &str = "/64k";

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
    /// What to measure: of servers of echoes, of HTTP (http, ...) or of HTTPS (https, ...).
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
            Probe::Memory | Probe::HttpsMemory => IDLE_MANY,
            Probe::Many => self.many,
            Probe::Spawn | Probe::Wake => 0,
            Probe::Http
            | Probe::HttpPipelined
            | Probe::HttpChurn
            | Probe::Http64k
            | Probe::Https
            | Probe::HttpsChurn
            | Probe::Https64k => ASKING.min(self.turns.load.clients),
        }
    }

    /// What the servers do that are measured.
    ///
    /// # Errors
    /// When they would not all do the same.
    pub(crate) fn subject(&self) -> Result<Subject, Failure> {
        let subject = self.probe.first().map_or(Subject::Echo, |probe| probe.subject());
        match self.probe.iter().find(|probe| probe.subject() != subject) {
            None => Ok(subject),
            Some(other) => Err(Failure::Usage(format!(
                "--probe {},{}: servers of echoes, of HTTP and of HTTPS are not the same ones; measure them one \
                 after the other",
                self.probe[0].id(),
                other.id()
            ))),
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
            Probe::Memory => holding(plan),
            Probe::Http | Probe::Https => asking(probe, "/", HELLO, plan),
            Probe::HttpPipelined => Plan {
                depth: PIPELINED,
                ..asking(probe, "/", HELLO, plan)
            },
            Probe::HttpChurn | Probe::HttpsChurn => {
                let churn = Churn::PerRequest;
                asking(probe, "/", HELLO, Plan { churn, ..plan })
            }
            Probe::Http64k | Probe::Https64k => asking(probe, LARGE_PATH, &b"0123456789abcdef".repeat(4096), plan),
            Probe::HttpsMemory => holding(asking(probe, "/", HELLO, plan)),
        }
    }
}

/// `plan` with connections that do nothing.
fn holding(plan: Plan) -> Plan {
    Plan {
        idle: true,
        few: IDLE_FEW,
        duration: Duration::from_millis(100),
        ..plan
    }
}

/// `plan` with the requests of `probe` for `path`, which `body` is the answer to.
fn asking(probe: Probe, path: &str, body: &[u8], plan: Plan) -> Plan {
    let closes = plan.churn == Churn::PerRequest;
    Plan {
        protocol: match probe.subject() {
            Subject::Https => Protocol::Https,
            _ => Protocol::Http,
        },
        request: Some(Request::get("localhost", path, body, closes)),
        ..plan
    }
}

/// Where the peers' sources are unless told otherwise.
pub(crate) fn sources() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        peers: PeersOptions,
    }

    fn options(probes: &str) -> PeersOptions {
        Line::parse_from(["peers", "--probe", probes]).peers
    }

    #[test]
    fn servers_of_one_kind_are_measured_at_a_time() {
        assert_eq!(options("echo,wake").subject().unwrap(), Subject::Echo);
        let http = options("http,http-pipelined,http-churn,http-64k");
        assert_eq!(http.subject().unwrap(), Subject::Http);
        let https = options("https,https-churn,https-64k,https-memory");
        assert_eq!(https.subject().unwrap(), Subject::Https);
        assert!(options("http,https").subject().is_err());
        let message = options("http,echo").subject().unwrap_err().to_string();
        assert!(message.contains("http,echo"), "{message}");
    }

    #[test]
    fn each_probe_of_http_asks_as_it_says() {
        let options = options("http");
        let [kept, pipelined, alone, large] =
            [Probe::Http, Probe::HttpPipelined, Probe::HttpChurn, Probe::Http64k].map(|probe| options.plan(probe));
        assert_eq!((kept.clients, kept.depth, pipelined.depth), (128, 1, 16));
        assert_eq!((kept.churn, alone.churn), (Churn::Never, Churn::PerRequest));
        let summary = |plan: &Plan| plan.request.as_ref().unwrap().summary.clone();
        assert_eq!(summary(&kept), "GET /, expect 13 B");
        assert_eq!(summary(&alone), "GET /, Connection: close, expect 13 B");
        assert_eq!(summary(&large), "GET /64k, expect 65536 B");
        let [secure, handshakes, idle] =
            [Probe::Https, Probe::HttpsChurn, Probe::HttpsMemory].map(|probe| options.plan(probe));
        assert!(
            [&secure, &handshakes, &idle]
                .iter()
                .all(|plan| plan.protocol == Protocol::Https)
        );
        assert_eq!(summary(&handshakes), "GET /, Connection: close, expect 13 B");
        assert_eq!(
            (secure.idle, idle.idle, idle.few, idle.clients),
            (false, true, 500, 5000)
        );
    }
}
