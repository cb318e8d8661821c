//! One plot: lines over two axes, with a legend.

use maud::{Markup, html};

use super::axis::{Axis, LETTER};
use super::style::{COLOURS, colour, one_place};
use crate::base::format;

/// Of a plot, in the units of its text.
pub(crate) const WIDTH: u32 = 480;
/// Of a line of the legend.
const HEIGHT_OF_LEGEND_LINE: u32 = 18;
/// Between the plot's edge and what is drawn.
const LEFT: f64 = 66.0;
/// Room for half of the last name below.
const RIGHT: f64 = 34.0;
const ABOVE: f64 = 34.0;
const BELOW: f64 = 42.0;
/// Of what is drawn.
const DRAWN_WIDTH: f64 = WIDTH as f64 - LEFT - RIGHT;
const DRAWN_HEIGHT: f64 = 190.0;
const SWATCH: f64 = 34.0;
/// Longer names are cut in a legend.
const LONGEST_NAME: usize = 40;

/// A plot before it is drawn.
#[derive(Debug)]
pub(crate) struct Chart {
    /// What it shows, with the unit of the vertical axis.
    pub(crate) title: String,
    /// What the horizontal axis is, with its unit.
    pub(crate) across: &'static str,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<Line>,
}

/// One line of a plot.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Its name in the legend; one without a name is not there.
    pub(crate) name: Option<String>,
    /// Which side it is of.
    pub(crate) side: usize,
    pub(crate) stroke: Stroke,
    /// In the order of x.
    pub(crate) points: Vec<(f64, f64)>,
    /// Points that say more when pointed at.
    pub(crate) marks: Vec<Mark>,
}

/// A point with what it says when pointed at.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) at: (f64, f64),
    pub(crate) text: String,
    pub(crate) shape: Shape,
}

/// How a point looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Dot,
    /// A dot that stands out.
    Ring,
    /// One that is not to be believed.
    Hollow,
}

/// How a line is drawn, so that lines of one colour are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stroke {
    Solid,
    Dashed,
    /// One of several rounds.
    Faint,
}

impl Chart {
    /// The height it takes, which depends on the legend.
    pub(crate) fn height(&self) -> u32 {
        (ABOVE + DRAWN_HEIGHT + BELOW) as u32 + self.legend_lines() * HEIGHT_OF_LEGEND_LINE
    }

    /// The plot at (`left`, `top`) of whatever it stands in.
    pub(crate) fn draw(&self, left: u32, top: u32) -> Markup {
        let height = self.height();
        html! {
            svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (height) }
                width=(WIDTH) height=(height) x=(left) y=(top) role="img" aria-label=(self.title) {
                text class="title" x="4" y="18" { (self.title) }
                (self.legend())
                g transform={ "translate(" (LEFT) " " (ABOVE + f64::from(self.legend_lines() * HEIGHT_OF_LEGEND_LINE)) ")" } {
                    (self.grid())
                    @for line in &self.lines { (self.line(line)) }
                    text x=(DRAWN_WIDTH / 2.0) y=(DRAWN_HEIGHT + 36.0) text-anchor="middle" { (self.across) }
                }
            }
        }
    }

    fn grid(&self) -> Markup {
        html! {
            @for (value, name) in self.y.ticks() {
                @let y = one_place(DRAWN_HEIGHT * (1.0 - self.y.position(*value)));
                line class="grid" x1="0" x2=(DRAWN_WIDTH) y1=(y) y2=(y) {}
                text x="-8" y=(y) dy="4.5" text-anchor="end" { (name) }
            }
            @for (x, name) in self.x.named(DRAWN_WIDTH) {
                line class="grid" x1=(one_place(x)) x2=(one_place(x)) y1="0" y2=(DRAWN_HEIGHT) {}
                text x=(one_place(x)) y=(DRAWN_HEIGHT + 18.0) text-anchor="middle" { (name) }
            }
            line class="axis" x1="0" x2=(DRAWN_WIDTH) y1=(DRAWN_HEIGHT) y2=(DRAWN_HEIGHT) {}
        }
    }

    fn line(&self, line: &Line) -> Markup {
        let points: Vec<_> = line.points.iter().map(|point| self.place(*point)).collect();
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        html! {
            polyline class=(line.class()) points=(points.join(" ")) {}
            @for mark in &line.marks {
                @let (x, y) = self.place(mark.at);
                @let (class, radius) = mark.shape.drawn();
                circle class={ (class) " " (colour(line.side)) } cx=(x) cy=(y) r=(radius) { title { (format::printable(&mark.text)) } }
            }
        }
    }

    fn place(&self, (x, y): (f64, f64)) -> (String, String) {
        let x = DRAWN_WIDTH * self.x.position(x);
        let y = DRAWN_HEIGHT * (1.0 - self.y.position(y));
        (one_place(x), one_place(y))
    }

    fn legend(&self) -> Markup {
        html! {
            @for (line, name, x, row) in self.entries() {
                @let y = ABOVE + f64::from(row * HEIGHT_OF_LEGEND_LINE);
                line class=(line.class()) x1=(x) x2=(x + 22.0) y1=(y - 4.0) y2=(y - 4.0) {}
                text class="legend" x=(x + 28.0) y=(y) { (name) }
            }
        }
    }

    /// Each named line with its name and its place: as many in a row as there
    /// is room for.
    fn entries(&self) -> Vec<(&Line, String, f64, u32)> {
        let (mut x, mut row) = (4.0, 0);
        let mut entries = Vec::new();
        for (line, name) in self.lines.iter().filter_map(|line| Some((line, line.name.as_ref()?))) {
            let name = cut(name);
            let width = SWATCH + LETTER * name.chars().count() as f64 + 10.0;
            if x > 4.0 && x + width > f64::from(WIDTH) {
                (x, row) = (4.0, row + 1);
            }
            entries.push((line, name, x, row));
            x += width;
        }
        entries
    }

    fn legend_lines(&self) -> u32 {
        self.entries().last().map_or(0, |(_, _, _, row)| row + 1)
    }
}

impl Shape {
    /// Its class and its radius.
    fn drawn(self) -> (&'static str, &'static str) {
        match self {
            Shape::Dot => ("mark", "2.5"),
            Shape::Ring => ("mark ring", "5.5"),
            Shape::Hollow => ("mark hollow", "4"),
        }
    }
}

impl Line {
    /// Sides beyond the last colour begin anew, dotted.
    fn class(&self) -> String {
        let stroke = match self.stroke {
            Stroke::Solid if self.side >= COLOURS => " dotted",
            Stroke::Solid => "",
            Stroke::Dashed => " dashed",
            Stroke::Faint => " faint",
        };
        format!("line {}{stroke}", colour(self.side))
    }
}

fn cut(name: &str) -> String {
    let name = format::printable(name);
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}
