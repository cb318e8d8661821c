//! Echo server on `std::net`: one operating system thread per client.
//!
//! Run: `peer-threads [--listen HOST:PORT] [--workers N]`
//!
//! Choices made for fairness:
//! - 256 KiB of stack per thread instead of std's 2 MiB: plenty for an echo, and
//!   thousands of clients then fit in little address space;
//! - the buffer is on that stack: nothing is allocated per client but the thread;
//! - `--workers` is accepted and ignored: the kernel schedules the threads. To
//!   compare on N cores, restrict the process with `taskset`.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;

use peers::{ACCEPT_RETRY, BUFFER_SIZE, Options, accept_failed, announce};

const STACK_SIZE: usize = 256 * 1024;

fn main() -> io::Result<()> {
    let options = Options::parse();
    let listener = peers::listen(options.listen)?;
    announce(listener.local_addr()?)?;

    loop {
        // Failing to start a thread is treated as failing to accept: the
        // client is dropped, and the loop waits for resources to come back.
        if let Err(error) = listener.accept().and_then(|(stream, _)| start(stream)) {
            accept_failed(&error);
            thread::sleep(ACCEPT_RETRY);
        }
    }
}

fn start(stream: TcpStream) -> io::Result<()> {
    thread::Builder::new()
        .stack_size(STACK_SIZE)
        .spawn(move || {
            // A client that fails is simply dropped.
            let _ = echo(stream);
        })?;
    Ok(())
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; BUFFER_SIZE];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
    }
}
