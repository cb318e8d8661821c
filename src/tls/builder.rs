//! How a server's side of TLS is set up.

use std::time::Duration;

use super::certificates::Certificates;
use super::identity::Source;
use super::pem::Pem;
use crate::error::{Error, Result};

/// How long a handshake may take that has begun, or shall begin.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);

/// The most protocols, and the longest name of one, that ALPN can carry.
const LONGEST_PROTOCOL: usize = 255;

/// Settings of a server's TLS; see [`Certificates::builder`].
///
/// ```no_run
/// use greenserve::tls::Certificates;
/// use std::time::Duration;
///
/// let certificates = Certificates::builder()
///     .certificate("example.org.pem", "example.org.key") // for whoever names nobody
///     .certificate("example.com.pem", "example.com.key")
///     .require_client_certificates("clients-ca.pem")
///     .alpn(["http/1.1"])
///     .handshake_timeout(Duration::from_secs(5))
///     .build()?;
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is read before build()"]
pub struct CertificatesBuilder {
    pub(super) sources: Vec<Source>,
    pub(super) refuse_unknown_names: bool,
    pub(super) clients: Option<Clients>,
    pub(super) revocation_lists: Vec<Pem>,
    pub(super) protocols: Vec<Vec<u8>>,
    pub(super) tickets: bool,
    pub(super) handshake_timeout: Duration,
}

/// Whose certificates are asked for.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    pub(super) roots: Pem,
    pub(super) is_required: bool,
}

impl CertificatesBuilder {
    pub(super) fn new() -> Self {
        CertificatesBuilder {
            sources: Vec::new(),
            refuse_unknown_names: false,
            clients: None,
            revocation_lists: Vec::new(),
            protocols: Vec::new(),
            tickets: true,
            handshake_timeout: HANDSHAKE,
        }
    }

    /// Adds a certificate: the `chain`, the server's own first and then the
    /// intermediate ones, and its private `key`. Both may be one file.
    ///
    /// A client sees the certificate that is for the name it asks for (SNI),
    /// else the first that was added. Two for one name, with keys of different
    /// kinds, are chosen by what the client can verify.
    pub fn certificate(mut self, chain: impl Into<Pem>, key: impl Into<Pem>) -> Self {
        self.sources.push(Source {
            chain: chain.into(),
            key: key.into(),
        });
        self
    }

    /// Refuses clients that ask for a name for which there is no certificate,
    /// with the alert `unrecognized_name`. Off by default: they see the first
    /// certificate, and will not trust it. Clients that ask for no name, since
    /// they connect to an address, are served in any case.
    pub fn refuse_unknown_names(mut self) -> Self {
        self.refuse_unknown_names = true;
        self
    }

    /// Serves only clients with a certificate that leads to one of `roots`:
    /// `ssl.CERT_REQUIRED` of Python. It is for the handler to say what such a
    /// client may do: [`peer_certificates`](super::TlsStream::peer_certificates).
    pub fn require_client_certificates(mut self, roots: impl Into<Pem>) -> Self {
        self.clients = Some(Clients {
            roots: roots.into(),
            is_required: true,
        });
        self
    }

    /// As [`require_client_certificates`](Self::require_client_certificates),
    /// but clients without any are served too: `ssl.CERT_OPTIONAL` of Python.
    /// One that has expired or is somebody else's is refused all the same.
    pub fn accept_client_certificates(mut self, roots: impl Into<Pem>) -> Self {
        self.clients = Some(Clients {
            roots: roots.into(),
            is_required: false,
        });
        self
    }

    /// Refuses clients whose certificate is on one of the revocation lists in
    /// `pem` (RFC 5280, section 5), beside those that were named before. None
    /// by default: nothing is looked up. Read anew at each
    /// [`reload`](Certificates::reload), and by no other means.
    ///
    /// Once there is a list, there must be one of each issuer in a client's
    /// chain, as for nginx's `ssl_crl`, and none may be older than it says it
    /// is good for: otherwise whoever keeps a new list away from this server
    /// would keep a stolen key good. What a missing or old list costs is an
    /// error in the log, since it is no fault of the client's.
    pub fn revocation_lists(mut self, pem: impl Into<Pem>) -> Self {
        self.revocation_lists.push(pem.into());
        self
    }

    /// The protocols above TLS that are spoken here, the preferred one first
    /// (ALPN, RFC 7301): `http/1.1`. A client that offers some, but none of
    /// these, is refused. None by default: whatever clients offer is ignored.
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.protocols = protocols
            .into_iter()
            .map(|protocol| protocol.as_ref().to_vec())
            .collect();
        self
    }

    /// Whether clients get tickets, by which their next connection needs no
    /// whole handshake. On by default. The key of the tickets is in this
    /// process's memory alone, is replaced every six hours and is no good for
    /// longer than twice that.
    pub fn tickets(mut self, tickets: bool) -> Self {
        self.tickets = tickets;
        self
    }

    /// How long a client may take from the accept to the end of its handshake.
    /// 10 s by default: several times what a slow line needs. Beyond it the
    /// connection is closed, and counted as
    /// [`Overdue::Handshake`](crate::Overdue::Handshake).
    pub fn handshake_timeout(mut self, limit: Duration) -> Self {
        self.handshake_timeout = limit;
        self
    }

    /// Reads all files.
    ///
    /// # Errors
    /// [`Error::Certificate`] for a file that is missing or empty, has nothing
    /// of its kind in it or an encrypted key, or belongs to another one;
    /// [`Error::InvalidOption`] for the rest. A certificate that has expired is
    /// a warning in the log instead: some clients do not look, a clock may be
    /// wrong, and a service that would not start helps nobody.
    pub fn build(self) -> Result<Certificates> {
        Certificates::of(self)
    }

    /// Refuses what cannot work, whatever the files hold.
    pub(super) fn check(&self) -> Result<()> {
        if self.sources.is_empty() {
            return Err(refused(
                "certificate",
                "none",
                "a server needs one: certificate(\"chain.pem\", \"key.pem\")",
            ));
        }
        if self.clients.is_none()
            && let Some(list) = self.revocation_lists.first()
        {
            return Err(refused(
                "revocation_lists",
                &list.to_string(),
                "no certificates of clients are asked for, which it could be about; \
                 require_client_certificates(\"ca.pem\") asks for them",
            ));
        }
        check_protocols(&self.protocols)?;
        check_timeout(self.handshake_timeout)
    }
}

pub(super) fn check_protocols(protocols: &[Vec<u8>]) -> Result<()> {
    for protocol in protocols {
        if protocol.is_empty() || protocol.len() > LONGEST_PROTOCOL {
            let value = format!("{:?}", String::from_utf8_lossy(protocol));
            return Err(refused("alpn", &value, "the name of a protocol has 1 to 255 bytes"));
        }
    }
    Ok(())
}

pub(super) fn check_timeout(limit: Duration) -> Result<()> {
    match limit {
        Duration::ZERO => Err(refused(
            "handshake_timeout",
            "0",
            "nobody could keep it; 10 s are the default",
        )),
        _ => Ok(()),
    }
}

fn refused(option: &'static str, value: &str, reason: &str) -> Error {
    Error::InvalidOption {
        option,
        value: value.to_owned(),
        reason: reason.to_owned(),
    }
}
