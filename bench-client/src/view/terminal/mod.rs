//! What this program has on the terminal, so that whoever ends it can give the
//! terminal back: the view in the end, a panic, or a second signal.
//!
//! The terminal is the process's, and so is this.

mod kept;
#[cfg(feature = "tui")]
mod raw;

use std::io::{self, Write, stderr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError, TryLockError};
use std::time::Duration;

use kept::Kept;

/// What of the terminal is drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Place {
    /// Nothing.
    Nowhere = 0,
    /// Its last line.
    Line = 1,
    /// All of it, and every key.
    Screen = 2,
    /// Nothing any more: the program ends.
    Gone = 3,
}

/// The present [`Place`]; changed by who has [`PEN`], or has waited for it in
/// vain.
static PLACE: AtomicU8 = AtomicU8::new(Place::Nowhere as u8);
/// Held by who writes to the terminal; in it, what is to be written once the
/// screen is given back.
static PEN: Mutex<Kept> = Mutex::new(Kept::new());
static GUARD: Once = Once::new();

/// How long the end of the program waits for a picture to be finished.
const PATIENCE: Duration = Duration::from_millis(100);
const LOOK: Duration = Duration::from_millis(5);

/// Takes `place`, for the view to draw on until it [`release`]s it.
///
/// # Errors
/// When the terminal refuses.
pub(super) fn take(place: Place) -> io::Result<()> {
    GUARD.call_once(guard);
    let _pen = pen();
    if is(Place::Gone) {
        return Ok(());
    }
    // Before it is taken: half taken has to be given back as well.
    PLACE.store(place as u8, Ordering::Relaxed);
    match place {
        #[cfg(feature = "tui")]
        Place::Screen => raw::take(),
        _ => Ok(()),
    }
}

/// Draws on `place`, if it is still ours.
pub(super) fn draw(place: Place, work: impl FnOnce()) {
    let _pen = pen();
    if is(place) {
        work();
    }
}

/// Writes `text` without spoiling the picture: over the line, after the screen.
pub(crate) fn print(text: &[u8]) {
    let mut kept = pen();
    if is(Place::Screen) {
        kept.push(text);
        return;
    }
    if is(Place::Line) {
        wipe();
    }
    let _ = stderr().write_all(text);
}

/// Gives the terminal back.
pub(super) fn release() {
    let mut kept = pen();
    if !is(Place::Gone) {
        give_back(Place::Nowhere);
    }
    flush(&mut kept);
}

/// Gives the terminal back for good: nothing is drawn any more.
pub(crate) fn end() {
    let pen = patient_pen();
    give_back(Place::Gone);
    if let Some(mut kept) = pen {
        flush(&mut kept);
    }
}

fn pen() -> MutexGuard<'static, Kept> {
    PEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pen, unless its holder keeps it: that may be the very thread that
/// panics, or one that waits for a terminal that takes nothing.
fn patient_pen() -> Option<MutexGuard<'static, Kept>> {
    for _ in 0..PATIENCE.div_duration_f64(LOOK) as u32 {
        match PEN.try_lock() {
            Ok(pen) => return Some(pen),
            Err(TryLockError::Poisoned(pen)) => return Some(pen.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
        }
    }
    None
}

fn is(place: Place) -> bool {
    PLACE.load(Ordering::Relaxed) == place as u8
}

fn give_back(next: Place) {
    let place = PLACE.swap(next as u8, Ordering::Relaxed);
    if place == Place::Line as u8 {
        wipe();
    }
    #[cfg(feature = "tui")]
    if place == Place::Screen as u8 {
        raw::give_back();
    }
}

fn flush(kept: &mut Kept) {
    let _ = stderr().write_all(&kept.take());
}

/// Empties the line the cursor is in.
fn wipe() {
    let _ = stderr().write_all(b"\r\x1b[K");
}

/// From here on, a panic gives the terminal back before it speaks.
fn guard() {
    let speak = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        end();
        speak(panic);
    }));
}

/// Where log lines go.
#[derive(Debug)]
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        print(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The only test that uses the process's terminal.
    #[test]
    fn a_panic_in_a_picture_gives_the_terminal_back_for_good() {
        take(Place::Line).unwrap();
        let picture = || draw(Place::Line, || panic!("on purpose"));
        assert!(std::panic::catch_unwind(picture).is_err());
        assert!(is(Place::Gone));
        take(Place::Line).unwrap();
        draw(Place::Line, || panic!("it is not ours"));
        assert!(is(Place::Gone));
    }
}
