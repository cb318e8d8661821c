//! The report as a page: one file that needs no network, no script and no
//! font, and that is read in light and in dark. `maud` escapes all text, so
//! that no name and no sample of an error becomes a part of the page.

mod account;
mod matrix;
mod sides;
mod tables;
mod verdict;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::grouping::{Comparison, comparisons};
use super::{plot, text};
use crate::base::percentile::Percentile;
use crate::saved::{Manifest, Saved};

/// Nothing is fetched and nothing is run, whatever a name says.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
const STYLE: &str = include_str!("style.css");

/// The page; its tables have the percentiles that were `asked` for, or the
/// usual ones.
pub(crate) fn page(saved: &Saved, asked: &[Percentile]) -> Vec<u8> {
    let comparisons = comparisons(&saved.runs);
    let title = title(saved, &comparisons);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) " - bench-client" }
                style { (PreEscaped(plot::STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    @for judgement in &saved.judgements { (verdict::section(judgement)) }
                    (body(saved, &comparisons, asked))
                    (manifest(&saved.manifest, &comparisons))
                }
            }
        }
    };
    page.into_string().into_bytes()
}

fn title(saved: &Saved, comparisons: &[Comparison<'_>]) -> String {
    let mut names: Vec<_> = saved.runs.iter().map(|run| run.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    match (comparisons, names.len()) {
        ([one], 2) => format!("{} beside {}", one.sides[0].name, one.sides[1].name),
        (_, 1) => names.concat(),
        ([first, ..], _) if comparisons.iter().all(|one| one.is_of(&first.workload.target)) => {
            first.workload.target.clone()
        }
        (_, servers) => format!("{servers} servers side by side"),
    }
}

/// One load is shown whole; of several first all figures, then each load to be
/// opened.
fn body(saved: &Saved, comparisons: &[Comparison<'_>], asked: &[Percentile]) -> Markup {
    if let [one] = comparisons {
        return html! { p class="soft" { (one.workload.headline()) } (sides::section(one, asked)) };
    }
    html! {
        p class="soft" { (comparisons.len()) " loads" }
        (sides::objections(comparisons))
        (curves(saved, comparisons))
        (matrix::section(comparisons, asked))
        h2 { "Each load" }
        @for comparison in comparisons {
            details {
                summary { (comparison.workload.headline()) }
                (sides::section(comparison, asked))
            }
        }
    }
}

/// The knees of a sweep and the curves they are in.
fn curves(saved: &Saved, comparisons: &[Comparison<'_>]) -> Markup {
    let charts = plot::growth(saved, comparisons);
    html! {
        @if !saved.knees.is_empty() {
            ul class="notes" { @for line in text::knees(saved) { li { (line) } } }
        }
        @if !charts.is_empty() {
            div class="plots" { @for chart in &charts { (chart.draw(0, 0)) } }
            p class="soft" { (plot::LEGEND) }
        }
    }
}

fn manifest(manifest: &Manifest, comparisons: &[Comparison<'_>]) -> Markup {
    let machine = &manifest.machine;
    let mut targets: Vec<_> = comparisons.iter().flat_map(Comparison::runs).collect();
    targets.dedup_by_key(|run| &run.workload.target);
    let targets = targets.iter().map(|run| run.workload.target.as_str());
    let hashes: Vec<_> = comparisons.iter().map(|one| one.workload.hash.as_str()).collect();
    let lines = [
        ("version", manifest.version.clone()),
        ("places", manifest.places()),
        (
            "processors",
            format!(
                "{}, {} usable (threads of the first core: {})",
                machine.cpu, machine.cpus, machine.siblings
            ),
        ),
        ("memory", format!("{} MiB", machine.memory_mib)),
        ("kernel", machine.kernel.clone()),
        ("clock", machine.clock.clone()),
        ("load before", machine.load_before.clone()),
        ("targets", targets.collect::<Vec<_>>().join(", ")),
        ("hash of the load", hashes.join(", ")),
        ("schema", manifest.schema.to_string()),
    ];
    html! {
        h2 { "How it was measured" }
        p { code { (manifest.command.join(" ")) } }
        dl class="words" {
            @for (name, text) in lines { dt { (name) } dd { (text) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saved::Run;

    fn text(runs: impl IntoIterator<Item = Run>) -> String {
        String::from_utf8(page(&Saved::example(runs), &[])).unwrap()
    }

    #[test]
    fn no_text_from_outside_becomes_a_part_of_the_page() {
        let hostile = "\"><script>alert(1)</script><img src=x onerror='x'>";
        let mut saved = Saved::example([Run::full(hostile), Run::full("other")]);
        saved.manifest.command.push(hostile.to_owned());
        saved.manifest.machine.cpu = hostile.to_owned();
        for run in &mut saved.runs {
            run.errors[0].first = Some(hostile.to_owned());
            run.errors[0].class = hostile.to_owned();
            run.verdict.reasons.push(hostile.to_owned());
            run.verdict.remarks.push(hostile.to_owned());
            run.verdict.bottleneck = hostile.to_owned();
            run.verdict.valid = false;
            run.workload.target = hostile.to_owned();
            run.workload.request = Some(hostile.to_owned());
        }
        let text = String::from_utf8(page(&saved, &[])).unwrap();
        assert!(text.matches("&lt;script&gt;").count() > 10);
        assert!(!text.contains("<script") && !text.contains("<img"), "{text}");
    }

    #[test]
    fn the_page_stands_alone() {
        let text = text([Run::full("a"), Run::full("b")]);
        for foreign in ["http://", "https://", "src=", "href=", "@import", "url(", "<link"] {
            let without_names = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!without_names.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn the_verdict_comes_first_and_says_why() {
        let mut run = Run::full("a");
        run.verdict.valid = false;
        run.verdict.reasons.push("only 3 of 10 clients connected".to_owned());
        let text = text([run]);
        let verdict = text.find("INVALID").unwrap();
        assert!(text.contains("only 3 of 10 clients connected"));
        assert!(verdict < text.find("<svg").unwrap() && verdict < text.find("<table").unwrap());
    }

    #[test]
    fn a_ratio_to_an_invalid_run_is_doubted() {
        let mut invalid = Run::full("b");
        invalid.verdict.valid = false;
        assert!(text([Run::full("a"), invalid]).contains("A run is invalid"));
        assert!(!text([Run::full("a"), Run::full("b")]).contains("A run is invalid"));
    }

    #[test]
    fn a_run_without_anything_is_a_page_too() {
        let mut run = Run::example("a", 0.0);
        run.window_s = None;
        run.answers_per_s = None;
        run.server = None;
        run.memory = None;
        run.service_time.histogram = "no histogram".to_owned();
        assert!(text([run]).contains("</html>"));
    }
}
