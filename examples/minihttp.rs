//! A may_minihttp service in a process that is set up like this crate's
//! servers: same workers, same stacks, no pinning.
//!
//! It shares the runtime with this crate and nothing else, so none of what
//! this crate promises holds for it:
//!
//! - no limit on connections, request size or pipelined answers;
//! - no timeouts: a silent client keeps its coroutine for ever;
//! - no drain: a signal ends the process in the middle of answers;
//! - accepting spins when the process has no descriptor left;
//! - malformed requests are closed without an answer, and a Content-Length
//!   that is no number panics in the client's coroutine when the service asks
//!   for the body;
//! - a body that the service does not ask for is taken for the next request;
//! - its listener shares its port with any other of this user that sets
//!   SO_REUSEPORT.
//!
//! So keep it behind a proxy that is stricter.
//!
//! With `--echo` an echo server of this crate runs in the same process, with
//! all of its promises; docs/HTTP.md says what was seen of both.
//!
//! Run with: cargo run --example minihttp --features minihttp
//! Try with: curl -i http://127.0.0.1:8088/
//! Then: ... -- --echo 127.0.0.1:8089, and beside it
//!       nc 127.0.0.1 8089

mod common;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::LazyLock;
use std::time::Duration;

use clap::Parser;
use greenserve::net::{Address, SocketOptions, TcpListener, TcpStream};
use greenserve::{Error, Result, TcpServer, runtime};
use may_minihttp::{HttpServer, HttpService, Request, Response};

/// As the example http_hello has it, beside which this one is measured.
static LARGE: LazyLock<String> = LazyLock::new(|| "0123456789abcdef".repeat(4096));

/// How long clients of the echo server may take to end after a signal.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    place: common::Place,
    /// Where an echo server of this crate listens beside it.
    #[arg(long, value_name = "ADDRESS")]
    echo: Option<String>,
}

#[derive(Clone)]
struct Hello;

impl HttpService for Hello {
    fn call(&mut self, request: Request, response: &mut Response) -> io::Result<()> {
        log::info!("{} {}", request.method(), request.path());
        response.header("Content-Type: text/plain");
        response.body(match request.path() {
            "/64k" => LARGE.as_str(),
            _ => "Hello, world!",
        });
        // Reads what nobody wants to its end.
        drop(request.body());
        Ok(())
    }
}

/// A socket that is bound and does not listen: it keeps a port, and takes no
/// clients from whoever listens there.
type Reservation = TcpServer;

/// Finds out the real port, which the service does not tell, and keeps it for
/// the service, whose listener sets SO_REUSEPORT too.
fn reserve(address: &str) -> Result<(Reservation, SocketAddr)> {
    // Without SO_REUSEPORT first: it finds a second copy of this program,
    // which would silently get half of the clients.
    drop(TcpListener::bind(address)?);
    let mut reservation = TcpServer::builder(|_: &mut TcpStream| io::Result::Ok(()))
        .socket_options(SocketOptions::new().reuse_port(true))
        .unbound(address)?;
    reservation.server_bind()?;
    match reservation.address()? {
        Address::Ip(bound) => Ok((reservation, bound)),
        other => Err(Error::WrongFamily {
            address: other.to_string(),
            family: "tcp",
            expected: "HOST:PORT",
        }),
    }
}

fn echo(client: &mut TcpStream) -> io::Result<()> {
    io::copy(&mut &*client, &mut &*client).map(drop)
}

fn serve(address: &str, echo_address: Option<&str>) -> Result<()> {
    let signals = common::EndSignals::catch()?;
    // Before the service does: it would start the workers with its own
    // settings.
    runtime::start()?;
    let (reservation, bound) = reserve(address)?;
    let service = HttpServer(Hello).start(bound).map_err(|source| Error::Listen {
        action: "listen on",
        address: bound.to_string(),
        source,
    })?;
    drop(reservation);
    let beside = echo_address.map(|address| TcpServer::bind(address, echo)?.start());
    let beside = beside.transpose()?;
    common::announce(bound);
    if let Some(echo) = &beside {
        common::say(format_args!("echo on {}", echo.address()));
    }
    signals.wait()?;
    if let Some(echo) = beside {
        echo.stop(GRACE)?;
    }
    // Nothing to stop it with: it goes with the process.
    drop(service);
    Ok(())
}

fn main() -> ExitCode {
    let options = Options::parse();
    common::run(&options.place, "127.0.0.1:8088", |address| {
        serve(address, options.echo.as_deref())
    })
}
