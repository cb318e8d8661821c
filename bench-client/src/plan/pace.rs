//! When a client sends: at once, after a pause, or when the schedule says.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::random::{exponential, mix, next};
use crate::base::{format, quantity};
use crate::plan::rate::{Curve, Rate};

/// How the messages of a schedule follow one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Arrivals {
    /// At equal distances, the clients taking turns.
    #[default]
    Uniform,
    /// As independent users come: exponential distances.
    Poisson,
}

impl Arrivals {
    /// Its name on the command line and in reports.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Arrivals::Uniform => "uniform",
            Arrivals::Poisson => "poisson",
        }
    }
}

/// The pause between an answer and the next message of a closed loop: `5ms`,
/// or `exp:5ms`, drawn with that mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Think {
    mean: Duration,
    drawn: bool,
}

impl Think {
    fn pause(&self, bits: u64) -> Duration {
        match self.drawn {
            true => self.mean.mul_f64(exponential(bits)),
            false => self.mean,
        }
    }
}

impl FromStr for Think {
    type Err = String;

    fn from_str(text: &str) -> Result<Think, String> {
        let (mean, drawn) = match text.strip_prefix("exp:") {
            Some(mean) => (mean, true),
            None => (text, false),
        };
        Ok(Think {
            mean: quantity::positive_duration(mean)?,
            drawn,
        })
    }
}

impl fmt::Display for Think {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.drawn { "exp:" } else { "" };
        write!(f, "{kind}{}", format::exact(self.mean))
    }
}

/// What decides when clients send.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Loop {
    /// The next message follows the answer, perhaps after a pause.
    Closed(Option<Think>),
    /// A schedule that does not wait for answers.
    Open {
        /// Of all clients together.
        rate: Rate,
        arrivals: Arrivals,
        /// What is later than this is not sent but counted as shed.
        shed: Option<Duration>,
    },
}

impl Loop {
    /// Whether a schedule decides.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Loop::Open { .. })
    }
}

/// The schedule of all clients of an open loop.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    curve: Curve,
    clients: u32,
    arrivals: Arrivals,
    seed: u64,
    /// Messages due before the window begins, as a negative number.
    first: f64,
}

impl Schedule {
    /// Of `clients` clients, from `warmup` before the window on.
    pub(crate) fn new(
        rate: &Rate,
        arrivals: Arrivals,
        clients: u32,
        seed: u64,
        (warmup, duration): (Duration, Duration),
    ) -> Schedule {
        let curve = rate.curve(duration);
        Schedule {
            first: curve.due(-warmup.as_secs_f64()),
            curve,
            clients,
            arrivals,
            seed,
        }
    }
}

/// When one client sends.
#[derive(Debug)]
pub(crate) enum Pace {
    /// As soon as it may.
    AtOnce,
    /// A pause after each answer.
    Thinking { think: Think, random: u64, next: Instant },
    /// At the instants of its part of the schedule.
    Scheduled(Turns),
}

impl Pace {
    /// Of client `connection`; the window begins at `window`.
    pub(crate) fn new(
        think: Option<Think>,
        schedule: Option<&Arc<Schedule>>,
        seed: u64,
        connection: u32,
        window: Instant,
    ) -> Pace {
        match (schedule, think) {
            (Some(schedule), _) => Pace::Scheduled(Turns::new(schedule, connection, window)),
            (None, Some(think)) => Pace::Thinking {
                think,
                random: mix(seed ^ u64::from(connection)),
                next: Instant::now(),
            },
            (None, None) => Pace::AtOnce,
        }
    }

    /// Whether a schedule says when.
    pub(crate) fn is_scheduled(&self) -> bool {
        matches!(self, Pace::Scheduled(_))
    }

    /// When the next message is due; `None` for at once.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self {
            Pace::AtOnce => None,
            Pace::Thinking { next, .. } => Some(*next),
            Pace::Scheduled(turns) => Some(turns.next),
        }
    }

    /// The message that was due is being sent.
    pub(crate) fn sent(&mut self) {
        if let Pace::Scheduled(turns) = self {
            turns.advance();
        }
    }

    /// An answer came.
    pub(crate) fn answered(&mut self, at: Instant) {
        if let Pace::Thinking {
            think,
            random,
            next: due,
        } = self
        {
            *due = at + think.pause(next(random));
        }
    }
}

