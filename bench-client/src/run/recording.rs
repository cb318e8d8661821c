//! How long each echo took, in memory that does not grow with their number.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use crate::base::percentile::{self, Percentile};
use crate::saved::DIGITS;

/// The longest time that is told from longer ones: 60 s, in nanoseconds.
const LONGEST: u64 = 60_000_000_000;

/// Collects times; one part per worker, so that workers seldom meet.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// What was added since the last look.
    parts: Box<[Mutex<Histogram<u64>>]>,
    /// What was added before.
    total: Mutex<Histogram<u64>>,
    saturated: AtomicU64,
}

impl Recorder {
    /// An empty one for `workers` workers.
    pub(crate) fn new(workers: usize) -> Recorder {
        Recorder {
            parts: (0..workers.max(1)).map(|_| Mutex::new(empty())).collect(),
            total: Mutex::new(empty()),
            saturated: AtomicU64::new(0),
        }
    }

    /// Adds one time of client `connection`.
    pub(crate) fn record(&self, connection: u32, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        if nanos > LONGEST {
            self.saturated.fetch_add(1, Ordering::Relaxed);
        }
        let part = &self.parts[connection as usize % self.parts.len()];
        lock(part).saturating_record(nanos.clamp(1, LONGEST));
    }

    /// How many times were added.
    pub(crate) fn count(&self) -> u64 {
        let recent: u64 = self.parts.iter().map(|part| lock(part).len()).sum();
        recent + lock(&self.total).len()
    }

    /// What was added since the last look.
    pub(crate) fn look(&self) -> Times {
        let mut recent = empty();
        for part in &self.parts {
            let mut part = lock(part);
            // They share their bounds, so that one always fits another.
            let _ = recent.add(&*part);
            part.reset();
        }
        let _ = lock(&self.total).add(&recent);
        Times {
            times: recent,
            saturated: 0,
            unanswered: 0,
        }
    }

    /// Everything that was added.
    pub(crate) fn times(&self) -> Times {
        self.look();
        Times {
            times: lock(&self.total).clone(),
            saturated: self.saturated.load(Ordering::Relaxed),
            unanswered: 0,
        }
    }
}

/// Times that were recorded.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    times: Histogram<u64>,
    saturated: u64,
    /// Messages that belong to them and have no time, for no answer came.
    unanswered: u64,
}

impl Times {
    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.times.len()
    }

    /// The same as those of `all` messages, of which the others had no answer.
    pub(crate) fn among(self, all: u64) -> Times {
        let unanswered = all.saturating_sub(self.count());
        Times { unanswered, ..self }
    }

    /// Messages that belong to them and had no answer.
    pub(crate) fn unanswered(&self) -> u64 {
        self.unanswered
    }

    /// The time that `share` of all messages do not exceed, where one without an
    /// answer exceeds every time; `None` when that many had no answer.
    pub(crate) fn of_all(&self, share: f64) -> Option<Duration> {
        let share = percentile::among_answered(share, self.count(), self.unanswered)?;
        Some(self.quantile(share))
    }

    /// The time that `share` of them do not exceed; zero if there are none.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        match self.times.len() {
            0 => Duration::ZERO,
            _ => Duration::from_nanos(self.times.value_at_quantile(share)),
        }
    }

    /// The time at `percentile`; `None` when there are too few to tell it, or
    /// too many messages had no answer.
    pub(crate) fn at(&self, percentile: &Percentile) -> Option<Duration> {
        let told = percentile.is_told_by(self.count() + self.unanswered);
        self.of_all(percentile.share()).filter(|_| told)
    }

    /// Their mean in nanoseconds; zero if there are none.
    pub(crate) fn mean(&self) -> f64 {
        self.times.mean()
    }

    /// All of them as HdrHistogram's implementations exchange them: V2,
    /// deflated, in base64.
    pub(crate) fn encoded(&self) -> String {
        let mut bytes = Vec::new();
        // Writing to a vector cannot fail, and a histogram of this size has room
        // in the format's fields.
        let _ = V2DeflateSerializer::new().serialize(&self.times, &mut bytes);
        BASE64.encode(bytes)
    }

    /// How many were longer than the longest that is told apart.
    pub(crate) fn saturated(&self) -> u64 {
        self.saturated
    }

    /// The longest; 60 s stands for that and more.
    pub(crate) fn longest(&self) -> Duration {
        Duration::from_nanos(self.times.max())
    }
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, DIGITS).expect("constants that hdrhistogram allows")
}

fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_a_sorted_list_to_three_digits() {
        let recorder = Recorder::new(3);
        let mut times: Vec<u64> = (0_u64..10_000)
            .map(|index| 1_000 + index.wrapping_mul(2_654_435_761) % 50_000_000)
            .collect();
        for (connection, nanos) in times.iter().enumerate() {
            recorder.record(connection as u32, Duration::from_nanos(*nanos));
        }
        times.sort_unstable();
        let recorded = recorder.times();
        assert_eq!(recorded.count(), 10_000);
        for percent in ["1", "12.5", "50", "75", "90", "99", "99.9", "99.99"] {
            let percentile: Percentile = percent.parse().unwrap();
            let place = (percentile.share() * 10_000.0).ceil() as usize;
            let exact = times[place - 1] as f64;
            let found = recorded.at(&percentile).unwrap().as_nanos() as f64;
            assert!((found / exact - 1.0).abs() < 0.001, "p{percent}: {found}");
        }
        assert_eq!(recorded.at(&"99.991".parse().unwrap()), None);
    }

    #[test]
    fn a_time_beyond_the_longest_is_the_longest() {
        let recorder = Recorder::new(1);
        recorder.record(0, Duration::from_secs(3600));
        let longest = recorder.times().longest().as_secs_f64();
        assert!((59.9..60.1).contains(&longest), "{longest}");
        assert_eq!(recorder.times().saturated(), 1);
    }

    #[test]
    fn a_look_sees_what_came_since_the_last_and_loses_nothing() {
        let recorder = Recorder::new(2);
        recorder.record(0, Duration::from_millis(1));
        assert_eq!(recorder.look().count(), 1);
        recorder.record(1, Duration::from_millis(2));
        recorder.record(0, Duration::from_millis(3));
        assert_eq!((recorder.look().count(), recorder.look().count()), (2, 0));
        assert_eq!((recorder.count(), recorder.times().count()), (3, 3));
    }

    #[test]
    fn messages_without_an_answer_move_and_hide_quantiles() {
        let recorder = Recorder::new(1);
        for millis in 1..=100 {
            recorder.record(0, Duration::from_millis(millis));
        }
        let times = recorder.times().among(150);
        let millis = |percent: &str| Some(times.at(&percent.parse().unwrap())?.as_millis());
        assert_eq!(
            (times.unanswered(), millis("50"), millis("60")),
            (50, Some(75), Some(90))
        );
        assert_eq!((millis("67"), millis("99")), (None, None));
        let saved = times.saved();
        assert_eq!(
            (saved.p50.is_some(), saved.p90, saved.p99, saved.unanswered),
            (true, None, None, 50)
        );
        for percent in ["50", "60", "67", "99"] {
            let percentile = percent.parse().unwrap();
            assert_eq!(
                saved.at(&percentile).is_some(),
                times.at(&percentile).is_some(),
                "p{percent}"
            );
        }
    }

    #[test]
    fn nothing_recorded_is_no_time() {
        let times = Recorder::new(1).times();
        assert_eq!(times.quantile(0.99), Duration::ZERO);
        assert_eq!(times.longest(), Duration::ZERO);
    }
}
