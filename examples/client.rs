//! An interactive client: sends each line it is given, without its line end,
//! and prints the answer. `exit` is sent too, and ends it.
//!
//! An answer is what one read brings, as in the Python originals; waiting for
//! one takes at most 5 seconds.
//!
//! Run with: cargo run --example client -- 127.0.0.1:8091
//!           cargo run --example client -- unix:/tmp/greenserve-echo.sock
//! Try with: cargo run --example chat_echo

#![allow(clippy::print_stderr, reason = "this is a program")]

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use greenserve::net::{Address, Stream, SystemStream, TcpStream, UnixStream};

const LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug, Parser)]
struct Options {
    /// The server: HOST:PORT or unix:/PATH.
    #[arg(default_value = "127.0.0.1:8091")]
    address: Address,
    /// The server speaks first: print what it says before asking for a line.
    #[arg(long)]
    greeted: bool,
}

/// Prints the server's next answer; false when it has closed the connection.
fn hear<S: SystemStream>(server: &mut Stream<S>) -> io::Result<bool> {
    let mut buffer = [0; 1024];
    let count = server.read(&mut buffer)?;
    if count == 0 {
        eprintln!("the server has closed the connection");
        return Ok(false);
    }
    let mut output = io::stdout().lock();
    // As bytes, so that a character cut by the end of one read is whole again
    // after the next.
    output.write_all(&buffer[..count])?;
    writeln!(output)?;
    Ok(true)
}

/// The next line without its end; `None` at the end of the input.
fn ask() -> io::Result<Option<String>> {
    let mut output = io::stdout().lock();
    output.write_all(b">>>")?;
    output.flush()?;
    let mut line = String::new();
    let count = io::stdin().read_line(&mut line)?;
    Ok((count > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn talk<S: SystemStream>(mut server: Stream<S>, greeted: bool) -> io::Result<()> {
    server.set_read_timeout(Some(LIMIT))?;
    server.set_write_timeout(Some(LIMIT))?;
    let mut open = !greeted || hear(&mut server)?;
    while open && let Some(line) = ask()? {
        if line.is_empty() {
            continue;
        }
        server.write_all(line.as_bytes())?;
        open = line != "exit" && hear(&mut server)?;
    }
    Ok(())
}

fn run(options: &Options) -> io::Result<()> {
    if options.address.is_unix() {
        talk(UnixStream::connect(&options.address)?, options.greeted)
    } else {
        talk(TcpStream::connect_timeout(&options.address, LIMIT)?, options.greeted)
    }
}

fn main() -> ExitCode {
    env_logger::init();
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {}: {err}", options.address);
            ExitCode::FAILURE
        }
    }
}
