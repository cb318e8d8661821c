//! The handshake, in the coroutine or thread of who needs the session.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::Error as TlsError;
use rustls::server::{Accepted, AcceptedAlert, Acceptor};

use super::failure::HandshakeError;
use super::in_force::InForce;
use super::session::Session;
use super::stream::TlsStream;
use crate::error::WaitError;
use crate::handler::Context;
use crate::net::{Overdue, Stream, SystemStream, Transfer};
use crate::sync::Timeout;

/// What a client is given that is in the middle of its handshake when the
/// server drains.
const LAST: Duration = Duration::from_millis(500);

/// `unrecognized_name` (RFC 6066) as a fatal alert, which goes in the clear.
const UNRECOGNISED_NAME: &[u8] = &[21, 3, 3, 0, 2, 2, 112];
/// The first byte of a record that begins a handshake.
const HANDSHAKE_RECORD: u8 = 22;

/// What is said to a browser that was given the wrong address.
const TO_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 56\r\n\
    Connection: close\r\n\r\nThis port speaks TLS: its addresses begin with https://\n";

/// Why there is no session.
#[derive(Debug)]
pub(super) enum NoSession {
    /// The client left before it said anything, or the server drains.
    NotBegun,
    Failed(HandshakeError),
    /// What is nobody's fault in TLS: a kill, a deadline of the connection, a
    /// reset.
    Ended(io::Error),
}

impl From<HandshakeError> for NoSession {
    fn from(err: HandshakeError) -> NoSession {
        NoSession::Failed(err)
    }
}

/// One client's handshake.
pub(super) struct Server<'a, S: SystemStream> {
    pub(super) stream: &'a Stream<S>,
    pub(super) context: &'a Context,
    pub(super) settings: &'a InForce,
}

impl<S: SystemStream> Server<'_, S> {
    /// Shakes hands within the time there is for it.
    pub(super) fn run(&self) -> Result<TlsStream<S>, NoSession> {
        let timeout = Timeout::after(self.settings.handshake_timeout);
        let mut made = Err(NoSession::NotBegun);
        let ran = timeout.run(|| {
            made = self.shake();
            Ok(())
        });
        debug_assert!(ran.is_ok());
        made.map_err(|why| match why {
            NoSession::Ended(err) if timeout.expired(&err) => {
                self.context.count_missed(Overdue::Handshake);
                HandshakeError::Late(self.settings.handshake_timeout).into()
            }
            why => why,
        })
    }

    fn shake(&self) -> Result<TlsStream<S>, NoSession> {
        self.first_byte()?;
        let accepted = self.hello()?;
        let config = Arc::clone(&self.settings.config);
        let tls = match accepted.into_connection(config) {
            Ok(tls) => tls,
            Err((err, alert)) => return Err(self.refuse(&err, alert)),
        };
        let client = TlsStream::new(self.stream.share(), Session::new(tls));
        complete(&client, || self.wait())?;
        Ok(client)
    }

    /// Waits for the client to begin, and looks whether it begins with TLS.
    fn first_byte(&self) -> Result<(), NoSession> {
        let mut first = [0; 8];
        let mut count = 0;
        let begun = self.context.wait_for_bytes(self.stream, || {
            count = self.stream.peek(&mut first)?;
            Ok(count > 0)
        });
        match begun {
            Ok(false) => Err(NoSession::NotBegun),
            Err(err) => Err(NoSession::Ended(err)),
            Ok(true) if first[0] == HANDSHAKE_RECORD => Ok(()),
            Ok(true) => Err(self.not_tls(&first[..count]).into()),
        }
    }

    fn not_tls(&self, first: &[u8]) -> HandshakeError {
        if !is_http(first) {
            return HandshakeError::NotTls;
        }
        self.tell(TO_HTTP);
        HandshakeError::PlainHttp
    }

    /// Reads the client's first message.
    fn hello(&self) -> Result<Accepted, NoSession> {
        let mut acceptor = Acceptor::default();
        loop {
            match acceptor.accept() {
                Ok(Some(accepted)) => return self.check_name(accepted),
                Ok(None) => {}
                Err((err, alert)) => return Err(self.refuse(&err, alert)),
            }
            self.wait().map_err(NoSession::Ended)?;
            let mut transfer = Transfer::reading(self.stream);
            match transfer.read_step(|socket| acceptor.read_tls(socket).map(drop)) {
                Ok(0) => return Err(HandshakeError::HungUp.into()),
                Ok(_) => {}
                Err(err) => return Err(NoSession::Ended(err)),
            }
        }
    }

    fn check_name(&self, accepted: Accepted) -> Result<Accepted, NoSession> {
        match accepted.client_hello().server_name() {
            Some(name) if self.settings.refuses(name) => {
                self.tell(UNRECOGNISED_NAME);
                Err(HandshakeError::UnknownName(name.to_owned()).into())
            }
            _ => Ok(accepted),
        }
    }

    fn refuse(&self, err: &TlsError, mut alert: AcceptedAlert) -> NoSession {
        // Who is refused need not be told.
        let _ = self.stream.write_at_once(|socket| alert.write_all(socket));
        HandshakeError::new(err).into()
    }

    /// Has the client hear `words` if that needs no waiting.
    fn tell(&self, words: &[u8]) {
        let _ = self.stream.write_at_once(|socket| io::Write::write_all(socket, words));
    }

    /// Waits for the client's next bytes, and less long when the server drains.
    fn wait(&self) -> io::Result<()> {
        if !self.context.is_draining() {
            match self.context.wait_unless_draining(self.stream) {
                Err(err) if WaitError::of(&err) == Some(WaitError::Draining) => {}
                waited => return waited,
            }
        }
        let last = Timeout::after(LAST);
        last.run(|| self.stream.wait_readable())
            .map_err(|err| match last.expired(&err) {
                true => WaitError::Draining.into(),
                false => err,
            })
    }
}

/// Whether these are the first bytes of a request, or may be.
fn is_http(first: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] = [
        b"GET ",
        b"HEAD ",
        b"POST ",
        b"PUT ",
        b"PATCH ",
        b"DELETE ",
        b"OPTIONS ",
        b"CONNECT ",
        b"PRI ",
    ];
    let begins = |method: &[u8]| {
        let count = method.len().min(first.len());
        first[..count] == method[..count]
    };
    METHODS.into_iter().any(begins)
}

/// Goes on until there is a session; `wait` waits for the other side's bytes.
pub(super) fn complete<S: SystemStream>(
    stream: &TlsStream<S>,
    wait: impl Fn() -> io::Result<()>,
) -> Result<(), NoSession> {
    loop {
        if stream.session().owes_the_handshake() {
            stream
                .send(&mut Transfer::writing(&stream.stream))
                .map_err(NoSession::Ended)?;
        }
        if !stream.session().is_handshaking() {
            return Ok(());
        }
        wait().map_err(NoSession::Ended)?;
        step(stream)?;
    }
}

/// Takes in what has come.
fn step<S: SystemStream>(stream: &TlsStream<S>) -> Result<(), NoSession> {
    let mut transfer = Transfer::reading(&stream.stream);
    let received = transfer.read_step(|socket| stream.session().take_in(socket));
    match received {
        Ok(0) if stream.session().is_handshaking() => Err(HandshakeError::HungUp.into()),
        Ok(_) => Ok(()),
        Err(err) => {
            // The alert that says why.
            stream.push();
            let tls = err.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
            Err(match tls {
                Some(tls) => HandshakeError::new(tls).into(),
                None => NoSession::Ended(err),
            })
        }
    }
}
