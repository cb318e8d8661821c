//! A server whose clients wait for something that is loaded beside them, once
//! and for all of them: `AsyncResult`.
//!
//! Run with: cargo run --example late_greeting -- --after-ms 3000
//! Try with: nc 127.0.0.1 8001, some at once, before and after it is loaded

mod common;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use greenserve::net::TcpStream;
use greenserve::sync::AsyncResult;
use greenserve::{TcpServer, runtime};

#[derive(Debug, Parser)]
struct Loading {
    #[command(flatten)]
    server: common::Options,
    /// How long loading takes, in milliseconds.
    #[arg(long, default_value_t = 0)]
    after_ms: u64,
    /// What is loaded; without it loading fails.
    #[arg(long)]
    greeting: Option<String>,
}

static GREETING: AsyncResult<String, io::Error> = AsyncResult::new();

fn load(after: Duration, greeting: Option<String>) -> io::Result<()> {
    runtime::sleep(after)?;
    // Nobody else sets it.
    let _ = match greeting {
        Some(greeting) => GREETING.set(greeting).is_ok(),
        None => GREETING.set_error(io::Error::other("there is no greeting")).is_ok(),
    };
    Ok(())
}

fn greet(client: &mut TcpStream) -> io::Result<()> {
    match GREETING.get_timeout(Duration::from_secs(10))? {
        Ok(greeting) => writeln!(client, "{greeting}"),
        Err(err) => writeln!(client, "sorry: {err}"),
    }
}

fn main() -> ExitCode {
    let Loading {
        server: options,
        after_ms,
        greeting,
    } = Loading::parse();
    common::run(&options.place, "127.0.0.1:8001", |address| {
        runtime::spawn(move || load(Duration::from_millis(after_ms), greeting))?;
        common::serve(TcpServer::bind(address, greet)?, &options)
    })
}
