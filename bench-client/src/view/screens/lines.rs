//! A line a second, for files and pipes.

use std::io::{Write, stderr};
use std::time::Duration;

use super::View;
use crate::view::progress::Scene;

/// Writes one line under the other.
#[derive(Debug)]
pub(super) struct Lines;

impl View for Lines {
    fn every(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn show(&mut self, scene: &Scene) {
        let _ = writeln!(stderr(), "{}", scene.line());
    }
}
