//! What the library said through `log`.

use std::sync::Mutex;

use log::{LevelFilter, Log, Metadata, Record};

/// Every line since the start of the process.
#[derive(Debug)]
pub(crate) struct Lines(Mutex<Vec<String>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = format!("{} {}", record.level(), record.args());
        self.0.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

/// Has lines kept from now on.
pub(crate) fn keep() {
    // Another test of this process may have done it.
    let _ = log::set_logger(&LINES);
    log::set_max_level(LevelFilter::Info);
}

/// Those with all of `parts` in them.
pub(crate) fn with(parts: &[&str]) -> Vec<String> {
    let lines = LINES.0.lock().unwrap();
    let found = lines.iter().filter(|line| parts.iter().all(|part| line.contains(part)));
    found.cloned().collect()
}

/// All lines.
pub(crate) fn all() -> Vec<String> {
    with(&[])
}
