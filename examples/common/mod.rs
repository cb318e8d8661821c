//! What the examples share: their command line and their end.
//!
//! Each example takes `--listen ADDRESS` and, where it makes sense,
//! `--model coroutine|thread|fork|inline` and `--workers N`; prints one line
//! `listening on ADDRESS` once clients can connect; and ends with status 0 on
//! SIGTERM or SIGINT. What it has to say per client goes through `log`, off
//! unless RUST_LOG says otherwise.
#![allow(dead_code, reason = "each example uses a part of it")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "these are programs")]

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use greenserve::runtime::{self, Config};
use greenserve::{DrainReport, Family, Fork, Inline, Model, Result, Server, Thread};

/// How long requests in flight may take to end after a signal.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModelName {
    Coroutine,
    Thread,
    Fork,
    Inline,
}

#[derive(Debug, Parser)]
pub struct Options {
    /// Where to listen: HOST:PORT, :PORT, [IPV6]:PORT or unix:/PATH.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// What each client runs in.
    #[arg(long, value_enum, default_value = "coroutine")]
    pub model: ModelName,
    /// Worker threads for coroutines; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    pub workers: usize,
    /// The stack of each coroutine, in bytes.
    #[arg(long, default_value_t = 256 * 1024)]
    pub stack_size: usize,
}

/// A program's `main`: reads the options, runs `program` with the address to
/// listen on, and turns an error into a message and a status.
pub fn main(default_address: &str, program: impl FnOnce(&Options, &str) -> Result<()>) -> ExitCode {
    env_logger::init();
    let options = Options::parse();
    let address = options.listen.clone().unwrap_or_else(|| default_address.to_owned());
    let config = Config::new().workers(options.workers).stack_size(options.stack_size);
    match runtime::configure(config).and_then(|()| program(&options, &address)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err}");
            err.exit_code()
        }
    }
}

/// Serves in the model that the options name, until a signal.
pub fn serve<F: Family>(server: Server<F>, options: &Options) -> Result<()> {
    match options.model {
        ModelName::Coroutine => serve_in(server),
        ModelName::Thread => serve_in(server.model(Thread::new())),
        ModelName::Fork => serve_in(server.model(Fork::new())),
        ModelName::Inline => serve_in(server.model(Inline::new())),
    }
}

fn serve_in<F: Family, M: Model>(mut server: Server<F, M>) -> Result<()> {
    // Before the line is printed: who reads it may send a signal at once.
    server.handle_signals()?;
    announce(server.address()?);
    server.serve_forever()?;
    report(&server.stop(GRACE));
    Ok(())
}

/// Tells whoever started the program where to connect.
pub fn announce(address: impl std::fmt::Display) {
    println!("listening on {address}");
}

fn report(drained: &DrainReport) {
    if !drained.is_clean() {
        log::warn!("{drained}");
    }
}
