//! What a message costs the client, at several sizes.

use serde::{Deserialize, Serialize};

use super::conditions::Conditions;
use crate::base::format;
use crate::plan::protocol::Protocol;

/// The costs that were measured of one protocol.
///
/// Of echoes in a closed loop, one message on its way over each connection that
/// stays open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calibration {
    /// When: `2026-11-21T08:15:00Z`.
    pub(crate) made: String,
    /// On what, by which program.
    #[serde(flatten)]
    pub(crate) conditions: Conditions,
    /// `tcp`, `udp`, `unix`, `unixgram`, `http`, `https`, `ws` or `wss`.
    pub(crate) protocol: String,
    /// How far answers were checked.
    pub(crate) verify: String,
    /// Simulated clients.
    pub(crate) clients: u32,
    /// By their bytes.
    pub(crate) points: Vec<Point>,
}

/// What one message costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    /// Its mean length.
    pub(crate) bytes: f64,
    /// Processor time of the client for it, in microseconds.
    pub(crate) client_us: f64,
}

impl Calibration {
    /// The day it was made, as `2026-11-21`.
    pub(crate) fn day(&self) -> &str {
        self.made.split('T').next().unwrap_or(&self.made)
    }

    /// What a message of `bytes` costs, in microseconds: between two sizes that
    /// were measured the cost grows evenly with the bytes, as copying does;
    /// `None` below the smallest and above the largest, where nobody knows.
    pub(super) fn cost(&self, bytes: f64) -> Option<f64> {
        let above = self.points.iter().position(|point| point.bytes >= bytes)?;
        let high = self.points[above];
        if high.bytes == bytes {
            return Some(high.client_us);
        }
        let low = self.points[above.checked_sub(1)?];
        let part = (bytes - low.bytes) / (high.bytes - low.bytes);
        Some(low.client_us + part * (high.client_us - low.client_us))
    }

    /// The sizes it covers, as `64 to 16,384 B`.
    pub(super) fn range(&self) -> String {
        let bytes = |point: Option<&Point>| format::or_none(point, |point| format::thousands(point.bytes));
        format!("{} to {} B", bytes(self.points.first()), bytes(self.points.last()))
    }

    /// The words that make it again, for a run with messages of `bytes` too.
    pub(super) fn remedy(&self, bytes: Option<f64>) -> String {
        let mut sizes: Vec<_> = self.points.iter().map(|point| point.bytes).chain(bytes).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        let sizes: Vec<_> = sizes.iter().map(|bytes| format!("{bytes:.0}")).collect();
        let mut words = command(&self.protocol);
        if bytes.is_some() {
            words.push_str(&format!(" --size {}", sizes.join(",")));
        }
        words
    }

    /// Fails unless it makes sense; a file may hold anything.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        let costs = |point: &Point| point.bytes >= 0.0 && point.client_us > 0.0;
        let finite = |point: &Point| point.bytes.is_finite() && point.client_us.is_finite();
        let grows = self.points.windows(2).all(|pair| pair[0].bytes < pair[1].bytes);
        match !self.points.is_empty() && grows && self.points.iter().all(|point| finite(point) && costs(point)) {
            true => Ok(()),
            false => Err(format!("its points of {} are no costs by size", self.protocol)),
        }
    }
}

/// The words that calibrate `protocol`.
pub(super) fn command(protocol: &str) -> String {
    match protocol == Protocol::Tcp.id() {
        true => "bench-client calibrate".to_owned(),
        false => format!("bench-client calibrate --protocol {protocol}"),
    }
}

#[cfg(test)]
impl Calibration {
    /// Of TCP: 4 us at 64 bytes, 6 us at 1088, 36 us at 16,448.
    pub(super) fn example() -> Calibration {
        let points = [(64.0, 4.0), (1088.0, 6.0), (16_448.0, 36.0)];
        Calibration {
            made: "2026-11-21T08:15:00Z".to_owned(),
            conditions: Conditions::example(),
            protocol: "tcp".to_owned(),
            verify: "full".to_owned(),
            clients: 500,
            points: points.map(|(bytes, client_us)| Point { bytes, client_us }).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_sizes_the_cost_grows_evenly_with_the_bytes() {
        let calibration = Calibration::example();
        for (bytes, cost) in [
            (64.0, Some(4.0)),
            (576.0, Some(5.0)),
            (1088.0, Some(6.0)),
            (8768.0, Some(21.0)),
            (16_448.0, Some(36.0)),
            (63.9, None),
            (16_449.0, None),
            (f64::NAN, None),
        ] {
            assert_eq!(calibration.cost(bytes), cost, "{bytes}");
        }
    }

    #[test]
    fn costs_that_are_none_are_found() {
        let with = |points: &[(f64, f64)]| {
            let points = points.iter().map(|(bytes, client_us)| Point {
                bytes: *bytes,
                client_us: *client_us,
            });
            let calibration = Calibration {
                points: points.collect(),
                ..Calibration::example()
            };
            calibration.check()
        };
        assert_eq!(Calibration::example().check(), Ok(()));
        for points in [
            &[][..],
            &[(64.0, 0.0)],
            &[(64.0, -1.0)],
            &[(64.0, f64::INFINITY)],
            &[(-1.0, 1.0)],
            &[(64.0, 1.0), (64.0, 2.0)],
            &[(64.0, 1.0), (32.0, 2.0)],
        ] {
            assert!(with(points).is_err(), "{points:?}");
        }
    }
}
