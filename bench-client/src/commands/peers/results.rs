//! What the rounds gave, and the medians of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::catalogue::Catalogue;
use super::metric::Metric;
use super::notes::Notes;
use super::probe::Probe;
use crate::base::format;
use crate::base::statistics;
use crate::judge::verdict;
use crate::run::sides::Side;
use crate::run::stage::Stage;
use crate::saved::{Run, Saved};

/// The figures of all rounds.
#[derive(Debug)]
pub(crate) struct Results {
    servers: usize,
    /// One entry a round; `None` for a run that failed.
    figures: BTreeMap<(Metric, usize), Vec<Option<f64>>>,
    /// Those of them that nothing disturbed.
    quiet: BTreeMap<(Metric, usize), Vec<f64>>,
    /// Everything that was measured, in the order of time.
    runs: Vec<Run>,
    remarks: Vec<String>,
    notes: Notes,
}

impl Results {
    /// None yet, of `servers` servers.
    pub(crate) fn new(servers: usize) -> Results {
        Results {
            servers,
            figures: BTreeMap::new(),
            quiet: BTreeMap::new(),
            runs: Vec::new(),
            remarks: Vec::new(),
            notes: Notes::default(),
        }
    }

    /// Takes down the figures of one run.
    pub(super) fn enter(&mut self, probe: Probe, server: usize, subject: &str, side: &Side) {
        let outcome = &side.outcome;
        let run = side.saved();
        for metric in probe.metrics() {
            self.push(*metric, server, metric.of(outcome));
            if !verdict::is_disturbed(&run) {
                self.keep(*metric, server, metric.of(outcome));
            }
        }
        if outcome.errors() > 0 {
            self.remark(format!("{subject}: {}", format::faults(&outcome.faults)));
        }
        let round = probe.metrics().iter().map(|metric| self.rounds(*metric, server).len());
        self.notes.add(probe, server, round.max().unwrap_or_default(), &run);
        self.runs.push(run);
    }

    /// What each server agreed on with its clients, where there was TLS.
    pub(super) fn agreed(&self) -> Option<String> {
        let of_run = |run: &Run| {
            let agreed = run.connections.tls.iter();
            let words = agreed.map(|kind| format!("{} {} {}", run.name, kind.version, kind.cipher_suite));
            words.collect::<Vec<_>>()
        };
        let all: BTreeSet<_> = self.runs.iter().flat_map(of_run).collect();
        let all: Vec<_> = all.into_iter().collect();
        (!all.is_empty()).then(|| format!("agreed on: {}.", all.join(", ")))
    }

    /// Takes down what a program found that timed itself.
    pub(super) fn time(&mut self, metric: Metric, server: usize, nanos: f64) {
        self.push(metric, server, Some(nanos));
        self.keep(metric, server, Some(nanos));
    }

    /// Takes down that a run gave nothing.
    pub(super) fn fail(&mut self, probe: Probe, server: usize) {
        for metric in probe.metrics() {
            self.push(*metric, server, None);
        }
    }

    /// Takes down what must be known before the figures are believed.
    pub(super) fn remark(&mut self, remark: String) {
        self.remarks.push(remark);
    }

    fn push(&mut self, metric: Metric, server: usize, figure: Option<f64>) {
        self.figures.entry((metric, server)).or_default().push(figure);
    }

    fn keep(&mut self, metric: Metric, server: usize, figure: Option<f64>) {
        self.quiet.entry((metric, server)).or_default().extend(figure);
    }

    /// What must be known before the figures are believed.
    pub(crate) fn remarks(&self) -> Vec<String> {
        self.remarks.iter().cloned().chain(self.notes.all()).collect()
    }

    /// How many of the rounds that gave one server's figure were disturbed.
    pub(crate) fn disturbed(&self, metric: Metric, server: usize) -> usize {
        metric.probe().map_or(0, |probe| self.notes.disturbed(probe, server))
    }

