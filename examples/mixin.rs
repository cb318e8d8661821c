//! A server in the background and three clients, in one program: each answer
//! names the coroutine or thread that gave it.
//!
//! `--model fork` is refused: a server in the background has a thread, and a
//! process with a second thread must not fork.
//!
//! Run with: cargo run --example mixin -- --model thread

mod common;

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::process::ExitCode;
use std::time::Duration;

use common::{ModelName, announce, say};
use greenserve::net::{Address, TcpStream};
use greenserve::runtime::Task;
use greenserve::{Error, Fork, Inline, Model, Result, TcpServer, Thread};

/// How long a client waits for its answer.
const LIMIT: Duration = Duration::from_secs(5);

fn answer(client: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    let count = client.read(&mut buffer)?;
    let mut answer = format!("{}: ", Task::current().name()).into_bytes();
    answer.extend_from_slice(&buffer[..count]);
    client.write_all(&answer)
}

fn ask(address: &Address, message: &str) -> io::Result<String> {
    let mut server = TcpStream::connect_timeout(address, LIMIT)?;
    server.set_read_timeout(Some(LIMIT))?;
    server.write_all(message.as_bytes())?;
    server.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    server.read_to_string(&mut answer)?;
    Ok(answer)
}

fn ask_three_times(address: &Address) -> io::Result<()> {
    for number in 1..=3 {
        let answer = ask(address, &format!("Hello World {number}"))?;
        say(format_args!("Received: {answer}"));
    }
    Ok(())
}

fn run<M: Model>(server: TcpServer<M>) -> Result<()> {
    let running = server.start()?;
    announce(running.address());
    say(format_args!("Server loop running in the background, model {}", M::NAME));
    let asked = ask_three_times(&running.address());
    // What ended the accept loop, if anything did, is why the clients failed.
    let server = running.shutdown()?;
    server.server_close();
    asked.map_err(|source| Error::System {
        action: "talk to the server",
        source,
    })
}

fn main() -> ExitCode {
    common::main("127.0.0.1:0", |options, address| {
        let server = TcpServer::bind(address, answer)?;
        match options.model {
            ModelName::Coroutine => run(server),
            ModelName::Thread => run(server.model(Thread::new())),
            ModelName::Fork => run(server.model(Fork::new())),
            ModelName::Inline => run(server.model(Inline::new())),
        }
    })
}
