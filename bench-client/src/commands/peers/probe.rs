//! What is measured of each server.

use clap::ValueEnum;

use super::metric::Metric;

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
    /// 13 bytes by HTTP over connections that stay.
    Http,
    /// The same with 16 requests of each client on their way.
    HttpPipelined,
    /// One connection for each request.
    HttpChurn,
    /// 64 KiB by HTTP over connections that stay.
    #[value(name = "http-64k")]
    Http64k,
    /// As [`Probe::Http`], over TLS.
    Https,
    /// One connection with a whole handshake of TLS for each request.
    HttpsChurn,
    /// As [`Probe::Http64k`], over TLS.
    #[value(name = "https-64k")]
    Https64k,
    /// Connections of TLS that do nothing.
    HttpsMemory,
}

/// What servers do that are measured side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// They send back what comes.
    Echo,
    /// They answer requests.
    Http,
    /// They do so over TLS.
    Https,
}

impl Probe {
    /// What the servers do that it measures.
    pub(crate) fn subject(self) -> Subject {
        match self {
            Probe::Http | Probe::HttpPipelined | Probe::HttpChurn | Probe::Http64k => Subject::Http,
            Probe::Https | Probe::HttpsChurn | Probe::Https64k | Probe::HttpsMemory => Subject::Https,
            _ => Subject::Echo,
        }
    }

    /// Its name.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Probe::Echo => "echo",
            Probe::Churn => "churn",
            Probe::Memory => "memory",
            Probe::Many => "many",
            Probe::Spawn => "spawn",
            Probe::Wake => "wake",
            Probe::Http => "http",
            Probe::HttpPipelined => "http-pipelined",
            Probe::HttpChurn => "http-churn",
            Probe::Http64k => "http-64k",
            Probe::Https => "https",
            Probe::HttpsChurn => "https-churn",
            Probe::Https64k => "https-64k",
            Probe::HttpsMemory => "https-memory",
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
            Probe::Http => &[Metric::CpuPerRequest, Metric::RequestRate, Metric::RequestP99],
            Probe::HttpPipelined => &[Metric::CpuPerPipelined, Metric::PipelinedRate],
            Probe::HttpChurn => &[Metric::CpuPerRequestAlone, Metric::RequestAloneRate],
            Probe::Http64k => &[Metric::CpuPerLarge, Metric::LargeRate],
            Probe::Https => &[Metric::CpuPerSecure, Metric::SecureRate, Metric::SecureP99],
            Probe::HttpsChurn => &[Metric::CpuPerHandshake, Metric::HandshakeRate],
            Probe::Https64k => &[Metric::CpuPerSecureLarge, Metric::SecureLargeRate],
            Probe::HttpsMemory => &[Metric::MemoryPerSession, Metric::PageTablesPerSession],
        }
    }

    /// Whether a program times itself; the others are loads on a server.
    pub(crate) fn is_inside(self) -> bool {
        matches!(self, Probe::Spawn | Probe::Wake)
    }
}

impl Metric {
    /// The kind of run that gives it.
    pub(crate) fn probe(self) -> Option<Probe> {
        let mut probes = Probe::value_variants().iter().copied();
        probes.find(|probe| probe.metrics().contains(&self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probe_is_named_as_it_is_asked_for() {
        for probe in Probe::value_variants() {
            let asked = probe.to_possible_value().unwrap();
            assert_eq!(asked.get_name(), probe.id());
        }
    }

    #[test]
    fn every_figure_is_of_one_probe_and_has_names_of_its_own() {
        let all: Vec<_> = Probe::value_variants()
            .iter()
            .flat_map(|probe| probe.metrics())
            .collect();
        for metric in &all {
            let same = |other: &&&Metric| other.id() == metric.id();
            assert_eq!(all.iter().filter(same).count(), 1, "{}", metric.id());
            assert!(metric.probe().is_some_and(|probe| probe.metrics().contains(metric)));
        }
    }
}
