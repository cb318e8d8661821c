//! Bound, then listening: the two phases in which a server gets its socket.

use std::sync::Arc;
use std::time::Duration;

use super::Server;
use crate::concurrency::Model;
use crate::error::{Error, Result};
use crate::family::Family;
use crate::lifecycle::Phase;
use crate::net::Address;

impl<F: Family, M: Model> Server<F, M> {
    /// Creates the socket and binds it: the second step of two-phase
    /// construction, after [`Builder::unbound`](super::Builder::unbound).
    ///
    /// # Errors
    /// An address that cannot be resolved or bound; a server that is bound
    /// already.
    pub fn server_bind(&mut self) -> Result<()> {
        let Some(address) = self.requested.clone().filter(|_| self.listener.is_none()) else {
            return Err(Error::Phase {
                action: "bind",
                phase: "bound already",
            });
        };
        let (listener, claim) = F::bind(&address, &self.config.socket)?;
        self.shared.hooks.server_bind(&listener)?;
        self.lifecycle().advance(Phase::Bound, "bind")?;
        self.listener = Some(Arc::new(listener));
        self.claim = Some(claim);
        self.learn_address()
    }

    /// Begins to listen: the last step of two-phase construction.
    ///
    /// # Errors
    /// When the socket is not bound, listens already or cannot listen, or when
    /// [`Hooks::server_activate`](crate::Hooks::server_activate) refuses. After the last two the server is
    /// closed.
    pub fn server_activate(&mut self) -> Result<()> {
        let listener = Arc::clone(self.bound("listen")?);
        let phase = self.lifecycle().phase();
        if phase != Phase::Bound {
            return Err(Error::Phase {
                action: "listen",
                phase: phase.describe(),
            });
        }
        let activated = self.activate(&listener);
        drop(listener);
        if activated.is_err() {
            self.finish(Some(Duration::ZERO));
        }
        activated
    }

    fn activate(&mut self, listener: &F::Listener) -> Result<()> {
        if let Some(address) = &self.requested {
            F::activate(listener, address, &self.config.socket)?;
        }
        self.claim = None;
        self.shared.hooks.server_activate(listener)?;
        self.lifecycle().advance(Phase::Listening, "listen")
    }

    pub(super) fn learn_address(&self) -> Result<()> {
        let listener = self.bound("tell the address")?;
        let address = F::address(listener).map_err(|source| Error::System {
            action: "read the socket's address",
            source,
        })?;
        self.lifecycle().set_address(address);
        Ok(())
    }

    pub(super) fn bound(&self, action: &'static str) -> Result<&Arc<F::Listener>> {
        self.listener.as_ref().ok_or_else(|| Error::Phase {
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
