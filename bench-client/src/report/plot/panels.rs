//! Which plots a comparison has.

use super::axis::Axis;
use super::chart::{Chart, Line, Mark, Shape, Stroke};
use super::curve::curve;
use crate::base::format;
use crate::report::grouping::{Comparison, Rounds};
use crate::report::histogram::pooled;
use crate::report::wording;
use crate::saved::{Run, Second};

/// A rest at the window's end that is a shorter part of an interval than this
/// says nothing as a rate.
const SHORTEST_PART: f64 = 0.25;
/// With more intervals than these their marks would touch.
const MOST_MARKS: usize = 60;

/// A figure of an interval, by name, and how its line is drawn.
struct Track {
    /// What stands behind the side's name.
    name: &'static str,
    stroke: Stroke,
    figure: fn(&Second) -> Option<f64>,
    /// Whether it is one per second, which needs some time to be one.
    is_rate: bool,
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
    let over_time = |title: &str, axis, tracks: &[Track]| over_time(comparison, title, axis, tracks);
    let each = interval(comparison);
    let all = [
        latency(comparison),
        over_time(title, from_zero, &[RATE]),
        over_time(&format!("Time p50 and p99, each {each}"), of_times, &[P99, P50]),
        over_time("CPU, % of one processor", from_zero, &[SERVER_CPU, CLIENT_CPU]),
        over_time("Resident memory, MiB", from_zero, &[SERVER_MEMORY, CLIENT_MEMORY]),
        over_time(&format!("Errors in each {each}"), of_counts, &[ERRORS]).filter(Chart::shows_more_than_zero),
    ];
    all.into_iter().flatten().collect()
}

/// What the series has a figure for each of: `second`, `0.1 s`.
fn interval(comparison: &Comparison<'_>) -> String {
    match comparison.runs().next().map_or(1.0, |run| run.sample_s) {
        1.0 => "second".to_owned(),
        length => format!("{} s", moment(length)),
    }
}

const RATE: Track = Track {
    name: "",
    stroke: Stroke::Solid,
    figure: Second::answers_per_s,
    is_rate: true,
    show: format::thousands,
};
const P99: Track = Track {
    name: "p99",
    stroke: Stroke::Solid,
    figure: |second| (second.answers > 0).then_some(second.p99 as f64),
    is_rate: false,
    show: nanos,
};
const P50: Track = Track {
    name: "p50",
    stroke: Stroke::Dashed,
    figure: |second| (second.answers > 0).then_some(second.p50 as f64),
    is_rate: false,
    show: nanos,
};
const SERVER_CPU: Track = Track {
    name: "server",
    stroke: Stroke::Solid,
    figure: |second| second.server_cpu_share,
    is_rate: true,
    show: format::percent,
};
const CLIENT_CPU: Track = Track {
    name: "client",
    stroke: Stroke::Dashed,
    figure: |second| second.client_cpu_share,
    is_rate: true,
    show: format::percent,
};
const SERVER_MEMORY: Track = Track {
    name: "server",
    stroke: Stroke::Solid,
    figure: |second| second.server_resident_bytes.map(mib),
    is_rate: false,
    show: show_mib,
};
const CLIENT_MEMORY: Track = Track {
    name: "client",
    stroke: Stroke::Dashed,
    figure: |second| second.client_resident_bytes.map(mib),
    is_rate: false,
    show: show_mib,
};
const ERRORS: Track = Track {
    name: "",
    stroke: Stroke::Solid,
    figure: |second| Some(second.errors() as f64),
    is_rate: false,
    show: format::thousands,
};

/// The times that shares of the answers do not exceed. In an open loop the
/// service time lies beside the response time: what is between them is waiting.
fn latency(comparison: &Comparison<'_>) -> Option<Chart> {
    let mut lines = Vec::new();
    for (index, side) in comparison.sides.iter().enumerate() {
        let open = side.runs.iter().any(|run| run.response_time.is_some());
        let name = label(comparison, side, if open { "response" } else { "" });
        let times = pooled(side, |run| Some(run.time()));
        lines.extend(times.map(|times| curve(&times, name, index, Stroke::Solid)));
        let service = open.then(|| pooled(side, |run| Some(&run.service_time))).flatten();
        let name = label(comparison, side, "service");
        lines.extend(service.map(|times| curve(&times, name, index, Stroke::Dashed)));
    }
    let (low, high) = bounds(&lines, |(_, y)| y)?;
    let (_, most) = bounds(&lines, |(x, _)| x)?;
    Some(Chart {
        title: match comparison.workload.mode.as_str() {
            "open" => "Response time and service time".to_owned(),
            _ => "Service time".to_owned(),
        },
        across: "share of answers that took no longer, on the axis of 1/(1-q)",
        x: Axis::percentiles(most),
        y: Axis::positive(low, high, tick),
        lines,
    })
}

/// What a line is called: a side alone needs no name.
fn label(comparison: &Comparison<'_>, side: &Rounds<'_>, what: &str) -> String {
    match (comparison.sides.len(), what) {
        (_, "") => side.name.to_owned(),
        (1, what) => what.to_owned(),
        (_, what) => format!("{} {what}", side.name),
    }
}

