//! The distribution of times as text, in the form HdrHistogram's plotter reads
//! and wrk2 prints, in milliseconds.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;

use super::grouping::comparisons;
use super::histogram::pooled;
use crate::base::failure::Failure;
use crate::saved::{Run, Saved};
use crate::view::stdout::write_file;

const NANOS_PER_MILLI: f64 = 1e6;
/// Lines for each halving of what remains above them, as others print.
const TICKS_PER_HALF: u32 = 5;

/// Writes the distribution of every server to `path`; where there are several,
/// each to a file with its name before the extension. Rounds are one.
///
/// # Errors
/// [`Failure::Report`].
pub(crate) fn write(path: &Path, saved: &Saved) -> Result<(), Failure> {
    let distributions = distributions(saved);
    if let [(_, text)] = &distributions[..] {
        return write_file(path, text);
    }
    for (name, text) in distributions {
        write_file(&named(path, &name), text)?;
    }
    Ok(())
}

/// (name, text) of each server under each load.
pub(super) fn distributions(saved: &Saved) -> Vec<(String, String)> {
    let comparisons = comparisons(&saved.runs);
    let several = comparisons.len() > 1;
    let mut all = Vec::new();
    for (index, comparison) in comparisons.iter().enumerate() {
        for side in &comparison.sides {
            let times = pooled(side, |run: &Run| Some(run.time()));
            let name = match several {
                true => format!("{}.{}", index + 1, side.name),
                false => side.name.to_owned(),
            };
            all.extend(times.map(|times| (name, text(&times))));
        }
    }
    all
}

/// `x.hgrm` of `thread` is `x.thread.hgrm`. What is no letter of a file's name
/// becomes `_`.
fn named(path: &Path, name: &str) -> PathBuf {
    let plain = |letter: char| match letter {
        _ if letter.is_alphanumeric() || "-._".contains(letter) => letter,
        _ => '_',
    };
    let mut file = path.file_stem().unwrap_or_default().to_owned();
    file.push(".");
    file.push(name.chars().map(plain).collect::<String>());
    if let Some(extension) = path.extension() {
        file.push(".");
        file.push(extension);
    }
    path.with_file_name(file)
}

fn text(times: &Histogram<u64>) -> String {
    let mut text = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let mut count = 0;
    for step in times.iter_quantiles(TICKS_PER_HALF) {
        count += step.count_since_last_iteration();
        let value = step.value_iterated_to() as f64 / NANOS_PER_MILLI;
        let share = step.quantile_iterated_to();
        // Writing to a String cannot fail.
        let _ = match share < 1.0 {
            true => writeln!(
                text,
                "{value:12.3} {share:2.12} {count:10} {:14.2}",
                1.0 / (1.0 - share)
            ),
            false => writeln!(text, "{value:12.3} {share:2.12} {count:10}"),
        };
    }
    text + &footer(times)
}

fn footer(times: &Histogram<u64>) -> String {
    let mean = times.mean() / NANOS_PER_MILLI;
    let deviation = times.stdev() / NANOS_PER_MILLI;
    let max = times.max() as f64 / NANOS_PER_MILLI;
    let buckets = times.buckets();
    // The crate does not tell; it follows from the digits that are kept.
    let sub_buckets = 2_u64 * 10_u64.pow(u32::from(times.sigfig()));
    format!(
        "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]\n\
         #[Max     = {max:12.3}, Total count    = {:12}]\n\
         #[Buckets = {buckets:12}, SubBuckets     = {:12}]\n",
        times.len(),
        sub_buckets.next_power_of_two(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_other_implementations_print() {
        let mut times = Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap();
        for millis in 1..=10_u64 {
            times.record(millis * 1_000_000).unwrap();
        }
        let text = text(&times);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "       Value     Percentile TotalCount 1/(1-Percentile)");
        assert_eq!(lines[1], "");
        assert_eq!(lines[2], "       1.000 0.000000000000          1           1.00");
        assert!(lines.contains(&"      10.002 1.000000000000         10"), "{text}");
        assert!(
            text.contains("#[Max     =       10.002, Total count    =           10]"),
            "{text}"
        );
        assert!(text.contains("SubBuckets     =         2048]"), "{text}");
    }

    #[test]
    fn each_server_has_a_file_of_its_own_and_no_name_leaves_the_folder() {
        for (path, name, expected) in [
            ("/t/x.hgrm", "thread", "/t/x.thread.hgrm"),
            ("x", "a", "x.a"),
            ("/t/x.hgrm", "tcp://../etc", "/t/x.tcp___.._etc.hgrm"),
        ] {
            assert_eq!(named(Path::new(path), name), Path::new(expected));
        }
    }
}
