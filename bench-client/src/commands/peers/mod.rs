//! Our server beside others, each on one core, under the same clients.

pub(crate) mod bars;
mod catalogue;
mod certificate;
mod contestant;
mod entry;
mod metric;
mod notes;
pub(crate) mod options;
mod probe;
mod results;
pub(crate) mod sheet;
mod timer;
mod toolchains;

use std::time::Duration;

use crate::base::failure::{Failure, Status};
use crate::judge::{rounds, verdict};
use crate::machine::{limits, pinning};
use crate::plan::Plan;
use crate::plan::places::Places;
use crate::run::sides::Side;
use crate::run::stage::Stage;
use crate::run::trial;
use crate::view::stdout::{self, write_file};
use crate::view::watch::Watch;
use certificate::Certificate;
use options::PeersOptions;

pub(crate) use catalogue::Catalogue;
pub(crate) use contestant::Contestant;
pub(crate) use metric::Metric;
pub(crate) use probe::{Probe, Subject};
pub(crate) use results::Results;

/// Starting, connecting and stopping, for the estimate of how long it takes.
const OVERHEAD: Duration = Duration::from_secs(1);

/// Builds the peers, measures everybody, reports.
///
/// # Errors
/// When there is no peer, or a report cannot be written. A peer that fails is
/// a remark in the report.
pub(crate) fn run(options: &PeersOptions) -> Result<Status, Failure> {
    options.turns.outputs.check(&[
        options.turns.load.client.journal.output(),
        ("--bars", options.bars.as_deref()),
    ])?;
    let subject = options.subject()?;
    let stage = Stage::find(pinning::choose(options.turns.no_pin));
    // Before this process is bound to one processor: building takes them all.
    let certificate = certificate(options, subject)?;
    let catalogue = catalogue::find(subject, &options.peers_dir, &options.only, certificate.as_ref())?;
    let mut watch = stage.enter(&options.turns.load.client)?;
    limits::check_machine(options.turns.load.clients)?;

    let mut tournament = Tournament {
        options,
        places: stage.places,
        certificate,
        results: Results::new(catalogue.contestants.len()),
        worst: Status::Fine,
    };
    let probes = tournament.possible_probes();
    watch.say(&announcement(options, &catalogue, &probes));
    let ended = tournament.play(&catalogue.contestants, &probes, &mut watch);
    watch.clear();
    if matches!(ended, Err(Failure::Interrupted)) {
        tournament.worst = Status::Interrupted;
        let remark = "PARTIAL: interrupted; medians are of the rounds until then";
        tournament.results.remark(remark.to_owned());
    } else {
        ended?;
    }
    report(&tournament, &catalogue, &stage)?;
    Ok(tournament.worst)
}

/// Where it is needed; it lasts as long as the servers that show it.
fn certificate(options: &PeersOptions, subject: Subject) -> Result<Option<Certificate>, Failure> {
    let limit = options.turns.load.client.connect_timeout;
    let needed = subject == Subject::Https;
    needed.then(|| Certificate::make(limit)).transpose()
}

fn announcement(options: &PeersOptions, catalogue: &Catalogue, probes: &[Probe]) -> String {
    let names: Vec<_> = catalogue.contestants.iter().map(Contestant::name).collect();
    let runs = names.len() as u32 * options.rounds * probes.len() as u32;
    let each = options.turns.warmup + options.turns.duration + OVERHEAD;
    let mut text = format!(
        "measuring {}: {runs} runs, about {:.0} min",
        names.join(", "),
        (each * runs).as_secs_f64() / 60.0
    );
    for left_out in &catalogue.left_out {
        text.push_str(&format!("\nleft out: {}: {}", left_out.name, left_out.reason));
    }
    text
}

