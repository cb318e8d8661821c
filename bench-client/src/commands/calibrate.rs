//! What this client can drive on these processors.
//!
//! On loopback both ends do the same work in the kernel, so the cheapest
//! server there is, our own, shows what the client needs for a message.

use std::time::Duration;

use clap::Args;

use crate::base::failure::{Failure, Status};
use crate::base::{format, quantity};
use crate::judge::ceiling::{Calibration, Conditions, Point, SaveOptions};
use crate::machine::invocation::ServerCommand;
use crate::machine::{limits, pinning};
use crate::plan::Plan;
use crate::plan::http::{Request, RequestOptions};
use crate::plan::places::Places;
use crate::plan::protocol::Protocol;
use crate::plan::sizes::Sizes;
use crate::plan::target::Endpoint;
use crate::plan::tls::{Tls, TlsOptions};
use crate::plan::websocket::Opening;
use crate::plan::workload::check_sizes;
use crate::report::table::Table;
use crate::run::options::{ClientOptions, Phases};
use crate::run::outcome::Outcome;
use crate::run::stage::Stage;
use crate::run::trial;
use crate::view::stdout;
use crate::view::watch::Watch;

/// `bench-client calibrate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CalibrateOptions {
    /// The protocol to calibrate for.
    #[arg(long, value_enum, default_value = "tcp")]
    protocol: Protocol,
    /// Simulated clients.
    #[arg(short, long, default_value = "500", value_parser = quantity::count)]
    clients: u32,
    /// Message sizes; several may not include a list.
    #[arg(long, value_delimiter = ',', default_value = "64,1k,16k")]
    size: Vec<Sizes>,
    #[command(flatten)]
    client: ClientOptions,
    /// How often each size is measured; the median counts.
    #[arg(long, default_value = "3", value_parser = quantity::count)]
    rounds: u32,
    /// How long each measurement takes.
    #[arg(short, long, default_value = "2s", value_parser = quantity::positive_duration)]
    duration: Duration,
    /// How long each is warmed up before.
    #[arg(long, default_value = "500ms", value_parser = quantity::duration)]
    warmup: Duration,
    /// Let server and client run on any CPU.
    #[arg(long)]
    no_pin: bool,
    #[command(flatten)]
    save: SaveOptions,
}

/// What one size takes of both ends, in microseconds of processor time, the
/// bytes of a message, and the rate that was reached.
#[derive(Clone, Copy, Debug)]
struct Costs {
    bytes: f64,
    client: f64,
    server: f64,
    rate: f64,
}

/// Measures, prints and saves the client's ceilings.
///
/// # Errors
/// When our server does not start, nothing could be measured, or the result
/// cannot be saved; it is printed before.
pub(crate) fn run(options: &CalibrateOptions) -> Result<Status, Failure> {
    for size in &options.size {
        check_sizes(options.protocol, size)?;
    }
    let stage = Stage::find(pinning::choose(options.no_pin));
    let mut watch = stage.enter(&options.client)?;
    limits::check_machine(options.clients)?;
    let mut all = Vec::new();
    for size in &options.size {
        let rounds: Vec<_> = (0..options.rounds)
            .map(|_| measure(options, size, stage.places, &mut watch))
            .collect::<Result<_, _>>()?;
        all.push((size, median(&rounds)));
    }
    watch.clear();
    print(options, stage.places, &all)?;
    let costs: Vec<_> = all.iter().map(|(_, costs)| *costs).collect();
    match options.save.save(calibration(options, &costs))? {
        Some(path) => stdout::print(format!("Saved in {}, for the runs to come.\n", path.display()))?,
        None => stdout::print("Not saved.\n")?,
    }
    Ok(Status::Fine)
}

fn print(options: &CalibrateOptions, places: Places, all: &[(&Sizes, Costs)]) -> Result<(), Failure> {
    let mut table = Table::default();
    let head = [
        "size",
        "client CPU",
        "server CPU",
        "reached",
        "ceiling",
        "client drives",
    ];
    table.row(head.map(str::to_owned));
    for (size, costs) in all {
        table.row(row(size, costs));
    }
    let (protocol, clients) = (options.protocol.id(), options.clients);
    stdout::print(format!(
        "{protocol}, {clients} clients, closed loop; {places}\n\n{table}\nCPU: per message, median of the rounds ({}). Ceiling: messages a second at which the client\nuses one processor fully. Client drives: how many processors of our own server one of the client's keeps busy.\n",
        options.rounds
    ))
}

