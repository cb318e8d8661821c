//! A connection that speaks TLS.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, MutexGuard};

use rustls::pki_types::CertificateDer;
use rustls::{HandshakeKind, ProtocolVersion};

use super::failure::broken_session;
use super::session::Session;
use crate::handler::Context;
use crate::net::{Peer, Stream, SystemStream, Transfer};
use crate::runtime::lock;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Version {
    /// RFC 5246, with AES-GCM or ChaCha20 and an exchange of keys that are used
    /// once, and nothing else.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// A connection that speaks TLS, of a server's client or to a server.
///
/// It reads and writes as a [`Stream`] does, also through a shared reference:
/// one coroutine may read while another one writes. The session is behind a
/// lock that is held for as long as a record takes, never for a wait. With the
/// engine `may` the writer needs a handle of its own:
/// [`try_clone`](TlsStream::try_clone).
///
/// - **Limits** are those of the connection below:
///   [`connection()`](TlsStream::connection)`.set_timeout(...)`. A call that
///   is one operation there is one here too.
/// - **The end** is `Ok(0)` only if the other side said that it has finished
///   (`close_notify`). A connection that ends without it is an error of kind
///   [`UnexpectedEof`](io::ErrorKind::UnexpectedEof), `SSLEOFError` of Python:
///   anybody on the way may have cut it.
/// - **A write returns** when the kernel has all of it. One that a limit ended
///   has encrypted what [`Unfinished`](crate::net::Unfinished) says; nothing
///   more can be written until a [`flush`](io::Write::flush) has sent that.
/// - **Memory**: what was read ahead is one record at most, 16 KiB, and what
///   is not sent yet 72 KiB; both are given back as they are used up.
pub struct TlsStream<S: SystemStream> {
    pub(super) stream: Stream<S>,
    session: Arc<Mutex<Session>>,
}

impl<S: SystemStream> TlsStream<S> {
    pub(super) fn new(stream: Stream<S>, session: Session) -> Self {
        TlsStream {
            stream,
            session: Arc::new(Mutex::new(session)),
        }
    }

    pub(super) fn session(&self) -> MutexGuard<'_, Session> {
        lock(&self.session)
    }

    /// The connection below, for its limits, options and addresses. What is read
    /// from it or written to it directly breaks the session.
    pub fn connection(&self) -> &Stream<S> {
        &self.stream
    }

    /// A second handle with a descriptor of its own, for the same session; see
    /// [`Stream::try_clone`].
    ///
    /// # Errors
    /// When the process has no descriptor left (`EMFILE`).
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(TlsStream {
            stream: self.stream.try_clone()?,
            session: Arc::clone(&self.session),
        })
    }

    /// The same handle again, for who never reads and writes at once.
    pub(super) fn share(&self) -> Self {
        TlsStream {
            stream: self.stream.share(),
            session: Arc::clone(&self.session),
        }
    }

    /// Who is at the other end of the connection.
    ///
    /// # Errors
    /// When the connection is gone already (`ENOTCONN`).
    pub fn peer(&self) -> io::Result<Peer> {
        self.stream.peer()
    }

    /// This end of the connection.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn local(&self) -> io::Result<Peer> {
        self.stream.local()
    }

    /// The protocol above TLS that both sides have agreed on, if they talked of
    /// it: `selected_alpn_protocol()` of Python.
    pub fn alpn(&self) -> Option<Vec<u8>> {
        self.session().agreed().alpn_protocol().map(<[u8]>::to_vec)
    }

    /// The name that the client asked for (SNI), in lower case; on a client's
    /// own side `None`.
    pub fn sni(&self) -> Option<String> {
        self.session().asked_name().map(str::to_ascii_lowercase)
    }

    /// The other side's certificates, its own first, if it has shown any; they
    /// were verified. `getpeercert(binary_form=True)` of Python.
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.session().agreed().peer_certificates().map(<[_]>::to_vec)
    }

    /// The version that is spoken: `version()` of Python.
    pub fn version(&self) -> Version {
        match self.session().agreed().protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Version::Tls12,
            _ => Version::Tls13,
        }
    }

    /// The cipher suite as IANA calls it, `TLS13_AES_256_GCM_SHA384` say:
    /// `cipher()` of Python.
    pub fn cipher_suite(&self) -> &'static str {
        let suite = self.session().agreed().negotiated_cipher_suite();
        suite.and_then(|suite| suite.suite().as_str()).unwrap_or("unknown")
    }

    /// Whether the session goes on from an earlier one, by a ticket, so that the
    /// handshake was not a whole one: `session_reused` of Python.
    pub fn is_resumed(&self) -> bool {
        self.session().agreed().handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Whether something has been decrypted and not been read yet.
    pub fn has_read_ahead(&self) -> bool {
        matches!(self.session().peek(), Ok(Some(true)))
    }

    /// Waits for the first byte of the client's next message:
    /// [`Context::wait_for_request`] for TLS. True when it is there, false when
    /// the client has finished or the server drains.
    ///
    /// # Errors
    /// As a read.
    ///
    /// ```
    /// use greenserve::tls::TlsStream;
    /// use greenserve::{Context, net::SystemStream};
    /// use std::io::{self, Read, Write};
    ///
    /// fn echo<S: SystemStream>(client: &mut TlsStream<S>, context: &Context) -> io::Result<()> {
    ///     let mut buffer = [0; 1024];
    ///     while client.wait_for_request(context)? {
    ///         let count = client.read(&mut buffer)?;
    ///         client.write_all(&buffer[..count])?;
    ///     }
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    pub fn wait_for_request(&self, context: &Context) -> io::Result<bool> {
        let mut listening = None;
        loop {
            let ahead = self.session().peek()?;
            match ahead {
                Some(true) => return Ok(context.takes_more()),
                Some(false) => return Ok(false),
                None => self.push(),
            }
            listening.get_or_insert_with(|| self.stream.listening()).goes_on();
            // Bytes may be there and no message: a part of a record, a ticket.
            let look = || self.receive(&mut Transfer::reading(&self.stream)).map(|()| true);
            if !context.wait_for_bytes(&self.stream, look)? {
                return Ok(false);
            }
        }
    }

    /// Shuts down reading, writing or both. Before it writes no more, it says
    /// so (`close_notify`), which waits as a write does: `unwrap()` of Python.
    ///
    /// # Errors
    /// As a write and as [`Stream::shutdown`]; the connection is shut down
    /// whatever became of the words before.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let told = match how {
            Shutdown::Read => Ok(()),
            Shutdown::Write | Shutdown::Both => {
                self.session().finish();
                self.send(&mut Transfer::writing(&self.stream))
            }
        };
        self.stream.shutdown(how).and(told)
    }

    /// Encrypts what there is room for and sends it; tells how much that was,
    /// whether or not it went out.
    pub(super) fn write_part(&self, transfer: &mut Transfer<'_, S>, slices: &[IoSlice<'_>]) -> (usize, io::Result<()>) {
        loop {
            let taken = self.session().write(slices);
            let count = match taken {
                Ok(count) => count,
                Err(err) => return (0, Err(self.named(err))),
            };
            let sent = self.send(transfer);
            if sent.is_err() {
                self.session().cut_short();
            }
            if count > 0 || sent.is_err() || slices.iter().all(|slice| slice.is_empty()) {
                return (count, sent);
            }
        }
    }

    /// Sends everything that is encrypted.
    pub(super) fn send(&self, transfer: &mut Transfer<'_, S>) -> io::Result<()> {
        while self.session().has_unsent() {
            transfer.write_step(|socket| self.session().give_out(socket))?;
        }
        Ok(())
    }

    /// Sends what the session has to say by itself: tickets, alerts, new keys.
    /// What finds no room goes with the next write.
    pub(super) fn push(&self) {
        if self.session().has_unsent() {
            let _ = self.stream.write_at_once(|socket| self.session().give_out(socket));
        }
    }

    pub(super) fn named(&self, err: io::Error) -> io::Error {
        broken_session(err, self.session().is_server())
    }
}

impl<S: SystemStream> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("connection", &self.stream)
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
