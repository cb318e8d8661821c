//! A client as a handler sees it.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::close::{Close, Ended};
use super::conversation::Conversation;
use super::message::Message;
use super::outgoing::Outgoing;
use super::sender::Sender;
use crate::error::Result;
use crate::handler::{Context, Transport};
use crate::net::Peer;

/// A conversation with a client.
///
/// Pings are answered, and sent, while the handler receives. When the server
/// [drains](crate::Context::is_draining), the conversation is ended with 1001
/// while the handler receives, and [`recv`](WebSocket::recv) returns `None`.
///
/// When the handler returns, the conversation is ended with 1000, with 1011 if
/// it failed, and the client's answer is waited for, for as long as
/// [`Config::close`](super::Config::close) says.
pub struct WebSocket<'a> {
    pub(super) conversation: Conversation<'a>,
    pub(super) outgoing: Arc<Outgoing>,
    pub(super) subprotocol: Option<String>,
    /// Starts the writer.
    pub(super) start: &'a mut (dyn FnMut() -> Result<()> + 'a),
}

impl<'a> WebSocket<'a> {
    /// Waits for the next message; `None` when the conversation has ended:
    /// [`ended`](WebSocket::ended) tells how.
    ///
    /// A client that sends what is too long, no UTF-8 or no WebSocket frame, or
    /// nothing for too long, is told so and its conversation has ended.
    ///
    /// # Errors
    /// When the client is gone without a Close
    /// ([`io::ErrorKind::UnexpectedEof`]), and as a read of its connection.
    pub fn recv(&mut self) -> io::Result<Option<Message>> {
        self.conversation.next()
    }

    /// Sends a message. Waits for a client that is slow to take it, as long as
    /// [`http::Deadlines::write`](crate::http::Deadlines::write) allows; once
    /// there is a [`sender`](WebSocket::sender), waits for room among what is
    /// queued.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] when the conversation has ended, and as a
    /// write to its connection. After a write that has failed, by its deadline
    /// for one, the client may have half a frame, so that nothing can follow:
    /// from then on it is always [`io::ErrorKind::BrokenPipe`], and the
    /// connection ends without a Close.
    pub fn send(&mut self, message: impl Into<Message>) -> io::Result<()> {
        if self.conversation.ended.is_some() || self.outgoing.is_closing() {
            return Err(super::SendError::Closed.into());
        }
        self.conversation.line.send(message.into().to_frame()?)
    }

    /// What others send with, while this one receives. The first call starts
    /// the coroutine that writes; from then on all messages go through the
    /// queue of the client.
    ///
    /// # Errors
    /// When that coroutine cannot be started, and after a
    /// [`send`](WebSocket::send) that has failed.
    pub fn sender(&mut self) -> io::Result<Sender> {
        if !self.conversation.line.has_writer {
            self.conversation.line.check_whole()?;
            (self.start)().map_err(io::Error::other)?;
            self.conversation.line.has_writer = true;
        }
        Ok(Sender::new(Arc::clone(&self.outgoing)))
    }

    /// Ends the conversation, and waits for the client's answer: see
    /// [`Config::close`](super::Config::close). What it still sends is dropped.
    /// Does nothing if it has ended.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when the code may not be sent or the
    /// reason is longer than 123 bytes, and as a write:
    /// [`io::ErrorKind::TimedOut`] when the client takes no Close within that
    /// time.
    pub fn close(&mut self, code: u16, reason: &str) -> io::Result<()> {
        let close = Close::checked(code, reason)?;
        self.conversation.conclude(close)
    }

    /// How the conversation has ended; `None` while it goes on.
    pub fn ended(&self) -> Option<&Ended> {
        self.conversation.ended.as_ref()
    }

    /// The subprotocol that was [chosen](super::Config::protocols).
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// Who is served: see [`Context::client_address`].
    pub fn peer(&self) -> &Peer {
        self.context().client_address()
    }

    /// The server, and what it knows of this connection.
    pub fn context(&self) -> &'a Context {
        self.conversation.line.context
    }

    /// The connection below, to look at it. Its deadline for reads belongs to
    /// the WebSocket.
    pub fn transport(&self) -> &dyn Transport {
        self.conversation.line.wire.transport()
    }
}

impl fmt::Debug for WebSocket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("peer", self.peer())
            .field("subprotocol", &self.subprotocol)
            .field("ended", &self.conversation.ended)
            .finish_non_exhaustive()
    }
}
