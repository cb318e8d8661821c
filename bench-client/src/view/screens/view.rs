//! What a way to show a run is, and the two that draw nothing.

use std::fmt;
use std::io::{Write, stderr};
use std::time::Duration;

use crate::view::progress::Scene;

/// One way to show a run.
pub(crate) trait View: fmt::Debug {
    /// How long a picture stays.
    fn every(&self) -> Duration;

    /// Shows `scene`. A picture that cannot be drawn is no reason to stop.
    fn show(&mut self, scene: &Scene);

    /// Whether the person in front of it pressed the key that ends the run.
    fn asks_to_end(&mut self) -> bool {
        false
    }

    /// Whether nothing is to be said that can be left unsaid.
    fn is_quiet(&self) -> bool {
        false
    }

    /// Leaves nothing of itself on the terminal.
    fn close(&mut self) {}
}

/// Shows nothing.
#[derive(Debug)]
pub(crate) struct Quiet;

impl View for Quiet {
    fn every(&self) -> Duration {
        Duration::MAX
    }

    fn show(&mut self, _scene: &Scene) {}

    fn is_quiet(&self) -> bool {
        true
    }
}

/// Writes one line under the other.
#[derive(Debug)]
pub(crate) struct Lines;

impl View for Lines {
    fn every(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn show(&mut self, scene: &Scene) {
        let _ = writeln!(stderr(), "{}", scene.line());
    }
}
