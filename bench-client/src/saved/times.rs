//! Times and the intervals they fell into, as they are saved.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::decoding::decoded;
use crate::base::percentile::{Percentile, among_answered};

/// Times in nanoseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Times {
    /// How many.
    pub(crate) count: u64,
    /// Messages that belong to them and had no answer, in an open loop: each
    /// exceeds every quantile. One that they leave unknown is `null`.
    #[serde(default)]
    pub(crate) unanswered: u64,
    /// Their mean.
    pub(crate) mean: f64,
    /// The shortest.
    pub(crate) min: u64,
    pub(crate) p50: Option<u64>,
    pub(crate) p90: Option<u64>,
    pub(crate) p99: Option<u64>,
    pub(crate) p999: Option<u64>,
    pub(crate) p9999: Option<u64>,
    pub(crate) p99999: Option<u64>,
    /// The longest.
    pub(crate) max: u64,
    /// How many were longer than the longest that is told apart, 60 s.
    pub(crate) saturated: u64,
    /// All of them: an HdrHistogram, V2, deflated, in base64.
    pub(crate) histogram: String,
}

/// One interval of the window: a second unless `--sample` said otherwise, or
/// the rest at its end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Second {
    /// From the begin of the window to its end.
    pub(crate) end_s: f64,
    /// Its length.
    pub(crate) length_s: f64,
    /// Answers in it.
    pub(crate) answers: u64,
    /// Times in nanoseconds, response time in an open loop and service time in
    /// a closed one.
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
    /// Errors in it, by class.
    pub(crate) errors: Vec<(String, u64)>,
    /// The part of one processor that the server used.
    pub(crate) server_cpu_share: Option<f64>,
    /// The part of one processor that the client used.
    pub(crate) client_cpu_share: Option<f64>,
    /// Resident memory of the server at its end.
    pub(crate) server_resident_bytes: Option<u64>,
    /// Resident memory of the client at its end.
    pub(crate) client_resident_bytes: Option<u64>,
    /// All its times, as [`Times::histogram`] has them; kept for an interval
    /// log only, since it is longer than all the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) histogram: Option<String>,
}

impl Second {
    /// Answers per second.
    pub(crate) fn answers_per_s(&self) -> Option<f64> {
        (self.length_s > 0.0).then(|| self.answers as f64 / self.length_s)
    }

    /// How much went wrong in it.
    pub(crate) fn errors(&self) -> u64 {
        let counts = self.errors.iter().map(|(_, count)| *count);
        counts.fold(0, u64::saturating_add)
    }
}

impl Times {
    /// All of them; `None` when there are none or the text is no histogram.
    pub(crate) fn decoded(&self) -> Option<Histogram<u64>> {
        decoded(&self.histogram).filter(|times| !times.is_empty())
    }

    /// The time at `percentile` in nanoseconds; `None` when there are too few
    /// to tell it, or too many messages had no answer.
    pub(crate) fn at(&self, percentile: &Percentile) -> Option<u64> {
        if !percentile.is_told_by(self.count.saturating_add(self.unanswered)) {
            return None;
        }
        match percentile.percent() {
            "50" => self.p50,
            "90" => self.p90,
            "99" => self.p99,
            "99.9" => self.p999,
            "99.99" => self.p9999,
            "99.999" => self.p99999,
            _ => {
                let share = among_answered(percentile.share(), self.count, self.unanswered)?;
                Some(self.decoded()?.value_at_quantile(share))
            }
        }
    }
}

impl Second {
    /// Its times, perhaps none; `None` when they were not kept or the text is
    /// no histogram.
    pub(crate) fn decoded(&self) -> Option<Histogram<u64>> {
        decoded(self.histogram.as_ref()?)
    }
}
