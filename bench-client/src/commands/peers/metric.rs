//! The figures of a server.

use crate::base::format;
use crate::run::outcome::{Memory, Outcome};

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
    /// Microseconds of the server's processor time for a request.
    CpuPerRequest,
    /// Requests per second.
    RequestRate,
    /// The service time that 99 of 100 requests do not exceed, in seconds.
    RequestP99,
    /// As [`Metric::CpuPerRequest`], with 16 requests on their way.
    CpuPerPipelined,
    /// As [`Metric::RequestRate`], likewise.
    PipelinedRate,
    /// As [`Metric::CpuPerRequest`], with a connection for each.
    CpuPerRequestAlone,
    /// As [`Metric::RequestRate`], likewise.
    RequestAloneRate,
    /// As [`Metric::CpuPerRequest`], for 64 KiB.
    CpuPerLarge,
    /// As [`Metric::RequestRate`], likewise.
    LargeRate,
    /// As [`Metric::CpuPerRequest`], over TLS.
    CpuPerSecure,
    /// As [`Metric::RequestRate`], likewise.
    SecureRate,
    /// As [`Metric::RequestP99`], likewise.
    SecureP99,
    /// As [`Metric::CpuPerRequestAlone`], with a whole handshake of TLS for each.
    CpuPerHandshake,
    /// As [`Metric::RequestRate`], likewise.
    HandshakeRate,
    /// As [`Metric::CpuPerLarge`], over TLS.
    CpuPerSecureLarge,
    /// As [`Metric::LargeRate`], likewise.
    SecureLargeRate,
    /// As [`Metric::MemoryPerClient`], over TLS.
    MemoryPerSession,
    /// As [`Metric::PageTablesPerClient`], likewise.
    PageTablesPerSession,
}

impl Metric {
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
            Metric::CpuPerRequest => "http_cpu_us_per_request",
            Metric::RequestRate => "http_requests_per_s",
            Metric::RequestP99 => "http_p99_s",
            Metric::CpuPerPipelined => "http_pipelined_cpu_us_per_request",
            Metric::PipelinedRate => "http_pipelined_requests_per_s",
            Metric::CpuPerRequestAlone => "http_churn_cpu_us_per_request",
            Metric::RequestAloneRate => "http_churn_requests_per_s",
            Metric::CpuPerLarge => "http_64k_cpu_us_per_request",
            Metric::LargeRate => "http_64k_requests_per_s",
            Metric::CpuPerSecure => "https_cpu_us_per_request",
            Metric::SecureRate => "https_requests_per_s",
            Metric::SecureP99 => "https_p99_s",
            Metric::CpuPerHandshake => "https_churn_cpu_us_per_request",
            Metric::HandshakeRate => "https_churn_requests_per_s",
            Metric::CpuPerSecureLarge => "https_64k_cpu_us_per_request",
            Metric::SecureLargeRate => "https_64k_requests_per_s",
            Metric::MemoryPerSession => "https_bytes_per_client",
            Metric::PageTablesPerSession => "https_page_table_bytes_per_client",
        }
    }

    /// Its name for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Metric::CpuPerEcho => "CPU/echo µs",
            Metric::EchoRate => "echoes/s",
            Metric::EchoP99 | Metric::RequestP99 | Metric::SecureP99 => "p99",
            Metric::ServerCpu => "server CPU",
            Metric::ClientCpu => "client CPU",
            Metric::CpuPerConnection => "CPU/connection µs",
            Metric::ConnectionRate => "connections/s",
            Metric::MemoryPerClient | Metric::MemoryPerSession => "KiB/client",
            Metric::PageTablesPerClient | Metric::PageTablesPerSession => "KiB/client, page tables",
            Metric::CpuPerEchoOfMany => "CPU/echo µs, many",
            Metric::RateOfMany => "echoes/s, many",
            Metric::Spawn => "spawn ns",
            Metric::WakeAsleep => "wake ns, asleep",
            Metric::WakeWorking => "wake ns, working",
            Metric::CpuPerRequest | Metric::CpuPerSecure => "CPU/request µs",
            Metric::RequestRate | Metric::SecureRate => "requests/s",
            Metric::CpuPerPipelined => "CPU/request µs, pipelined",
            Metric::PipelinedRate => "requests/s, pipelined",
            Metric::CpuPerRequestAlone => "CPU/request µs, a connection each",
            Metric::RequestAloneRate => "requests/s, a connection each",
            Metric::CpuPerLarge | Metric::CpuPerSecureLarge => "CPU/request µs, 64 KiB",
            Metric::LargeRate | Metric::SecureLargeRate => "requests/s, 64 KiB",
            Metric::CpuPerHandshake => "CPU/request µs, a handshake each",
            Metric::HandshakeRate => "requests/s, a handshake each",
        }
    }

    /// Whether the ratio to ours says anything.
    pub(crate) fn compares(self) -> bool {
        !matches!(self, Metric::ServerCpu | Metric::ClientCpu)
    }

    /// Whether it is time for a piece of work: of such the least is shown too.
    pub(crate) fn is_cost(self) -> bool {
        self.timed().is_some() || self.is_cpu()
    }

    /// Whether it is the server's processor time for a piece of work.
    fn is_cpu(self) -> bool {
        matches!(
            self,
            Metric::CpuPerEcho
                | Metric::CpuPerConnection
                | Metric::CpuPerEchoOfMany
                | Metric::CpuPerRequest
                | Metric::CpuPerPipelined
                | Metric::CpuPerRequestAlone
                | Metric::CpuPerLarge
                | Metric::CpuPerSecure
                | Metric::CpuPerHandshake
                | Metric::CpuPerSecureLarge
        )
    }

    /// Whether it is pieces of work in a second.
    fn is_rate(self) -> bool {
        matches!(
            self,
            Metric::EchoRate
                | Metric::ConnectionRate
                | Metric::RateOfMany
                | Metric::RequestRate
                | Metric::PipelinedRate
                | Metric::RequestAloneRate
                | Metric::LargeRate
                | Metric::SecureRate
                | Metric::HandshakeRate
                | Metric::SecureLargeRate
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
            _ if self.is_cpu() => outcome.server_cpu_per_echo(),
            _ if self.is_rate() => outcome.rate(),
            Metric::EchoP99 | Metric::RequestP99 | Metric::SecureP99 => {
                outcome.service.of_all(0.99).map(|time| time.as_secs_f64())
            }
            Metric::ServerCpu => outcome.server_share(),
            Metric::ClientCpu => outcome.client_share(),
            Metric::MemoryPerClient | Metric::MemoryPerSession => outcome.memory.as_ref().map(Memory::per_client),
            Metric::PageTablesPerClient | Metric::PageTablesPerSession => {
                outcome.memory.as_ref().and_then(Memory::tables_per_client)
            }
            _ => None,
        }
    }

    /// The figure as people read it.
    pub(crate) fn show(self, figure: f64) -> String {
        match self {
            _ if self.is_rate() => format::thousands(figure),
            Metric::EchoP99 | Metric::RequestP99 | Metric::SecureP99 => {
                format::duration(std::time::Duration::from_secs_f64(figure))
            }
            Metric::ServerCpu | Metric::ClientCpu => format::percent(figure),
            Metric::MemoryPerClient
            | Metric::PageTablesPerClient
            | Metric::MemoryPerSession
            | Metric::PageTablesPerSession => format::three_digits(figure / 1024.0),
            _ => format::three_digits(figure),
        }
    }
}
