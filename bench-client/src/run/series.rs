//! What happened interval by interval.

use std::time::Duration;

use crate::base::taxonomy::ErrorClass;
use crate::run::job::Job;
use crate::saved::Second;
use crate::view::progress::Live;

/// The intervals of the window that are over.
#[derive(Debug, Default)]
pub(crate) struct Series {
    /// In the order of time; without their histograms, for they are copied
    /// whenever somebody watches.
    pub(crate) seconds: Vec<Second>,
    /// The histogram of each, if they are kept.
    histograms: Vec<String>,
    last: Spent,
    /// Errors until the last tick, by class.
    errors: Vec<(ErrorClass, u64)>,
}

/// Processor time until an instant.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// From the begin of the window.
    pub(crate) at: Duration,
    /// By the server.
    pub(crate) server: Option<Duration>,
    /// By this process.
    pub(crate) own: Option<Duration>,
}

/// The end of an interval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    /// From the begin of the window.
    pub(crate) at: Duration,
    /// Processor time of the server until then, and its resident bytes.
    pub(crate) server: Option<(Duration, u64)>,
    /// The same of this process.
    pub(crate) own: Option<(Duration, u64)>,
}

impl Tick {
    fn spent(&self) -> Spent {
        Spent {
            at: self.at,
            server: self.server.map(|(cpu, _)| cpu),
            own: self.own.map(|(cpu, _)| cpu),
        }
    }
}

impl Series {
    /// Of a window that begins when both ends have spent so much. What went
    /// wrong before is in no interval.
    pub(crate) fn begin(job: &Job, spent: Spent) -> Series {
        Series {
            last: spent,
            errors: counts(job),
            ..Series::default()
        }
    }

    /// Takes down the interval that ends with `tick`.
    pub(crate) fn tick(&mut self, job: &Job, tick: &Tick) {
        let service = job.service.look();
        let times = match job.schedule {
            Some(_) => job.response.look(),
            None => service.clone(),
        };
        let nanos = |share| u64::try_from(times.quantile(share).as_nanos()).unwrap_or(u64::MAX);
        let spent = tick.spent();
        let second = Second {
            end_s: tick.at.as_secs_f64(),
            length_s: tick.at.saturating_sub(self.last.at).as_secs_f64(),
            answers: service.count(),
            p50: nanos(0.5),
            p99: nanos(0.99),
            max: nanos(1.0),
            errors: self.new_errors(job),
            server_cpu_share: self.share(&spent, |spent| spent.server),
            client_cpu_share: self.share(&spent, |spent| spent.own),
            server_resident_bytes: tick.server.map(|(_, resident)| resident),
            client_resident_bytes: tick.own.map(|(_, resident)| resident),
            histogram: None,
        };
        self.seconds.push(second);
        self.last = spent;
        if job.plan.sampling.histograms {
            self.histograms.push(times.encoded());
        }
    }

    /// All intervals, each with its histogram if they are kept.
    pub(crate) fn finish(mut self) -> Vec<Second> {
        for (second, histogram) in self.seconds.iter_mut().zip(self.histograms) {
            second.histogram = Some(histogram);
        }
        self.seconds
    }

    /// For who watches.
    pub(crate) fn live(&self, job: &Job) -> Live {
        Live {
            unit: job.plan.unit(),
            time: match job.schedule {
                Some(_) => "response time",
                None => "service time",
            },
            seconds: self.seconds.clone(),
            errors: counts(job)
                .into_iter()
                .map(|(class, count)| (class.id(), count))
                .collect(),
            clients: job.plan.clients,
        }
    }

    /// Of one processor, since the last tick.
    fn share(&self, spent: &Spent, end: impl Fn(&Spent) -> Option<Duration>) -> Option<f64> {
        let used = end(spent)?.saturating_sub(end(&self.last)?);
        let passed = spent.at.saturating_sub(self.last.at).as_secs_f64();
        (passed > 0.0).then(|| used.as_secs_f64() / passed)
    }

    fn new_errors(&mut self, job: &Job) -> Vec<(String, u64)> {
        let counts = counts(job);
        let before = |class| {
            let found = self.errors.iter().find(|(known, _)| *known == class);
            found.map_or(0, |(_, count)| *count)
        };
        let new = counts
            .iter()
            .map(|(class, count)| (class.id().to_owned(), count - before(*class)))
            .filter(|(_, count)| *count > 0)
            .collect();
        self.errors = counts;
        new
    }
}

fn counts(job: &Job) -> Vec<(ErrorClass, u64)> {
    let met = job.faults.met();
    met.into_iter().map(|(class, tallied)| (class, tallied.count)).collect()
}
