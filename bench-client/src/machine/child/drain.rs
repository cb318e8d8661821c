//! One of a server's outputs, read to its end so that the server never waits
//! for a reader.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Read;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::lines::each_line;

/// So many of the last lines are kept.
const MOST: usize = 20;

/// The thread that reads, and the last lines it read.
#[derive(Debug)]
pub(super) struct Drain {
    last: Arc<Mutex<VecDeque<String>>>,
    /// Disconnected when there is no more to read.
    over: Receiver<Infallible>,
}

impl Drain {
    /// Reads `stream`, if there is one, and calls `each` with every line; it is
    /// dropped with the end of the stream.
    pub(super) fn start(
        stream: Option<impl Read + Send + 'static>,
        mut each: impl FnMut(&str) + Send + 'static,
    ) -> Drain {
        let last = Arc::default();
        let (running, over) = channel();
        let drain = Drain {
            last: Arc::clone(&last),
            over,
        };
        if let Some(stream) = stream {
            std::thread::spawn(move || {
                each_line(stream, |line| {
                    keep(&last, line);
                    each(line);
                });
                drop((each, running));
            });
        }
        drain
    }

    /// Waits until all is read, but no longer than `patience`: a process that
    /// the server left behind may keep the output open.
    pub(super) fn settle(&self, patience: Duration) {
        // Nothing is ever sent: it ends with an error, sooner or later.
        let _ = self.over.recv_timeout(patience);
    }

    /// The last lines, the oldest first.
    pub(super) fn last(&self) -> Vec<String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().cloned().collect()
    }
}

fn keep(last: &Mutex<VecDeque<String>>, line: &str) {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    if last.len() == MOST {
        last.pop_front();
    }
    last.push_back(line.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::repeat;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn the_last_lines_are_kept_however_many_there_were() {
        let text: String = (0..10_000).map(|number| format!("{number}\n")).collect();
        let drain = Drain::start(Some(std::io::Cursor::new(text)), |_| {});
        drain.settle(PATIENCE);
        let last = drain.last();
        assert_eq!(last.len(), MOST);
        assert_eq!(last.last().map(String::as_str), Some("9999"));
    }

    #[test]
    fn a_stream_without_lines_is_read_to_its_end() {
        let drain = Drain::start(Some(repeat(b'x').take(1 << 24)), |_| {});
        drain.settle(PATIENCE);
        assert_eq!(drain.last().len(), 1);
        assert!(drain.last()[0].len() < 10_000);
    }

    #[test]
    fn whoever_gets_the_lines_is_dropped_at_their_end() {
        let (sender, receiver) = channel();
        let text = std::io::Cursor::new("a\nb");
        let _drain = Drain::start(Some(text), move |line| {
            let _ = sender.send(line.to_owned());
        });
        assert_eq!(receiver.iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
