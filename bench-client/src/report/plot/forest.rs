//! Ratios with their intervals under one another, beside the line of no
//! difference: a forest plot.

use maud::{Markup, html};

use super::WIDTH;
use super::axis::Axis;
use super::style::one_place;
use crate::base::format::{self, signed_percent};
use crate::saved::{Difference, Judgement, Word};

/// Of the names before what is drawn, and of the figures behind it.
const NAMES: f64 = 164.0;
const FIGURES: f64 = 146.0;
const DRAWN: f64 = WIDTH as f64 - NAMES - FIGURES;
/// Of the title, of a figure, and of the axis with its name.
const ABOVE: f64 = 32.0;
const STEP: f64 = 26.0;
const BELOW: f64 = 44.0;
/// Half of what marks a tolerance.
const TICK: f64 = 8.0;
/// Ratios beyond these are drawn at the edge; their figures stand beside them.
const LEAST: f64 = 0.01;
const MOST: f64 = 100.0;

/// The plot of one comparison.
#[derive(Debug)]
pub(crate) struct Forest<'a> {
    judgement: &'a Judgement,
    /// The figures whose ratio says something.
    rows: Vec<(&'a Difference, f64)>,
    axis: Axis,
}

impl<'a> Forest<'a> {
    /// Of what has a ratio; `None` if nothing has.
    pub(crate) fn of(judgement: &'a Judgement) -> Option<Forest<'a>> {
        let figures = judgement.figures.iter();
        let rows: Vec<_> = figures.filter_map(|one| Some((one, one.ratio?))).collect();
        let ends = rows.iter().flat_map(|(one, ratio)| {
            let interval = one.interval.map(|interval| [interval.low, interval.high]);
            interval.into_iter().flatten().chain(limit(one)).chain([*ratio])
        });
        let ends: Vec<_> = ends.map(|end| end.clamp(LEAST, MOST)).collect();
        let low = ends.iter().copied().reduce(f64::min)?;
        let high = ends.iter().copied().reduce(f64::max)?;
        Some(Forest {
            judgement,
            rows,
            axis: Axis::around_one(low, high, |ratio| format!("{}", (ratio * 1000.0).round() / 1000.0)),
        })
    }

    /// The height it takes.
    pub(crate) fn height(&self) -> u32 {
        (ABOVE + self.rows.len() as f64 * STEP + BELOW) as u32
    }

    /// The plot at (`left`, `top`) of whatever it stands in.
    pub(crate) fn draw(&self, left: u32, top: u32) -> Markup {
        let height = self.height();
        let title = format!(
            "{} / {}, with 95 % intervals",
            self.judgement.b.name, self.judgement.a.name
        );
        let title = format::printable(&title);
        html! {
            svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (height) }
                width=(WIDTH) height=(height) x=(left) y=(top) role="img" aria-label=(title) {
                text class="title" x="4" y="18" { (title) }
                (self.grid())
                @for (index, (difference, ratio)) in self.rows.iter().enumerate() {
                    (self.row(difference, *ratio, ABOVE + (index as f64 + 0.5) * STEP))
                }
            }
        }
    }

    fn grid(&self) -> Markup {
        let bottom = ABOVE + self.rows.len() as f64 * STEP;
        html! {
            @for (value, name) in self.axis.named(DRAWN) {
                @let x = one_place(NAMES + value);
                line class="grid" x1=(x) x2=(x) y1=(ABOVE) y2=(bottom) {}
                text x=(x) y=(bottom + 17.0) text-anchor="middle" { (name) }
            }
            line class="axis" x1=(self.place(1.0)) x2=(self.place(1.0)) y1=(ABOVE) y2=(bottom) {}
            text x=(NAMES + DRAWN / 2.0) y=(bottom + 36.0) text-anchor="middle" { (self.across()) }
        }
    }

    fn across(&self) -> &'static str {
        match self.rows.iter().any(|(one, _)| one.tolerance.is_some()) {
            true => "ratio; 1 is no difference, dashed is what is tolerated",
            false => "ratio; 1 is no difference",
        }
    }

    fn row(&self, difference: &Difference, ratio: f64, y: f64) -> Markup {
        let interval = difference.interval;
        let x = self.place(ratio);
        html! {
            text class="legend" x="4" y=(y + 4.5) { (difference.figure.label()) }
            g class=(class(difference.verdict)) {
                @if let Some(interval) = interval {
                    line class="line" x1=(self.place(interval.low)) x2=(self.place(interval.high)) y1=(y) y2=(y) {}
                }
                circle class="mark" cx=(x) cy=(y) r="4.5" {}
                @if let Some(limit) = limit(difference) {
                    @let x = self.place(limit);
                    line class="limit" x1=(x) x2=(x) y1=(y - TICK) y2=(y + TICK) { title { "tolerated" } }
                }
                text class="figures" x=(WIDTH) y=(y + 4.5) text-anchor="end" { (figures(difference, ratio)) }
            }
        }
    }

    fn place(&self, ratio: f64) -> String {
        one_place(NAMES + DRAWN * self.axis.position(ratio))
    }
}

/// The ratio beyond which it is a regression.
fn limit(difference: &Difference) -> Option<f64> {
    difference.tolerance.map(|change| 1.0 + change)
}

/// `-10.0 % slower`.
fn figures(difference: &Difference, ratio: f64) -> String {
    let change = signed_percent(ratio - 1.0);
    match difference.verdict {
        Word::NotShown => format!("{change}, not shown"),
        word => format!("{change}, {}", word.text()),
    }
}

fn class(word: Word) -> &'static str {
    match (word.is_better(), word.is_worse()) {
        (true, _) => "better",
        (_, true) => "worse",
        _ => "open",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saved::Saved;

    fn drawn(judgement: &Judgement) -> String {
        Forest::of(judgement)
            .expect("there are ratios")
            .draw(0, 0)
            .into_string()
    }

    #[test]
    fn every_ratio_has_its_row_its_interval_and_its_limit() {
        let saved = Saved::compared();
        let text = drawn(&saved.judgements[0]);
        assert_eq!(text.matches("<circle").count(), 5, "{text}");
        assert_eq!(text.matches("class=\"line\"").count(), 5, "{text}");
        assert_eq!(text.matches("class=\"limit\"").count(), 1, "{text}");
        for part in [
            "B / A",
            "-10.0 %, slower",
            "class=\"worse\"",
            "+0.0 %, not shown",
            "class=\"open\"",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn no_ratio_leaves_the_plot() {
        let mut judgement = Saved::compared().judgements.remove(0);
        for ratio in [0.0, 1e-9, 1e9] {
            judgement.figures[0].ratio = Some(ratio);
            let forest = Forest::of(&judgement).expect("there are ratios");
            let x: f64 = forest.place(ratio).parse().expect("a number");
            assert!((NAMES..=NAMES + DRAWN).contains(&x), "{ratio} at {x}");
        }
        judgement.figures.iter_mut().for_each(|one| one.ratio = None);
        assert!(Forest::of(&judgement).is_none());
    }
}
