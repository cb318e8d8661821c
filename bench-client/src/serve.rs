//! The echo server under test, on either of two models.
//!
//! The library's own server and one handler; what differs is the word that
//! names the model.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use clap::ValueEnum;
use greenserve::net::TcpStream;
use greenserve::runtime::{self, Config};
use greenserve::{TcpServer, Thread};

use crate::failure::Failure;
use crate::limits;

/// As in every peer, and in the Python originals.
const BUFFER: usize = 1024;
const THREAD_STACK: usize = 256 * 1024;

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
    if options.die_with_parent {
        std::thread::spawn(end_with_stdin);
    }
    limits::raise_open_files()?;
    runtime::configure(Config::new().workers(options.workers as usize))?;
    let server = TcpServer::bind(options.listen, echo)?;
    match options.model {
        Model::Coroutine => serve_in(server),
        Model::Thread => serve_in(server.model(Thread::new().stack_size(THREAD_STACK))),
    }
}

fn serve_in<M: greenserve::Model>(mut server: TcpServer<M>) -> Result<(), Failure> {
    server.handle_signals()?;
    println!("listening on {}", server.address()?);
    server.serve_forever()?;
    // The clients belong to whoever measures, who is done with them.
    server.stop(Duration::ZERO);
    Ok(())
}

fn echo(client: &mut TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut buffer = [0; BUFFER];
    loop {
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            count => client.write_all(&buffer[..count])?,
        }
    }
}

fn end_with_stdin() {
    // An error is an end as well.
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    std::process::exit(0);
}
