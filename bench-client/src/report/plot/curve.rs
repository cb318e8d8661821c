//! A distribution of times as a line over 1/(1-q).

use hdrhistogram::Histogram;

use super::chart::{Line, Mark, Shape, Stroke};
use crate::base::format;

/// Points of a distribution for each halving of what remains above them.
const TICKS_PER_HALF: u32 = 12;
/// The quantiles that have a mark.
const MARKED: [(f64, &str); 6] = [
    (0.5, "p50"),
    (0.9, "p90"),
    (0.99, "p99"),
    (0.999, "p99.9"),
    (0.9999, "p99.99"),
    (0.99999, "p99.999"),
];

/// The times that shares of the answers do not exceed.
pub(super) fn curve(times: &Histogram<u64>, name: String, side: usize, stroke: Stroke) -> Line {
    let most = times.len() as f64;
    let place = |share: f64| 1.0 / (1.0 - share).max(1.0 / most);
    // The shortest time of all is one answer's luck and would take half the axis.
    let steps = times.iter_quantiles(TICKS_PER_HALF).skip(1);
    let steps = steps.map(|step| (place(step.quantile_iterated_to()), step.value_iterated_to() as f64));
    let reached = MARKED.into_iter().filter(|(share, _)| 1.0 / (1.0 - share) <= most);
    let marks = reached.map(|(share, label)| {
        let value = times.value_at_quantile(share);
        Mark {
            at: (place(share), value as f64),
            text: format!("{name} {label}: {}", format::nanoseconds(value)),
            shape: Shape::Dot,
        }
    });
    let marks: Vec<_> = marks.collect();
    // A mark between two steps lies on the line all the same.
    let mut points: Vec<_> = steps.chain(marks.iter().map(|mark| mark.at)).collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
    Line {
        points,
        marks,
        name: Some(name),
        side,
        stroke,
    }
}
