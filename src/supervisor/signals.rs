//! The signals that a supervisor answers.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::Signal;
use signal_hook::SigId;
use signal_hook::flag;
use signal_hook::low_level::{pipe, unregister};

use crate::error::{Error, Result};

/// In the order in which they are answered.
const HANDLED: [Signal; 6] = [
    Signal::SIGCHLD,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

/// Those that end a process that does not handle them, and shall again when
/// the supervisor is gone.
const ENDING: [Signal; 2] = [Signal::SIGTERM, Signal::SIGINT];

/// The handlers of one supervisor; dropping it takes them away.
#[derive(Debug)]
pub(super) struct Signals {
    /// Readable when one has come.
    bell: UnixStream,
    flags: Vec<(Signal, Arc<AtomicBool>)>,
    registered: Vec<SigId>,
    /// From when on the ending ones end the process as they always did.
    over: Arc<AtomicBool>,
}

impl Signals {
    pub(super) fn register() -> Result<Signals> {
        Signals::try_register().map_err(|source| Error::System {
            action: "register for signals",
            source,
        })
    }

    fn try_register() -> io::Result<Signals> {
        let (bell, writer) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        let mut signals = Signals {
            bell,
            flags: Vec::new(),
            registered: Vec::new(),
            over: Arc::default(),
        };
        for signal in ENDING {
            flag::register_conditional_default(signal as i32, Arc::clone(&signals.over))?;
        }
        for signal in HANDLED {
            let came = Arc::new(AtomicBool::new(false));
            // The flag first: who hears the bell looks at the flags.
            signals
                .registered
                .push(flag::register(signal as i32, Arc::clone(&came))?);
            signals
                .registered
                .push(pipe::register(signal as i32, writer.try_clone()?)?);
            signals.flags.push((signal, came));
        }
        Ok(signals)
    }

    /// Those that have come since the last call, each once.
    pub(super) fn take(&self) -> Vec<Signal> {
        let mut rung = [0; 64];
        while let Ok(1..) = (&self.bell).read(&mut rung) {}
        let came = self.flags.iter().filter(|(_, came)| came.swap(false, Ordering::SeqCst));
        came.map(|(signal, _)| *signal).collect()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            unregister(id);
        }
        self.over.store(true, Ordering::SeqCst);
    }
}
