//! Lines over time.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis as DrawnAxis, Block, Chart, Dataset, GraphType};

use super::axis::{self, Axis};
use crate::base::format;
use crate::saved::Second;
use crate::view::progress::Live;

/// A figure of each interval, with its name and its colour.
type Curve = (&'static str, Color, fn(&Second) -> u64);

const TIMES: [Curve; 3] = [
    ("p50", Color::Green, |second| second.p50),
    ("p99", Color::Yellow, |second| second.p99),
    ("max", Color::Red, |second| second.max),
];

/// Rows of a chart that are not for its lines: a border at either end, the
/// axis of time, and its labels.
const AROUND: u16 = 4;

/// Answers per second.
pub(super) fn throughput(frame: &mut Frame<'_>, area: Rect, live: &Live) {
    let points = points(&live.seconds, |second| Some(rate(second)));
    let axis = Axis::of_rates(points.iter().map(|(_, rate)| *rate).fold(0.0, f64::max));
    let now = live
        .seconds
        .last()
        .map(|second| format!(": {}", format::thousands(rate(second))));
    let title = format!(" {}/s{} ", live.unit, now.unwrap_or_default());
    let curves = [(Color::Cyan, points)];
    draw(frame, area, title.cyan().into(), live, axis, &curves);
}

/// Times on a logarithmic axis.
pub(super) fn times(frame: &mut Frame<'_>, area: Rect, live: &Live) {
    let curves = TIMES.map(|(_, color, figure)| {
        let points = points(&live.seconds, move |second| logarithm(figure(second)));
        (color, points)
    });
    let figures = TIMES.iter().flat_map(|(_, _, figure)| live.seconds.iter().map(figure));
    let axis = Axis::of_times(figures, area.height.saturating_sub(AROUND));
    draw(frame, area, legend(live), live, axis, &curves);
}

/// The figures of the last interval, in the colours of their lines.
fn legend(live: &Live) -> Line<'static> {
    let mut spans = vec![Span::raw(format!(" {}", live.time))];
    if let Some(last) = live.seconds.last() {
        spans.extend(TIMES.iter().map(|(name, color, figure)| {
            let time = format::duration(Duration::from_nanos(figure(last)));
            Span::styled(format!(" {name} {time}"), Style::new().fg(*color))
        }));
    }
    spans.push(Span::raw(" "));
    spans.into()
}

/// Draws `curves` over time.
fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    title: Line<'_>,
    live: &Live,
    vertical: Axis,
    curves: &[(Color, Vec<(f64, f64)>)],
) {
    let time = Axis::of_seconds(live.seconds.last().map_or(0.0, |second| second.end_s));
    // A line to a point far outside is drawn step by step all the way there.
    let inside: Vec<Vec<_>> = curves
        .iter()
        .map(|(_, points)| {
            points
                .iter()
                .copied()
                .filter(|(x, y)| time.has(*x) && vertical.has(*y))
                .collect()
        })
        .collect();
    let lines = curves
        .iter()
        .zip(&inside)
        .map(|((color, _), points)| line(points, *color));
    let chart = Chart::new(lines.collect())
        .block(Block::bordered().border_style(Color::DarkGray).title(title))
        .x_axis(drawn(time))
        .y_axis(drawn(vertical))
        .legend_position(None);
    frame.render_widget(chart, area);
}

fn drawn(axis: Axis) -> DrawnAxis<'static> {
    DrawnAxis::default()
        .bounds(axis.bounds)
        .labels(axis.labels)
        .labels_alignment(Alignment::Right)
        .style(Color::DarkGray)
}

fn line(points: &[(f64, f64)], color: Color) -> Dataset<'_> {
    Dataset::default()
        .data(points)
        .graph_type(GraphType::Line)
        .marker(Marker::Braille)
        .style(color)
}

/// Where `figure` has one, and at the interval's end.
fn points(seconds: &[Second], figure: impl Fn(&Second) -> Option<f64>) -> Vec<(f64, f64)> {
    seconds
        .iter()
        .filter_map(|second| Some((second.end_s, figure(second)?)))
        .collect()
}

fn rate(second: &Second) -> f64 {
    let rate = second.answers as f64 / second.length_s;
    if rate.is_finite() { rate } else { 0.0 }
}

/// An interval without answers has no times.
fn logarithm(nanos: u64) -> Option<f64> {
    (nanos > 0).then(|| axis::logarithm(nanos))
}
