//! Equal failures, told as one line with their number.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use log::Level;

use super::Connection;
use crate::runtime::{NEVER, after, earlier, lock, passed};

/// So many different failures are told in a period; what comes beyond them is
/// told together, so that neither the log nor the memory for this grows.
const MOST: usize = 64;
/// The longest part of a cause that is kept, in bytes.
const LONGEST: usize = 256;
/// As the default of `handle_error`, whose lines these are.
const TARGET: &str = "greenserve::hooks";

/// Which failures a server has told of lately.
#[derive(Debug)]
pub(crate) struct Folding {
    /// In nanoseconds; 0 to tell of each.
    period: AtomicU64,
    /// When a number is to be told that nobody has asked for meanwhile.
    due: AtomicU64,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    windows: Vec<Window>,
    /// Of more different causes than have a window.
    beyond: Option<Window>,
}

/// One failure, and how often it came again until `until`.
#[derive(Debug)]
struct Window {
    level: Level,
    handler: &'static str,
    hash: u64,
    cause: String,
    until: u64,
    more: u64,
}

impl Default for Folding {
    fn default() -> Self {
        Folding {
            period: AtomicU64::new(Duration::from_secs(1).as_nanos() as u64),
            due: AtomicU64::new(NEVER),
            table: Mutex::default(),
        }
    }
}

impl Folding {
    pub(crate) fn set_period(&self, period: Duration) {
        let nanos = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        self.period.store(nanos, Ordering::Relaxed);
    }

    /// Writes a line about a failure, or counts it if an equal one has been
    /// written within the period.
    ///
    /// The table is locked only to look and to count: who writes a log may
    /// have to wait.
    pub(crate) fn log(&self, level: Level, connection: &Connection, cause: &str) {
        if !log::log_enabled!(target: TARGET, level) {
            return;
        }
        let period = Duration::from_nanos(self.period.load(Ordering::Relaxed));
        let before = match period.is_zero() {
            true => Some(0),
            false => self.change(|table| {
                let window = Window::new(level, connection.handler(), cause, after(period));
                table.note(window, after(Duration::ZERO))
            }),
        };
        match before {
            Some(0) => log::log!(target: TARGET, level, "{connection}: {cause}"),
            Some(more) => {
                log::log!(target: TARGET, level, "{connection}: {cause} (and {more} more like it since the last such line)");
            }
            None => {}
        }
        self.tell_overdue();
    }

    /// Writes the numbers whose time has come.
    pub(crate) fn tell_overdue(&self) {
        if passed(self.due.load(Ordering::Relaxed)) {
            self.tell(|window| passed(window.until));
        }
    }

    /// Writes all numbers: nothing more will come.
    pub(crate) fn tell_all(&self) {
        self.tell(|_| true);
    }

    fn tell(&self, is_over: impl Fn(&Window) -> bool) {
        for window in self.change(|table| table.take(is_over)) {
            window.tell();
        }
    }

    fn change<R>(&self, change: impl FnOnce(&mut Table) -> R) -> R {
        let mut table = lock(&self.table);
        let result = change(&mut table);
        self.due.store(table.due(), Ordering::Relaxed);
        result
    }
}

impl Table {
    /// How many were not told of since the last line, if it is time for a line.
    fn note(&mut self, new: Window, now: u64) -> Option<u64> {
        if let Some(window) = self.windows.iter_mut().find(|window| window.is_like(&new)) {
            if window.until > now {
                window.more += 1;
                return None;
            }
            let more = window.more;
            *window = new;
            return Some(more);
        }
        if self.windows.len() >= MOST {
            // Those that nobody has to be told of make room.
            self.windows.retain(|window| window.until > now || window.more > 0);
        }
        if self.windows.len() < MOST {
            self.windows.push(new);
            return Some(0);
        }
        let beyond = self.beyond.get_or_insert_with(|| Window {
            cause: format!("causes beyond the {MOST} that are told of one by one"),
            ..new
        });
        beyond.more += 1;
        None
    }

    /// Takes out those that are over; what is returned is to be told.
    fn take(&mut self, is_over: impl Fn(&Window) -> bool) -> Vec<Window> {
        let (over, rest): (Vec<_>, _) = std::mem::take(&mut self.windows).into_iter().partition(&is_over);
        self.windows = rest;
        over.into_iter()
            .chain(self.beyond.take_if(|window| is_over(window)))
            .filter(|window| window.more > 0)
            .collect()
    }

    fn due(&self) -> u64 {
        self.windows
            .iter()
            .chain(&self.beyond)
            .filter(|window| window.more > 0)
            .fold(NEVER, |due, window| earlier(due, window.until))
    }
}

impl Window {
    fn new(level: Level, handler: &'static str, cause: &str, until: u64) -> Window {
        let mut hasher = DefaultHasher::new();
        cause.hash(&mut hasher);
        Window {
            level,
            handler,
            hash: hasher.finish(),
            cause: beginning(cause).to_owned(),
            until,
            more: 0,
        }
    }

    fn is_like(&self, other: &Window) -> bool {
        (self.hash, self.level, self.handler) == (other.hash, other.level, other.handler)
    }

    fn tell(&self) {
        let Window {
            level,
            handler,
            cause,
            more,
            ..
        } = self;
        log::log!(target: TARGET, *level, "{more} more of {handler} like one told before: {cause}");
    }
}

/// What is kept of a cause: whole characters.
fn beginning(cause: &str) -> &str {
    let mut end = cause.len().min(LONGEST);
    while !cause.is_char_boundary(end) {
        end -= 1;
    }
    &cause[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(cause: &str, until: u64) -> Window {
        Window::new(Level::Error, "handler", cause, until)
    }

    #[test]
    fn equal_ones_are_one_line_a_period_with_their_number() {
        let mut table = Table::default();
        assert_eq!(table.note(window("a", 10), 1), Some(0));
        assert_eq!(table.note(window("b", 10), 1), Some(0));
        for _ in 0..7 {
            assert_eq!(table.note(window("a", 12), 2), None);
        }
        assert_eq!(table.due(), 10);
        assert_eq!(table.note(window("a", 20), 10), Some(7));
        assert_eq!(table.note(window("a", 30), 20), Some(0));
        assert_eq!(table.due(), NEVER);
    }

    #[test]
    fn a_number_that_nobody_asked_for_is_told_when_its_period_is_over() {
        let mut table = Table::default();
        table.note(window("a", 10), 1);
        table.note(window("a", 10), 1);
        table.note(window("b", 10), 1);
        assert!(table.take(|window| window.until <= 9).is_empty());
        let told = table.take(|window| window.until <= 10);
        assert_eq!(
            told.iter()
                .map(|told| (told.cause.as_str(), told.more))
                .collect::<Vec<_>>(),
            [("a", 1)]
        );
        assert!(table.windows.is_empty());
    }

    #[test]
    fn different_ones_take_bounded_memory_and_lines() {
        let mut table = Table::default();
        let lines = (0..10_000).filter(|number| table.note(window(&"long ".repeat(*number), 10), 1).is_some());
        assert_eq!(lines.count(), MOST);
        assert_eq!(
            table.beyond.as_ref().map(|beyond| beyond.more),
            Some(10_000 - MOST as u64)
        );
        assert!(table.windows.iter().all(|window| window.cause.len() <= LONGEST));
        // Later there is room again.
        table.take(|_| true);
        assert_eq!(table.note(window("new", 30), 20), Some(0));
    }

    #[test]
    fn a_cause_is_cut_between_characters() {
        let cause = "é".repeat(LONGEST);
        assert_eq!(beginning(&format!("x{cause}")).len(), LONGEST - 1);
    }
}
