//! The echo server under test, on either of two models.
//!
//! Both run the same accept loop and the same handler over the library's
//! sockets; what differs is who runs the handler.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use clap::ValueEnum;
use greenserve::net::{TcpListener, TcpStream};
use greenserve::runtime::{self, Config};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::Failure;
use crate::limits;

const BUFFER: usize = 4096;
const THREAD_STACK: usize = 256 * 1024;
/// After a failed accept, so that being out of descriptors is no busy loop.
const ACCEPT_RETRY: Duration = Duration::from_millis(10);

/// Who runs the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Model {
    /// A coroutine for each client.
    Coroutine,
    /// An operating system thread for each client.
    Thread,
}

impl Model {
    /// Its name on the command line and in reports.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Model::Coroutine => "coroutine",
            Model::Thread => "thread",
        }
    }
}

/// `bench-client serve`: an echo server.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ServeOptions {
    /// Who runs the handler.
    #[arg(long, value_enum, default_value = "coroutine")]
    model: Model,
    /// Where to listen; port 0 for any free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Worker threads of the coroutine model.
    #[arg(long, default_value = "1", value_parser = crate::quantity::count)]
    workers: u32,
    /// End when standard input does.
    #[arg(long)]
    die_with_parent: bool,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the address cannot be listened on.
pub(crate) fn serve(options: &ServeOptions) -> Result<(), Failure> {
    end_on_signals()?;
    if options.die_with_parent {
        std::thread::spawn(end_with_stdin);
    }
    limits::raise_open_files()?;
    let listener = TcpListener::bind(options.listen)?;
    let address = listener
        .local_addr()
        .map_err(|err| Failure::system("learn the server's address", err))?;
    println!("listening on {address}");
    match options.model {
        Model::Thread => accept_all(&listener, start_thread),
        Model::Coroutine => {
            runtime::configure(Config::new().workers(options.workers as usize))?;
            runtime::spawn(move || accept_all(&listener, start_coroutine))?.join()?;
        }
    }
    Ok(())
}

fn accept_all(listener: &TcpListener, start: fn(TcpStream) -> io::Result<()>) {
    loop {
        if let Err(err) = listener.accept().and_then(|(client, _)| start(client)) {
            log::warn!("accept: {err}");
            // Nobody kills the accept loop.
            let _ = runtime::sleep(ACCEPT_RETRY);
        }
    }
}

fn start_coroutine(client: TcpStream) -> io::Result<()> {
    runtime::spawn(move || echo(client)).map(drop).map_err(io::Error::other)
}

fn start_thread(client: TcpStream) -> io::Result<()> {
    std::thread::Builder::new()
        .stack_size(THREAD_STACK)
        .spawn(move || echo(client))
        .map(drop)
}

/// Whatever ends it, a client that fails is simply dropped.
fn echo(mut client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut buffer = [0; BUFFER];
    loop {
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            count => client.write_all(&buffer[..count])?,
        }
    }
}

fn end_on_signals() -> Result<(), Failure> {
    let mut signals =
        Signals::new([SIGTERM, SIGINT]).map_err(|err| Failure::system("handle SIGTERM and SIGINT", err))?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            std::process::exit(0);
        }
    });
    Ok(())
}

fn end_with_stdin() {
    // An error is an end as well.
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    std::process::exit(0);
}
