//! Which plots a comparison has.

use hdrhistogram::Histogram;

use super::axis::Axis;
use super::chart::{Chart, Line, Mark, Stroke};
use crate::format;
use crate::report::grouping::{Comparison, Rounds};
use crate::report::histogram::{TICKS_PER_HALF, pooled};
use crate::report::wording;
use crate::saved::{Run, Second};

/// A rest at the window's end that is shorter than this says nothing as a rate.
const SHORTEST_SECOND: f64 = 0.25;
/// With more seconds than these their marks would touch.
const MOST_MARKS: usize = 60;
/// The quantiles that have a mark.
const MARKED: [(f64, &str); 6] = [
    (0.5, "p50"),
    (0.9, "p90"),
    (0.99, "p99"),
    (0.999, "p99.9"),
    (0.9999, "p99.99"),
    (0.99999, "p99.999"),
];

/// A figure of a second, by name, and how its line is drawn.
struct Track {
    /// What stands behind the side's name.
    name: &'static str,
    stroke: Stroke,
    figure: fn(&Second) -> Option<f64>,
    show: fn(f64) -> String,
}

/// The vertical axis for values between two, with their names.
type Vertical = fn(f64, f64, fn(f64) -> String) -> Axis;

/// All that have something to show.
pub(crate) fn charts(comparison: &Comparison<'_>) -> Vec<Chart> {
    let title = match comparison.workload.units() {
        "requests" => "Throughput, requests/s",
        "connections" => "Throughput, connections/s",
        _ => "Throughput, echoes/s",
    };
    let over_time = |title, axis, tracks: &[Track]| over_time(comparison, title, axis, tracks);
    let all = [
        latency(comparison),
        over_time(title, from_zero, &[RATE]),
        over_time("Time p50 and p99, each second", of_times, &[P99, P50]),
        over_time("CPU, % of one processor", from_zero, &[SERVER_CPU, CLIENT_CPU]),
        over_time("Resident memory, MiB", from_zero, &[SERVER_MEMORY, CLIENT_MEMORY]),
        over_time("Errors in each second", of_counts, &[ERRORS]).filter(Chart::shows_more_than_zero),
    ];
    all.into_iter().flatten().collect()
}

const RATE: Track = Track {
    name: "",
    stroke: Stroke::Solid,
    figure: |second| (second.length_s >= SHORTEST_SECOND).then(|| second.answers_per_s())?,
    show: format::thousands,
};
const P99: Track = Track {
    name: " p99",
    stroke: Stroke::Solid,
    figure: |second| (second.answers > 0).then_some(second.p99 as f64),
    show: nanos,
};
const P50: Track = Track {
    name: " p50",
    stroke: Stroke::Dashed,
    figure: |second| (second.answers > 0).then_some(second.p50 as f64),
    show: nanos,
};
const SERVER_CPU: Track = Track {
    name: ": server",
    stroke: Stroke::Solid,
    figure: |second| second.server_cpu_share.filter(|_| second.length_s >= SHORTEST_SECOND),
    show: format::percent,
};
const CLIENT_CPU: Track = Track {
    name: ": client",
    stroke: Stroke::Dashed,
    figure: |second| second.client_cpu_share.filter(|_| second.length_s >= SHORTEST_SECOND),
    show: format::percent,
};
const SERVER_MEMORY: Track = Track {
    name: ": server",
    stroke: Stroke::Solid,
    figure: |second| second.server_resident_bytes.map(mib),
    show: show_mib,
};
const CLIENT_MEMORY: Track = Track {
    name: ": client",
    stroke: Stroke::Dashed,
    figure: |second| second.client_resident_bytes.map(mib),
    show: show_mib,
};
const ERRORS: Track = Track {
    name: "",
    stroke: Stroke::Solid,
    figure: |second| Some(second.errors() as f64),
    show: format::thousands,
};

/// The times that shares of the answers do not exceed. In an open loop the
/// service time lies beside the response time: what is between them is waiting.
fn latency(comparison: &Comparison<'_>) -> Option<Chart> {
    let mut lines = Vec::new();
    for (index, side) in comparison.sides.iter().enumerate() {
        let open = side.runs.iter().any(|run| run.response_time.is_some());
        let name = match open {
            true => format!("{} response", side.name),
            false => side.name.to_owned(),
        };
        let times = pooled(side, |run| Some(run.time()));
        lines.extend(times.map(|times| curve(&times, name, index, Stroke::Solid)));
        let service = open.then(|| pooled(side, |run| Some(&run.service_time))).flatten();
        let name = format!("{} service", side.name);
        lines.extend(service.map(|times| curve(&times, name, index, Stroke::Dashed)));
    }
    let (low, high) = bounds(&lines, |(_, y)| y)?;
    let (_, most) = bounds(&lines, |(x, _)| x)?;
    Some(Chart {
        title: match comparison.workload.mode.as_str() {
            "open" => "Response time and service time",
            _ => "Service time",
        },
        across: "share of answers that took no longer, on the axis of 1/(1-q)",
        x: Axis::percentiles(most),
        y: Axis::positive(low, high, tick),
        lines,
    })
}

