//! Bound, then listening: the two phases in which a server gets its socket.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::Server;
use crate::concurrency::Model;
use crate::error::{Error, Result};
use crate::family::Family;
use crate::lifecycle::Phase;
use crate::net::{Address, share_port};

impl<F: Family, M: Model> Server<F, M> {
    /// Creates the socket and binds it: the second step of two-phase
    /// construction, after [`Builder::unbound`](super::Builder::unbound).
    ///
    /// # Errors
    /// An address that cannot be resolved or bound; a server that is bound
    /// already.
    pub fn server_bind(&mut self) -> Result<()> {
        let Some(address) = self.requested.clone().filter(|_| self.listeners.is_empty()) else {
            return Err(Error::Phase {
                action: "bind",
                phase: "bound already",
            });
        };
        let (first, claim) = F::bind(&address, &self.config.socket)?;
        let listeners = self.with_siblings(first)?;
        for listener in &listeners {
            self.shared.hooks.server_bind(listener)?;
        }
        self.lifecycle().advance(Phase::Bound, "bind")?;
        self.listeners = listeners;
        self.claim = Some(claim);
        self.learn_address()
    }

    /// With as many sockets more, on the same port, as are asked for.
    fn with_siblings(&self, first: F::Listener) -> Result<Vec<Arc<F::Listener>>> {
        let count = self.config.listeners();
        let mut listeners = vec![first];
        if count > 1 {
            let address = F::address(&listeners[0]).map_err(unknown_address)?;
            // Only now: bound without it, the first socket was refused a port
            // that somebody else has.
            share_port(&listeners[0], &address)?;
            let options = self.config.socket.clone().reuse_port(true);
            for _ in 1..count {
                listeners.push(F::bind(&address, &options)?.0);
            }
        }
        Ok(listeners.into_iter().map(Arc::new).collect())
    }

    /// Begins to listen: the last step of two-phase construction.
    ///
    /// # Errors
    /// When the socket is not bound, listens already or cannot listen, or when
    /// [`Hooks::server_activate`](crate::Hooks::server_activate) refuses. After the last two the server is
    /// closed.
    pub fn server_activate(&mut self) -> Result<()> {
        self.bound("listen")?;
        let phase = self.lifecycle().phase();
        if phase != Phase::Bound {
            return Err(Error::Phase {
                action: "listen",
                phase: phase.describe(),
            });
        }
        let activated = self.activate();
        if activated.is_err() {
            self.finish(Some(Duration::ZERO));
        }
        activated
    }

    fn activate(&mut self) -> Result<()> {
        for listener in &self.listeners {
            if let Some(address) = &self.requested {
                F::activate(listener, address, &self.config.socket)?;
            }
        }
        self.claim = None;
        for listener in &self.listeners {
            self.shared.hooks.server_activate(listener)?;
        }
        self.lifecycle().advance(Phase::Listening, "listen")
    }

    pub(super) fn learn_address(&self) -> Result<()> {
        let listener = self.bound("tell the address")?;
        let address = F::address(listener).map_err(unknown_address)?;
        self.lifecycle().set_address(address);
        Ok(())
    }

    /// The first of its sockets.
    pub(super) fn bound(&self, action: &'static str) -> Result<&Arc<F::Listener>> {
        self.listeners.first().ok_or_else(|| Error::Phase {
            action,
            phase: self.lifecycle().phase().describe(),
        })
    }

    /// Where the server is bound, with the real port (`server_address` of
    /// Python).
    ///
    /// # Errors
    /// When it is not bound.
    pub fn address(&self) -> Result<Address> {
        self.lifecycle().address().ok_or_else(|| Error::Phase {
            action: "tell the address",
            phase: self.lifecycle().phase().describe(),
        })
    }
}

fn unknown_address(source: io::Error) -> Error {
    Error::System {
        action: "read the socket's address",
        source,
    }
}
