//! Forwards each connection to another address, both ways at once.
//!
//! Each client has two coroutines: its handler copies what the client says, a
//! helper on the same worker what the target answers. When one side has
//! finished, only that direction is closed; the other one goes on.
//!
//! Run with: cargo run --example echo, and beside it
//!           cargo run --example proxy -- --to 127.0.0.1:8001
//! Try with: nc 127.0.0.1 8000

mod common;

use std::io;
use std::net::Shutdown;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use greenserve::net::{Address, TcpStream};
use greenserve::sync::Group;
use greenserve::{Failure, TcpServer};

/// How long the target may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Parser)]
struct Settings {
    #[command(flatten)]
    place: common::Place,
    /// Where to forward to: HOST:PORT.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8001")]
    to: Address,
}

fn forward(client: &TcpStream, target: &Address) -> Result<(), Failure> {
    let server = TcpStream::connect_timeout(target, PATIENCE)?;
    let (answers, asker) = (server.try_clone()?, client.try_clone()?);
    // However this handler ends, its helper ends with it.
    let helper = Group::new().kill_on_drop(true);
    helper.spawn(move || copy(&answers, &asker))?;
    copy(client, &server)?;
    Ok(helper.join()?)
}

fn copy(from: &TcpStream, to: &TcpStream) -> io::Result<()> {
    // References read and write too, so `from` and `to` stay ours.
    let copied = io::copy(&mut &*from, &mut &*to);
    // What is shut down already need not be.
    let _ = match copied {
        Ok(_) => to.shutdown(Shutdown::Write),
        // Whoever copies the other way must hear of it.
        Err(_) => from.shutdown(Shutdown::Both).and(to.shutdown(Shutdown::Both)),
    };
    copied.map(drop)
}

fn main() -> ExitCode {
    let Settings { place, to } = Settings::parse();
    // In a forked process no helper could be started, and in a thread it would
    // still be a coroutine.
    let options = common::Options {
        place,
        model: common::ModelName::Coroutine,
    };
    common::run(&options.place, "127.0.0.1:8000", |address| {
        let server = TcpServer::bind(address, move |client: &mut TcpStream| forward(client, &to))?;
        common::serve(server, &options)
    })
}
