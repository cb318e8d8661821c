//! A server's numbers as Prometheus reads them; feature `prometheus`.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};

use crate::lifecycle::{Metrics, ServerHandle};
use crate::runtime;

/// Reads the numbers of a server and of the runtime whenever it is asked;
/// given to a registry of the crate `prometheus-client`.
///
/// ```
/// use greenserve::{TcpServer, net::TcpStream, prometheus};
/// use prometheus_client::registry::Registry;
///
/// let server = TcpServer::bind("127.0.0.1:0", |_: &mut TcpStream| std::io::Result::Ok(()))?;
/// let mut registry = Registry::with_prefix("echo");
/// prometheus::register(&mut registry, server.handle());
/// let text = prometheus::text(&registry);
/// assert!(text.contains("echo_accepted_total 0"));
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ServerCollector {
    handle: ServerHandle,
}

/// Adds the numbers of `handle`'s server, and those of the runtime, to what
/// `registry` holds. Of several servers give each a registry with a prefix or
/// labels of its own ([`Registry::sub_registry_with_label`]).
pub fn register(registry: &mut Registry, handle: ServerHandle) {
    registry.register_collector(Box::new(ServerCollector { handle }));
}

/// All that `registry` holds in the OpenMetrics text form, to be answered with
/// the content type `application/openmetrics-text; version=1.0.0`.
pub fn text(registry: &Registry) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = prometheus_client::encoding::text::encode(&mut text, registry);
    text
}

impl Collector for ServerCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let metrics = self.handle.metrics();
        counters(&mut encoder, &metrics)?;
        by_reason(&mut encoder, &metrics)?;
        gauges(&mut encoder, &metrics)?;
        of_runtime(&mut encoder)?;
        request_time(&mut encoder, &metrics)
    }
}

fn counters(encoder: &mut DescriptorEncoder<'_>, metrics: &Metrics) -> fmt::Result {
    for (name, help, unit, value) in [
        ("accepted", "Requests given to a handler", None, metrics.accepted),
        (
            "stalls",
            "Times that a worker did not come back to its loop",
            None,
            runtime::stalls().count,
        ),
        (
            "accept_pauses",
            "Pauses of the accept loop because something was used up",
            None,
            metrics.accept_pauses,
        ),
        (
            "received",
            "Bytes read from clients",
            Some(Unit::Bytes),
            metrics.received_bytes,
        ),
        (
            "sent",
            "Bytes written to clients",
            Some(Unit::Bytes),
            metrics.sent_bytes,
        ),
    ] {
        encoder
            .encode_descriptor(name, help, unit.as_ref(), MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, f64>(&value, None)?;
    }
    Ok(())
}

/// The counters that have a reason for a label.
fn by_reason(encoder: &mut DescriptorEncoder<'_>, metrics: &Metrics) -> fmt::Result {
    let counts = metrics.counts;
    let ended = [
        ("disconnected", counts.disconnected),
        ("failed", counts.failed),
        ("dropped", counts.dropped),
        ("overflowed", counts.overflowed),
    ];
    family(
        encoder,
        "unserved",
        "Requests that came to nothing, by how",
        "how",
        &ended,
    )?;
    let refused = metrics.refused;
    let refused = [
        ("connections", refused.connections),
        ("per_peer", refused.per_peer),
        ("rate", refused.rate),
        ("hooks", refused.hooks),
        ("untrusted_proxy", refused.untrusted_proxy),
        ("bad_proxy_header", refused.bad_proxy_header),
    ];
    let help = "Requests refused, by limit or other reason";
    family(encoder, "refused", help, "reason", &refused)?;
    let overdue = metrics.overdue.map(|(deadline, count)| (deadline.name(), count));
    family(
        encoder,
        "overdue",
        "Deadlines that clients missed",
        "deadline",
        &overdue,
    )
}

fn family(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &str,
    counts: &[(&str, u64)],
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (value, count) in counts {
        family
            .encode_family(&[(label, *value)])?
            .encode_counter::<NoLabelSet, _, f64>(count, None)?;
    }
    Ok(())
}

/// What is the runtime's. Coroutines are walked over for it, some at a time.
fn of_runtime(encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let (metrics, census) = (runtime::metrics(), runtime::census());
    let workers = metrics.wake_ups.iter().enumerate();
    let wake_ups: Vec<_> = workers.map(|(worker, count)| (worker.to_string(), *count)).collect();
    let wake_ups: Vec<_> = wake_ups
        .iter()
        .map(|(worker, count)| (worker.as_str(), *count))
        .collect();
    let help = "Times that a worker went on with a coroutine";
    family(encoder, "wake_ups", help, "worker", &wake_ups)?;
    let states: Vec<_> = census.states().collect();
    let help = "Coroutines of the whole process, by what they do or wait for";
    gauge_family(encoder, ("coroutine_states", help, None), "state", &states)?;
    let stacks = metrics.stacks;
    let help = "Address space of stacks: mapped, of live coroutines, kept for the next; and what those that wait use";
    let stacks = [
        ("mapped", stacks.mapped),
        ("in_use", stacks.in_use),
        ("kept", stacks.kept),
        ("depth", census.stack_depth),
    ];
    gauge_family(encoder, ("stacks", help, Some(&Unit::Bytes)), "what", &stacks)
}

fn gauge_family(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit): (&str, &str, Option<&Unit>),
    label: &str,
    values: &[(&str, usize)],
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    for (of, value) in values {
        family.encode_family(&[(label, *of)])?.encode_gauge(value)?;
    }
    Ok(())
}

