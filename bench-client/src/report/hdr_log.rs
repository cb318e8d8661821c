//! HdrHistogram's interval log: the times of each run as one interval.

use std::time::Duration;

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::saved::Saved;

/// The log counts its longest times in milliseconds.
const NANOS_PER_MILLI: f64 = 1e6;

/// The log, with the runs one after the other from zero on: a file does not
/// say when they began.
pub(crate) fn intervals(saved: &Saved) -> Vec<u8> {
    let mut text = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder.with_max_value_divisor(NANOS_PER_MILLI);
    // Writing to a vector cannot fail.
    let Ok(mut log) = builder.begin_log_with(&mut text, &mut serializer) else {
        return Vec::new();
    };
    let mut begin = Duration::ZERO;
    for run in &saved.runs {
        let length = Duration::try_from_secs_f64(run.window_s.unwrap_or_default()).unwrap_or_default();
        if let Some(times) = run.time().decoded() {
            let _ = log.write_histogram(&times, begin, length, Tag::new(&tag(&run.name)));
        }
        begin = begin.saturating_add(length);
    }
    text
}

/// The format has no room for some letters in a name.
fn tag(name: &str) -> String {
    name.replace(|letter: char| letter == ',' || letter.is_whitespace(), "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use crate::saved::Run;

    #[test]
    fn every_run_is_an_interval() {
        let runs = [Run::example("a, b", 10.0).timed(), Run::example("c", 10.0).timed()];
        let text = intervals(&Saved::example(runs));
        let entries: Vec<_> = IntervalLogIterator::new(&text).map(Result::unwrap).collect();
        let tags: Vec<_> = entries
            .iter()
            .map(|entry| match entry {
                LogEntry::Interval(interval) => (
                    interval.tag().map(|tag| tag.as_str().to_owned()).unwrap_or_default(),
                    interval.start_timestamp().as_secs(),
                    interval.duration().as_secs(),
                ),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(tags, [("a__b".to_owned(), 0, 1), ("c".to_owned(), 1, 1)]);
    }
}