fn over_time(comparison: &Comparison<'_>, title: &str, axis: Vertical, tracks: &[Track]) -> Option<Chart> {
    let lines: Vec<_> = tracks
        .iter()
        .flat_map(|track| {
            let sides = comparison.sides.iter().enumerate();
            sides.flat_map(|(index, side)| rounds(side, index, track, &label(comparison, side, track.name)))
        })
        .collect();
    let (low, high) = bounds(&lines, |(_, y)| y)?;
    let (_, end) = bounds(&lines, |(x, _)| x)?;
    let show = tracks.first()?.show;
    Some(Chart {
        title: title.to_owned(),
        across: "seconds since the window began",
        x: Axis::exact(end, moment),
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
fn rounds(side: &Rounds<'_>, index: usize, track: &Track, name: &str) -> Vec<Line> {
    let stroke = match side.runs.len() {
        1 => track.stroke,
        _ if track.stroke == Stroke::Solid => Stroke::Faint,
        _ => track.stroke,
    };
    let lines = side.runs.iter().enumerate().map(|(round, run)| Line {
        name: (round == 0).then(|| name.to_owned()),
        side: index,
        stroke,
        points: points(run, track),
        marks: marks(run, name, track),
    });
    lines.filter(|line| !line.points.is_empty()).collect()
}

fn points(run: &Run, track: &Track) -> Vec<(f64, f64)> {
    let long_enough = |second: &&Second| !track.is_rate || second.length_s >= run.sample_s * SHORTEST_PART;
    let intervals = run.series.iter().filter(long_enough);
    intervals
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
        text: format!("{name} after {} s: {}", moment(x), (track.show)(y)),
        shape: Shape::Dot,
    });
    marks.collect()
}

/// The least and the greatest `coordinate`, if there is a point.
pub(super) fn bounds(lines: &[Line], coordinate: fn((f64, f64)) -> f64) -> Option<(f64, f64)> {
    let values = || {
        lines
            .iter()
            .flat_map(|line| line.points.iter().map(|point| coordinate(*point)))
    };
    let low = values().reduce(f64::min)?;
    Some((low, values().reduce(f64::max)?))
}

/// An instant in seconds, to the millisecond.
fn moment(seconds: f64) -> String {
    format!("{}", (seconds * 1000.0).round() / 1000.0)
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn show_mib(mib: f64) -> String {
    format!("{} MiB", (mib * 100.0).round() / 100.0)
}

/// A time of a point.
pub(super) fn nanos(nanos: f64) -> String {
    wording::time(nanos / 1e9)
}

/// A time beside an axis, without needless digits: `5 ms`, `0.5 ms`.
pub(super) fn tick(nanos: f64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::grouping::comparisons;

    fn titles(runs: &[Run]) -> Vec<String> {
        let comparisons = comparisons(runs);
        charts(&comparisons[0]).into_iter().map(|chart| chart.title).collect()
    }

    #[test]
    fn what_was_not_measured_has_no_plot() {
        assert_eq!(titles(&[Run::example("a", 1.0)]), Vec::<String>::new());
        assert_eq!(titles(&[Run::example("a", 1.0).timed()]), ["Service time"]);
        let all = titles(&[Run::full("a")]);
        assert_eq!(all[0], "Response time and service time");
        assert!(all.iter().any(|title| title == "Errors in each second"), "{all:?}");
        assert!(!all.iter().any(|title| title == "Resident memory, MiB"), "{all:?}");
    }

    #[test]
    fn an_interval_of_another_length_is_named_and_its_rest_is_no_rate() {
        let mut run = Run::full("a");
        run.sample_s = 0.1;
        for (second, length) in run.series.iter_mut().zip([0.1, 0.1, 0.02]) {
            second.length_s = length;
        }
        let runs = [run];
        let comparisons = comparisons(&runs);
        let points = |title: &str| {
            let charts = charts(&comparisons[0]);
            let found = charts.iter().find(|chart| chart.title.starts_with(title)).unwrap();
            found.lines[0].points.clone()
        };
        assert_eq!(points("Errors in each 0.1 s").len(), 3);
        assert_eq!(points("Throughput"), [(1.0, 10_000.0), (2.0, 10_000.0)]);
    }

    #[test]
    fn every_side_and_every_round_has_a_line_and_a_side_one_name() {
        let runs = [Run::full("a"), Run::full("b"), Run::full("a")];
        let comparisons = comparisons(&runs);
        let charts = charts(&comparisons[0]);
        let rate = charts
            .iter()
            .find(|chart| chart.title.starts_with("Throughput"))
            .unwrap();
        let lines: Vec<_> = rate
            .lines
            .iter()
            .map(|line| (line.side, line.name.as_deref()))
            .collect();
        assert_eq!(lines, [(0, Some("a")), (0, None), (1, Some("b"))]);
    }

    #[test]
    fn the_curve_is_the_histogram_and_ends_at_its_maximum() {
        let runs = [Run::example("a", 1.0).timed()];
        let comparisons = comparisons(&runs);
        let line = &charts(&comparisons[0])[0].lines[0];
        let p90 = line.marks.iter().find(|mark| mark.text.contains("p90")).unwrap();
        assert!(
            (p90.at.0 - 10.0).abs() < 1e-9 && (p90.at.1 / 90e6 - 1.0).abs() < 0.001,
            "{p90:?}"
        );
        assert!(line.points.contains(&p90.at));
        let (share, longest) = *line.points.last().unwrap();
        assert!((share - 100.0).abs() < 1e-6 && (longest / 100e6 - 1.0).abs() < 0.001);
    }
}
