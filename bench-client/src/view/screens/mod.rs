//! What is seen of a run while it goes on, always on standard error.

mod bar;
mod lines;
#[cfg(feature = "tui")]
mod screen;

use std::fmt;
use std::io::{IsTerminal, stderr};
use std::time::Duration;

use clap::Args;

use crate::base::failure::Failure;
use crate::view::progress::Scene;

/// What is to be seen while it runs.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct ViewOptions {
    /// Show nothing while it runs
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Show charts on the whole terminal while it runs; q ends the run
    #[arg(long, conflicts_with = "quiet")]
    pub(crate) tui: bool,
}

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

/// The view that `options` and the terminal ask for.
///
/// # Errors
/// When there is no terminal for the full-screen view.
pub(crate) fn open(options: &ViewOptions) -> Result<Box<dyn View>, Failure> {
    Ok(match stderr().is_terminal() {
        _ if options.quiet => Box::new(Quiet),
        _ if options.tui => full_screen()?,
        true => Box::new(bar::Bar::default()),
        false => Box::new(lines::Lines),
    })
}

#[cfg(feature = "tui")]
fn full_screen() -> Result<Box<dyn View>, Failure> {
    Ok(Box::new(screen::Screen::open()?))
}

/// Says how to have it.
#[cfg(not(feature = "tui"))]
fn full_screen() -> Result<Box<dyn View>, Failure> {
    Err(Failure::Usage(
        "this bench-client was built without --tui; build it with --features tui, or leave --tui out".to_owned(),
    ))
}

/// Shows nothing.
#[derive(Debug)]
struct Quiet;

impl View for Quiet {
    fn every(&self) -> Duration {
        Duration::MAX
    }

    fn show(&mut self, _scene: &Scene) {}

    fn is_quiet(&self) -> bool {
        true
    }
}