fn measure(options: &CalibrateOptions, size: &Sizes, places: Places, watch: &mut Watch) -> Result<Costs, Failure> {
    watch.check()?;
    watch.turn_to(format!("{size} B"));
    let command = ServerCommand::serving(options.protocol);
    let plan = |endpoint: &Endpoint| options.plan(size, endpoint);
    let outcome = trial::spawned(&command, places, plan, watch)?.of_work()?;
    // Half a measurement is none.
    watch.check()?;
    costs(&outcome).ok_or(Failure::Interrupted)
}

impl CalibrateOptions {
    fn plan(&self, size: &Sizes, endpoint: &Endpoint) -> Result<Plan, Failure> {
        let phases = Phases {
            warmup: self.warmup,
            duration: self.duration,
        };
        let plan = Plan {
            protocol: self.protocol,
            endpoint: endpoint.clone(),
            request: echo(self.protocol, endpoint)?,
            opening: opening(self.protocol, endpoint)?,
            tls: self.tls()?,
            // Nobody asks for the server's memory.
            few: self.clients,
            ..self.client.plan(self.clients, size, &phases)
        };
        Ok(plan.with_sources())
    }

    /// The server is ours: its certificate, made at its start, is nobody's else.
    fn tls(&self) -> Result<Option<Tls>, Failure> {
        let options = TlsOptions {
            insecure: true,
            ..TlsOptions::default()
        };
        let tls = self.protocol.is_tls();
        tls.then(|| Tls::new(&options, "localhost", self.client.connect_timeout))
            .transpose()
    }
}

/// The request that brings its own body back.
fn echo(protocol: Protocol, endpoint: &Endpoint) -> Result<Option<Request>, Failure> {
    if !protocol.is_http() {
        return Ok(None);
    }
    let target = format!("{}://{endpoint}/echo", protocol.id())
        .parse()
        .map_err(Failure::Usage)?;
    let options = RequestOptions {
        expect: Some("echo".to_owned()),
        ..RequestOptions::default()
    };
    Request::new(&target, &options, false).map(Some)
}

/// How the WebSocket is opened that brings messages back.
fn opening(protocol: Protocol, endpoint: &Endpoint) -> Result<Option<Opening>, Failure> {
    if !protocol.is_websocket() {
        return Ok(None);
    }
    let target = format!("{}://{endpoint}", protocol.id())
        .parse()
        .map_err(Failure::Usage)?;
    Opening::new(&target, &RequestOptions::default(), false).map(Some)
}

/// As runs to come look it up.
fn calibration(options: &CalibrateOptions, all: &[Costs]) -> Calibration {
    let mut points: Vec<_> = all
        .iter()
        .map(|costs| Point {
            bytes: costs.bytes,
            client_us: costs.client,
        })
        .collect();
    points.sort_by(|one, other| one.bytes.total_cmp(&other.bytes));
    points.dedup_by(|one, other| one.bytes == other.bytes);
    Calibration {
        made: jiff::Timestamp::now().strftime("%FT%TZ").to_string(),
        conditions: Conditions::here(options.client.workers as usize),
        protocol: options.protocol.id().to_owned(),
        verify: options.client.verify.id().to_owned(),
        clients: options.clients,
        points,
    }
}

fn costs(outcome: &Outcome) -> Option<Costs> {
    let client = outcome.client()?.cpu_s * 1e6;
    let answers = outcome.answers.max(1) as f64;
    Some(Costs {
        bytes: outcome.bytes as f64 / answers,
        client: client / answers,
        server: outcome.server_cpu_per_echo()?,
        rate: outcome.rate()?,
    })
}

fn median(rounds: &[Costs]) -> Costs {
    let of = |figure: fn(&Costs) -> f64| {
        let figures: Vec<_> = rounds.iter().map(figure).collect();
        crate::base::statistics::median(&figures).unwrap_or_default()
    };
    Costs {
        bytes: of(|costs| costs.bytes),
        client: of(|costs| costs.client),
        server: of(|costs| costs.server),
        rate: of(|costs| costs.rate),
    }
}

fn row(size: &Sizes, costs: &Costs) -> [String; 6] {
    [
        format!("{size} B"),
        format!("{} µs", format::three_digits(costs.client)),
        format!("{} µs", format::three_digits(costs.server)),
        format!("{}/s", format::thousands(costs.rate)),
        format!("{}/s", format::thousands(1e6 / costs.client)),
        format!("{:.2}", costs.server / costs.client),
    ]
}
