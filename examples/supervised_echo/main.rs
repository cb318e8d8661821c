//! An echo server of several processes that crashes, restarts and new programs
//! do not take down.
//!
//! Each client is held to the deadlines for the open network, and one that has
//! nothing to say holds up neither a stop nor a new program.
//!
//! What deploy/ holds runs it under systemd, in Kubernetes, and behind HAProxy.
//!
//! Run with: cargo run --example supervised_echo
//! Try with: nc 127.0.0.1 8002, and kill -9 one of its workers meanwhile; or
//! build it anew and send the first process SIGHUP

#[path = "../common/mod.rs"]
mod common;

use std::io::{self, Read, Write};
use std::process::{self, ExitCode};
use std::time::Duration;

use clap::Parser;
use greenserve::net::{Address, TcpStream};
use greenserve::sync::with_timeout;
use greenserve::{Context, Deadlines, Ending, Error, ProxyProtocol, Result, Supervisor, TcpServer, with_context};

/// How long the answer to --ask may take.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    place: common::Place,
    /// How many processes serve.
    #[arg(long, default_value_t = 2)]
    processes: usize,
    /// How many seconds a client that is being served may stay when a process is
    /// to end.
    #[arg(long, default_value_t = 25)]
    grace: u64,
    /// A proxy, or a network of them, that says who its clients are: each of
    /// their connections must begin with a PROXY header.
    #[arg(long, value_name = "NETWORK")]
    proxies: Vec<String>,
    /// Asks the server at ADDRESS for one echo, and ends with status 0 if it
    /// comes within 2 seconds: a probe.
    #[arg(long, value_name = "ADDRESS")]
    ask: Option<String>,
}

fn echo(client: &mut TcpStream, context: &Context) -> io::Result<()> {
    log::info!("{} is served by process {}", context.client_address(), process::id());
    let mut buffer = [0; 1024];
    while context.wait_for_request(client)? {
        let count = client.read(&mut buffer)?;
        client.write_all(&buffer[..count])?;
    }
    Ok(())
}

fn server(options: &Options, address: Address) -> Result<TcpServer> {
    let mut server = TcpServer::builder(with_context(echo)).deadlines(Deadlines::public());
    if !options.proxies.is_empty() {
        // Others than the proxies, such as a probe, come without a header.
        server = server.proxy_protocol(ProxyProtocol::trusting(&options.proxies)?.take_others(true));
    }
    server.bind(address)
}

fn serve(options: &Options, address: &str) -> Result<Ending> {
    Supervisor::new()
        .listen(address)
        .workers(options.processes)
        .grace(Duration::from_secs(options.grace))
        .on_ready(|addresses| common::announce(&addresses[0]))
        .run(|worker| worker.serve(server(options, worker.address())?))
}

fn ask(address: &str) -> io::Result<()> {
    let mut client = TcpStream::connect_timeout(address, PATIENCE)?;
    with_timeout(PATIENCE, || {
        client.write_all(b"?")?;
        client.read_exact(&mut [0])
    })
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(address) = &options.ask {
        return common::run(&options.place, address, |_| {
            ask(address).map_err(|source| Error::System {
                action: "have the server echo",
                source,
            })
        });
    }
    common::run(&options.place, "127.0.0.1:8002", |address| serve(&options, address))
}
