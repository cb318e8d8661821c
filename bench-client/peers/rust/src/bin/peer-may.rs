//! Echo server on raw `may`: one stackful coroutine per client.
//!
//! Run: `peer-may [--listen HOST:PORT] [--workers N]`
//!
//! Choices made for fairness:
//! - `may` with its default features, its own `TcpListener` (backlog 1024) and
//!   its own read and write, as in its `examples/echo.rs`;
//! - one accept loop, not one per worker: `may` sets SO_REUSEPORT on every
//!   listener it binds, but with one listener that has no effect on the load;
//! - the default coroutine stack; the buffer is on the heap, as in the example;
//! - workers are not pinned to cores, since no other peer pins its threads.

use std::io::{self, Read, Write};

use may::coroutine;
use may::go;
use may::net::{TcpListener, TcpStream};
use peers::{ACCEPT_RETRY, BUFFER_SIZE, Options, accept_failed, announce};

fn main() -> io::Result<()> {
    let options = Options::parse();
    may::config()
        .set_workers(options.workers)
        .set_worker_pin(false);

    let listener = TcpListener::bind(options.listen)?;
    announce(listener.local_addr()?)?;
    go!(move || serve(&listener))
        .join()
        .expect("the accept loop panicked");
    Ok(())
}

fn serve(listener: &TcpListener) {
    for client in listener.incoming() {
        match client {
            Ok(stream) => {
                go!(move || {
                    // A client that fails is simply dropped.
                    let _ = echo(stream);
                });
            }
            Err(error) => {
                accept_failed(&error);
                coroutine::sleep(ACCEPT_RETRY);
            }
        }
    }
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
    }
}