    /// The metrics that were measured, in the order of reports.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let mut metrics: Vec<_> = self.figures.keys().map(|(metric, _)| *metric).collect();
        metrics.dedup();
        metrics
    }

    /// The median of one server's rounds.
    pub(crate) fn median(&self, metric: Metric, server: usize) -> Option<f64> {
        median(self.rounds(metric, server).iter().copied().flatten())
    }

    /// The median over the rounds of one server's figure divided by ours: what
    /// slowed a whole round down is in both and cancels out.
    pub(crate) fn ratio(&self, metric: Metric, server: usize) -> Option<f64> {
        let rounds = self.rounds(metric, server).iter().zip(self.rounds(metric, 0));
        median(rounds.filter_map(|(theirs, ours)| {
            let ratio = (*theirs)? / (*ours)?;
            ratio.is_finite().then_some(ratio)
        }))
    }

    /// The least of one server's rounds that nothing disturbed. One that waited
    /// for its processor finds more clients ready at once, and an echo then costs
    /// less than it ever does to a server that is left alone.
    pub(crate) fn least(&self, metric: Metric, server: usize) -> Option<f64> {
        let quiet = self.quiet.get(&(metric, server))?;
        quiet.iter().copied().reduce(f64::min)
    }

    /// The same divided by ours.
    pub(crate) fn ratio_of_least(&self, metric: Metric, server: usize) -> Option<f64> {
        let ratio = self.least(metric, server)? / self.least(metric, 0)?;
        ratio.is_finite().then_some(ratio)
    }

    /// What an echo costs with many clients, divided by what it costs with few.
    pub(crate) fn growth(&self, server: usize) -> Option<f64> {
        let many = self.median(Metric::CpuPerEchoOfMany, server)?;
        Some(many / self.median(Metric::CpuPerEcho, server)?)
    }

    fn rounds(&self, metric: Metric, server: usize) -> &[Option<f64>] {
        self.figures.get(&(metric, server)).map_or(&[], Vec::as_slice)
    }

    /// The same for programs.
    pub(super) fn report(&self, catalogue: &Catalogue, stage: &Stage) -> Report {
        Report {
            saved: Saved::new(stage.manifest(), self.runs.clone()),
            servers: (0..self.servers)
                .map(|server| self.server_report(catalogue, server))
                .collect(),
            left_out: catalogue
                .left_out
                .iter()
                .map(|left_out| (left_out.name.clone(), left_out.reason.clone()))
                .collect(),
            remarks: self.remarks(),
        }
    }

    fn server_report(&self, catalogue: &Catalogue, server: usize) -> ServerReport {
        let figures = self.metrics().into_iter().map(|metric| {
            let report = MetricReport {
                median: self.median(metric, server),
                ratio_to_ours: self.ratio(metric, server),
                least: self.least(metric, server),
                ratio_of_least: self.ratio_of_least(metric, server),
                rounds: self.rounds(metric, server).to_vec(),
                disturbed: self.disturbed(metric, server),
            };
            (metric.id(), report)
        });
        let contestant = &catalogue.contestants[server];
        ServerReport {
            name: contestant.name().to_owned(),
            about: contestant.about.clone(),
            figures: figures.collect(),
        }
    }
}

#[cfg(test)]
impl Results {
    /// Takes down `run` as a round of the first server, which gave `metric`.
    pub(crate) fn example(&mut self, probe: Probe, metric: Metric, run: &Run) {
        self.push(metric, 0, run.answers_per_s);
        self.notes.add(probe, 0, 1, run);
    }
}

/// The report of a tournament.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Every run by itself.
    #[serde(flatten)]
    pub(super) saved: Saved,
    servers: Vec<ServerReport>,
    left_out: BTreeMap<String, String>,
    remarks: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ServerReport {
    name: String,
    about: String,
    figures: BTreeMap<&'static str, MetricReport>,
}

#[derive(Debug, Serialize)]
struct MetricReport {
    median: Option<f64>,
    ratio_to_ours: Option<f64>,
    least: Option<f64>,
    ratio_of_least: Option<f64>,
    rounds: Vec<Option<f64>>,
    disturbed: usize,
}

fn median(figures: impl Iterator<Item = f64>) -> Option<f64> {
    statistics::median(&figures.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_of_a_run_is_said_of_its_figures() {
        let mut results = Results::new(2);
        let mut run = Run::example("go", 1.0);
        run.verdict.valid = false;
        run.verdict.reasons.push("all wrong".to_owned());
        results.remark("one was skipped".to_owned());
        results.notes.add(Probe::Churn, 1, 2, &run);
        let remarks = ["one was skipped", "churn, go: INVALID, all wrong (round 2)"];
        assert_eq!(results.remarks(), remarks);
        let disturbed = |metric, server| results.disturbed(metric, server);
        assert_eq!(disturbed(Metric::ConnectionRate, 1), 1);
        assert_eq!(
            (disturbed(Metric::ConnectionRate, 0), disturbed(Metric::EchoRate, 1)),
            (0, 0)
        );
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let mut results = Results::new(2);
        for (ours, theirs) in [(1.0, Some(2.0)), (10.0, Some(30.0)), (5.0, None)] {
            results.push(Metric::CpuPerEcho, 0, Some(ours));
            results.push(Metric::CpuPerEcho, 1, theirs);
        }
        assert_eq!(results.ratio(Metric::CpuPerEcho, 1), Some(2.5));
        assert_eq!(results.ratio(Metric::CpuPerEcho, 0), Some(1.0));
        assert_eq!(results.ratio(Metric::EchoRate, 1), None);
    }

    #[test]
    fn least_figures_may_be_of_different_rounds() {
        let mut results = Results::new(2);
        for (ours, theirs) in [(4.0, Some(9.0)), (2.0, None), (3.0, Some(8.0))] {
            results.keep(Metric::CpuPerEcho, 0, Some(ours));
            results.keep(Metric::CpuPerEcho, 1, theirs);
        }
        // One that was disturbed.
        results.push(Metric::CpuPerEcho, 1, Some(1.0));
        assert_eq!(results.least(Metric::CpuPerEcho, 1), Some(8.0));
        assert_eq!(results.ratio_of_least(Metric::CpuPerEcho, 1), Some(4.0));
        assert_eq!(results.ratio_of_least(Metric::CpuPerEcho, 0), Some(1.0));
        assert_eq!(results.ratio_of_least(Metric::EchoRate, 1), None);
    }
}
