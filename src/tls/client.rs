//! The other side: connections to servers that speak TLS.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::builder::{HANDSHAKE, check_protocols, check_timeout};
use super::failure::HandshakeError;
use super::handshake::{NoSession, complete};
use super::identity::Source;
use super::in_force::{roots, unusable};
use super::pem::Pem;
use super::provider::provider;
use super::session::Session;
use super::stream::TlsStream;
use crate::error::{Error, Result};
use crate::net::{Stream, SystemStream};
use crate::sync::Timeout;

/// So many tickets are kept, as rustls does of itself.
const TICKETS: usize = 256;

/// Whom a client believes, and who it says it is: `ssl.SSLContext` of Python.
///
/// Cheap to clone; clones share the tickets of servers, so that a second
/// connection to one needs no whole handshake. A server's certificate is always
/// verified, and there is no setting to do without: whoever must, to measure a
/// server say, brings a [`ClientConfig`] of rustls and answers for it.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    config: Arc<ClientConfig>,
    handshake_timeout: Duration,
}

/// Settings for [`connect`]; see [`ClientSettings::builder`].
#[derive(Clone, Debug)]
#[must_use = "nothing is read before build()"]
pub struct ClientSettingsBuilder {
    roots: Vec<Pem>,
    system_roots: bool,
    identity: Option<Source>,
    protocols: Vec<Vec<u8>>,
    tickets: bool,
    handshake_timeout: Duration,
}

impl ClientSettings {
    /// Goes by a configuration of rustls (0.23) itself, for what has no setting
    /// here: another provider of cryptography, a log of keys, a verifier of
    /// one's own. What it does not verify nobody does.
    ///
    /// A handshake may take `handshake_timeout`, as
    /// [set](ClientSettingsBuilder::handshake_timeout) otherwise.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a timeout of nothing.
    pub fn from_rustls(config: Arc<ClientConfig>, handshake_timeout: Duration) -> Result<ClientSettings> {
        check_timeout(handshake_timeout)?;
        Ok(ClientSettings {
            config,
            handshake_timeout,
        })
    }

    /// Believes whom this machine does: `ssl.create_default_context()` of
    /// Python.
    ///
    /// # Errors
    /// As [`ClientSettingsBuilder::build`].
    pub fn system() -> Result<ClientSettings> {
        ClientSettings::builder().system_roots().build()
    }

    /// The same with tickets of its own, none so far: as another client of the
    /// same servers, which is not known by this one's sessions. One that keeps
    /// none, by [`tickets(false)`](ClientSettingsBuilder::tickets), keeps them
    /// here.
    #[must_use = "these settings stay as they are"]
    pub fn with_own_tickets(&self) -> ClientSettings {
        let mut config = (*self.config).clone();
        config.resumption = Resumption::in_memory_sessions(TICKETS);
        ClientSettings {
            config: Arc::new(config),
            ..self.clone()
        }
    }

    /// Roots of one's own, a certificate, ALPN.
    ///
    /// ```no_run
    /// use greenserve::net::TcpStream;
    /// use greenserve::tls::{self, ClientSettings};
    ///
    /// let settings = ClientSettings::builder()
    ///     .roots("ca.pem")
    ///     .certificate("client.pem", "client.key")
    ///     .build()?;
    /// let stream = TcpStream::connect("db.internal:5433")?;
    /// let database = tls::connect(stream, "db.internal", &settings)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> ClientSettingsBuilder {
        ClientSettingsBuilder {
            roots: Vec::new(),
            system_roots: false,
            identity: None,
            protocols: Vec::new(),
            tickets: true,
            handshake_timeout: HANDSHAKE,
        }
    }
}

impl ClientSettingsBuilder {
    /// Believes the certificates in `pem`, beside what was named before. One
    /// that signs itself is its own root.
    pub fn roots(mut self, pem: impl Into<Pem>) -> Self {
        self.roots.push(pem.into());
        self
    }

    /// Believes whom this machine does: `SSL_CERT_FILE` and `SSL_CERT_DIR`, or
    /// where the distribution keeps them.
    pub fn system_roots(mut self) -> Self {
        self.system_roots = true;
        self
    }

    /// The certificate to show to servers that ask for one.
    pub fn certificate(mut self, chain: impl Into<Pem>, key: impl Into<Pem>) -> Self {
        self.identity = Some(Source {
            chain: chain.into(),
            key: key.into(),
        });
        self
    }

