//! The times of a run as they were recorded, out of the file's form.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use super::grouping::Rounds;
use crate::percentile::Percentile;
use crate::saved::{Run, Second, Times};

impl Times {
    /// All of them; `None` when there are none or the text is no histogram.
    pub(crate) fn decoded(&self) -> Option<Histogram<u64>> {
        decoded(&self.histogram).filter(|times| !times.is_empty())
    }
}

impl Times {
    /// The time at `percentile` in nanoseconds; `None` when there are too few
    /// to tell it.
    pub(crate) fn at(&self, percentile: &Percentile) -> Option<u64> {
        if !percentile.is_told_by(self.count) {
            return None;
        }
        Some(match percentile.percent() {
            "50" => self.p50,
            "90" => self.p90,
            "99" => self.p99,
            "99.9" => self.p999,
            "99.99" => self.p9999,
            "99.999" => self.p99999,
            _ => self.decoded()?.value_at_quantile(percentile.share()),
        })
    }
}

impl Second {
    /// Its times, perhaps none; `None` when they were not kept or the text is
    /// no histogram.
    pub(crate) fn decoded(&self) -> Option<Histogram<u64>> {
        decoded(self.histogram.as_ref()?)
    }
}

/// The histogram that `text` is.
pub(super) fn decoded(text: &str) -> Option<Histogram<u64>> {
    let bytes = BASE64.decode(text).ok()?;
    Deserializer::new().deserialize(&mut &bytes[..]).ok()
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
