//! An accept loop written by hand, and a coroutine for each client: no server,
//! only the runtime and its sockets.
//!
//! Sends back what it receives and half-closes when the client has finished.
//! On SIGTERM or SIGINT the loop ends and takes its clients with it.
//!
//! Run with: cargo run --example gevent_echo
//! Try with: nc 127.0.0.1 8001

mod common;

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use greenserve::net::{Peer, SocketOptions, TcpListener, TcpStream};
use greenserve::runtime::{self, JoinError};
use greenserve::{Error, Result, WaitError};

/// How long to wait for descriptors to be freed when there are none left.
const PAUSE: Duration = Duration::from_millis(100);

fn echo(client: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return client.shutdown(Shutdown::Write);
        }
        log::info!("received {:?}", String::from_utf8_lossy(&buffer[..count]));
        client.write_all(&buffer[..count])?;
    }
}

fn start_client(mut client: TcpStream, peer: &Peer) {
    // On whichever worker has the fewest; without this, all beside this loop.
    let coroutine = runtime::Builder::new().name(format!("echo to {peer}")).anywhere();
    let started = coroutine.spawn(move || {
        if let Err(err) = echo(&mut client) {
            log::warn!("{}: {err}", runtime::Task::current().name());
        }
    });
    // The handle may go: nobody waits for the coroutine. The client that could
    // not be given one has been closed with the closure that owned it.
    if let Err(err) = started {
        log::error!("{peer}: {err}");
    }
}

fn accept_loop(listener: &TcpListener) {
    loop {
        match listener.accept() {
            Ok((client, peer)) => start_client(client, &peer),
            Err(err) if WaitError::of(&err) == Some(WaitError::Killed) => return,
            Err(err) => {
                // Tried again at once it would fail again at once.
                log::warn!("cannot accept: {err}");
                if runtime::sleep(PAUSE).is_err() {
                    return;
                }
            }
        }
    }
}

fn serve(address: &str) -> Result<()> {
    let signals = common::EndSignals::catch()?;
    let listener = TcpListener::bind_with(address, &SocketOptions::new().backlog(500))?;
    let bound = listener.address().map_err(|source| Error::System {
        action: "tell the address",
        source,
    })?;
    let accepting = runtime::Builder::new()
        .name("accept loop")
        .spawn(move || accept_loop(&listener))?;
    common::announce(bound);
    signals.wait()?;
    accepting.kill();
    match accepting.join() {
        Err(JoinError::Panicked(panic)) => resume_unwind(panic.into_payload()),
        // It ended as it was told to, perhaps before it had begun.
        Ok(()) | Err(_) => Ok(()),
    }
}

fn main() -> ExitCode {
    common::run(&common::Place::parse(), "0.0.0.0:8001", serve)
}