/// One client's part of the schedule.
#[derive(Debug)]
pub(crate) struct Turns {
    schedule: Arc<Schedule>,
    window: Instant,
    random: u64,
    /// How many messages of all clients are due before this one's next.
    count: f64,
    next: Instant,
}

impl Turns {
    fn new(schedule: &Arc<Schedule>, connection: u32, window: Instant) -> Turns {
        let mut turns = Turns {
            schedule: Arc::clone(schedule),
            window,
            random: mix(schedule.seed ^ u64::from(connection)),
            count: schedule.first + f64::from(connection % schedule.clients),
            next: window,
        };
        if schedule.arrivals == Arrivals::Poisson {
            turns.count = schedule.first + turns.distance();
        }
        turns.next = turns.instant();
        turns
    }

    fn advance(&mut self) {
        self.count += self.distance();
        self.next = self.instant();
    }

    fn distance(&mut self) -> f64 {
        let clients = f64::from(self.schedule.clients);
        match self.schedule.arrivals {
            Arrivals::Uniform => clients,
            Arrivals::Poisson => clients * exponential(next(&mut self.random)),
        }
    }

    fn instant(&self) -> Instant {
        let at = self.schedule.curve.instant(self.count);
        let distance = Duration::from_secs_f64(at.abs().min(1e9));
        match at < 0.0 {
            true => self.window.checked_sub(distance).unwrap_or(self.window),
            false => self.window + distance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    /// All instants in the window, in seconds from its begin, of all clients.
    fn arrivals(rate: &str, arrivals: Arrivals, clients: u32) -> Vec<f64> {
        let schedule = Schedule::new(
            &rate.parse().unwrap(),
            arrivals,
            clients,
            42,
            (Duration::from_secs(1), WINDOW),
        );
        let (schedule, begin) = (Arc::new(schedule), Instant::now() + Duration::from_secs(60));
        let mut all = Vec::new();
        for client in 0..clients {
            let mut pace = Pace::new(None, Some(&schedule), 42, client, begin);
            while let Some(due) = pace.due().filter(|due| *due < begin + WINDOW) {
                if due >= begin {
                    all.push((due - begin).as_secs_f64());
                }
                pace.sent();
            }
        }
        all.sort_by(f64::total_cmp);
        all
    }

    #[test]
    fn uniform_arrivals_are_evenly_spaced_over_all_clients() {
        let all = arrivals("1k", Arrivals::Uniform, 50);
        assert_eq!(all.len(), 10_000);
        for pair in all.windows(2) {
            assert!((pair[1] - pair[0] - 1e-3).abs() < 1e-6, "{pair:?}");
        }
    }

    /// Under a Poisson process the distances are exponential: the chi-square
    /// statistic over 20 classes of equal probability stays below the 99.9 %
    /// quantile of 19 degrees of freedom, 43.8.
    #[test]
    fn poisson_arrivals_pass_a_chi_square_test() {
        let all = arrivals("2k", Arrivals::Poisson, 50);
        let mut classes = [0_u32; 20];
        for pair in all.windows(2) {
            let below = 1.0 - (-(pair[1] - pair[0]) * 2000.0).exp();
            classes[((below * 20.0) as usize).min(19)] += 1;
        }
        let expected = f64::from(classes.iter().sum::<u32>()) / 20.0;
        let statistic: f64 = classes
            .iter()
            .map(|count| (f64::from(*count) - expected).powi(2) / expected)
            .sum();
        assert!(statistic < 43.8, "{statistic} {classes:?}");
        assert!((all.len() as f64 / 20_000.0 - 1.0).abs() < 0.03, "{}", all.len());
    }

    #[test]
    fn a_growing_rate_is_followed() {
        let all = arrivals("1k:3k", Arrivals::Uniform, 7);
        let half = all.iter().filter(|at| **at < 5.0).count();
        assert_eq!((half, all.len()), (7_500, 20_000));
    }

    #[test]
    fn a_drawn_pause_has_its_mean() {
        let think: Think = "exp:5ms".parse().unwrap();
        let mut random = 1;
        let total: Duration = (0..10_000).map(|_| think.pause(next(&mut random))).sum();
        assert!((total.as_secs_f64() / 50.0 - 1.0).abs() < 0.05, "{total:?}");
        assert_eq!(think.to_string(), "exp:5ms");
        assert_eq!("8.2ms".parse::<Think>().unwrap().to_string(), "8.2ms");
    }
}
