//! What the Rust peers share: their command line, the listening socket, the
//! buffer size and the line that says a server is ready. Nothing in here runs
//! once clients are being served, except `accept_failed` on an error.

pub mod tasks;

use std::fmt::Display;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::time::Duration;
use std::{env, process};

use socket2::{Domain, Socket, Type};

/// Bytes read from a client at once; the same in every peer.
pub const BUFFER_SIZE: usize = 1024;

/// Listen backlog; the same in every peer.
pub const BACKLOG: i32 = 1024;

/// Pause after a failed `accept` (out of descriptors, say), so that the accept
/// loop does not spin.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(10);

/// The options every peer takes.
pub struct Options {
    pub listen: SocketAddr,
    pub workers: usize,
}

impl Options {
    /// Parses the command line; ends the process with status 2 if it is
    /// malformed.
    pub fn parse() -> Options {
        Options::parse_with(|_, _| false)
    }

    /// As `parse`, but offers each option unknown here, with its value, to
    /// `extra`, which says whether it took it.
    pub fn parse_with(mut extra: impl FnMut(&str, &str) -> bool) -> Options {
        let mut options = Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            workers: 1,
        };
        let mut args = env::args_os()
            .skip(1)
            .map(|arg| arg.to_string_lossy().into_owned());
        while let Some(arg) = args.next() {
            let (name, value) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (arg.as_str(), None),
            };
            if !name.starts_with("--") {
                usage_error(format_args!("unexpected argument '{arg}'"));
            }
            let value = value
                .or_else(|| args.next())
                .unwrap_or_else(|| usage_error(format_args!("{name} needs a value")));
            match name {
                "--listen" => options.listen = parse_address(&value),
                "--workers" => options.workers = parse_workers(&value),
                _ if extra(name, &value) => {}
                _ => usage_error(format_args!("bad option {name} {value}")),
            }
        }
        options
    }
}

fn parse_address(value: &str) -> SocketAddr {
    match value.to_socket_addrs().map(|mut found| found.next()) {
        Ok(Some(address)) => address,
        Ok(None) => usage_error(format_args!("--listen {value}: no address found")),
        Err(error) => usage_error(format_args!("--listen {value}: {error}")),
    }
}

fn parse_workers(value: &str) -> usize {
    match value.parse() {
        Ok(workers) if workers > 0 => workers,
        _ => usage_error(format_args!("--workers {value}: not a positive number")),
    }
}

/// Reports a malformed command line and ends the process with status 2.
pub fn usage_error(message: impl Display) -> ! {
    eprintln!("error: {message}");
    process::exit(2)
}

/// A listening socket as `TcpListener::bind` makes it, but with our backlog.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Tells whoever started the server where it listens.
pub fn announce(address: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on {address}")?;
    stdout.flush()
}

/// Reports a failed `accept`; the caller then waits `ACCEPT_RETRY`.
pub fn accept_failed(error: &io::Error) {
    eprintln!("accept: {error}");
}
