//! A worker, from its own side.

use std::fs::File;
use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use super::inherited;
use super::label::Label;
use crate::concurrency::Model;
use crate::error::{Error, Result};
use crate::family::Family;
use crate::lifecycle::DrainReport;
use crate::net::Address;
use crate::runtime::lock;
use crate::server::Server;

/// What a worker process knows: its sockets, its number, its time to drain.
///
/// Handed to the function that [`Supervisor::run`](super::Supervisor::run)
/// calls in each worker.
#[derive(Debug)]
pub struct Worker {
    label: Label,
    addresses: Vec<Address>,
    /// None once it has been told.
    report: Mutex<Option<File>>,
}

impl Worker {
    /// This process as a worker, if it is one; `wanted` is how many sockets
    /// its program asks for.
    pub(super) fn of_this_process(wanted: usize) -> Result<Option<Worker>> {
        let Some(label) = inherited::label() else {
            return Ok(None);
        };
        if label.sockets != wanted {
            return Err(refused(format!(
                "this program wants {wanted} sockets and the supervisor that runs passes {}; restart that one too",
                label.sockets
            )));
        }
        inherited::end_with_supervisor(label).map_err(|source| Error::System {
            action: "be a worker of a supervisor",
            source,
        })?;
        let report = inherited::take(label).map_err(|source| Error::System {
            action: "take over the supervisor's sockets",
            source,
        })?;
        let report = report.ok_or_else(|| refused("a program can have one supervisor only".to_owned()))?;
        Ok(Some(Worker {
            label,
            addresses: label.numbers().map(Address::Fd).collect(),
            report: Mutex::new(Some(report)),
        }))
    }

    /// The first socket, to bind a server to.
    ///
    /// # Panics
    /// Never: a supervisor without a socket does not start.
    pub fn address(&self) -> Address {
        self.addresses[0].clone()
    }

    /// All sockets, in the order in which
    /// [`Supervisor::listen`](super::Supervisor::listen) and
    /// [`listen_datagrams`](super::Supervisor::listen_datagrams) named them.
    /// Each is for one server.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Which of the workers this is, from 0. The one that takes its place has
    /// the same number.
    pub fn index(&self) -> usize {
        self.label.index
    }

    /// How long what is in flight may take after SIGTERM, as
    /// [`Supervisor::grace`](super::Supervisor::grace) said.
    pub fn grace(&self) -> Duration {
        self.label.grace
    }

    /// Tells the supervisor that this worker serves; the second time it does
    /// nothing. [`serve`](Worker::serve) does it for you.
    ///
    /// Call it when clients are served and SIGTERM no longer ends the process
    /// at once ([`Server::handle_signals`]): after it, the worker that this one
    /// replaces is told to drain.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn ready(&self) -> Result<()> {
        let Some(mut report) = lock(&self.report).take() else {
            return Ok(());
        };
        report.write_all(b"r").map_err(|source| Error::System {
            action: "tell the supervisor that this worker is ready",
            source,
        })
    }

    /// Serves until the supervisor says to end, then drains for at most
    /// [`grace`](Worker::grace): [`ready`](Worker::ready) at the right moment,
    /// and [`Server::serve_until_signal`].
    ///
    /// For several servers, [`start`](Server::start) all but one before.
    ///
    /// # Errors
    /// As [`ready`](Worker::ready) and [`Server::serve_until_signal`].
    pub fn serve<F: Family, M: Model>(&self, mut server: Server<F, M>) -> Result<DrainReport> {
        server.handle_signals()?;
        self.ready()?;
        server.serve_until_signal(self.grace())
    }
}

fn refused(reason: String) -> Error {
    Error::Supervise { reason, status: 1 }
}
