//! All plots as one picture.

use maud::{PreEscaped, html};

use super::grouping::comparisons;
use super::plot::{self, Chart, Forest, WIDTH};
use crate::base::format;
use crate::saved::Saved;

/// Plots beside each other.
const COLUMNS: usize = 2;
/// Between and around plots.
const GAP: u32 = 16;
/// Of a headline.
const HEADLINE: u32 = 26;

/// The picture: every load with its headline and its plots.
pub(crate) fn picture(saved: &Saved) -> Vec<u8> {
    let mut top = GAP;
    let mut parts = Vec::new();
    for forest in saved.judgements.iter().filter_map(Forest::of) {
        parts.push(forest.draw(GAP, top));
        top += forest.height() + GAP;
    }
    let comparisons = comparisons(&saved.runs);
    let growth = plot::growth(saved, &comparisons);
    let sweep = (!growth.is_empty()).then(|| (plot::LEGEND.to_owned(), growth));
    let loads = comparisons
        .iter()
        .map(|one| (one.workload.headline(), plot::charts(one)));
    for (headline, charts) in sweep.into_iter().chain(loads) {
        let (part, bottom) = part(&headline, &charts, top);
        parts.push(part);
        top = bottom + GAP;
    }
    let width = COLUMNS as u32 * (WIDTH + GAP) + GAP;
    let style = format!("{}.paper{{fill:var(--paper)}}", plot::STYLE);
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (top) } width=(width) height=(top) {
            style { (PreEscaped(style)) }
            rect class="paper" width=(width) height=(top) {}
            @for part in parts { (part) }
        }
    };
    picture.into_string().into_bytes()
}

/// Plots below their headline from `top` on, and where they end.
fn part(headline: &str, charts: &[Chart], top: u32) -> (maud::Markup, u32) {
    let headline = format::printable(headline);
    let mut row_top = top + HEADLINE;
    let mut placed = Vec::new();
    for row in charts.chunks(COLUMNS) {
        for (column, chart) in row.iter().enumerate() {
            placed.push((chart, GAP + column as u32 * (WIDTH + GAP), row_top));
        }
        row_top += row.iter().map(Chart::height).max().unwrap_or_default() + GAP;
    }
    let part = html! {
        g class="plot" { text class="title" x=(GAP + 4) y=(top + 14) { (headline) } }
        @for (chart, left, top) in placed { (chart.draw(left, top)) }
    };
    (part, row_top)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saved::Run;

    #[test]
    fn no_name_leaves_its_place() {
        let hostile = "</text><script>alert(1)</script>\u{1}&\"'";
        let text = String::from_utf8(picture(&Saved::example([Run::full(hostile)]))).unwrap();
        assert!(!text.contains("<script"), "{text}");
        assert!(!text.contains('\u{1}'), "{text}");
        assert!(text.contains("&lt;script&gt;"), "{text}");
    }
}
