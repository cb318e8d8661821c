//! Everything that was measured, for programs.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::{Side, write_file};
use crate::failure::Failure;
use crate::job::{Churn, Plan, Verify};
use crate::machine::{Machine, command_line, version};
use crate::outcome::{Outcome, Window};
use crate::recording::Times;
use crate::stage::Stage;
use crate::tally::Tallied;
use crate::taxonomy::ErrorClass;

/// Raised whenever a field changes its meaning or goes.
pub(crate) const SCHEMA: u32 = 1;

/// What every report begins with.
#[derive(Debug, Serialize)]
pub(crate) struct Manifest {
    schema: u32,
    command: Vec<String>,
    version: String,
    machine: Machine,
    server_cpu: Option<usize>,
    client_cpu: Option<usize>,
}

impl Manifest {
    /// Of a run on this stage.
    pub(crate) fn new(stage: &Stage) -> Manifest {
        Manifest {
            schema: SCHEMA,
            command: command_line(),
            version: version(),
            machine: stage.machine.clone(),
            server_cpu: stage.places.server,
            client_cpu: stage.places.client,
        }
    }
}

/// The report of runs.
#[derive(Debug, Serialize)]
pub(crate) struct Runs {
    #[serde(flatten)]
    manifest: Manifest,
    runs: Vec<Run>,
}

/// The report of `sides`.
pub(crate) fn runs(sides: &[Side], stage: &Stage) -> Runs {
    Runs {
        manifest: Manifest::new(stage),
        runs: sides.iter().map(Run::of).collect(),
    }
}

/// Writes a report to `path`.
///
/// # Errors
/// [`Failure::Report`].
pub(crate) fn write(path: &Path, report: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(report).map_err(|err| Failure::Report {
        path: path.to_owned(),
        source: err.into(),
    })?;
    write_file(path, &(text + "\n"))
}

#[derive(Debug, Serialize)]
struct Run {
    name: String,
    workload: Workload,
    connected: u32,
    connecting_s: f64,
    first_answer: TimesReport,
    window_s: Option<f64>,
    echoes: u64,
    echoes_per_s: Option<f64>,
    service_time: TimesReport,
    echoes_per_client: [u64; 2],
    server: Option<ServerReport>,
    client_cpu_s: Option<f64>,
    client_cpu_share: Option<f64>,
    memory: Option<MemoryReport>,
    errors: Vec<ErrorReport>,
    unfinished: u64,
    interrupted: bool,
    flaw: Option<String>,
    bottleneck: Option<&'static str>,
}

impl Run {
    fn of(side: &Side) -> Run {
        let outcome = &side.outcome;
        Run {
            name: side.name.clone(),
            workload: Workload::of(&outcome.plan),
            connected: outcome.connected,
            connecting_s: outcome.connecting.as_secs_f64(),
            first_answer: TimesReport::of(&outcome.arrivals),
            window_s: outcome.window.map(|window| window.length.as_secs_f64()),
            echoes: outcome.echoes.count(),
            echoes_per_s: outcome.rate(),
            service_time: TimesReport::of(&outcome.echoes),
            echoes_per_client: [outcome.fairness.fewest, outcome.fairness.most],
            server: outcome.window.and_then(|window| ServerReport::of(outcome, &window)),
            client_cpu_s: seconds(outcome.window.and_then(|window| window.client_cpu)),
            client_cpu_share: outcome.client_share(),
            memory: outcome.memory.map(|memory| MemoryReport {
                few_clients: memory.few,
                many_clients: memory.many,
                few_bytes: memory.few_bytes,
                many_bytes: memory.many_bytes,
                bytes_per_client: memory.per_client(),
            }),
            errors: outcome.faults.iter().map(ErrorReport::of).collect(),
            unfinished: outcome.unfinished,
            interrupted: outcome.interrupted,
            flaw: outcome.flaw(),
            bottleneck: outcome.bottleneck(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Workload {
    target: String,
    mode: &'static str,
    clients: u32,
    size: usize,
    seed: u64,
    verify: Verify,
    churn: Churn,
    idle: bool,
    warmup_s: f64,
    duration_s: f64,
}

impl Workload {
    fn of(plan: &Plan) -> Workload {
        Workload {
            target: plan.address.to_string(),
            mode: "closed loop, service time",
            clients: plan.clients,
            size: plan.size,
            seed: plan.seed,
            verify: plan.verify,
            churn: plan.churn,
            idle: plan.idle,
            warmup_s: plan.warmup.as_secs_f64(),
            duration_s: plan.duration.as_secs_f64(),
        }
    }
}

/// In nanoseconds.
#[derive(Debug, Serialize)]
struct TimesReport {
    count: u64,
    p50: u128,
    p90: u128,
    p99: u128,
    p999: u128,
    p9999: u128,
    max: u128,
}

impl TimesReport {
    fn of(times: &Times) -> TimesReport {
        let at = |share| times.quantile(share).as_nanos();
        TimesReport {
            count: times.count(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: times.longest().as_nanos(),
        }
    }
}

#[derive(Debug, Serialize)]
struct ServerReport {
    cpu_s: f64,
    cpu_share: Option<f64>,
    cpu_us_per_echo: Option<f64>,
    resident_bytes: Option<u64>,
}

impl ServerReport {
    fn of(outcome: &Outcome, window: &Window) -> Option<ServerReport> {
        Some(ServerReport {
            cpu_s: window.server_cpu?.as_secs_f64(),
            cpu_share: outcome.server_share(),
            cpu_us_per_echo: outcome.server_cpu_per_echo(),
            resident_bytes: window.server_resident,
        })
    }
}

#[derive(Debug, Serialize)]
struct MemoryReport {
    few_clients: u32,
    many_clients: u32,
    few_bytes: u64,
    many_bytes: u64,
    bytes_per_client: f64,
}

#[derive(Debug, Serialize)]
struct ErrorReport {
    class: &'static str,
    count: u64,
    first_at_s: Option<f64>,
    first_client: Option<u32>,
    first: Option<String>,
}

impl ErrorReport {
    fn of((class, tallied): &(ErrorClass, Tallied)) -> ErrorReport {
        let first = tallied.first.as_ref();
        ErrorReport {
            class: class.id(),
            count: tallied.count,
            first_at_s: first.map(|first| first.at.as_secs_f64()),
            first_client: first.map(|first| first.connection),
            first: first.map(|first| first.detail.clone()),
        }
    }
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}
