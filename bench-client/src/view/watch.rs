//! Who watches a run: the person in front of it, who may interrupt it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use crate::base::failure::{Failure, Status};
use crate::saved::Second;
use crate::view::journal::{Journal, JournalOptions};
use crate::view::progress::{Progress, Scene};
use crate::view::screens::View;
use crate::view::screens::{self, ViewOptions};
use crate::view::terminal;

/// How often the watch looks up from its waiting.
pub(crate) const GLANCE: Duration = Duration::from_millis(50);

/// What is shown, and the flag that SIGINT and SIGTERM raise.
#[derive(Debug)]
pub(crate) struct Watch {
    raised: Arc<AtomicBool>,
    view: Box<dyn View>,
    journal: Journal,
    scene: Scene,
    /// When the present subject was last shown.
    shown: Option<Instant>,
}

impl Watch {
    /// Takes over SIGINT and SIGTERM, the second of which ends the process, and
    /// the terminal for the view that `options` ask for.
    ///
    /// # Errors
    /// When the system refuses a handler, the view finds no terminal, or the
    /// journal cannot be written.
    pub(crate) fn begin(options: &ViewOptions, journal: &JournalOptions) -> Result<Watch, Failure> {
        let journal = Journal::open(journal)?;
        let raised = Arc::new(AtomicBool::new(false));
        let refused = |err| Failure::system("handle SIGINT and SIGTERM", err);
        let signals = Signals::new([SIGINT, SIGTERM]).map_err(refused)?;
        let flag = Arc::clone(&raised);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || obey(signals, &flag))
            .map_err(refused)?;
        Ok(Watch {
            raised,
            view: screens::open(options)?,
            journal,
            scene: Scene::default(),
            shown: None,
        })
    }

    /// True once a signal came.
    pub(crate) fn interrupted(&self) -> bool {
        self.raised.load(Ordering::Relaxed)
    }

    /// Fails once a signal came.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.interrupted() {
            true => Err(Failure::Interrupted),
            false => Ok(()),
        }
    }

    /// From here on it is `subject` that is measured.
    pub(crate) fn turn_to(&mut self, subject: impl Into<String>) {
        self.scene = Scene::of(subject.into());
        self.shown = None;
    }

    /// The present subject is measured with the load that `headline` describes.
    pub(crate) fn describe(&mut self, headline: String) {
        self.scene.headline = headline;
    }

    /// Shows how far it is, if it is time to; an interrupt by key is one by
    /// signal.
    pub(crate) fn show<P: Into<Progress>>(&mut self, progress: impl FnOnce() -> P) {
        if self.view.asks_to_end() {
            // It is handled, so that it cannot be refused.
            let _ = low_level::raise(SIGINT);
        }
        let now = Instant::now();
        let every = self.view.every();
        if self.shown.is_some_and(|shown| now - shown < every) {
            return;
        }
        self.shown = Some(now);
        self.scene.advance(progress().into());
        self.view.show(&self.scene);
    }

    /// An interval of the present subject is over.
    ///
    /// # Errors
    /// When it is to be written down and cannot be.
    pub(crate) fn note(&mut self, second: &Second) -> Result<(), Failure> {
        self.journal.add(&self.scene.subject, second)
    }

    /// Whether nothing is to be said that can be left unsaid.
    pub(crate) fn is_quiet(&self) -> bool {
        self.view.is_quiet()
    }

    /// Says something that stays on the screen.
    pub(crate) fn say(&mut self, text: &str) {
        if !self.is_quiet() {
            self.warn(text);
        }
    }

    /// As [`say`](Watch::say), what nobody may miss.
    pub(crate) fn warn(&mut self, text: &str) {
        terminal::print(format!("{text}\n").as_bytes());
        self.shown = None;
    }

    /// Waits until `until` or until a signal comes, showing `progress`.
    pub(crate) fn wait<P: Into<Progress>>(&mut self, until: Instant, progress: impl Fn() -> P) {
        while !self.interrupted() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.show(&progress);
            std::thread::sleep(left.min(GLANCE));
        }
    }

    /// Gives the terminal back.
    pub(crate) fn clear(&mut self) {
        self.view.close();
        self.shown = None;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Raises `raised` with the first signal, ends the process with the second.
///
/// A thread and not a handler: giving a terminal back takes more than a handler
/// may do.
fn obey(mut signals: Signals, raised: &AtomicBool) {
    for _ in signals.forever() {
        if raised.swap(true, Ordering::Relaxed) {
            terminal::end();
            low_level::exit(Status::Interrupted as i32);
        }
    }
}
