//! HdrHistogram's interval log: the times of each interval of each run.

use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::saved::{Run, Saved};

/// The log counts its longest times in milliseconds.
const NANOS_PER_MILLI: f64 = 1e6;

/// The times of a part of a run.
struct Interval {
    /// Since the run's window began.
    begin: Duration,
    length: Duration,
    times: Histogram<u64>,
}

/// The log, with the runs one after the other from zero on: a file does not
/// say when they began.
pub(crate) fn intervals(saved: &Saved) -> Vec<u8> {
    let mut text = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder.with_max_value_divisor(NANOS_PER_MILLI);
    for remark in remarks(saved) {
        builder.add_comment(&remark);
    }
    // Writing to a vector cannot fail.
    let Ok(mut log) = builder.begin_log_with(&mut text, &mut serializer) else {
        return Vec::new();
    };
    let mut begin = Duration::ZERO;
    for run in &saved.runs {
        let mut end = seconds(run.window_s.unwrap_or_default());
        for interval in parts(run).unwrap_or_else(|| whole(run)) {
            end = end.max(interval.begin + interval.length);
            let at = begin.saturating_add(interval.begin);
            let _ = log.write_histogram(&interval.times, at, interval.length, Tag::new(&tag(&run.name)));
        }
        begin = begin.saturating_add(end);
    }
    text
}

/// Why the log has fewer intervals than the runs, if it has.
pub(crate) fn remarks(saved: &Saved) -> Vec<String> {
    let without = |run: &&Run| parts(run).is_none();
    match saved.runs.iter().filter(without).count() {
        0 => Vec::new(),
        runs => vec![format!(
            "{runs} of {} runs were saved without the times of each interval, and are one interval each: \
             measure with --json and --hdr-log to have them",
            saved.runs.len()
        )],
    }
}

/// The intervals of the series, and what was answered after the last of them;
/// together all times of the run. `None` when the run does not have them.
fn parts(run: &Run) -> Option<Vec<Interval>> {
    let Some(mut rest) = run.time().decoded() else {
        return Some(Vec::new());
    };
    let mut parts = Vec::new();
    for second in &run.series {
        let times = second.decoded()?;
        rest.subtract(&times).ok()?;
        parts.push(Interval {
            begin: seconds(second.end_s - second.length_s),
            length: seconds(second.length_s),
            times,
        });
    }
    parts.extend(after(run, rest));
    Some(parts)
}

/// What was due in the window and answered after it. Since it was due before
/// the end, it came no later after it than the longest of these times.
fn after(run: &Run, rest: Histogram<u64>) -> Option<Interval> {
    let Some(last) = run.series.last() else {
        return whole(run).pop();
    };
    (!rest.is_empty()).then(|| Interval {
        begin: seconds(last.end_s),
        length: Duration::from_nanos(rest.max()),
        times: rest,
    })
}

/// The run as one interval.
fn whole(run: &Run) -> Vec<Interval> {
    let times = run.time().decoded();
    let interval = times.map(|times| Interval {
        begin: Duration::ZERO,
        length: seconds(run.window_s.unwrap_or_default()),
        times,
    });
    interval.into_iter().collect()
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// The format has no room for some letters in a name.
fn tag(name: &str) -> String {
    name.replace(|letter: char| letter == ',' || letter.is_whitespace(), "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use crate::run::recording::Recorder;
    use crate::saved::Second;

    /// (tag, begin, length, times of whole milliseconds) of each.
    fn read(text: &[u8]) -> Vec<(String, f64, f64, Vec<u64>)> {
        let entries = IntervalLogIterator::new(text).map(Result::unwrap);
        let entries = entries.filter_map(|entry| match entry {
            LogEntry::Interval(interval) => Some(interval),
            _ => None,
        });
        let read = entries.map(|interval| {
            let tag = interval.tag().map(|tag| tag.as_str().to_owned());
            let text = interval.encoded_histogram();
            let times = crate::saved::decoding::decoded(text).unwrap();
            let times = times.iter_recorded().map(|step| step.value_iterated_to() / 999_000);
            (
                tag.unwrap_or_default(),
                interval.start_timestamp().as_secs_f64(),
                interval.duration().as_secs_f64(),
                times.collect(),
            )
        });
        read.collect()
    }

    /// A run of two seconds, answers of 1 ms and 2 ms in the first, none in the
    /// second, and one of 3 ms after both.
    fn sampled(name: &str) -> Run {
        let recorder = Recorder::new(1);
        let record = |millis| recorder.record(0, Duration::from_millis(millis));
        let mut run = Run::example(name, 10.0);
        run.window_s = Some(2.0);
        record(1);
        record(2);
        for end in [1, 2] {
            run.series.push(Second {
                histogram: Some(recorder.look().encoded()),
                ..Second::example(end)
            });
        }
        record(3);
        run.service_time = recorder.times().saved();
        run
    }

    #[test]
    fn every_interval_is_a_line_and_nothing_is_lost() {
        let saved = Saved::example([sampled("a, b"), sampled("c")]);
        let found = read(&intervals(&saved));
        let (a, c) = ("a__b".to_owned(), "c".to_owned());
        assert_eq!(
            found,
            [
                (a.clone(), 0.0, 1.0, vec![1, 2]),
                (a.clone(), 1.0, 1.0, vec![]),
                (a, 2.0, 0.003, vec![3]),
                (c.clone(), 2.003, 1.0, vec![1, 2]),
                (c.clone(), 3.003, 1.0, vec![]),
                (c, 4.003, 0.003, vec![3]),
            ]
        );
        assert_eq!(remarks(&saved), Vec::<String>::new());
    }

    #[test]
    fn a_run_without_the_times_of_its_intervals_is_one_and_the_log_says_so() {
        let mut old = sampled("a");
        old.series[1].histogram = None;
        let mut broken = sampled("b");
        broken.series[1].histogram = broken.series[0].histogram.clone();
        let saved = Saved::example([old, broken, sampled("c")]);
        let text = intervals(&saved);
        let found = read(&text);
        assert_eq!(found.len(), 5, "{found:?}");
        assert_eq!(found[0], ("a".to_owned(), 0.0, 2.0, vec![1, 2, 3]));
        assert_eq!(found[1], ("b".to_owned(), 2.0, 2.0, vec![1, 2, 3]));
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("#2 of 3 runs were saved without"), "{text}");
    }

    #[test]
    fn a_run_without_a_series_has_nothing_to_be_missed() {
        let saved = Saved::example([Run::example("a", 10.0).timed(), Run::example("b", 0.0)]);
        assert_eq!(remarks(&saved), Vec::<String>::new());
        assert_eq!(read(&intervals(&saved)).len(), 1);
    }
}
