//! What happened second by second.

use std::time::Duration;

use crate::job::Job;
use crate::progress::Live;
use crate::saved::Second;
use crate::taxonomy::ErrorClass;

/// The seconds of the window that are over.
#[derive(Debug, Default)]
pub(crate) struct Series {
    /// In the order of time.
    pub(crate) seconds: Vec<Second>,
    last: Option<Tick>,
    /// Errors until the last tick, by class.
    errors: Vec<(ErrorClass, u64)>,
}

/// The end of a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    /// From the begin of the window.
    pub(crate) at: Duration,
    /// Processor time of the server until then, and its resident bytes.
    pub(crate) server: Option<(Duration, u64)>,
    /// The same of this process.
    pub(crate) own: Option<(Duration, u64)>,
}

impl Series {
    /// Takes down the second that ends with `tick`.
    pub(crate) fn tick(&mut self, job: &Job, tick: &Tick) {
        let service = job.service.look();
        let times = match job.schedule {
            Some(_) => job.response.look(),
            None => service.clone(),
        };
        let nanos = |share| u64::try_from(times.quantile(share).as_nanos()).unwrap_or(u64::MAX);
        let before = self.last.map_or(Duration::ZERO, |last| last.at);
        let second = Second {
            end_s: tick.at.as_secs_f64(),
            length_s: (tick.at - before).as_secs_f64(),
            answers: service.count(),
            p50: nanos(0.5),
            p99: nanos(0.99),
            max: nanos(1.0),
            errors: self.new_errors(job),
            server_cpu_share: self.share(tick, |tick| tick.server),
            client_cpu_share: self.share(tick, |tick| tick.own),
            server_resident_bytes: tick.server.map(|(_, resident)| resident),
            client_resident_bytes: tick.own.map(|(_, resident)| resident),
        };
        self.seconds.push(second);
        self.last = Some(*tick);
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

    /// Of one processor, since the last tick; of the first second nothing is
    /// known.
    fn share(&self, tick: &Tick, end: impl Fn(&Tick) -> Option<(Duration, u64)>) -> Option<f64> {
        let last = self.last.as_ref()?;
        let used = end(tick)?.0.saturating_sub(end(last)?.0);
        let passed = (tick.at - last.at).as_secs_f64();
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
