//! SIGTERM and SIGINT as requests to end.

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use once_cell::sync::OnceCell;
use signal_hook::SigId;
use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::{pipe, unregister};

use super::Lifecycle;
use crate::error::{Error, Result};
use crate::net;
use crate::runtime::lock;

/// How the first and the second signal reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// The accept loop polls its bell, which signals ring.
    Bell,
    /// A coroutine or a thread of its own reads them.
    Reader,
}

/// The signal handlers of one server; dropping it takes them away. When no
/// server is left that handles signals, they end the process again.
#[derive(Debug)]
pub(crate) struct Signals {
    registered: Vec<SigId>,
    /// Closed at the end, so that the reader ends.
    reader: Option<UnixStream>,
}

/// What a reader of signals runs: the first ends the accept loop, the next
/// ones kill what is in flight.
#[derive(Debug)]
pub(crate) struct Reader {
    stream: UnixStream,
    lifecycle: Arc<Lifecycle>,
    /// How long after the first one they are killed anyway.
    grace: Option<Duration>,
}

/// How many servers handle SIGTERM and SIGINT now.
static HANDLING: Mutex<usize> = Mutex::new(0);
/// True while no server does: the signals then do what they always did.
static UNHANDLED: OnceCell<Arc<AtomicBool>> = OnceCell::new();

fn begin_handling() -> io::Result<()> {
    let mut handling = lock(&HANDLING);
    let unhandled = UNHANDLED.get_or_try_init(|| {
        let unhandled = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            flag::register_conditional_default(signal, Arc::clone(&unhandled))?;
        }
        io::Result::Ok(unhandled)
    })?;
    *handling += 1;
    unhandled.store(false, Ordering::SeqCst);
    Ok(())
}

fn end_handling() {
    let mut handling = lock(&HANDLING);
    *handling -= 1;
    if let (0, Some(unhandled)) = (*handling, UNHANDLED.get()) {
        unhandled.store(true, Ordering::SeqCst);
    }
}

impl Signals {
    /// Has SIGTERM and SIGINT end the server, and `grace` after the first of
    /// them what is in flight. With [`Watch::Reader`] the caller runs what is
    /// returned.
    pub(crate) fn register(
        lifecycle: &Arc<Lifecycle>,
        watch: Watch,
        grace: Option<Duration>,
    ) -> Result<(Signals, Option<Reader>)> {
        let failed = |source| Error::System {
            action: "register for signals",
            source,
        };
        let register = || -> io::Result<_> {
            match watch {
                Watch::Bell => {
                    // The flag first: who hears the bell looks at the flag.
                    let mut registered = flag_both(&lifecycle.signalled)?;
                    registered.extend(register_both(&lifecycle.bell.writer()?)?);
                    Ok((
                        Signals {
                            registered,
                            reader: None,
                        },
                        None,
                    ))
                }
                Watch::Reader => {
                    let (reader, writer) = UnixStream::pair()?;
                    let registered = register_both(&writer)?;
                    let signals = Signals {
                        registered,
                        reader: Some(reader.try_clone()?),
                    };
                    Ok((
                        signals,
                        Some(Reader {
                            stream: reader,
                            lifecycle: Arc::clone(lifecycle),
                            grace,
                        }),
                    ))
                }
            }
        };
        begin_handling().map_err(failed)?;
        lifecycle.set_signal_grace(grace);
        register().inspect_err(|_| end_handling()).map_err(failed)
    }
}

fn register_both(writer: &UnixStream) -> io::Result<Vec<SigId>> {
    [SIGTERM, SIGINT]
        .into_iter()
        .map(|signal| pipe::register(signal, writer.try_clone()?))
        .collect()
}

fn flag_both(signalled: &Arc<AtomicBool>) -> io::Result<Vec<SigId>> {
    [SIGTERM, SIGINT]
        .into_iter()
        .map(|signal| flag::register(signal, Arc::clone(signalled)))
        .collect()
}

/// Has the end of a child process ring the bell of `lifecycle`.
#[derive(Debug)]
pub(crate) struct ChildSignal(SigId);

impl ChildSignal {
    pub(crate) fn register(lifecycle: &Lifecycle) -> Result<ChildSignal> {
        let register = || pipe::register(SIGCHLD, lifecycle.bell.writer()?);
        register().map(ChildSignal).map_err(|source| Error::System {
            action: "register for SIGCHLD",
            source,
        })
    }
}

impl Drop for ChildSignal {
    fn drop(&mut self) {
        unregister(self.0);
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            unregister(id);
        }
        end_handling();
        if let Some(reader) = &self.reader {
            // Wakes the reader with the end of the stream.
            let _ = reader.shutdown(Shutdown::Both);
        }
    }
}

impl Reader {
    /// Reads signals until the server is gone; suspends in a coroutine.
    pub(crate) fn run(self) {
        let mut stream = net::UnixStream::from(self.stream);
        let mut byte = [0];
        let mut first = true;
        loop {
            let limit = match stream.read(&mut byte) {
                Ok(1) if first => {
                    log::info!("a signal asked the server to end");
                    self.lifecycle.end_by_signal();
                    first = false;
                    self.grace.map(|grace| grace.max(Duration::from_nanos(1)))
                }
                Ok(1) => {
                    log::warn!("a second signal: what is in flight is killed");
                    self.lifecycle.kill_early();
                    None
                }
                Err(err) if err.kind() == io::ErrorKind::TimedOut => {
                    self.lifecycle.kill_early();
                    None
                }
                _ => return,
            };
            if let Err(err) = stream.set_read_timeout(limit) {
                log::error!("what is in flight will not be killed in time: {err}");
            }
        }
    }
}
