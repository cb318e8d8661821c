//! The whole terminal: charts of what happens, and keys that end it.

mod axis;
mod keys;
mod page;
mod plot;

use std::io::{BufWriter, IsTerminal, Stderr, stderr};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use keys::{Keys, Wish};

use super::view::View;
use crate::base::failure::Failure;
use crate::view::progress::Scene;
use crate::view::terminal::{self, Place};

/// Charts on the whole terminal, from opening to closing.
#[derive(Debug)]
pub(super) struct Screen {
    /// A picture is one write.
    terminal: Terminal<CrosstermBackend<BufWriter<Stderr>>>,
    keys: Keys,
    /// Whether q was pressed; held down it would be the second signal.
    asked: bool,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When standard error is no terminal, or it refuses.
    pub(super) fn open() -> Result<Screen, Failure> {
        if !stderr().is_terminal() {
            return Err(Failure::Usage(
                "--tui draws on standard error, which is no terminal; do not redirect it, or leave --tui out"
                    .to_owned(),
            ));
        }
        let refused = |err| Failure::system("take the terminal for --tui", err);
        let keys = Keys::open().map_err(refused)?;
        terminal::take(Place::Screen)
            .and_then(|()| Terminal::new(CrosstermBackend::new(BufWriter::new(stderr()))))
            .map(|terminal| Screen {
                terminal,
                keys,
                asked: false,
            })
            .map_err(|err| {
                terminal::release();
                refused(err)
            })
    }
}

impl View for Screen {
    fn every(&self) -> Duration {
        Duration::from_millis(250)
    }

    fn show(&mut self, scene: &Scene) {
        let terminal = &mut self.terminal;
        terminal::draw(Place::Screen, || {
            let _ = terminal.draw(|frame| page::draw(frame, scene));
        });
    }

    fn asks_to_end(&mut self) -> bool {
        match self.keys.wish() {
            Some(Wish::Leave) => !std::mem::replace(&mut self.asked, true),
            Some(Wish::Interrupt) => true,
            None => false,
        }
    }

    fn close(&mut self) {
        terminal::release();
    }
}
