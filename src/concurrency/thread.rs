//! A thread a request.

use std::sync::{Arc, Mutex};
use std::thread;

use super::{JobOf, Model, Placement, Sealed, Unstarted, UnstartedOf, Watching};
use crate::error::Error;
use crate::family::Family;
use crate::lifecycle::Watch;
use crate::runtime::{self, Task, lock};

/// Each request runs in a thread of its own: `ThreadingMixIn` of Python.
///
/// For handlers that block their thread in ways this crate knows nothing of,
/// up to some thousand clients. Sockets are plain blocking ones here.
///
/// ```
/// use greenserve::{TcpServer, Thread, net::TcpStream};
///
/// let server = TcpServer::bind("127.0.0.1:0", |_: &mut TcpStream| std::io::Result::Ok(()))?
///     .model(Thread::new().stack_size(128 * 1024));
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Thread {
    daemon_threads: bool,
    block_on_close: bool,
    stack_size: Option<usize>,
}

impl Default for Thread {
    fn default() -> Self {
        Thread {
            daemon_threads: false,
            block_on_close: true,
            stack_size: None,
        }
    }
}

impl Thread {
    /// The model with its defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether closing the server leaves threads running
    /// (`daemon_threads` of Python). Defaults to false.
    pub fn daemon_threads(mut self, daemon: bool) -> Self {
        self.daemon_threads = daemon;
        self
    }

    /// Whether closing the server waits for threads that are not daemons
    /// (`block_on_close` of Python). Defaults to true.
    pub fn block_on_close(mut self, block: bool) -> Self {
        self.block_on_close = block;
        self
    }

    /// The stack of each thread in bytes. Defaults to std's, 2 MiB.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }
}

impl Sealed for Thread {}

impl Model for Thread {
    const NAME: &'static str = "thread";
    const LOOPS_IN_COROUTINE: bool = false;
    const WATCH: Watching = Watching(Watch::Reader);

    fn default_limit(&self) -> usize {
        runtime::capacity().descriptors
    }

    fn dispatch<F: Family>(&self, job: JobOf<F>, _: Placement) -> Result<(), UnstartedOf<F>> {
        let mut builder = thread::Builder::new().name(job.0.connection().to_string());
        if let Some(bytes) = self.stack_size {
            builder = builder.stack_size(bytes);
        }
        // Where both sides can reach it: std consumes what it fails to start.
        let cargo = Arc::new(Mutex::new(Some(job)));
        let theirs = Arc::clone(&cargo);
        let started = builder.spawn(move || {
            let job = lock(&theirs).take();
            drop(theirs);
            if let Some(job) = job {
                job.0.place().run_by(Task::current());
                job.0.run();
            }
        });
        let Err(source) = started else {
            return Ok(());
        };
        let job = lock(&cargo).take();
        match job {
            Some(job) => Err(UnstartedOf(Unstarted {
                job: job.0,
                error: Error::System {
                    action: "start a thread",
                    source,
                },
            })),
            None => Ok(()),
        }
    }

    fn joins_on_close(&self) -> bool {
        self.block_on_close && !self.daemon_threads
    }
}
