//! Connections that no longer speak HTTP.

use std::io::{self, Read, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ::http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use ::http::{HeaderValue, StatusCode, Version};

use super::date;
use super::fields::list;
use super::inbox::Inbox;
use super::refusal::Refusal;
use super::request::Request;
use super::response::{Response, Stage};
use crate::handler::{Failure, Transport};
use crate::runtime::lock;

/// A connection after `101 Switching Protocols`, or the tunnel of a `CONNECT`:
/// [`Read`] and [`Write`], also through a shared reference, so that one
/// coroutine reads while another writes.
///
/// Its [deadlines](super::Deadlines) are still those of HTTP: a client that
/// sends nothing is ended after [`keep_alive`](super::Deadlines::keep_alive).
/// Change them at its [`transport`](Upgraded::transport). The connection ends
/// when the handler returns.
#[derive(Debug)]
pub struct Upgraded<'a> {
    transport: &'a dyn Transport,
    /// What the client sent behind its request.
    ahead: Mutex<&'a mut Inbox>,
    is_ahead: AtomicBool,
}

impl Upgraded<'_> {
    /// The connection below. What it reads is missing here, and what came
    /// behind the request is missing there.
    pub fn transport(&self) -> &dyn Transport {
        self.transport
    }

    /// Whether the next read returns without waiting for the client.
    pub fn has_read_ahead(&self) -> bool {
        self.is_ahead.load(Ordering::Relaxed) || self.transport.has_read_ahead()
    }
}

impl Response<'_> {
    /// Ends HTTP on this connection: answers `101 Switching Protocols` with
    /// `protocol` as its `Upgrade`, or the 2xx that was set to a `CONNECT`, and
    /// hands the connection over. Headers that were set are sent.
    ///
    /// ```
    /// use greenserve::http::{self, Request, Response};
    /// use std::io;
    ///
    /// fn echo(request: &mut Request, response: &mut Response) -> http::Result {
    ///     let client = response.upgrade(request, "echo")?;
    ///     io::copy(&mut &client, &mut &client)?;
    ///     Ok(())
    /// }
    /// # let _ = http::serve(echo);
    /// ```
    ///
    /// # Errors
    /// When the answer has begun, when the request has a body that was not
    /// read, when `protocol` cannot stand in a header, or as a write. A
    /// [`Refusal`] with 400 when the client has not asked for `protocol` (RFC
    /// 9110, 7.8): it would take for HTTP what follows.
    pub fn upgrade<'r>(&'r mut self, request: &'r mut Request<'_>, protocol: &str) -> Result<Upgraded<'r>, Failure> {
        if self.has_begun() || !self.collected.is_empty() {
            return Err("the answer has begun, so the connection cannot be taken over".into());
        }
        if !request.body.is_read() {
            return Err("a body that was not read is in the way of taking the connection over".into());
        }
        match self.asked.is_connect {
            true if !self.status.is_success() => {
                return Err(format!("a CONNECT that is answered with {} opens no tunnel", self.status).into());
            }
            false if !asks_for(request, protocol) => {
                let text = format!("this is for clients that ask for an Upgrade to {protocol}");
                return Err(Refusal::new(StatusCode::BAD_REQUEST, text).into());
            }
            _ => {}
        }
        let protocol = HeaderValue::from_str(protocol)?;
        self.write_switch(&protocol);
        self.stage = Stage::TakenOver;
        self.keeps_alive = false;
        self.link.is_answered();
        self.outbox.send(self.link.transport, &[])?;
        let ahead = request.body.inbox();
        Ok(Upgraded {
            transport: self.link.transport,
            is_ahead: AtomicBool::new(!ahead.is_empty()),
            ahead: Mutex::new(ahead),
        })
    }

    fn write_switch(&mut self, protocol: &HeaderValue) {
        for framing in [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION] {
            self.headers.remove(framing);
        }
        if !self.asked.is_connect {
            self.status = StatusCode::SWITCHING_PROTOCOLS;
            self.headers.insert(UPGRADE, protocol.clone());
            self.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        let ready = &mut self.outbox.ready;
        ready.extend_from_slice(b"HTTP/1.1 ");
        ready.extend_from_slice(self.status.as_str().as_bytes());
        ready.push(b' ');
        ready.extend_from_slice(self.status.canonical_reason().unwrap_or_default().as_bytes());
        ready.extend_from_slice(b"\r\ndate: ");
        date::write_now(ready);
        for (name, value) in self.headers.iter() {
            ready.extend_from_slice(b"\r\n");
            ready.extend_from_slice(name.as_str().as_bytes());
            ready.extend_from_slice(b": ");
            ready.extend_from_slice(value.as_bytes());
        }
        ready.extend_from_slice(b"\r\n\r\n");
    }
}

/// Whether the client has offered to go on with `protocol`. An offer of HTTP/1.0
/// is to be ignored.
fn asks_for(request: &Request<'_>, protocol: &str) -> bool {
    let has = |name, word: &str| {
        let lines = request.headers().get_all(name).iter();
        let mut elements = lines.flat_map(|line| list(line.as_bytes()));
        elements.any(|element| element.eq_ignore_ascii_case(word.as_bytes()))
    };
    request.version() == Version::HTTP_11 && has(CONNECTION, "upgrade") && has(UPGRADE, protocol)
}

impl Read for &Upgraded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_ahead.load(Ordering::Relaxed) {
            let mut ahead = lock(&self.ahead);
            let count = ahead.unread().read(buffer)?;
            ahead.consume(count);
            self.is_ahead.store(!ahead.is_empty(), Ordering::Relaxed);
            return Ok(count);
        }
        self.transport.read(buffer)
    }
}

impl Write for &Upgraded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.transport.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.transport.flush()
    }
}

impl Read for Upgraded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for Upgraded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.transport.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.transport.flush()
    }
}
