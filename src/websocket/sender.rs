//! Sending from elsewhere.

use std::fmt;
use std::io;
use std::sync::Arc;

use tungstenite::Bytes;

use super::close::Close;
use super::message::Message;
use super::outgoing::Outgoing;

/// Sends to one client, from any coroutine or thread:
/// [`WebSocket::sender`](super::WebSocket::sender). Clones send to the same.
///
/// It may outlive the conversation; then it sends nothing.
///
/// ```
/// use greenserve::websocket::WebSocket;
/// use greenserve::runtime;
/// use std::io;
/// use std::time::Duration;
///
/// fn clock(socket: &mut WebSocket) -> io::Result<()> {
///     let sender = socket.sender()?;
///     runtime::spawn(move || {
///         while sender.send("tick").is_ok() && runtime::sleep(Duration::from_secs(1)).is_ok() {}
///     })?;
///     while socket.recv()?.is_some() {}
///     Ok(())
/// }
/// # let _ = greenserve::websocket::serve(clock);
/// ```
#[derive(Clone)]
pub struct Sender {
    outgoing: Arc<Outgoing>,
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The conversation has ended, or will before anything else is sent.
    #[error("the WebSocket is closed")]
    Closed,
    /// The client takes messages more slowly than they come, and its
    /// [queue](super::Config::queued_messages) was full. Its conversation is
    /// ended with 1013.
    #[error("the client of the WebSocket is too slow and was dropped")]
    TooSlow,
}

impl From<SendError> for io::Error {
    /// Of kind [`io::ErrorKind::BrokenPipe`]: the client is gone.
    fn from(err: SendError) -> io::Error {
        io::Error::new(io::ErrorKind::BrokenPipe, err)
    }
}

impl Sender {
    pub(super) fn new(outgoing: Arc<Outgoing>) -> Sender {
        Sender { outgoing }
    }

    /// Has a message sent, and never waits.
    ///
    /// # Errors
    /// [`SendError::TooSlow`] when as much waits for the client as may wait: it
    /// is dropped. [`SendError::Closed`] from then on, and after any other end.
    pub fn send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        let frame = message.into().to_frame().map_err(|_| SendError::Closed)?;
        self.outgoing.offer(&frame)
    }

    pub(super) fn send_frame(&self, frame: &Bytes) -> Result<(), SendError> {
        self.outgoing.offer(frame)
    }

    /// Ends the conversation once what was sent before is out, with a code and
    /// a reason; without effect when it has ended. Does not wait.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when the code is none that may be sent,
    /// or the reason is longer than 123 bytes.
    pub fn close(&self, code: u16, reason: &str) -> io::Result<()> {
        self.outgoing.close(Close::checked(code, reason)?);
        Ok(())
    }

    /// Whether nothing more can be sent.
    pub fn is_closed(&self) -> bool {
        self.outgoing.is_closing()
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("is_closed", &self.is_closed()).finish()
    }
}
