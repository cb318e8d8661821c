//! Our server beside its peers, as a table.

use super::bars::{Bar, Group};
use crate::base::format;
use crate::commands::peers::options::PeersOptions;
use crate::commands::peers::{Catalogue, Metric, Probe, Results, Subject};
use crate::machine::identity::command_line;
use crate::report::table::Table;
use crate::run::stage::Stage;
use crate::saved::Machine;

/// Marks a figure that something else had a part in.
const DISTURBED: &str = "!";
const PAGE_TABLES: &str = "page tables: what the kernel keeps to map that memory, which is not in it.";

/// What the table is made of.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    /// What was asked for.
    pub(crate) options: &'a PeersOptions,
    /// What the servers do.
    pub(crate) subject: Subject,
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
        let mut text = match self.subject {
            Subject::Echo => String::from("# Echo servers on one core\n\n"),
            Subject::Http => String::from("# HTTP servers on one core\n\n"),
            Subject::Https => String::from("# HTTPS servers on one core\n\n"),
        };
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
        let load = &self.options.turns.load;
        let rounds = match self.options.rounds {
            1 => "one round".to_owned(),
            rounds => format!("medians of {rounds} rounds"),
        };
        let what = match self.subject {
            Subject::Echo => format!("tcp echo, closed loop, {} clients, {} B", load.clients, load.size),
            Subject::Http => {
                let clients = self.options.clients(Probe::Http);
                format!("http, closed loop, {clients} clients, GET, 13 B or 64 KiB")
            }
            Subject::Https => {
                let clients = self.options.clients(Probe::Https);
                format!("https, whole handshakes, closed loop, {clients} clients, GET, 13 B or 64 KiB")
            }
        };
        format!(
            "{what}, verify={}, seed {}; {} s after {} s warm-up, {rounds}; {}",
            load.client.verify.id(),
            load.client.seed,
            format::seconds(self.options.turns.duration),
            format::seconds(self.options.turns.warmup),
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
            if self.has_least(metric) {
                let cells = servers().map(|server| self.least(metric, server));
                table.row(std::iter::once(format!("{}, least", metric.label())).chain(cells));
            }
        }
        if servers().any(|server| self.results.growth(server).is_some()) {
            let growth = |server| format::or_none(self.results.growth(server), format::three_digits);
            table.row(std::iter::once("many/few".to_owned()).chain(servers().map(growth)));
        }
        table
    }

    /// The costs, for a picture: less is better in all of them.
    pub(crate) fn bars(&self) -> Vec<Group> {
        let costs = [
            Metric::CpuPerEcho,
            Metric::CpuPerConnection,
            Metric::MemoryPerClient,
            Metric::CpuPerRequest,
            Metric::CpuPerPipelined,
            Metric::CpuPerRequestAlone,
            Metric::CpuPerLarge,
            Metric::CpuPerSecure,
            Metric::CpuPerHandshake,
            Metric::CpuPerSecureLarge,
            Metric::MemoryPerSession,
        ];
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

    /// The median, and its ratio to ours: `6.12 (1.00)`; marked if something else
    /// had a part in it.
    fn cell(&self, metric: Metric, server: usize) -> String {
        let median = self.results.median(metric, server);
        let mark = match self.results.disturbed(metric, server) {
            0 => "",
            _ => DISTURBED,
        };
        let figure = format::or_none(median, |figure| metric.show(figure)) + mark;
        match self.results.ratio(metric, server) {
            Some(ratio) if metric.compares() => format!("{figure} ({ratio:.2})"),
            _ => figure,
        }
    }

    /// Whether the least of the rounds is shown beside the median.
    fn has_least(&self, metric: Metric) -> bool {
        self.options.rounds > 1 && metric.is_cost()
    }

    /// The least of the rounds that nothing disturbed, and its ratio to ours.
    fn least(&self, metric: Metric, server: usize) -> String {
        let figure = format::or_none(self.results.least(metric, server), |figure| metric.show(figure));
        match self.results.ratio_of_least(metric, server) {
            Some(ratio) => format!("{figure} ({ratio:.2})"),
            None => figure,
        }
    }

    /// What the mark in the table means, if there is one.
    fn disturbed_note(&self) -> Option<String> {
        let servers = 0..self.catalogue.contestants.len();
        let metrics = self.results.metrics();
        let mut rounds = servers.flat_map(|server| metrics.iter().map(move |metric| (*metric, server)));
        rounds
            .any(|(metric, server)| self.results.disturbed(metric, server) > 0)
            .then(|| {
                format!(
                    "{DISTURBED} DISTURBED: at least one round was invalid or had its processor taken by other work; \
                     measure again on a quiet machine before you quote this or a ratio to it."
                )
            })
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            "In parentheses: the median over the rounds of the ratio to ours.".to_owned(),
            "CPU: process CPU clock of the server, user and system, per echo, request or connection in the window."
                .to_owned(),
            "p99: service time in a closed loop; a server that stalls is asked less, so stalls are under-counted."
                .to_owned(),
        ];
        if self.results.metrics().into_iter().any(|metric| self.has_least(metric)) {
            notes.push(
                "least: the least of the rounds that nothing disturbed; in parentheses its ratio to our least."
                    .to_owned(),
            );
        }
        notes.extend(self.measured_notes());
        notes.extend(self.results.agreed());
        notes.extend(self.disturbed_note());
        notes.extend(self.results.remarks());
        for left_out in &self.catalogue.left_out {
            notes.push(format!("Left out: {}: {}.", left_out.name, left_out.reason));
        }
        notes
    }

    fn measured_notes(&self) -> Vec<String> {
        let metrics = self.results.metrics();
        let many = format!(
            "many: {} clients; many/few: its CPU per echo against that with {}.",
            self.options.many, self.options.turns.load.clients
        );
        [
            (
                Metric::MemoryPerClient,
                "KiB/client: growth of the server's resident memory from 500 to 5000 idle clients that had each exchanged one message.".to_owned(),
            ),
            (
                Metric::MemoryPerSession,
                "KiB/client: growth of the server's resident memory from 500 to 5000 idle clients that had each had one answer.".to_owned(),
            ),
            (Metric::PageTablesPerClient, PAGE_TABLES.to_owned()),
            (Metric::PageTablesPerSession, PAGE_TABLES.to_owned()),
            (
                Metric::CpuPerHandshake,
                "a handshake each: connect, a whole handshake, one request with Connection: close, its answer, close."
                    .to_owned(),
            ),
            (
                Metric::CpuPerConnection,
                "connection: connect, one echo, close.".to_owned(),
            ),
            (Metric::CpuPerEchoOfMany, many),
            (
                Metric::CpuPerPipelined,
                "pipelined: 16 requests of each client are on their way at any time.".to_owned(),
            ),
            (
                Metric::CpuPerRequestAlone,
                "a connection each: connect, one request with Connection: close, its answer, close.".to_owned(),
            ),
            (
                Metric::Spawn,
                "spawn: an empty coroutine (task, goroutine) started and joined by another one, on one worker.".to_owned(),
            ),
            (
                Metric::WakeAsleep,
                "wake: a message to a coroutine that began on another worker, and one back, with two workers on two CPUs; \
                 asleep: nothing else runs; working: each worker has another coroutine that computes for 1 µs and yields. \
                 greenserve and tokio keep the two apart; the others may put one that is woken beside its waker."
                    .to_owned(),
            ),
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    use crate::commands::peers::Contestant;
    use crate::machine::invocation::ServerCommand;
    use crate::plan::model::Model;
    use crate::plan::places::Places;
    use crate::saved::{Run, Saved};

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        peers: PeersOptions,
    }

    /// The table of one server with an echo rate of 1000, in a round that is
    /// valid or not.
    fn sheet(valid: bool) -> String {
        let mut run = Run::example("a", 1000.0);
        run.verdict.valid = valid;
        let mut results = Results::new(1);
        results.example(Probe::Echo, Metric::EchoRate, &run);
        let contestant = Contestant {
            command: ServerCommand::ours("a", Model::Coroutine),
            timer: None,
            about: String::new(),
        };
        let sheet = Sheet {
            options: &Line::parse_from(["peers"]).peers,
            subject: Subject::Echo,
            catalogue: &Catalogue {
                contestants: vec![contestant],
                left_out: Vec::new(),
            },
            results: &results,
            stage: &Stage {
                machine: Saved::example([]).manifest.machine,
                places: Places::default(),
            },
        };
        sheet.text()
    }

    #[test]
    fn a_figure_of_a_disturbed_round_is_marked_and_the_mark_explained() {
        let (clean, disturbed) = (sheet(true), sheet(false));
        assert!(
            clean.contains("1,000 (1.00)") && !clean.contains("DISTURBED"),
            "{clean}"
        );
        assert!(
            disturbed.contains("1,000! (1.00)") && disturbed.contains("! DISTURBED: "),
            "{disturbed}"
        );
    }
}
