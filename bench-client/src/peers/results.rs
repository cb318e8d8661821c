//! What the rounds gave, and the medians of it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::catalogue::Catalogue;
use super::probe::{Metric, Probe};
use crate::format;
use crate::report::Side;
use crate::saved::{Manifest, Run, Saved};
use crate::stage::Stage;
use crate::statistics;

/// The figures of all rounds.
#[derive(Debug)]
pub(crate) struct Results {
    servers: usize,
    /// One entry a round; `None` for a run that failed.
    figures: BTreeMap<(Metric, usize), Vec<Option<f64>>>,
    /// Everything that was measured, in the order of time.
    runs: Vec<Run>,
    remarks: Vec<String>,
}

impl Results {
    /// None yet, of `servers` servers.
    pub(crate) fn new(servers: usize) -> Results {
        Results {
            servers,
            figures: BTreeMap::new(),
            runs: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// Takes down the figures of one run.
    pub(super) fn enter(&mut self, probe: Probe, server: usize, subject: &str, side: &Side) {
        let outcome = &side.outcome;
        let run = side.saved();
        for metric in probe.metrics() {
            self.push(*metric, server, metric.of(outcome));
        }
        for reason in &run.verdict.reasons {
            self.remark(format!("{subject}: {reason}"));
        }
        if outcome.errors() > 0 {
            self.remark(format!("{subject}: {}", format::faults(&outcome.faults)));
        }
        self.runs.push(run);
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

    /// What must be known before the figures are believed.
    pub(crate) fn remarks(&self) -> &[String] {
        &self.remarks
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
            saved: Saved::new(Manifest::new(stage), self.runs.clone()),
            servers: (0..self.servers)
                .map(|server| self.server_report(catalogue, server))
                .collect(),
            left_out: catalogue
                .left_out
                .iter()
                .map(|left_out| (left_out.name.clone(), left_out.reason.clone()))
                .collect(),
            remarks: self.remarks.clone(),
        }
    }

    fn server_report(&self, catalogue: &Catalogue, server: usize) -> ServerReport {
        let figures = self.metrics().into_iter().map(|metric| {
            let report = MetricReport {
                median: self.median(metric, server),
                ratio_to_ours: self.ratio(metric, server),
                rounds: self.rounds(metric, server).to_vec(),
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
    rounds: Vec<Option<f64>>,
}

fn median(figures: impl Iterator<Item = f64>) -> Option<f64> {
    statistics::median(&figures.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
