//! An echo server for the open network: every limit and every deadline is set.
//!
//! Sends back what it receives. A client that takes too long, or one too many,
//! is closed or told why; what a client can cost is bounded in number, in rate
//! and in time. One that has nothing to say holds up no stop.
//!
//! Run with: cargo run --example hardened_echo
//! Try with: nc 127.0.0.1 8001
//!
//! SIGUSR1 has it tell what it has at that moment, but in the model of
//! processes: every coroutine, requests in flight, their clients, timers.
//!
//! Behind a proxy that writes PROXY headers, such as HAProxy with
//! `send-proxy-v2`: cargo run --example hardened_echo -- --proxies 127.0.0.1

mod common;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use greenserve::net::{Address, Stream, SystemStream};
use greenserve::{
    AtLimit, Builder, Context, Deadlines, DrainReport, Family, Limits, ProxyProtocol, Result, TcpServer, Transport,
    UnixServer, with_context,
};

/// What a client is told that comes too many or too soon.
const BUSY: &[u8] = b"busy, try again later\n";

#[derive(Debug, Parser)]
struct Hardening {
    #[command(flatten)]
    server: common::Options,
    /// Clients at once.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// Clients at once from one address, or from one IPv6 network of 64 bits.
    #[arg(long, default_value_t = 100)]
    per_peer: usize,
    /// New clients a second; twice as many may come at once.
    #[arg(long, default_value_t = 2_000)]
    rate: u32,
    /// How long a new client may say nothing, in seconds.
    #[arg(long, default_value_t = 10)]
    first_byte: u64,
    /// How long a client may say nothing, in seconds.
    #[arg(long, default_value_t = 60)]
    idle: u64,
    /// Networks whose proxies say who the client is, by PROXY headers.
    #[arg(long, value_name = "NETWORK", value_delimiter = ',')]
    proxies: Vec<String>,
}

fn echo<S: SystemStream>(client: &mut Stream<S>, context: &Context) -> io::Result<()> {
    let mut buffer = [0; 1024];
    // Not `context.wait_for_request`, which also looks at the first byte: one
    // system call more for each message.
    while Transport::wait_for_request(client, context)? {
        match Transport::try_read(client, &mut buffer) {
            Ok(0) => break,
            Ok(count) => client.write_all(&buffer[..count])?,
            // There is nothing after all; a drain ends the wait alone.
            Err(err) if err.kind() == ErrorKind::WouldBlock => {}
            Err(err) => return Err(err),
        }
    }
    Ok(())
}

fn hardened<S, F>(builder: Builder<F>, options: &Hardening) -> Result<Builder<F>>
where
    S: SystemStream,
    F: Family<Request = Stream<S>>,
{
    let limits = Limits::new()
        .connections(options.connections)
        .at_connections(AtLimit::reply(BUSY))
        .per_peer(options.per_peer)
        .at_per_peer(AtLimit::reply(BUSY))
        // The kernel's queue evens out a burst; beyond it, clients try again.
        .rate(options.rate, options.rate.saturating_mul(2));
    let deadlines = Deadlines::public()
        .first_byte(Duration::from_secs(options.first_byte))
        .idle(Duration::from_secs(options.idle));
    let builder = builder.limits(limits).deadlines(deadlines);
    match options.proxies.is_empty() {
        true => Ok(builder),
        false => Ok(builder.proxy_protocol(ProxyProtocol::trusting(&options.proxies)?)),
    }
}

fn serve<S, F>(builder: Builder<F>, address: Address, options: &Hardening) -> Result<DrainReport>
where
    S: SystemStream,
    F: Family<Request = Stream<S>>,
{
    let server = hardened(builder, options)?.bind(address)?;
    // A process with a second thread must not fork.
    if options.server.model != common::ModelName::Fork {
        common::status::tell_on_signal(server.handle())?;
    }
    common::serve(server, &options.server)
}

fn main() -> ExitCode {
    let options = Hardening::parse();
    common::start(&options.server, "127.0.0.1:8001", |address| {
        let address: Address = address.parse()?;
        match address.is_unix() {
            true => serve(UnixServer::builder(with_context(echo)), address, &options),
            false => serve(TcpServer::builder(with_context(echo)), address, &options),
        }
    })
}
