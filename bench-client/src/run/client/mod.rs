//! One simulated client, written as if it had the machine to itself.

mod buffers;
pub(crate) mod codec;
mod datagram;
mod desk;
pub(crate) mod dial;
pub(crate) mod line;
mod stream;

use std::sync::Arc;
use std::time::Instant;

use crate::run::job::Job;
pub(crate) use desk::Served;
use desk::Trouble;

/// A client that got its first answer.
#[derive(Debug)]
pub(crate) enum Client {
    /// Over a connection.
    Stream(Box<stream::StreamClient>),
    /// By datagrams.
    Datagram(Box<datagram::DatagramClient>),
}

impl Client {
    /// Connects and exchanges one message: a connection that no answer came
    /// over may be one the kernel accepted and the server never saw.
    pub(crate) fn arrive(job: &Arc<Job>, connection: u32) -> Option<Client> {
        let began = Instant::now();
        let arrived = match job.plan.protocol.is_datagram() {
            true => datagram::DatagramClient::arrive(job, connection).map(|client| Client::Datagram(Box::new(client))),
            false => stream::StreamClient::arrive(job, connection).map(|client| Client::Stream(Box::new(client))),
        };
        match arrived {
            Ok(client) => {
                job.arrivals.record(connection, began.elapsed());
                Some(client)
            }
            Err(Trouble::Fault(fault)) => {
                job.faults.note(connection, fault);
                None
            }
            Err(Trouble::Counted | Trouble::Stopped) => None,
        }
    }

    /// Sends and verifies until the run is over.
    pub(crate) fn work(self) -> Served {
        match self {
            Client::Stream(client) => client.work(),
            Client::Datagram(client) => client.work(),
        }
    }

    /// One more exchange, to prove that an idle connection was held.
    pub(crate) fn say_goodbye(self) -> Served {
        match self {
            Client::Stream(client) => client.say_goodbye(),
            Client::Datagram(client) => client.say_goodbye(),
        }
    }
}
