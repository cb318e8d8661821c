//! The times of a run as they were recorded, out of the file's form.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use super::grouping::Rounds;
use crate::recording::DIGITS;
use crate::saved::{Run, Times};

impl Times {
    /// All of them; `None` when there are none, or the text is no histogram that
    /// this program writes: a few bytes can ask for one with millions of
    /// counters, which would take minutes to show.
    pub(crate) fn decoded(&self) -> Option<Histogram<u64>> {
        let bytes = BASE64.decode(&self.histogram).ok()?;
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).ok()?;
        (!histogram.is_empty() && histogram.sigfig() <= DIGITS).then_some(histogram)
    }
}

/// The times of all rounds together.
pub(crate) fn pooled(side: &Rounds<'_>, times: impl Fn(&Run) -> Option<&Times>) -> Option<Histogram<u64>> {
    let mut rounds = side.runs.iter().filter_map(|run| times(run)?.decoded());
    let mut all = rounds.next()?;
    all.auto(true);
    for round in rounds {
        // It grows to hold what comes.
        let _ = all.add(&round);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::{Serializer, V2Serializer};

    #[test]
    fn a_finer_histogram_than_is_recorded_is_none() {
        let times = |digits| {
            let mut histogram = Histogram::<u64>::new_with_bounds(1, u64::MAX, digits).unwrap();
            histogram.record(u64::MAX).unwrap();
            let mut bytes = Vec::new();
            V2Serializer::new().serialize(&histogram, &mut bytes).unwrap();
            let histogram = BASE64.encode(bytes);
            Times {
                histogram,
                ..Times::default()
            }
        };
        assert!(times(DIGITS).decoded().is_some());
        assert!(times(5).decoded().is_none());
    }
}
