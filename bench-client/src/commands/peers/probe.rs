//! What is measured of each server.

use clap::ValueEnum;

use crate::base::format;
use crate::run::outcome::{Memory, Outcome};

/// One kind of run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Probe {
    /// Echoes over connections that stay.
    Echo,
    /// One connection for each echo.
    Churn,
    /// Connections that do nothing.
    Memory,
    /// Echoes of very many clients.
    Many,
    /// Starting and joining a coroutine, from inside a program.
    Spawn,
    /// Waking a coroutine of another worker, from inside a program.
    Wake,
}

impl Probe {
    /// Its name.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Probe::Echo => "echo",
            Probe::Churn => "churn",
            Probe::Memory => "memory",
            Probe::Many => "many",
            Probe::Spawn => "spawn",
            Probe::Wake => "wake",
        }
    }

    /// The figures that a run of it gives.
    pub(crate) fn metrics(self) -> &'static [Metric] {
        match self {
            Probe::Echo => &[
                Metric::CpuPerEcho,
                Metric::EchoRate,
                Metric::EchoP99,
                Metric::ServerCpu,
                Metric::ClientCpu,
            ],
            Probe::Churn => &[Metric::CpuPerConnection, Metric::ConnectionRate],
            Probe::Memory => &[Metric::MemoryPerClient, Metric::PageTablesPerClient],
            Probe::Many => &[Metric::CpuPerEchoOfMany, Metric::RateOfMany],
            Probe::Spawn => &[Metric::Spawn],
            Probe::Wake => &[Metric::WakeAsleep, Metric::WakeWorking],
        }
    }

    /// Whether a program times itself; the others are loads on a server.
    pub(crate) fn is_inside(self) -> bool {
        matches!(self, Probe::Spawn | Probe::Wake)
    }
}

/// One figure of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Metric {
    /// Microseconds of the server's processor time for an echo.
    CpuPerEcho,
    /// Echoes per second.
    EchoRate,
    /// The service time that 99 of 100 echoes do not exceed, in seconds.
    EchoP99,
    /// The part of a processor that the server used.
    ServerCpu,
    /// The part of a processor that the client used.
    ClientCpu,
    /// Microseconds of the server's processor time for a connection with one echo.
    CpuPerConnection,
    /// Such connections per second.
    ConnectionRate,
    /// Bytes of the server's resident memory for an idle client.
    MemoryPerClient,
    /// Bytes of the kernel's page tables for it.
    PageTablesPerClient,
    /// As [`Metric::CpuPerEcho`], with many clients.
    CpuPerEchoOfMany,
    /// As [`Metric::EchoRate`], with many clients.
    RateOfMany,
    /// Nanoseconds until an empty coroutine has been started and joined.
    Spawn,
    /// Nanoseconds to a coroutine of another worker and back, where both sleep.
    WakeAsleep,
    /// The same where both workers have another coroutine that computes.
    WakeWorking,
}

impl Metric {
    /// The kind of run that gives it.
    pub(crate) fn probe(self) -> Option<Probe> {
        let mut probes = Probe::value_variants().iter().copied();
        probes.find(|probe| probe.metrics().contains(&self))
    }

    /// Its name for programs.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Metric::CpuPerEcho => "cpu_us_per_echo",
            Metric::EchoRate => "echoes_per_s",
            Metric::EchoP99 => "p99_s",
            Metric::ServerCpu => "server_cpu_share",
            Metric::ClientCpu => "client_cpu_share",
            Metric::CpuPerConnection => "cpu_us_per_connection",
            Metric::ConnectionRate => "connections_per_s",
            Metric::MemoryPerClient => "bytes_per_client",
            Metric::PageTablesPerClient => "page_table_bytes_per_client",
            Metric::CpuPerEchoOfMany => "many_cpu_us_per_echo",
            Metric::RateOfMany => "many_echoes_per_s",
            Metric::Spawn => "spawn_ns",
            Metric::WakeAsleep => "wake_asleep_ns",
            Metric::WakeWorking => "wake_working_ns",
        }
    }

    /// Its name for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Metric::CpuPerEcho => "CPU/echo µs",
            Metric::EchoRate => "echoes/s",
            Metric::EchoP99 => "p99",
            Metric::ServerCpu => "server CPU",
            Metric::ClientCpu => "client CPU",
            Metric::CpuPerConnection => "CPU/connection µs",
            Metric::ConnectionRate => "connections/s",
            Metric::MemoryPerClient => "KiB/client",
            Metric::PageTablesPerClient => "KiB/client, page tables",
            Metric::CpuPerEchoOfMany => "CPU/echo µs, many",
            Metric::RateOfMany => "echoes/s, many",
            Metric::Spawn => "spawn ns",
            Metric::WakeAsleep => "wake ns, asleep",
            Metric::WakeWorking => "wake ns, working",
        }
    }

    /// Whether the ratio to ours says anything.
    pub(crate) fn compares(self) -> bool {
        !matches!(self, Metric::ServerCpu | Metric::ClientCpu)
    }

    /// Whether it is time for a piece of work: of such the least is shown too.
    pub(crate) fn is_cost(self) -> bool {
        self.timed().is_some()
            || matches!(
                self,
                Metric::CpuPerEcho | Metric::CpuPerConnection | Metric::CpuPerEchoOfMany
            )
    }

    /// What a program calls it that times it from inside.
    pub(crate) fn timed(self) -> Option<&'static str> {
        match self {
            Metric::Spawn => Some("spawn"),
            Metric::WakeAsleep => Some("asleep"),
            Metric::WakeWorking => Some("working"),
            _ => None,
        }
    }

    /// The figure that a load on a server gave.
    pub(crate) fn of(self, outcome: &Outcome) -> Option<f64> {
        match self {
            Metric::CpuPerEcho | Metric::CpuPerConnection | Metric::CpuPerEchoOfMany => outcome.server_cpu_per_echo(),
            Metric::EchoRate | Metric::ConnectionRate | Metric::RateOfMany => outcome.rate(),
            Metric::EchoP99 => outcome.service.of_all(0.99).map(|time| time.as_secs_f64()),
            Metric::ServerCpu => outcome.server_share(),
            Metric::ClientCpu => outcome.client_share(),
            Metric::MemoryPerClient => outcome.memory.as_ref().map(Memory::per_client),
            Metric::PageTablesPerClient => outcome.memory.as_ref().and_then(Memory::tables_per_client),
            Metric::Spawn | Metric::WakeAsleep | Metric::WakeWorking => None,
        }
    }

    /// The figure as people read it.
    pub(crate) fn show(self, figure: f64) -> String {
        match self {
            Metric::EchoRate | Metric::ConnectionRate | Metric::RateOfMany => format::thousands(figure),
            Metric::EchoP99 => format::duration(std::time::Duration::from_secs_f64(figure)),
            Metric::ServerCpu | Metric::ClientCpu => format::percent(figure),
            Metric::MemoryPerClient | Metric::PageTablesPerClient => format::three_digits(figure / 1024.0),
            _ => format::three_digits(figure),
        }
    }
}
