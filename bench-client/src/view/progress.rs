//! What is shown of a run while it goes on: made by the engine, shown by a
//! [`View`](crate::view::screens::View).
#![cfg_attr(not(feature = "tui"), allow(dead_code, reason = "the full-screen view reads it all"))]

use std::time::{Duration, Instant};

use crate::saved::Second;

/// How far a run is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// In words: `3 of 10 s, 82,113 echoes/s, 0 errors`.
    pub(crate) text: String,
    /// How much of the present phase is over, from 0 to 1, if that is known.
    pub(crate) share: Option<f64>,
    /// How long the present phase still takes, if that is known.
    pub(crate) left: Option<Duration>,
    /// What was measured until now, once something is.
    pub(crate) live: Option<Live>,
}

/// What was measured until now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    /// What is counted: `echoes`, `requests` or `connections`.
    pub(crate) unit: &'static str,
    /// Which times those of the intervals are: `service time` or `response time`.
    pub(crate) time: &'static str,
    /// The intervals of the window that are over.
    pub(crate) seconds: Vec<Second>,
    /// Errors until now, by class.
    pub(crate) errors: Vec<(&'static str, u64)>,
    /// Clients at work.
    pub(crate) clients: u32,
}

impl Progress {
    /// The same in a phase of `length` that ends at `end`.
    pub(crate) fn until(self, end: Instant, length: Duration) -> Progress {
        let left = end.saturating_duration_since(Instant::now());
        let share = 1.0 - left.as_secs_f64() / length.as_secs_f64();
        Progress {
            share: share.is_finite().then_some(share),
            left: Some(left),
            ..self
        }
    }
}

impl From<String> for Progress {
    fn from(text: String) -> Progress {
        Progress {
            text,
            ..Progress::default()
        }
    }
}

/// A run and how far it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    /// What is being measured.
    pub(crate) subject: String,
    /// With which load, in one line; empty until that is decided.
    pub(crate) headline: String,
    /// How far it is. What was measured stays here when the measuring is over.
    pub(crate) progress: Progress,
}

impl Scene {
    /// One of `subject`, of which nothing is known yet.
    pub(crate) fn of(subject: String) -> Scene {
        Scene {
            subject,
            ..Scene::default()
        }
    }

    /// Goes on to `progress`.
    pub(crate) fn advance(&mut self, progress: Progress) {
        let before = self.progress.live.take();
        self.progress = Progress {
            live: progress.live.or(before),
            ..progress
        };
    }

    /// In one line.
    pub(crate) fn line(&self) -> String {
        format!("{}: {}", self.subject, self.progress.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_stays_when_the_measuring_is_over() {
        let mut scene = Scene::of("tcp://a:1".to_owned());
        scene.advance(Progress {
            live: Some(Live {
                clients: 7,
                ..Live::default()
            }),
            ..Progress::default()
        });
        scene.advance("waiting for the last answers".to_owned().into());
        assert_eq!(scene.line(), "tcp://a:1: waiting for the last answers");
        assert_eq!(scene.progress.live.map(|live| live.clients), Some(7));
    }
}
