//! What a server has at a moment, told on SIGUSR1.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;

use greenserve::{Error, Result, ServerHandle, runtime};
use signal_hook::consts::SIGUSR1;
use signal_hook::low_level::pipe;

/// Has each SIGUSR1 write a line for every coroutine to standard error, and
/// then one with the numbers, which begins with `status: `.
///
/// A thread of its own writes, so the workers wait for nobody who reads it, and
/// it is told also while they are held up.
pub(crate) fn tell_on_signal(server: ServerHandle) -> Result<()> {
    listen(server).map_err(|source| Error::System {
        action: "tell the status on a signal",
        source,
    })
}

fn listen(server: ServerHandle) -> io::Result<()> {
    let (mut signals, writer) = UnixStream::pair()?;
    // A descriptor of its own: whoever waits in std's has it locked.
    let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    thread::Builder::new().name("status".to_owned()).spawn(move || {
        while signals.read_exact(&mut [0]).is_ok() {
            if let Err(err) = tell(&server, &stderr) {
                log::error!("the status cannot be told: {err}");
            }
        }
    })?;
    pipe::register(SIGUSR1, writer)?;
    Ok(())
}

fn tell(server: &ServerHandle, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    runtime::dump_to(&mut out)?;
    let (metrics, runtime) = (server.metrics(), runtime::metrics());
    writeln!(
        out,
        "status: {} in flight, {} clients, {} places of clients, {} coroutines, {} timers",
        metrics.in_flight, metrics.peers.clients, metrics.peers.requests, runtime.coroutines, runtime.timers
    )?;
    out.flush()
}