fn gauges(encoder: &mut DescriptorEncoder<'_>, metrics: &Metrics) -> fmt::Result {
    let offload = runtime::offload_load();
    for (name, help, value) in [
        ("in_flight", "Requests in flight", metrics.in_flight),
        (
            "max_connections",
            "The most requests in flight",
            metrics.max_connections,
        ),
        (
            "peers",
            "Clients with requests in flight, where there is a limit for each",
            metrics.peers.clients,
        ),
        ("peer_requests", "Their requests in flight", metrics.peers.requests),
        ("coroutines", "Coroutines of the whole process", runtime::live_count()),
        (
            "timers",
            "Timers that are set, of the whole process",
            runtime::metrics().timers,
        ),
        ("offload_threads", "Threads for calls that block", offload.threads),
        (
            "offload_queue",
            "Calls that wait for such a thread",
            offload.queued + offload.waiting,
        ),
    ] {
        encoder
            .encode_descriptor(name, help, None, MetricType::Gauge)?
            .encode_gauge(&value)?;
    }
    Ok(())
}

fn request_time(encoder: &mut DescriptorEncoder<'_>, metrics: &Metrics) -> fmt::Result {
    let times = &metrics.request_time;
    let buckets: Vec<_> = times
        .buckets()
        .map(|(bound, count)| (bound.as_ref().map_or(f64::INFINITY, Duration::as_secs_f64), count))
        .collect();
    let no_exemplars = None::<&std::collections::HashMap<usize, Exemplar<NoLabelSet, f64>>>;
    encoder
        .encode_descriptor(
            "request_time",
            "From accept to close",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?
        .encode_histogram(times.total().as_secs_f64(), times.count(), &buckets, no_exemplars)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::net::TcpStream;
    use crate::testing::TestServer;
    use crate::{AtLimit, Limits, Tcp, TcpServer};

    #[test]
    fn the_text_has_every_deadline_and_every_reason_of_a_refusal() {
        let server = TestServer::<Tcp>::start(|_: &mut TcpStream| std::io::Result::Ok(())).unwrap();
        let mut registry = Registry::with_prefix("test");
        register(&mut registry, server.handle().clone());
        let text = text(&registry);
        let labels = |family: &str| {
            let start = format!("test_{family}_total{{");
            let lines = text.lines().filter_map(|line| line.strip_prefix(&start));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let deadlines = crate::Overdue::ALL.map(|deadline| format!("deadline=\"{}\"}} 0", deadline.name()));
        assert_eq!(labels("overdue"), deadlines);
        let reasons = [
            "connections",
            "per_peer",
            "rate",
            "hooks",
            "untrusted_proxy",
            "bad_proxy_header",
        ];
        assert_eq!(
            labels("refused"),
            reasons.map(|reason| format!("reason=\"{reason}\"}} 0"))
        );
    }

    #[test]
    fn the_text_has_what_the_server_did() {
        let echo = |client: &mut TcpStream| {
            let mut word = [0; 4];
            client.read_exact(&mut word)?;
            client.write_all(&word)
        };
        let builder = TcpServer::builder(echo).limits(Limits::new().connections(1).at_connections(AtLimit::Close));
        let server = TestServer::<Tcp>::build(builder).unwrap();
        let mut registry = Registry::with_prefix("test");
        register(&mut registry, server.handle().clone());
        let mut client = server.connect().unwrap();
        let mut other = server.connect().unwrap();
        assert_eq!(other.read(&mut [0]).unwrap(), 0);
        client.write_all(b"word").unwrap();
        client.read_exact(&mut [0; 4]).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        while server.handle().in_flight() > 0 {
            std::thread::yield_now();
        }
        let text = text(&registry);
        for line in [
            "test_accepted_total 1",
            "test_received_bytes_total 4",
            "test_sent_bytes_total 4",
            "test_unserved_total{how=\"failed\"} 0",
            "test_unserved_total{how=\"overflowed\"} 0",
            "test_refused_total{reason=\"connections\"} 1",
            "test_refused_total{reason=\"rate\"} 0",
            "test_refused_total{reason=\"bad_proxy_header\"} 0",
            "test_in_flight 0",
            "test_max_connections 1",
            "test_peers 0",
            "test_peer_requests 0",
            "test_request_time_seconds_count 1",
            "test_request_time_seconds_bucket{le=\"+Inf\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        // Those of the whole process, in which other tests run.
        for start in ["test_stalls_total ", "test_offload_queue ", "test_timers "] {
            assert!(
                text.lines().any(|line| line.starts_with(start)),
                "no {start} in\n{text}"
            );
        }
        for start in [
            "test_wake_ups_total{worker=\"0\"} ",
            "test_stacks_bytes{what=\"mapped\"} ",
        ] {
            let value = text.lines().find_map(|line| line.strip_prefix(start));
            assert!(
                value.is_some_and(|value| value != "0"),
                "{start} is 0 or not in\n{text}"
            );
        }
        for start in [
            "test_stacks_bytes{what=\"depth\"} ",
            "test_coroutine_states{state=\"lock\"} ",
        ] {
            assert!(
                text.lines().any(|line| line.starts_with(start)),
                "{start} is not in\n{text}"
            );
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
