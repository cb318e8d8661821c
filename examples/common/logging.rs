//! A log that no worker waits for.
//!
//! Whoever logs to standard error writes there, and waits when it is a pipe
//! that nobody reads fast enough: in a coroutine all clients of its worker
//! wait with it, and in the end the whole program. So lines go through a
//! bounded queue to a thread of their own. When the queue is full they are
//! dropped, and the next line that finds room says how many.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use env_logger::{Builder, Env, Target};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Lines that may wait to be written.
const LINES: usize = 4096;

/// As long as it lives, lines are written; at its end those that still wait, if
/// that takes no longer than a second.
#[must_use = "when it is dropped, nothing is written any more"]
pub(crate) struct Logging(#[allow(dead_code, reason = "held for its drop")] WorkerGuard);

/// Has everything that is logged written to standard error, as RUST_LOG says.
///
/// # Errors
/// When the process has no descriptor left.
pub(crate) fn start() -> io::Result<Logging> {
    // A descriptor of its own: whoever waits in std's has it locked.
    let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let (lines, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES)
        .thread_name("log")
        .finish(stderr);
    let counted = Counted {
        dropped: lines.error_counter(),
        told: 0,
        lines,
    };
    Builder::from_env(Env::default())
        .target(Target::Pipe(Box::new(counted)))
        .init();
    // What std's own hook prints would be written where the panic is.
    std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
    Ok(Logging(guard))
}

/// Tells between the lines how many of them were dropped.
struct Counted {
    lines: NonBlocking,
    dropped: ErrorCounter,
    told: usize,
}

impl Write for Counted {
    /// Takes a whole line, as env_logger gives it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let dropped = self.dropped.dropped_lines();
        if dropped > self.told {
            let count = dropped - self.told;
            let mut remark = format!("[{count} lines of the log were dropped here]\n").into_bytes();
            remark.extend_from_slice(line);
            self.lines.write_all(&remark)?;
            // Dropped itself, it is told of with the next one.
            if self.dropped.dropped_lines() == dropped {
                self.told = dropped;
            }
        } else {
            self.lines.write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
