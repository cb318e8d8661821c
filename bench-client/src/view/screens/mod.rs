//! What is seen of a run while it goes on, always on standard error.

mod bar;
#[cfg(feature = "tui")]
mod screen;
mod view;

use std::io::{IsTerminal, stderr};

use clap::Args;

use crate::base::failure::Failure;
use view::Quiet;
pub(crate) use view::View;

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

/// The view that `options` and the terminal ask for.
///
/// # Errors
/// When there is no terminal for the full-screen view.
pub(crate) fn open(options: &ViewOptions) -> Result<Box<dyn View>, Failure> {
    Ok(match stderr().is_terminal() {
        _ if options.quiet => Box::new(Quiet),
        _ if options.tui => full_screen()?,
        true => Box::new(bar::Bar::default()),
        false => Box::new(view::Lines),
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
