//! How much a client may send and be sent, how long it may be silent, and who
//! is let in.

use std::time::Duration;

use tungstenite::protocol::WebSocketConfig;

use crate::net::MinimumRate;

/// What a client's bytes are collected in: as much as most messages need, and a
/// part of what every client costs.
const READ_BUFFER: usize = 4 * 1024;

/// The settings of WebSockets. Every limit is on.
///
/// ```
/// use greenserve::websocket;
/// use std::time::Duration;
///
/// let config = websocket::Config::new()
///     .message(64 * 1024)
///     .idle(Duration::from_secs(30))
///     .origins(["https://example.org"])
///     .protocols(["chat.v2", "chat"]);
/// # let _ = config;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "settings have no effect until they are given to `WebSockets::config` or `upgrade`"]
pub struct Config {
    pub(super) message: usize,
    pub(super) frame: usize,
    pub(super) queued_messages: usize,
    pub(super) queued_bytes: usize,
    pub(super) ping: Option<Duration>,
    pub(super) idle: Option<Duration>,
    pub(super) message_rate: Option<MinimumRate>,
    pub(super) close: Duration,
    pub(super) origins: Option<Vec<String>>,
    pub(super) protocols: Vec<String>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            message: 1 << 20,
            frame: 1 << 20,
            queued_messages: 256,
            queued_bytes: 1 << 20,
            ping: Some(Duration::from_secs(20)),
            idle: Some(Duration::from_secs(60)),
            message_rate: Some(MinimumRate::new(240, Duration::from_secs(20))),
            close: Duration::from_secs(5),
            origins: None,
            protocols: Vec::new(),
        }
    }
}

impl Config {
    /// The defaults, which each method names.
    pub fn new() -> Config {
        Config::default()
    }

    /// The longest message in bytes, all its frames together; 1 MiB by default.
    /// Beyond it the client is closed with 1009.
    ///
    /// A client has memory here for at most twice what it has sent of a message,
    /// whatever length it has announced, beside some 20 KiB once anything has
    /// come that is longer than 4 KiB.
    pub fn message(mut self, bytes: usize) -> Config {
        self.message = bytes;
        self
    }

    /// The longest frame in bytes, 1 MiB by default. Beyond it the client is
    /// closed with 1009, before any of the frame is taken in.
    pub fn frame(mut self, bytes: usize) -> Config {
        self.frame = bytes;
        self
    }

    /// Messages that wait for a client to take them, 256 by default. Beyond it
    /// [`WebSocket::send`](super::WebSocket::send) waits, and
    /// [`Sender::send`](super::Sender::send) drops the client.
    pub fn queued_messages(mut self, count: usize) -> Config {
        self.queued_messages = count.max(1);
        self
    }

    /// The same in bytes, 1 MiB by default; a single message may be longer.
    pub fn queued_bytes(mut self, bytes: usize) -> Config {
        self.queued_bytes = bytes;
        self
    }

    /// A client that has sent nothing for so long is sent a ping, 20 s by
    /// default; `None` for never.
    pub fn ping(mut self, after: impl Into<Option<Duration>>) -> Config {
        self.ping = after.into();
        self
    }

    /// A client that has sent nothing for so long, not even the answer to a
    /// ping, is closed with 1008; 60 s by default, `None` for never. Looked at
    /// while the handler receives, and counted as
    /// [`Overdue::Idle`](crate::Overdue::Idle).
    pub fn idle(mut self, limit: impl Into<Option<Duration>>) -> Config {
        self.idle = limit.into();
        self
    }

    /// The least a client may send of a message that it has begun, all its frames
    /// together; 240 bytes a second after 20 s by default, `None` for any. What
    /// counts is what it was waited for, and the payload alone. Beyond it the
    /// client is closed with 1008, and counted as
    /// [`Overdue::ReceiveRate`](crate::Overdue::ReceiveRate).
    pub fn message_rate(mut self, least: impl Into<Option<MinimumRate>>) -> Config {
        self.message_rate = least.into();
        self
    }

    /// How long a client may take for a Close, to take it and to answer it
    /// together; 5 s by default. Then the connection is cut.
    pub fn close(mut self, limit: Duration) -> Config {
        self.close = limit;
        self
    }

    /// The pages that may open a connection, each as a browser names it:
    /// `https://example.org`, with the port if that is not the scheme's. A page
    /// from elsewhere is answered 403. A client that names no origin is no
    /// browser and is let in. Any page may by default: set this where cookies
    /// say who a user is (RFC 6455, 10.2).
    pub fn origins<T: Into<String>>(mut self, allowed: impl IntoIterator<Item = T>) -> Config {
        self.origins = Some(allowed.into_iter().map(Into::into).collect());
        self
    }

    /// The subprotocols that are spoken, the best first: of those that the
    /// client offers, the first of these is chosen. With none in common the
    /// connection is made without. None by default.
    pub fn protocols<T: Into<String>>(mut self, spoken: impl IntoIterator<Item = T>) -> Config {
        self.protocols = spoken.into_iter().map(Into::into).collect();
        self
    }

    pub(super) fn of_protocol(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            // What it writes, answers to pings and Closes, goes on at once.
            .write_buffer_size(0)
            .max_message_size(Some(self.message))
            .max_frame_size(Some(self.frame))
    }
}
