//! Those who hear the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::message::Message;
use super::sender::Sender;
use crate::runtime::lock;

/// Clients that are sent the same messages: a broadcast. Clones are the same
/// room.
///
/// Sending never waits for anybody. Who is too slow is dropped, as
/// [`Sender::send`] says, and the others do not notice.
///
/// ```
/// use greenserve::websocket::{self, Room, WebSocket};
/// use greenserve::{TcpServer, http};
/// use std::io;
///
/// let room = Room::new();
/// let chat = move |socket: &mut WebSocket| -> io::Result<()> {
///     let _seat = room.join(socket.sender()?);
///     while let Some(message) = socket.recv()? {
///         room.send(message);
///     }
///     Ok(())
/// };
/// let server = TcpServer::bind("127.0.0.1:0", http::serve(websocket::serve(chat)))?;
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Room {
    members: Arc<Mutex<Members>>,
}

#[derive(Debug, Default)]
struct Members {
    senders: HashMap<u64, Sender>,
    next: u64,
}

/// A place in a [`Room`]: whoever has it hears what is said there, until it is
/// dropped.
#[derive(Debug)]
#[must_use = "who has no seat is not in the room"]
pub struct Seat {
    members: Arc<Mutex<Members>>,
    number: u64,
}

impl Room {
    /// An empty room.
    pub fn new() -> Room {
        Room::default()
    }

    /// Lets a client hear what is said from now on.
    pub fn join(&self, sender: Sender) -> Seat {
        let mut members = lock(&self.members);
        let number = members.next;
        members.next += 1;
        members.senders.insert(number, sender);
        Seat {
            members: Arc::clone(&self.members),
            number,
        }
    }

    /// Has a message sent to all who are here; returns to how many. Those who
    /// are gone or too slow leave the room.
    pub fn send(&self, message: impl Into<Message>) -> usize {
        // One frame for all.
        let Ok(frame) = message.into().to_frame() else {
            return 0;
        };
        let mut members = lock(&self.members);
        members.senders.retain(|_, sender| sender.send_frame(&frame).is_ok());
        members.senders.len()
    }

    /// How many are here.
    pub fn len(&self) -> usize {
        lock(&self.members).senders.len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.members).senders.remove(&self.number);
    }
}
