//! Standard output, which belongs to whoever pipes it somewhere: a report that
//! was asked for there has it to itself, and a reader that goes away ends the
//! program as it ends others.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::failure::Failure;
use crate::view::terminal;

/// The file name that stands for it.
const NAME: &str = "-";

/// Whether a report has it. The process has one, and so this is the process's.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether `path` stands for it.
pub(crate) fn is(path: &Path) -> bool {
    path.as_os_str() == NAME
}

/// A report is written there: what people are to read goes to stderr.
pub(crate) fn take() {
    TAKEN.store(true, Ordering::Relaxed);
}

/// Writes what people are to read.
///
/// # Errors
/// As [`write()`].
pub(crate) fn print(text: impl Display) -> Result<(), Failure> {
    let text = text.to_string();
    match TAKEN.load(Ordering::Relaxed) {
        true => {
            terminal::print(text.as_bytes());
            Ok(())
        }
        false => write(text.as_bytes()),
    }
}

/// Writes a part of a report.
///
/// # Errors
/// [`Failure::Unread`] when nobody reads it any more, [`Failure::Stdout`].
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|err| match err.kind() {
        ErrorKind::BrokenPipe => Failure::Unread,
        _ => Failure::Stdout(err),
    })
}

/// Writes a report where it was asked for.
pub(crate) fn write_file(path: &std::path::Path, text: impl AsRef<[u8]>) -> Result<(), Failure> {
    if is(path) {
        return write(text.as_ref());
    }
    std::fs::write(path, text).map_err(|source| Failure::Report {
        path: path.to_owned(),
        source,
    })
}

/// An option that names a file to be written, and the file.
pub(crate) type Output<'a> = (&'static str, Option<&'a Path>);