fn curve(times: &Histogram<u64>, name: String, side: usize, stroke: Stroke) -> Line {
    let most = times.len() as f64;
    // The shortest time of all is one answer's luck and would take half the axis.
    let steps = times.iter_quantiles(TICKS_PER_HALF).skip(1);
    let points = steps.map(|step| {
        let x = 1.0 / (1.0 - step.quantile_iterated_to()).max(1.0 / most);
        (x, step.value_iterated_to() as f64)
    });
    let reached = MARKED.into_iter().filter(|(share, _)| 1.0 / (1.0 - share) <= most);
    let marks = reached.map(|(share, label)| {
        let value = times.value_at_quantile(share);
        Mark {
            at: (1.0 / (1.0 - share), value as f64),
            text: format!("{name} {label}: {}", format::nanoseconds(value)),
        }
    });
    let marks: Vec<_> = marks.collect();
    Line {
        points: points.collect(),
        marks,
        name: Some(name),
        side,
        stroke,
    }
}

fn over_time(comparison: &Comparison<'_>, title: &'static str, axis: Vertical, tracks: &[Track]) -> Option<Chart> {
    let lines: Vec<_> = tracks
        .iter()
        .flat_map(|track| {
            let sides = comparison.sides.iter().enumerate();
            sides.flat_map(|(index, side)| rounds(side, index, track))
        })
        .collect();
    let (low, high) = bounds(&lines, |(_, y)| y)?;
    let (_, end) = bounds(&lines, |(x, _)| x)?;
    let show = tracks.first()?.show;
    Some(Chart {
        title,
        across: "seconds since the window began",
        x: Axis::exact(end, |seconds| format!("{}", (seconds * 1000.0).round() / 1000.0)),
        y: axis(low, high, show),
        lines,
    })
}

fn from_zero(_: f64, high: f64, show: fn(f64) -> String) -> Axis {
    Axis::linear(high, show)
}

fn of_counts(_: f64, high: f64, show: fn(f64) -> String) -> Axis {
    Axis::counts(high, show)
}

fn of_times(low: f64, high: f64, _: fn(f64) -> String) -> Axis {
    Axis::positive(low, high, tick)
}

/// A line for each round; the first has the name of all.
fn rounds(side: &Rounds<'_>, index: usize, track: &Track) -> Vec<Line> {
    let stroke = match side.runs.len() {
        1 => track.stroke,
        _ if track.stroke == Stroke::Solid => Stroke::Faint,
        _ => track.stroke,
    };
    let lines = side.runs.iter().enumerate().map(|(round, run)| Line {
        name: (round == 0).then(|| format!("{}{}", side.name, track.name)),
        side: index,
        stroke,
        points: points(run, track),
        marks: marks(run, side.name, track),
    });
    lines.filter(|line| !line.points.is_empty()).collect()
}

fn points(run: &Run, track: &Track) -> Vec<(f64, f64)> {
    let seconds = run.series.iter();
    seconds
        .filter_map(|second| Some((second.end_s, (track.figure)(second)?)))
        .collect()
}

fn marks(run: &Run, name: &str, track: &Track) -> Vec<Mark> {
    let points = points(run, track);
    if points.len() > MOST_MARKS {
        return Vec::new();
    }
    let marks = points.into_iter().map(|(x, y)| Mark {
        at: (x, y),
        text: format!("{name}{} after {x:.1} s: {}", track.name, (track.show)(y)),
    });
    marks.collect()
}

fn bounds(lines: &[Line], coordinate: fn((f64, f64)) -> f64) -> Option<(f64, f64)> {
    let values = || {
        lines
            .iter()
            .flat_map(|line| line.points.iter().map(|point| coordinate(*point)))
    };
    let low = values().reduce(f64::min)?;
    Some((low, values().reduce(f64::max)?))
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn show_mib(mib: f64) -> String {
    format!("{} MiB", (mib * 100.0).round() / 100.0)
}

fn nanos(nanos: f64) -> String {
    wording::time(nanos / 1e9)
}

/// A time beside an axis, without needless digits: `5 ms`, `0.5 ms`.
fn tick(nanos: f64) -> String {
    let (value, unit) = match nanos {
        _ if nanos >= 1e9 => (nanos / 1e9, "s"),
        _ if nanos >= 1e6 => (nanos / 1e6, "ms"),
        _ if nanos >= 1e3 => (nanos / 1e3, "µs"),
        0.0 => return "0".to_owned(),
        _ => (nanos, "ns"),
    };
    format!("{} {unit}", (value * 1000.0).round() / 1000.0)
}

impl Chart {
    fn shows_more_than_zero(&self) -> bool {
        bounds(&self.lines, |(_, y)| y).is_some_and(|(_, high)| high > 0.0)
    }
}
