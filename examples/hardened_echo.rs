//! An echo server for the open network: every limit and every deadline is set.
//!
//! Sends back what it receives. A client that takes too long, or one too many,
//! is closed or told why; what a client can cost is bounded in number, in rate
//! and in time.
//!
//! Run with: cargo run --example hardened_echo
//! Try with: nc 127.0.0.1 8001
//!
//! Behind a proxy that writes PROXY headers, such as HAProxy with
//! `send-proxy-v2`: cargo run --example hardened_echo -- --proxies 127.0.0.1

mod common;

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use greenserve::net::TcpStream;
use greenserve::{AtLimit, Builder, Deadlines, Limits, ProxyProtocol, Result, Tcp, TcpServer};

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

fn echo(client: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        client.write_all(&buffer[..count])?;
    }
}

fn hardened(options: &Hardening) -> Result<Builder<Tcp>> {
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
    let builder = TcpServer::builder(echo).limits(limits).deadlines(deadlines);
    match options.proxies.is_empty() {
        true => Ok(builder),
        false => Ok(builder.proxy_protocol(ProxyProtocol::trusting(&options.proxies)?)),
    }
}

fn main() -> ExitCode {
    let options = Hardening::parse();
    common::run(&options.server.place, "127.0.0.1:8001", |address| {
        common::serve(hardened(&options)?.bind(address)?, &options.server)
    })
}
