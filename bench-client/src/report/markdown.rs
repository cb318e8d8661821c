//! Our server beside its peers, as a table.

use super::bars::{Bar, Group};
use super::table::Table;
use crate::cli::PeersOptions;
use crate::format;
use crate::machine::{Machine, command_line};
use crate::peers::{Catalogue, Metric, Results};
use crate::stage::Stage;

/// What the table is made of.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    /// What was asked for.
    pub(crate) options: &'a PeersOptions,
    /// Who took part.
    pub(crate) catalogue: &'a Catalogue,
    /// What was measured.
    pub(crate) results: &'a Results,
    /// On what and where.
    pub(crate) stage: &'a Stage,
}

impl Sheet<'_> {
    /// For the terminal.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n\n{}\n", self.summary(), self.table());
        for note in self.notes() {
            text.push_str(&format!("{note}\n"));
        }
        text
    }

    /// For a file, with what the text leaves out.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("# Echo servers on one core\n\n");
        text.push_str(&format!("{}\n\n", self.summary()));
        text.push_str(&format!("    {}\n\n", command_line().join(" ")));
        text.push_str(&self.table().markdown());
        text.push('\n');
        for note in self.notes() {
            text.push_str(&format!("- {note}\n"));
        }
        text.push_str("\n| server | version |\n|---|---|\n");
        for contestant in &self.catalogue.contestants {
            text.push_str(&format!("| {} | {} |\n", contestant.name(), contestant.about));
        }
        text.push_str(&format!("\n{}\n\n", machine_line(&self.stage.machine)));
        text
    }

    fn summary(&self) -> String {
        let load = &self.options.load;
        let rounds = match self.options.rounds {
            1 => "one round".to_owned(),
            rounds => format!("medians of {rounds} rounds"),
        };
        format!(
            "tcp echo, closed loop, {} clients, {} B, verify={}, seed {}; {} s after {} s warm-up, {rounds}; {}",
            load.clients,
            load.size,
            load.client.verify.id(),
            load.client.seed,
            format::seconds(self.options.duration),
            format::seconds(self.options.warmup),
            self.stage.places,
        )
    }

    /// A line for each figure, a column for each server.
    fn table(&self) -> Table {
        let servers = || 0..self.catalogue.contestants.len();
        let mut table = Table::default();
        let names = self.catalogue.contestants.iter().map(|one| one.name().to_owned());
        table.row(std::iter::once(String::new()).chain(names));
        for metric in self.results.metrics() {
            let cells = servers().map(|server| self.cell(metric, server));
            table.row(std::iter::once(metric.label().to_owned()).chain(cells));
        }
        if servers().any(|server| self.results.growth(server).is_some()) {
            let growth = |server| format::or_none(self.results.growth(server), format::three_digits);
            table.row(std::iter::once("many/few".to_owned()).chain(servers().map(growth)));
        }
        table
    }

    /// The costs, for a picture: less is better in all of them.
    pub(crate) fn bars(&self) -> Vec<Group> {
        let costs = [Metric::CpuPerEcho, Metric::CpuPerConnection, Metric::MemoryPerClient];
        let measured = self.results.metrics();
        let group = |metric: Metric| Group {
            title: format!("{} (ratio to ours)", metric.label()),
            bars: (0..self.catalogue.contestants.len())
                .filter_map(|server| self.bar(metric, server))
                .collect(),
        };
        costs
            .into_iter()
            .filter(|metric| measured.contains(metric))
            .map(group)
            .collect()
    }

    fn bar(&self, metric: Metric, server: usize) -> Option<Bar> {
        Some(Bar {
            name: self.catalogue.contestants[server].name().to_owned(),
            value: self.results.median(metric, server)?,
            label: self.cell(metric, server),
        })
    }

    /// The median, and its ratio to ours: `6.12 (1.00)`.
    fn cell(&self, metric: Metric, server: usize) -> String {
        let median = self.results.median(metric, server);
        let figure = format::or_none(median, |figure| metric.show(figure));
        match self.results.ratio(metric, server) {
            Some(ratio) if metric.compares() => format!("{figure} ({ratio:.2})"),
            _ => figure,
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            "In parentheses: the median over the rounds of the ratio to ours.".to_owned(),
            "CPU: process CPU clock of the server, user and system, per echo or connection in the window.".to_owned(),
            "p99: service time in a closed loop; a server that stalls is asked less, so stalls are under-counted."
                .to_owned(),
        ];
        notes.extend(self.measured_notes());
        notes.extend(self.results.remarks().iter().cloned());
        for left_out in &self.catalogue.left_out {
            notes.push(format!("Left out: {}: {}.", left_out.name, left_out.reason));
        }
        notes
    }

    fn measured_notes(&self) -> Vec<String> {
        let metrics = self.results.metrics();
        let many = format!(
            "many: {} clients; many/few: its CPU per echo against that with {}.",
            self.options.many, self.options.load.clients
        );
        [
            (
                Metric::MemoryPerClient,
                "KiB/client: growth of the server's resident memory from 500 to 5000 idle clients that had each exchanged one message.".to_owned(),
            ),
            (
                Metric::CpuPerConnection,
                "connection: connect, one echo, close.".to_owned(),
            ),
            (Metric::CpuPerEchoOfMany, many),
        ]
        .into_iter()
        .filter(|(metric, _)| metrics.contains(metric))
        .map(|(_, note)| note)
        .collect()
    }
}

fn machine_line(machine: &Machine) -> String {
    format!(
        "{}, {} CPUs (threads of the first core: {}), {} MiB, {}, clock {}, load before {}",
        machine.cpu,
        machine.cpus,
        machine.siblings,
        machine.memory_mib,
        machine.kernel,
        machine.clock,
        machine.load_before,
    )
}
