//! What this client can drive on these processors.
//!
//! On loopback both ends do the same work in the kernel, so the cheapest
//! server there is, our own, shows what the client needs for a message.

use std::time::Duration;

use clap::Args;

use crate::cli::{ClientOptions, Phases};
use crate::failure::{Failure, Status};
use crate::invocation::ServerCommand;
use crate::outcome::Outcome;
use crate::pinning::Places;
use crate::report::table::Table;
use crate::serve::Model;
use crate::sizes::Sizes;
use crate::stage::Stage;
use crate::watch::Watch;
use crate::{format, limits, quantity, trial};

/// `bench-client calibrate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CalibrateOptions {
    /// Simulated clients.
    #[arg(short, long, default_value = "500", value_parser = quantity::count)]
    clients: u32,
    /// Sizes of messages; with more than one, none of them a list.
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
}

/// What one size takes of both ends, in microseconds of processor time, and
/// the rate that was reached.
#[derive(Clone, Copy, Debug)]
struct Costs {
    client: f64,
    server: f64,
    rate: f64,
}

/// Measures and prints the client's ceilings.
///
/// # Errors
/// When our server does not start, or nothing could be measured.
pub(crate) fn run(options: &CalibrateOptions) -> Result<Status, Failure> {
    let stage = Stage::find(Places::choose(options.no_pin));
    let mut watch = stage.enter(&options.client)?;
    limits::check_machine(options.clients)?;
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
    for size in &options.size {
        let rounds: Vec<_> = (0..options.rounds)
            .map(|_| measure(options, size, stage.places, &mut watch))
            .collect::<Result<_, _>>()?;
        table.row(row(size, &median(&rounds)));
    }
    watch.clear();
    print!("{}, {} clients, closed loop\n\n{table}", stage.places, options.clients);
    println!(
        "\nCPU: per message, median of {} rounds. Ceiling: messages a second at which one processor is fully used by\nthe client. Client drives: how many of our own coroutine servers' processors one of the client's keeps busy.",
        options.rounds
    );
    Ok(Status::Fine)
}

fn measure(options: &CalibrateOptions, size: &Sizes, places: Places, watch: &mut Watch) -> Result<Costs, Failure> {
    watch.check()?;
    watch.turn_to(format!("{size} B"));
    let phases = Phases {
        warmup: options.warmup,
        duration: options.duration,
    };
    let command = ServerCommand::ours("coroutine", Model::Coroutine);
    let plan = |address| options.client.plan(options.clients, size, &phases).at(address);
    let outcome = trial::run(&command, 1, places, plan, watch)?;
    costs(&outcome).ok_or(Failure::Interrupted)
}

fn costs(outcome: &Outcome) -> Option<Costs> {
    let client = outcome.client()?.cpu_s * 1e6;
    Some(Costs {
        client: client / outcome.answers.max(1) as f64,
        server: outcome.server_cpu_per_echo()?,
        rate: outcome.rate()?,
    })
}

fn median(rounds: &[Costs]) -> Costs {
    let of = |figure: fn(&Costs) -> f64| {
        let figures: Vec<_> = rounds.iter().map(figure).collect();
        crate::statistics::median(&figures).unwrap_or_default()
    };
    Costs {
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
