//! Reads what several servers say, all at once; the first failure, or a limit,
//! ends the others: `joinall(raise_error=True)`.
//!
//! Run with: cargo run --example greeting, and beside it
//!           cargo run --example fetch_all -- 127.0.0.1:8001 127.0.0.1:8001

mod common;

use std::io::{self, Read};
use std::net::Shutdown;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use common::say;
use greenserve::net::{Address, TcpStream};
use greenserve::sync::{Group, try_join_all_timeout};

#[derive(Parser)]
struct Servers {
    /// How long all of them may take, in milliseconds.
    #[arg(long, default_value_t = 10_000)]
    within_ms: u64,
    /// The servers: HOST:PORT each.
    servers: Vec<Address>,
}

fn fetch(server: &Address) -> io::Result<String> {
    let mut server = TcpStream::connect(server)?;
    server.shutdown(Shutdown::Write)?;
    let mut said = String::new();
    server.read_to_string(&mut said)?;
    Ok(said)
}

fn run(servers: &Servers) -> Result<(), Box<dyn std::error::Error>> {
    // Whoever is still at it when this function ends is killed.
    let group = Group::new().kill_on_drop(true);
    let mut jobs = Vec::new();
    for server in &servers.servers {
        let server = server.clone();
        jobs.push(group.spawn(move || fetch(&server))?);
    }
    let pages = try_join_all_timeout(jobs, Duration::from_millis(servers.within_ms))?;
    for (server, page) in servers.servers.iter().zip(&pages) {
        say(format_args!("{server} said {} bytes", page.len()));
    }
    Ok(())
}

#[allow(clippy::print_stderr, reason = "this is a program")]
fn main() -> ExitCode {
    match run(&Servers::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err}");
            ExitCode::FAILURE
        }
    }
}
