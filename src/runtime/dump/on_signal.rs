//! A dump when a signal asks for it.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use signal_hook::SigId;
use signal_hook::consts::FORBIDDEN;
use signal_hook::low_level::{pipe, unregister};

use super::{Dump, dump};
use crate::error::{Error, Result};
use crate::runtime::crew::StandsBy;

/// Where a dump goes that a signal asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DumpTo {
    /// A line each through `log`, at the level `info`.
    Log,
    /// Standard error.
    Stderr,
    /// To the end of this file, which is opened for each dump.
    File(PathBuf),
}

/// A signal that makes dumps; dropping it makes that end, and the signal then
/// does nothing. Made by [`dump_on_signal`].
#[derive(Debug)]
#[must_use = "no signal makes a dump any longer once this is dropped"]
pub struct DumpOnSignal {
    registered: SigId,
    /// Closed at the end, so that the thread ends.
    reader: UnixStream,
}

/// Has every `signal` (SIGUSR1, say) write a [`dump()`] to `to`, with what
/// [`Dump::with_backtraces`] adds if `backtraces` says for how long: Python's
/// `faulthandler.register`.
///
/// A thread of its own writes it, so also while all workers are held up.
/// Signals that come while a dump is written make one more.
///
/// ```
/// use greenserve::runtime::{DumpTo, dump_on_signal};
/// use std::time::Duration;
///
/// let sigusr1 = 10;
/// let _dumps = dump_on_signal(sigusr1, DumpTo::Stderr, Some(Duration::from_secs(1)))?;
/// # Ok::<(), greenserve::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidOption`] for a signal that cannot be handled,
/// [`Error::System`] when the system refuses a thread or a descriptor.
pub fn dump_on_signal(signal: i32, to: DumpTo, backtraces: Option<Duration>) -> Result<DumpOnSignal> {
    if FORBIDDEN.contains(&signal) {
        return Err(Error::InvalidOption {
            option: "the signal for dumps",
            value: signal.to_string(),
            reason: "it cannot be handled; SIGUSR1 is meant for such things".to_owned(),
        });
    }
    register(signal, to, backtraces).map_err(|source| Error::System {
        action: "have a signal make dumps",
        source,
    })
}

fn register(signal: i32, to: DumpTo, backtraces: Option<Duration>) -> io::Result<DumpOnSignal> {
    let (reader, writer) = UnixStream::pair()?;
    let mut signals = reader.try_clone()?;
    let builder = thread::Builder::new().name("greenserve-dump".to_owned());
    builder.spawn(move || {
        while signalled(&mut signals) {
            let dump = backtraces.map_or_else(dump, |within| dump().with_backtraces(within));
            if let Err(err) = write(dump, &to) {
                log::error!("the coroutines cannot be dumped to {to:?}: {err}");
            }
        }
    })?;
    let registered = pipe::register(signal, writer).inspect_err(|_| {
        let _ = reader.shutdown(Shutdown::Both);
    })?;
    Ok(DumpOnSignal { registered, reader })
}

/// Waits for a signal, or several; false at the end.
fn signalled(signals: &mut UnixStream) -> bool {
    let _stands_by = StandsBy::new();
    let mut bytes = [0; 64];
    loop {
        match signals.read(&mut bytes) {
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            read => return read.is_ok_and(|count| count > 0),
        }
    }
}

fn write(dump: Dump, to: &DumpTo) -> io::Result<()> {
    match to {
        DumpTo::Log => {
            log::info!("{} coroutines", super::live_count());
            dump.for_each(|state| log::info!("{state}"));
            Ok(())
        }
        DumpTo::Stderr => into(dump, io::stderr()),
        DumpTo::File(path) => into(dump, open(path)?),
    }
}

fn into(dump: Dump, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seconds = now.map_or(0, |since| since.as_secs());
    writeln!(
        out,
        "greenserve, process {}, at {seconds} s since 1970:",
        std::process::id()
    )?;
    dump.write_to(&mut out)?;
    out.flush()
}

fn open(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl Drop for DumpOnSignal {
    fn drop(&mut self) {
        unregister(self.registered);
        // The thread then reads the end.
        let _ = self.reader.shutdown(Shutdown::Both);
    }
}
