//! What a handler may know beside its request.

use std::sync::Arc;

use crate::lifecycle::{Connection, Lifecycle, ServerHandle};
use crate::net::Peer;

/// Who is served, and by which server: `self.client_address` and
/// `self.server` of Python.
#[derive(Clone, Debug)]
pub struct Context {
    connection: Arc<Connection>,
    lifecycle: Arc<Lifecycle>,
}

impl Context {
    pub(crate) fn new(connection: Arc<Connection>, lifecycle: Arc<Lifecycle>) -> Self {
        Context { connection, lifecycle }
    }

    /// Who is served: behind a proxy whose
    /// [PROXY header](crate::Builder::proxy_protocol) is believed, its client.
    pub fn client_address(&self) -> &Peer {
        self.connection.peer()
    }

    /// The request as the server knows it: its number, model and name.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The server, to shut it down or to look at it.
    pub fn server(&self) -> ServerHandle {
        ServerHandle::new(Arc::clone(&self.lifecycle))
    }

    /// True once the server has been asked to end: finish what you are at,
    /// and do not wait for the client's next request.
    pub fn is_draining(&self) -> bool {
        self.lifecycle.is_draining()
    }
}
