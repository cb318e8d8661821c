//! A handler under TLS.

use std::io;
use std::time::Duration;

use super::certificates::{Certificates, Shook};
use super::failure::HandshakeError;
use super::handshake::{NoSession, Server};
use super::stream::TlsStream;
use crate::error::WaitError;
use crate::handler::{Context, Failure, Handler};
use crate::net::{Stream, SystemStream, Transfer};
use crate::sync::with_timeout;

/// How long a client is waited for that does not take our last words.
const GOODBYE: Duration = Duration::from_secs(2);

/// A handler that speaks TLS with its client and then has `inner` serve what
/// comes through: give it to any server of streams.
///
/// The handshake runs where the handler does, in the client's own coroutine,
/// thread or process, under its own
/// [limit](super::CertificatesBuilder::handshake_timeout). One that fails is a
/// failed request, with a [`HandshakeError`]; it costs nobody else anything,
/// is [counted](Certificates::handshakes), and logged at level debug as the end
/// of a connection that is nobody's fault here. A client that leaves without
/// having said anything, as a probe does, is not even that.
///
/// When `inner` returns, the client is told that nothing more comes
/// (`close_notify`), for which it is given 2 s. When `inner` fails it is not:
/// what it got may not be all, and so it finds out.
///
/// ```
/// use greenserve::tls::{self, Certificates, ClientSettings, Pem, TlsStream};
/// use greenserve::{Tcp, testing::TestServer};
/// use std::io::{self, Read, Write};
///
/// fn hello(client: &mut TlsStream<std::net::TcpStream>) -> io::Result<()> {
///     writeln!(client, "hello {}", client.sni().unwrap_or_default())
/// }
///
/// let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
/// let certificate = Pem::text(made.cert.pem());
/// let certificates = Certificates::load(certificate.clone(), Pem::text(made.signing_key.serialize_pem()))?;
/// let server = TestServer::<Tcp>::start(tls::serve(certificates, hello))?;
///
/// let settings = ClientSettings::builder().roots(certificate).build()?;
/// let mut client = tls::connect(server.connect()?, "localhost", &settings)?;
/// let mut heard = String::new();
/// client.read_to_string(&mut heard)?; // an end without close_notify would be an error
/// assert_eq!(heard, "hello localhost\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn serve<H>(certificates: Certificates, inner: H) -> Serve<H> {
    Serve { certificates, inner }
}

/// A handler made by [`serve`].
#[derive(Clone, Debug)]
pub struct Serve<H> {
    certificates: Certificates,
    inner: H,
}

impl<H> Serve<H> {
    /// The certificates, to be reloaded.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    // What it has on the stack must not stay there for as long as the handler.
    #[inline(never)]
    fn accept<S: SystemStream>(&self, stream: &Stream<S>, context: &Context) -> Result<Option<TlsStream<S>>, Failure> {
        let settings = self.certificates.in_force();
        let handshake = Server {
            stream,
            context,
            settings: &settings,
        };
        match handshake.run() {
            Ok(client) => {
                self.certificates.count(match client.is_resumed() {
                    true => Shook::Resumed,
                    false => Shook::Anew,
                });
                // Nothing that came so far was the client's own word.
                if !client.has_read_ahead() {
                    stream.client_begins_here();
                }
                Ok(Some(client))
            }
            Err(NoSession::NotBegun) => Ok(None),
            Err(why) => {
                self.certificates.count(Shook::Failed);
                // Or the alert would be lost: see below.
                stream.discard();
                Err(failed(why))
            }
        }
    }
}

/// The error of the request. A reset is a client that hung up, in other words.
fn failed(why: NoSession) -> Failure {
    match why {
        NoSession::Failed(err) => err.into_servers().into(),
        NoSession::Ended(err) if is_gone(&err) => HandshakeError::HungUp.into_servers().into(),
        NoSession::Ended(err) => err.into(),
        NoSession::NotBegun => io::Error::from(io::ErrorKind::UnexpectedEof).into(),
    }
}

fn is_gone(err: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    WaitError::of(err).is_none() && matches!(err.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}

impl<S, H> Handler<Stream<S>> for Serve<H>
where
    S: SystemStream,
    H: Handler<TlsStream<S>>,
{
    fn handle(&self, stream: &mut Stream<S>, context: &Context) -> Result<(), Failure> {
        let Some(mut client) = self.accept(stream, context)? else {
            return Ok(());
        };
        self.inner.handle(&mut client, context)?;
        say_goodbye(&client);
        Ok(())
    }

    fn name(&self) -> &'static str {
        self.inner.name()
    }
}

/// Tells the client that nothing more comes, if it still listens.
fn say_goodbye<S: SystemStream>(client: &TlsStream<S>) {
    client.session().finish();
    let told = with_timeout(GOODBYE, || client.send(&mut Transfer::writing(&client.stream)));
    if let Err(err) = told {
        log::debug!("a client was not told of the end of its TLS session: {err}");
    }
    // A connection that is closed with unread bytes is reset, and our last
    // words would be lost with it.
    client.stream.discard();
}
