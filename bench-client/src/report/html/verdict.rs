//! What was concluded of two sides, before anything else.

use maud::{Markup, html};

use crate::report::differences;
use crate::report::html::tables;
use crate::report::plot::Forest;
use crate::saved::{Judgement, Party, Word};

/// The verdict in words, the ratios with their intervals, and the table.
pub(super) fn section(judgement: &Judgement) -> Markup {
    html! {
        ul class="verdicts" {
            li class=(class(judgement)) {
                span class="headline" { (differences::summary(judgement)) }
                ul { @for line in &judgement.regressions { li { (line) } } }
            }
        }
        dl class="words" { (party(&judgement.a)) (party(&judgement.b)) }
        @if let Some(forest) = Forest::of(judgement) { div class="forest" { (forest.draw(0, 0)) } }
        div class="judged" { (tables::table(&differences::table(judgement))) }
        ul class="notes" { @for remark in &judgement.remarks { li { (remark) } } }
    }
}

fn party(party: &Party) -> Markup {
    html! { dt { (party.name) } dd { code { (party.from) } } }
}

/// Worse in one figure is worse, whatever the others are.
fn class(judgement: &Judgement) -> &'static str {
    let words = || judgement.figures.iter().map(|difference| difference.verdict);
    match () {
        () if !judgement.regressions.is_empty() || words().any(Word::is_worse) => "worse",
        () if words().any(Word::is_better) => "better",
        () => "open",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::page;
    use crate::saved::Saved;

    #[test]
    fn the_page_begins_with_the_verdict_and_the_ratios() {
        let text = String::from_utf8(page(&Saved::compared(), &[])).expect("text");
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} in {text}"));
        let order = [
            "B is slower (answers)",
            "breached",
            "server --old",
            "class=\"forest\"",
            "<table",
            "<strong>A</strong>",
        ];
        let places = order.map(at);
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!(class(&Saved::compared().judgements[0]), "worse");
    }

    #[test]
    fn no_text_of_a_judgement_becomes_a_part_of_the_page() {
        let hostile = "\"><script>alert(1)</script>";
        let mut saved = Saved::compared();
        let judgement = &mut saved.judgements[0];
        judgement.b.name = hostile.to_owned();
        judgement.b.from = hostile.to_owned();
        judgement.remarks.push(hostile.to_owned());
        judgement.regressions.push(hostile.to_owned());
        let text = String::from_utf8(page(&saved, &[])).expect("text");
        assert!(
            text.matches("&lt;script&gt;").count() > 5 && !text.contains("<script"),
            "{text}"
        );
    }
}
