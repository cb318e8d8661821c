//! Echo server on tokio: one task per client.
//!
//! Run: `peer-tokio [--listen HOST:PORT] [--workers N] [--flavor current|multi]`
//!
//! Choices made for fairness:
//! - `--flavor` picks tokio's scheduler. The default is `current` (everything
//!   on the main thread) for one worker, since that is tokio's fastest on one
//!   core, and `multi` (work stealing, N worker threads) for more;
//! - the runtime is otherwise what `#[tokio::main]` sets up;
//! - the accept loop is itself a spawned task, so that with `multi` it runs on
//!   a worker and hands clients over without going through the main thread;
//! - the buffer is on the heap, which keeps the tasks small to move.

use std::io;

use peers::{ACCEPT_RETRY, BUFFER_SIZE, Options, accept_failed, announce, usage_error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

enum Flavor {
    Current,
    Multi,
}

fn main() -> io::Result<()> {
    let mut flavor = None;
    let options = Options::parse_with(|name, value| {
        flavor = match (name, value) {
            ("--flavor", "current") => Some(Flavor::Current),
            ("--flavor", "multi") => Some(Flavor::Multi),
            _ => return false,
        };
        true
    });

    let mut builder = match (flavor, options.workers) {
        (None | Some(Flavor::Current), 1) => Builder::new_current_thread(),
        (Some(Flavor::Current), _) => usage_error("--flavor current has just one worker"),
        (_, workers) => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(workers);
            builder
        }
    };

    builder.enable_all().build()?.block_on(async {
        let listener = peers::listen(options.listen)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        announce(listener.local_addr()?)?;
        tokio::spawn(serve(listener)).await?;
        Ok(())
    })
}

async fn serve(listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(async move {
                    // A client that fails is simply dropped.
                    let _ = echo(stream).await;
                });
            }
            Err(error) => {
                accept_failed(&error);
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}
