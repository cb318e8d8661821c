//! One load: the verdict, the figures, the plots, the account, the errors.

use maud::{Markup, html};

use super::account;
use crate::base::format;
use crate::base::percentile::Percentile;
use crate::judge::precision::Precision;
use crate::report::grouping::{Comparison, Rounds};
use crate::report::html::tables::table;
use crate::report::lines::{self, Line};
use crate::report::plot::{self, colour};
use crate::report::{one, text};
use crate::saved::{Errors, Run};

/// Everything about one load.
pub(super) fn section(comparison: &Comparison<'_>, asked: &[Percentile]) -> Markup {
    let lines = lines::lines(asked);
    html! {
        (verdicts(comparison))
        (cards(comparison, &lines))
        @if let [side] = &comparison.sides[..] {
            (in_words(side, asked))
        } @else {
            h2 { "Side by side" }
            p { (summary(comparison, &lines)) }
            (table(&lines::table(comparison, asked)))
        }
        (plots(comparison))
        h2 { "Resources used by both ends" }
        (account::table(comparison))
        h2 { "Errors" }
        (errors(comparison))
        ul class="notes" {
            @for note in text::notes(comparison) { li { (note) } }
        }
    }
}

/// The runs whose figures may not be believed, of all loads.
pub(super) fn objections(comparisons: &[Comparison<'_>]) -> Markup {
    let runs = || comparisons.iter().flat_map(Comparison::runs);
    let objectionable: Vec<_> = runs()
        .filter(|run| !run.verdict.valid || run.verdict.interrupted)
        .collect();
    html! {
        ul class="verdicts" {
            @if objectionable.is_empty() {
                li { span class="word" { "valid" } " all " (runs().count()) " runs" }
            }
            @for run in objectionable {
                (verdict(run, &run.workload.headline()))
            }
        }
    }
}

fn verdicts(comparison: &Comparison<'_>) -> Markup {
    html! {
        ul class="verdicts" {
            @for side in &comparison.sides {
                @for (round, run) in side.runs.iter().enumerate() {
                    // A round is mentioned when it is not as the first one.
                    @if round == 0 || run.verdict.valid != side.runs[0].verdict.valid || run.verdict.interrupted {
                        (verdict(run, &bottleneck(run)))
                    }
                }
            }
        }
    }
}

fn verdict(run: &Run, about: &str) -> Markup {
    let (class, word) = match (run.verdict.valid, run.verdict.interrupted) {
        (false, _) => ("invalid", "INVALID"),
        (true, true) => ("partial", "PARTIAL"),
        (true, false) => ("valid", "valid"),
    };
    html! {
        li class=(class) {
            strong { (run.name) } " " span class="word" { (word) }
            @if !about.is_empty() { span class="soft" { " · " (about) } }
            @let interruption = run.interruption();
            @if !run.verdict.reasons.is_empty() || interruption.is_some() {
                ul {
                    @for reason in run.verdict.reasons.iter().chain(&interruption) { li { (reason) } }
                }
            }
        }
    }
}

fn bottleneck(run: &Run) -> String {
    match (run.verdict.bottleneck.as_str(), run.workload.idle) {
        ("", _) | (_, true) => String::new(),
        (bottleneck, false) => format!("bottleneck: {bottleneck}"),
    }
}

/// The most important figure of each side, large, and the next ones.
fn cards(comparison: &Comparison<'_>, lines: &[Line]) -> Markup {
    html! {
        div class="cards" {
            @for (index, side) in comparison.sides.iter().enumerate() {
                div class={ "card " (colour(index)) } {
                    h3 { (side.name) }
                    (card(comparison, side, lines))
                }
            }
        }
    }
}

fn card(comparison: &Comparison<'_>, side: &Rounds<'_>, lines: &[Line]) -> Markup {
    let mut figures = lines.iter().filter(|line| line.of(side).is_some());
    let workload = comparison.workload;
    html! {
        @if let Some(first) = figures.next() {
            p class="big" { (first.text(side)) " " span class="unit" { (first.label(workload)) } }
            @if first.leads() { p class="soft" { (Precision::of(&side.runs).to_string()) } }
        }
        dl {
            @for line in figures.filter(|line| line.is_on_card()) {
                dt { (line.label(workload)) } dd { (line.text(side)) }
            }
            dt { "errors" } dd { (format::thousands(side.total(Run::errors) as f64)) }
        }
    }
}

fn in_words(side: &Rounds<'_>, asked: &[Percentile]) -> Markup {
    html! {
        @for (round, run) in side.runs.iter().enumerate() {
            @if side.runs.len() > 1 { h3 { "Round " (round + 1) } }
            dl class="words" {
                @for (label, figures) in one::figures(run, asked) { dt { (label) } dd { (figures) } }
            }
        }
    }
}

/// What the second side has for each of the first's.
fn summary(comparison: &Comparison<'_>, lines: &[Line]) -> String {
    let rounds = match comparison.rounds() {
        1 => "One round each, which says nothing about how much rounds vary.".to_owned(),
        rounds => format!("Medians of {rounds} rounds."),
    };
    let doubt = match comparison.runs().all(|run| run.verdict.valid) {
        true => "",
        false => " A run is invalid: nothing it is part of can be trusted.",
    };
    let [one, other] = &comparison.sides[..] else {
        return format!(
            "{rounds} In parentheses: the ratio to {}.{doubt}",
            comparison.sides[0].name
        );
    };
    let ratios = lines.iter().filter(|line| line.is_on_card() || line.leads());
    let ratios = ratios.filter_map(|line| {
        let ratio = line.ratio(other, one)?;
        Some(format!("{} {ratio:.2}", line.label(comparison.workload)))
    });
    let ratios: Vec<_> = ratios.collect();
    match ratios.is_empty() {
        true => format!("{rounds}{doubt}"),
        false => format!(
            "{} divided by {}: {}. {rounds}{doubt}",
            other.name,
            one.name,
            ratios.join(", ")
        ),
    }
}

fn plots(comparison: &Comparison<'_>) -> Markup {
    let charts = plot::charts(comparison);
    html! {
        @if !charts.is_empty() {
            h2 { "Plots" }
            div class="plots" { @for chart in &charts { (chart.draw(0, 0)) } }
        }
        @if comparison.runs().all(|run| run.series.is_empty()) {
            p class="soft" { "Nothing was recorded over time." }
        }
    }
}

fn errors(comparison: &Comparison<'_>) -> Markup {
    let met: Vec<_> = comparison
        .runs()
        .flat_map(|run| run.errors.iter().map(move |errors| (run, errors)))
        .collect();
    html! {
        @if met.is_empty() {
            p { "None." }
        } @else {
            div class="scroll" {
                table {
                    thead { tr { th { "server" } th class="text" { "class" } th { "count" } th class="text" { "first" } } }
                    tbody {
                        @for (run, errors) in met { (error(run, errors)) }
                    }
                }
            }
        }
    }
}

fn error(run: &Run, errors: &Errors) -> Markup {
    html! {
        tr {
            td { (run.name) }
            td class="text" { (errors.class) }
            td { (format::thousands(errors.count as f64)) }
            td class="long" { (errors.sample().unwrap_or_default()) }
        }
    }
}