    /// The protocols above TLS that are offered, the preferred one first. None
    /// by default.
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.protocols = protocols
            .into_iter()
            .map(|protocol| protocol.as_ref().to_vec())
            .collect();
        self
    }

    /// Whether the tickets of servers are kept, by which the next connection to
    /// one needs no whole handshake. On by default; off where each handshake is
    /// to be a whole one, as in a measurement of handshakes.
    pub fn tickets(mut self, tickets: bool) -> Self {
        self.tickets = tickets;
        self
    }

    /// How long a handshake may take. 10 s by default.
    pub fn handshake_timeout(mut self, limit: Duration) -> Self {
        self.handshake_timeout = limit;
        self
    }

    /// Reads all files.
    ///
    /// # Errors
    /// [`Error::Certificate`] for a file that cannot be used,
    /// [`Error::InvalidOption`] for the rest, such as nobody to believe.
    pub fn build(self) -> Result<ClientSettings> {
        check_protocols(&self.protocols)?;
        check_timeout(self.handshake_timeout)?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(self.all_roots()?), provider());
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_webpki_verifier(verifier.build().map_err(unusable)?);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(source) => builder.with_client_cert_resolver(source.load()?.resolver()),
        };
        config.alpn_protocols = self.protocols;
        if !self.tickets {
            config.resumption = Resumption::disabled();
        }
        Ok(ClientSettings {
            config: Arc::new(config),
            handshake_timeout: self.handshake_timeout,
        })
    }

    fn all_roots(&self) -> Result<RootCertStore> {
        let mut all = RootCertStore::empty();
        for pem in &self.roots {
            all.extend(roots(pem)?.roots);
        }
        if self.system_roots {
            all.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        match all.is_empty() {
            false => Ok(all),
            true => Err(Error::InvalidOption {
                option: "roots",
                value: "none".to_owned(),
                reason: "no server would be believed; name a file by roots(\"ca.pem\"), or take the system's by \
                         system_roots(), for which the package ca-certificates must be installed"
                    .to_owned(),
            }),
        }
    }
}

/// Shakes hands over `stream` with the server `name`, a host name or an IP
/// address, for which its certificate must be: `wrap_socket(...,
/// server_hostname=name)` of Python.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for what is no name. A [`HandshakeError`]
/// inside, with [`io::ErrorKind::InvalidData`] when the server is not to be
/// believed or does not speak TLS, [`TimedOut`](io::ErrorKind::TimedOut) and
/// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof). What else ends a wait of
/// the stream.
///
/// ```no_run
/// use greenserve::net::TcpStream;
/// use greenserve::tls::{self, ClientSettings};
/// use std::io::{Read, Write};
///
/// let settings = ClientSettings::system()?; // once, for all connections
/// let mut page = tls::connect(TcpStream::connect("example.org:443")?, "example.org", &settings)?;
/// write!(page, "GET / HTTP/1.0\r\nHost: example.org\r\n\r\n")?;
/// let mut text = String::new();
/// page.read_to_string(&mut text)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn connect<S: SystemStream>(stream: Stream<S>, name: &str, settings: &ClientSettings) -> io::Result<TlsStream<S>> {
    let server = ServerName::try_from(name.to_owned()).map_err(|_| no_name(name))?;
    let tls = ClientConnection::new(Arc::clone(&settings.config), server)
        .map_err(|err| HandshakeError::new(&err).into_clients())?;
    let stream = TlsStream::new(stream, Session::new(tls));
    let timeout = Timeout::after(settings.handshake_timeout);
    let mut made = Ok(());
    timeout.run(|| {
        made = complete(&stream, || Ok(()));
        Ok(())
    })?;
    match made {
        Ok(()) => Ok(stream),
        Err(NoSession::Failed(err)) => Err(err.into_clients()),
        Err(NoSession::Ended(err)) if timeout.expired(&err) => {
            Err(HandshakeError::Late(settings.handshake_timeout).into_clients())
        }
        Err(NoSession::Ended(err)) => Err(err),
        Err(NoSession::NotBegun) => Err(HandshakeError::HungUp.into_clients()),
    }
}

fn no_name(name: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{name:?} is neither a host name nor an IP address (and no port belongs to it)"),
    )
}
