//! What the examples share: their command line and their end.
//!
//! Each example takes `--listen ADDRESS` and, where it makes sense,
//! `--model coroutine|thread|fork|inline` and `--workers N`; prints one line
//! `listening on ADDRESS` once clients can connect; and ends on SIGTERM or
//! SIGINT: with status 0, or with 3 if it had to cut clients short. What it has
//! to say per client goes through `log` at level info, which is off unless
//! RUST_LOG says otherwise.
#![allow(dead_code, reason = "each example uses a part of it")]
#![allow(clippy::print_stderr, reason = "these are programs")]

mod logging;
pub(crate) mod status;

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{ExitCode, Termination};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use greenserve::runtime::{self, Config};
use greenserve::{DrainReport, Error, Family, Fork, Inline, Model, Result, Server, Thread};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

/// How long requests in flight may take to end after a signal.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModelName {
    Coroutine,
    Thread,
    Fork,
    Inline,
}

/// The options of a program built on a server.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) place: Place,
    /// What each client runs in.
    #[arg(long, value_enum, default_value = "coroutine")]
    pub(crate) model: ModelName,
}

/// The options of any program: where it listens, on what its coroutines run.
#[derive(Debug, Parser)]
pub(crate) struct Place {
    /// Where to listen: HOST:PORT, :PORT, [IPV6]:PORT or unix:/PATH.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Worker threads for coroutines; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    workers: usize,
    /// The stack of each coroutine, in bytes.
    #[arg(long, default_value_t = 256 * 1024)]
    stack_size: usize,
}

/// The `main` of a program with a server: reads the options, runs `program`
/// with the address to listen on, and turns what comes of it into a status, an
/// error into a message too.
pub(crate) fn main<T: Termination>(
    default_address: &str,
    program: impl FnOnce(&Options, &str) -> Result<T>,
) -> ExitCode {
    let options = Options::parse();
    start(&options, default_address, |address| program(&options, address))
}

/// The same, once a program with options of its own has read them.
pub(crate) fn start<T: Termination>(
    options: &Options,
    default_address: &str,
    program: impl FnOnce(&str) -> Result<T>,
) -> ExitCode {
    // A process with a second thread must not fork: there who logs waits.
    let logs = match options.model {
        ModelName::Fork => Logs::Here,
        _ => Logs::Aside,
    };
    run_logging(logs, &options.place, default_address, program)
}

/// The `main` of any other program, once it has read its options.
pub(crate) fn run<T: Termination>(
    place: &Place,
    default_address: &str,
    program: impl FnOnce(&str) -> Result<T>,
) -> ExitCode {
    run_logging(Logs::Aside, place, default_address, program)
}

/// Who writes the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Logs {
    /// Who has something to say.
    Here,
    /// A thread of its own.
    Aside,
}

fn run_logging<T: Termination>(
    logs: Logs,
    place: &Place,
    default_address: &str,
    program: impl FnOnce(&str) -> Result<T>,
) -> ExitCode {
    let mut _logging = None;
    match logs {
        Logs::Here => env_logger::init(),
        Logs::Aside => match logging::start() {
            Ok(logging) => _logging = Some(logging),
            Err(err) => {
                eprintln!("error: cannot log: {err}");
                return ExitCode::FAILURE;
            }
        },
    }
    let address = place.listen.as_deref().unwrap_or(default_address);
    let config = Config::new().workers(place.workers).stack_size(place.stack_size);
    match runtime::configure(config).and_then(|()| program(address)) {
        Ok(ended) => ended.report(),
        Err(err) => {
            eprintln!("error: {err}");
            err.exit_code()
        }
    }
}

/// Serves in the model that the options name, until a signal. The report is to
/// be returned from the program: it becomes its status.
pub(crate) fn serve<F: Family>(server: Server<F>, options: &Options) -> Result<DrainReport> {
    match options.model {
        ModelName::Coroutine => serve_in(server),
        ModelName::Thread => serve_in(server.model(Thread::new())),
        ModelName::Fork => serve_in(server.model(Fork::new())),
        ModelName::Inline => serve_in(server.model(Inline::new())),
    }
}

fn serve_in<F: Family, M: Model>(mut server: Server<F, M>) -> Result<DrainReport> {
    // Not left to `serve_until_signal`: who reads the line may send a signal
    // at once.
    server.handle_signals()?;
    announce(server.address()?);
    let drained = server.serve_until_signal(GRACE)?;
    if !drained.is_clean() {
        log::warn!("{drained}");
    }
    Ok(drained)
}

/// Tells whoever started the program where to connect.
pub(crate) fn announce(address: impl Display) {
    say(format_args!("listening on {address}"));
}

/// Prints a line for whoever reads the program's output, if anybody does.
pub(crate) fn say(line: impl Display) {
    // Not `println!`: it panics when the reader has gone, and a server has
    // better things to do than to end for that.
    let _ = writeln!(io::stdout(), "{line}");
}

/// SIGTERM and SIGINT for a program that has no server to handle them.
#[derive(Debug)]
pub(crate) struct EndSignals(UnixStream);

impl EndSignals {
    /// From now on the signals no longer kill the process.
    pub(crate) fn catch() -> Result<EndSignals> {
        let register = || -> io::Result<UnixStream> {
            let (reader, writer) = UnixStream::pair()?;
            pipe::register(SIGTERM, writer.try_clone()?)?;
            pipe::register(SIGINT, writer)?;
            Ok(reader)
        };
        register().map(EndSignals).map_err(|source| Error::System {
            action: "register for signals",
            source,
        })
    }

    /// Blocks the calling thread until the first of them.
    pub(crate) fn wait(mut self) -> Result<()> {
        self.0.read_exact(&mut [0]).map_err(|source| Error::System {
            action: "wait for a signal",
            source,
        })
    }
}