fn report(tournament: &Tournament<'_>, catalogue: &Catalogue, stage: &Stage) -> Result<(), Failure> {
    let Tournament { options, results, .. } = tournament;
    let sheet = sheet::Sheet {
        options,
        subject: options.subject()?,
        catalogue,
        results,
        stage,
    };
    if let Some(path) = &options.bars {
        write_file(path, bars::picture(&sheet.bars()))?;
    }
    let report = results.report(catalogue, stage);
    options
        .turns
        .outputs
        .write_with(&report.saved, &report, &sheet.markdown())?;
    stdout::print(sheet.text())
}

/// All runs of all contestants.
struct Tournament<'a> {
    options: &'a PeersOptions,
    places: Places,
    certificate: Option<Certificate>,
    results: Results,
    /// The worst of what our own runs ended with.
    worst: Status,
}

impl Tournament<'_> {
    /// Those the limits of this process allow; the others are remarks.
    fn possible_probes(&mut self) -> Vec<Probe> {
        let mut possible = Vec::new();
        for probe in &self.options.probe {
            match limits::check_machine(self.options.clients(*probe)) {
                Ok(()) => possible.push(*probe),
                Err(err) => self.results.remark(format!("{} was skipped: {err}", probe.id())),
            }
        }
        possible
    }

    fn play(&mut self, contestants: &[Contestant], probes: &[Probe], watch: &mut Watch) -> Result<(), Failure> {
        for probe in probes {
            for round in 0..self.options.rounds {
                for index in rounds::order(contestants.len(), round) {
                    watch.check()?;
                    let subject = format!(
                        "{}, round {} of {}, {}",
                        probe.id(),
                        round + 1,
                        self.options.rounds,
                        contestants[index].name()
                    );
                    watch.turn_to(subject.as_str());
                    if probe.is_inside() {
                        self.time(&contestants[index], *probe, index, &subject);
                        continue;
                    }
                    let side = self.measure(&contestants[index], *probe, watch);
                    self.enter(side, *probe, index, &subject)?;
                }
            }
        }
        Ok(())
    }

    /// Asks a program for the times that it finds in itself, if there is one.
    fn time(&mut self, contestant: &Contestant, probe: Probe, index: usize, subject: &str) {
        let Some(timer) = &contestant.timer else {
            return self.results.fail(probe, index);
        };
        let Places { server, client } = self.places;
        // Who is alone on one worker has the server's place; two workers need both.
        let cpus: Vec<_> = match probe {
            Probe::Wake => server.into_iter().chain(client).collect(),
            _ => server.into_iter().collect(),
        };
        for metric in probe.metrics() {
            let timed = metric.timed().unwrap_or_default();
            match timer::ask(timer, timed, &cpus) {
                Ok(nanos) => self.results.time(*metric, index, nanos),
                Err(failure) => self.results.remark(format!("{subject}: {failure}")),
            }
        }
    }

    fn measure(&self, contestant: &Contestant, probe: Probe, watch: &mut Watch) -> Result<Side, Failure> {
        let tls = self.certificate.as_ref().map(Certificate::tls);
        let plan = |address| {
            let plan = self.options.plan(probe);
            Plan { tls, ..plan }.at(address)
        };
        let outcome = trial::run(&contestant.command, 1, self.places, plan, watch)?.of_work()?;
        Ok(Side {
            name: contestant.name().to_owned(),
            outcome,
        })
    }

    /// Takes down what a run gave. Half a run is nothing to compare.
    fn enter(&mut self, side: Result<Side, Failure>, probe: Probe, index: usize, subject: &str) -> Result<(), Failure> {
        let status = match side {
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            Ok(side) if side.outcome.interrupted => return Err(Failure::Interrupted),
            Ok(side) => {
                self.results.enter(probe, index, subject, &side);
                verdict::status(&side.outcome.judged())
            }
            Err(failure) => {
                self.results.fail(probe, index);
                self.results.remark(format!("{subject}: {failure}"));
                failure.status()
            }
        };
        if index == 0 {
            self.worst = self.worst.max(status);
        }
        Ok(())
    }
}
