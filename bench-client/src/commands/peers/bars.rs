//! Figures of several servers as bars, for a document.

use maud::{Markup, PreEscaped, html};

use crate::base::format;
use crate::report::plot;

/// Of the picture.
const WIDTH: u32 = 720;
/// Of the names before the bars, and of the figures behind them.
const NAMES: u32 = 120;
const FIGURES: u32 = 130;
/// From one bar to the next, and its own height.
const STEP: u32 = 24;
const BAR: u32 = 15;
const MARGIN: u32 = 12;
const TITLE: u32 = 26;

/// One figure of all servers.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// What it is.
    pub(crate) title: String,
    /// In the order in which they are shown; the first one is ours.
    pub(crate) bars: Vec<Bar>,
}

/// One server's figure.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// The server.
    pub(crate) name: String,
    /// How long the bar is, beside those of its group.
    pub(crate) value: f64,
    /// What stands behind it.
    pub(crate) label: String,
}

/// The groups under one another, as SVG.
pub(crate) fn picture(groups: &[Group]) -> Vec<u8> {
    let mut top = MARGIN;
    let mut parts = Vec::new();
    for group in groups {
        parts.push(group.draw(top));
        top += TITLE + group.bars.len() as u32 * STEP + MARGIN;
    }
    let style = format!("{}.paper{{fill:var(--paper)}}.bar{{fill:currentColor}}", plot::STYLE);
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (top) } width=(WIDTH) height=(top) {
            style { (PreEscaped(style)) }
            rect class="paper" width=(WIDTH) height=(top) {}
            @for part in parts { (part) }
        }
    };
    picture.into_string().into_bytes()
}

impl Group {
    fn draw(&self, top: u32) -> Markup {
        let longest = self.bars.iter().map(|one| one.value).fold(0.0, f64::max);
        html! {
            g class="plot" {
                text class="title" x=(MARGIN) y=(top + 16) { (format::printable(&self.title)) }
                @for (index, one) in self.bars.iter().enumerate() {
                    (one.draw(top + TITLE + index as u32 * STEP, longest, index == 0))
                }
            }
        }
    }
}

impl Bar {
    fn draw(&self, top: u32, longest: f64, is_ours: bool) -> Markup {
        let room = f64::from(WIDTH - NAMES - FIGURES - MARGIN);
        let length = if longest > 0.0 {
            room * self.value / longest
        } else {
            0.0
        };
        let colour = if is_ours { "bar c0" } else { "bar c5 faint" };
        let baseline = top + BAR - 3;
        html! {
            text class="legend" x=(NAMES - 8) y=(baseline) text-anchor="end" { (format::printable(&self.name)) }
            rect class=(colour) x=(NAMES) y=(top) width={ (format!("{length:.1}")) } height=(BAR) {}
            text x={ (format!("{:.1}", f64::from(NAMES) + length + 6.0)) } y=(baseline) { (format::printable(&self.label)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(name: &str, value: f64) -> Bar {
        Bar {
            name: name.to_owned(),
            value,
            label: format!("{value}"),
        }
    }

    #[test]
    fn bars_are_as_long_as_their_figures() {
        let group = Group {
            title: "CPU".to_owned(),
            bars: vec![bar("a", 1.0), bar("<b>", 2.0)],
        };
        let text = String::from_utf8(picture(&[group])).unwrap();
        assert!(
            text.contains("width=\"229.0\"") && text.contains("width=\"458.0\""),
            "{text}"
        );
        assert!(text.contains("&lt;b&gt;"), "{text}");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let group = Group {
            title: "CPU".to_owned(),
            bars: vec![bar("a", 0.0)],
        };
        let text = String::from_utf8(picture(&[group])).unwrap();
        assert!(text.contains("width=\"0.0\""), "{text}");
    }
}
