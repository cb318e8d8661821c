//! What happened, in the order in which it happened, also across a fork.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;

use super::LIMIT;

/// Where to note what happens: one line an event, written at once, so that
/// the lines of several processes do not mix.
#[derive(Clone, Debug)]
pub struct Trace {
    out: Arc<File>,
    owner: u32,
}

/// The notes of a [`Trace`], read by a thread.
#[derive(Debug)]
pub struct Notes(Mutex<Receiver<String>>);

impl Trace {
    pub fn new() -> (Trace, Notes) {
        let (reader, writer) = std::io::pipe().unwrap();
        (Trace::to(OwnedFd::from(writer)), Notes::of(reader))
    }

    /// A trace on standard output, for a program whose starter reads it.
    pub fn to_stdout() -> Trace {
        Trace::to(std::io::stdout().as_fd().try_clone_to_owned().unwrap())
    }

    fn to(out: OwnedFd) -> Trace {
        Trace {
            out: Arc::new(File::from(out)),
            owner: process::id(),
        }
    }

    /// Notes an event; one of a forked child begins with `child: `.
    pub fn note(&self, event: &str) {
        let whose = if process::id() == self.owner { "" } else { "child: " };
        (&*self.out).write_all(format!("{whose}{event}\n").as_bytes()).unwrap();
    }
}

impl Notes {
    pub fn of(reader: impl std::io::Read + Send + 'static) -> Notes {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(reader).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Notes(Mutex::new(receiver))
    }

    /// The next event.
    pub fn next(&self) -> String {
        self.0
            .lock()
            .unwrap()
            .recv_timeout(LIMIT)
            .expect("the next event does not come")
    }

    /// Every event up to and including `last`.
    pub fn up_to(&self, last: &str) -> Vec<String> {
        let mut events = Vec::new();
        while events.last().is_none_or(|event| event != last) {
            match self.0.lock().unwrap().recv_timeout(LIMIT) {
                Ok(event) => events.push(event),
                Err(err) => panic!("{last} does not come: {err}, only {events:?}"),
            }
        }
        events
    }

    /// Every event until all writers are gone.
    pub fn rest(&self) -> Vec<String> {
        let mut events = Vec::new();
        loop {
            match self.0.lock().unwrap().recv_timeout(LIMIT) {
                Ok(event) => events.push(event),
                Err(mpsc::RecvTimeoutError::Disconnected) => return events,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("still somebody writes, so far {events:?}"),
            }
        }
    }
}
