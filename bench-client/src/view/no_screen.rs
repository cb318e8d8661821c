//! In place of the full-screen view, in a build without it.

use std::io;
use std::time::Duration;

use super::View;
use crate::failure::Failure;
use crate::progress::Scene;

/// The view that there is none of.
#[derive(Debug)]
pub(super) enum Screen {}

impl Screen {
    /// Says how to have one.
    pub(super) fn open() -> Result<Screen, Failure> {
        Err(Failure::Usage(
            "this bench-client was built without --tui; build it with --features tui, or leave --tui out".to_owned(),
        ))
    }
}

impl View for Screen {
    fn every(&self) -> Duration {
        match *self {}
    }

    fn show(&mut self, _scene: &Scene) {
        match *self {}
    }
}

pub(super) fn take() -> io::Result<()> {
    Ok(())
}

pub(super) fn give_back() {}
