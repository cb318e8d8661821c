//! Throughput and times over the number of clients: the curves of a sweep.

use super::axis::Axis;
use super::chart::{Chart, Line, Mark, Shape, Stroke};
use super::panels::{bounds, nanos, tick};
use crate::base::format;
use crate::report::grouping::Comparison;
use crate::saved::figure::Figure;
use crate::saved::{Knee, Run, Saved};

/// A figure over the number of clients.
struct Curve {
    title: &'static str,
    figure: fn(&Run) -> Option<f64>,
    show: fn(f64) -> String,
    axis: fn(f64, f64) -> Axis,
}

const CURVES: [Curve; 2] = [
    Curve {
        title: "Throughput, answers/s, over clients",
        figure: |run| Figure::Rate.of(run),
        show: format::thousands,
        axis: |_, high| Axis::linear(high, format::thousands),
    },
    Curve {
        title: "Time p99 over clients",
        figure: |run| Figure::P99.of(run).map(|seconds| seconds * 1e9),
        show: nanos,
        axis: |low, high| Axis::positive(low, high, tick),
    },
];

/// What stands below the curves.
pub(crate) const LEGEND: &str = "A ring is a knee; a hollow point is a run that is invalid.";

/// The curves of one server under loads that differ in their numbers of clients
/// and in the sizes of their messages; none of anything else.
pub(crate) fn growth(saved: &Saved, comparisons: &[Comparison<'_>]) -> Vec<Chart> {
    let sizes = sizes(comparisons);
    match sizes.iter().any(|(_, runs)| runs.len() > 1) {
        true => CURVES
            .iter()
            .filter_map(|curve| curve.chart(&sizes, &saved.knees))
            .collect(),
        false => Vec::new(),
    }
}

/// The runs of each size in the order of their clients; empty when there is
/// more than one server, or when the loads differ in something else.
fn sizes<'a>(comparisons: &[Comparison<'a>]) -> Vec<(&'a str, Vec<&'a Run>)> {
    let mut sizes: Vec<(&str, Vec<&Run>)> = Vec::new();
    let Some(first) = comparisons.first().map(|one| one.workload) else {
        return sizes;
    };
    for comparison in comparisons {
        let workload = comparison.workload;
        let (true, [side]) = (workload.differs_in_steps_only(first), &comparison.sides[..]) else {
            return Vec::new();
        };
        match sizes.iter_mut().find(|(size, _)| *size == workload.size) {
            Some((_, runs)) => runs.extend(&side.runs),
            None => sizes.push((&workload.size, side.runs.clone())),
        }
    }
    for (_, runs) in &mut sizes {
        runs.sort_by_key(|run| run.workload.clients);
    }
    sizes
}

impl Curve {
    fn chart(&self, sizes: &[(&str, Vec<&Run>)], knees: &[Knee]) -> Option<Chart> {
        let lines = sizes.iter().enumerate().map(|(index, (size, runs))| {
            let knee = knees.iter().find(|knee| knee.size == *size);
            self.line(index, size, runs, knee.and_then(|knee| knee.clients))
        });
        let lines: Vec<_> = lines.collect();
        let (low, high) = bounds(&lines, |(_, y)| y)?;
        let mut clients: Vec<_> = lines
            .iter()
            .flat_map(|line| line.points.iter().map(|(x, _)| *x))
            .collect();
        clients.sort_by(f64::total_cmp);
        clients.dedup();
        Some(Chart {
            title: self.title.to_owned(),
            across: "clients",
            x: Axis::at(&clients, format::thousands),
            y: (self.axis)(low, high),
            lines,
        })
    }

    fn line(&self, side: usize, size: &str, runs: &[&Run], knee: Option<u32>) -> Line {
        let marks = runs.iter().filter_map(|run| self.mark(size, run, knee));
        let marks: Vec<_> = marks.collect();
        Line {
            name: Some(format!("{size} B")),
            side,
            stroke: Stroke::Solid,
            points: marks.iter().map(|mark| mark.at).collect(),
            marks,
        }
    }

    fn mark(&self, size: &str, run: &Run, knee: Option<u32>) -> Option<Mark> {
        let (clients, value) = (run.workload.clients, (self.figure)(run)?);
        let at = (f64::from(clients), value);
        let (shape, word) = match (run.verdict.valid, knee == Some(clients)) {
            (false, _) => (Shape::Hollow, ", INVALID"),
            (true, true) => (Shape::Ring, ", the knee"),
            (true, false) => (Shape::Dot, ""),
        };
        let text = format!(
            "{size} B, {} clients: {}{word}",
            format::thousands(at.0),
            (self.show)(value)
        );
        Some(Mark { at, text, shape })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::grouping::comparisons;

    fn run(size: &str, clients: u32, rate: f64) -> Run {
        Run::example(&format!("{clients} clients, {size} B"), rate).under(clients, size)
    }

    fn sweep() -> Saved {
        let mut saved = Saved::example([
            run("64", 100, 1000.0),
            run("64", 1, 100.0),
            run("64", 10, 1000.0),
            run("1024", 1, 50.0),
            run("1024", 10, 70.0),
        ]);
        saved.runs[4].verdict.valid = false;
        saved.knees = saved.find_knees();
        saved
    }

    fn charts(saved: &Saved) -> Vec<Chart> {
        growth(saved, &comparisons(&saved.runs))
    }

    #[test]
    fn every_size_is_a_line_over_the_clients_with_its_knee() {
        let saved = sweep();
        let charts = charts(&saved);
        assert_eq!(charts.len(), 2);
        let lines = &charts[0].lines;
        assert_eq!(lines[0].points, [(1.0, 100.0), (10.0, 1000.0), (100.0, 1000.0)]);
        let shapes = |line: &Line| line.marks.iter().map(|mark| mark.shape).collect::<Vec<_>>();
        assert_eq!(shapes(&lines[0]), [Shape::Dot, Shape::Ring, Shape::Dot]);
        assert_eq!(shapes(&lines[1]), [Shape::Dot, Shape::Hollow]);
        assert!(
            (charts[0].x.position(10.0) - 0.5).abs() < 1e-9,
            "decades are equally far apart"
        );
    }

    #[test]
    fn what_is_no_sweep_has_no_curves() {
        let mut saved = sweep();
        saved.runs[0].workload.depth = 2;
        saved.runs[0].workload.hash = saved.runs[0].workload.hashed();
        assert!(charts(&saved).is_empty());
        let mut saved = sweep();
        saved.runs.push(Run {
            name: "another server".to_owned(),
            ..saved.runs[0].clone()
        });
        assert!(charts(&saved).is_empty());
        assert!(charts(&Saved::example([run("64", 1, 1.0), run("1024", 1, 1.0)])).is_empty());
        assert!(charts(&Saved::example([])).is_empty());
    }
}
