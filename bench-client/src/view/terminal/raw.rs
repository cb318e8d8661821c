//! The whole terminal, taken and given back.

use std::io::{self, Write, stderr};

use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::crossterm::{execute, queue};

/// Makes the terminal ours.
pub(super) fn take() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(stderr(), EnterAlternateScreen, Hide)
}

/// Makes it what it was.
pub(super) fn give_back() {
    // As much of it as can be.
    let mut stderr = stderr();
    let _ = queue!(stderr, LeaveAlternateScreen, Show);
    let _ = stderr.flush();
    let _ = disable_raw_mode();
}
