//! What a reader of valid figures should know all the same.

use super::reasons::STOPPED;
use crate::base::format;
use crate::saved::{Run, Times, Usage};

/// The time that a kernel waits for more to acknowledge, in nanoseconds: what
/// a message takes that Nagle's algorithm holds back until then.
const DELAYED_ACK: std::ops::Range<u64> = 39_500_000..45_000_000;
/// The part of what it can drive from which on the client may be what was
/// measured.
const AT_CEILING: f64 = 0.95;
/// The part of the processor time that may go to another machine.
const STEAL: f64 = 0.01;
/// The part of the time that a process may wait for a processor.
pub(super) const CROWDED: f64 = 0.2;
/// After so long, in nanoseconds, a kernel first asks again for a connection.
const CONNECT_AGAIN: u64 = 1_000_000_000;
/// More threads than these wait for one another.
const FEW_THREADS: u64 = 8;

pub(super) fn of(run: &Run) -> Vec<String> {
    [
        unverified(run),
        at_ceiling(run),
        overflows(run),
        lost_datagrams(run),
        delayed(run),
        stolen(run),
        crowded(run),
        unsent(run),
        stopped(run),
        closed(run),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// That it may have been anybody.
fn unverified(run: &Run) -> Option<String> {
    (run.workload.tls_verified == Some(false)).then(|| {
        "NOT VERIFIED: no certificate was looked at (--insecure), so that whoever answered was measured".to_owned()
    })
}

fn at_ceiling(run: &Run) -> Option<String> {
    let ceiling = run.ceiling.as_ref().filter(|ceiling| ceiling.share >= AT_CEILING)?;
    Some(format!(
        "client at its ceiling: {} of {} {}/s (calibrated {}): the rate may be the client's own; \
         give it more --workers and processors, and calibrate with them",
        format::percent(ceiling.share),
        format::thousands(ceiling.answers_per_s),
        run.workload.units(),
        ceiling.calibrated
    ))
}

fn overflows(run: &Run) -> Option<String> {
    let count = run.host.listen_overflows.filter(|count| *count > 0)?;
    let whose = match waited_to_connect(run) {
        true => {
            "a first answer here took 1 s or more, as after such a drop; raise the server's backlog and \
             the sysctl net.core.somaxconn, or connect more slowly"
        }
        false => "every first answer here came within 1 s, so that they were most likely another server's",
    };
    Some(format!(
        "{} connections on this machine found a full accept queue: {whose}",
        format::thousands(count as f64)
    ))
}

/// Whether some connection took as long as one whose first packet was dropped.
fn waited_to_connect(run: &Run) -> bool {
    let each_connects = run.workload.churn == "per-request";
    let longest = run.service_time.max;
    run.connections.first_answer.max >= CONNECT_AGAIN || each_connects && longest >= CONNECT_AGAIN
}

fn lost_datagrams(run: &Run) -> Option<String> {
    let count = run.host.udp_receive_buffer_errors.filter(|count| *count > 0)?;
    (run.workload.protocol == "udp").then(|| {
        format!(
            "the kernel dropped {} datagrams for want of room in a receive buffer, this client's or the server's: \
             they are lost on this machine, not on the way; raise the sysctl net.core.rmem_max and the buffers",
            format::thousands(count as f64)
        )
    })
}

fn delayed(run: &Run) -> Option<String> {
    has_plateau(&run.service_time).then(|| {
        "many answers took 40 ms, as when Nagle's algorithm waits for a delayed acknowledgement; \
         set TCP_NODELAY on the server, and write each answer at once"
            .to_owned()
    })
}

/// Whether a mode of the times is at 40 ms: two quantiles next to each other.
fn has_plateau(times: &Times) -> bool {
    let quantiles = [times.p50, times.p90, times.p99, times.p999];
    let in_range = |time: &Option<u64>| time.is_some_and(|time| DELAYED_ACK.contains(&time));
    let both = |pair: &[Option<u64>]| pair.iter().all(in_range);
    times.count >= 100 && quantiles.windows(2).any(both)
}

/// Which end waited longest for a processor, and for which part of the time.
///
/// Threads that wait for a processor wait for other processes, if they are few
/// and not at the limit themselves.
pub(super) fn longest_wait(run: &Run) -> Option<(&'static str, f64)> {
    let part = |usage: &Usage| {
        let few = usage.threads.is_some_and(|threads| threads <= FEW_THREADS);
        usage.run_queue_share.filter(|_| few)
    };
    let ends = [("server", &run.server), ("client", &run.client)];
    let waited = ends.map(|(name, usage)| (name, usage.as_ref().and_then(part).unwrap_or_default()));
    let longest = waited.into_iter().max_by(|one, other| one.1.total_cmp(&other.1));
    longest.filter(|_| run.window_s.is_some())
}

fn crowded(run: &Run) -> Option<String> {
    let (name, part) = longest_wait(run)?;
    (part > CROWDED).then(|| {
        format!(
            "the {name} was ready to run but had no processor for {} of the time: other work on this machine disturbed \
             the figures; repeat the measurement when it is done",
            format::percent(part)
        )
    })
}

pub(super) fn stolen(run: &Run) -> Option<String> {
    let steal = run.host.steal_s?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let length = run.connections.connecting_s + run.workload.warmup_s + run.window_s?;
    let part = steal / length.max(1e-9) / processors as f64;
    (part > STEAL).then(|| {
        format!(
            "another machine on this host took {} of the processor time: repeat the measurement",
            format::percent(part)
        )
    })
}

/// That the clients did not work for a while, if that does not spoil the run.
fn stopped(run: &Run) -> Option<String> {
    let stopped = run.client_stopped_s;
    let little = stopped <= STOPPED * run.window_s?;
    (stopped > 0.0 && little).then(|| {
        format!(
            "the client stood still for {} s together: it was stopped or had no processor, and neither sent nor heard \
             anything meanwhile",
            format::three_digits(stopped)
        )
    })
}

/// That the server closes connections which the clients would have kept.
fn closed(run: &Run) -> Option<String> {
    let closed = run.connections.closed_by_server?;
    let rate = run.connections.turnover_per_s()?;
    (closed > 0).then(|| {
        format!(
            "the server closed {} connections, so that {} a second were opened: connecting is part of these figures; \
             have it keep them, or say that it shall be so with --churn per-request",
            format::thousands(closed as f64),
            format::thousands(rate)
        )
    })
}

/// Messages the schedule asked for that were still waiting for their turn at
/// the end: the longest waits are not among the times.
fn unsent(run: &Run) -> Option<String> {
    let on_their_way = u64::from(run.connections.connected) * u64::from(run.workload.depth);
    let unsent = run.unfinished.saturating_sub(on_their_way);
    (run.offered.is_some() && unsent > 0).then(|| {
        format!(
            "{} scheduled messages were not sent by the end, for all clients waited for answers: \
             they count as longer than every time, and a quantile that they hide is -",
            format::thousands(unsent as f64)
        )
    })
}
