//! A server's certificates, which may change while it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::builder::CertificatesBuilder;
use super::in_force::InForce;
use super::pem::Pem;
use crate::error::Result;
use crate::runtime::lock;

/// The certificates of a server, and all else that its handshakes go by.
///
/// A handle: clones are the same certificates. Keep one beside the server, to
/// have renewed files read while it runs.
///
/// ```no_run
/// use greenserve::tls::{self, Certificates, TlsStream};
/// use greenserve::{TcpServer, net};
/// use std::io;
///
/// type Client = TlsStream<std::net::TcpStream>;
///
/// fn echo(client: &mut Client) -> io::Result<()> {
///     io::copy(&mut &*client, &mut &*client).map(drop)
/// }
///
/// let certificates = Certificates::load("chain.pem", "key.pem")?;
/// let server = TcpServer::bind(":8443", tls::serve(certificates.clone(), echo))?;
/// // ... when the files are new:
/// if let Err(err) = certificates.reload() {
///     log::error!("the old certificates stay in force: {err}");
/// }
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Certificates {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Locked for as long as files are read.
    settings: Mutex<CertificatesBuilder>,
    current: Mutex<Arc<InForce>>,
    tally: Tally,
}

/// What became of handshakes.
#[derive(Debug, Default)]
struct Tally {
    completed: AtomicU64,
    resumed: AtomicU64,
    failed: AtomicU64,
}

/// How many handshakes there were; see [`Certificates::handshakes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Handshakes {
    /// That led to a session.
    pub completed: u64,
    /// Of these, that went on from an earlier session by a ticket.
    pub resumed: u64,
    /// That came to nothing, by the client's fault or by ours. A client that
    /// left before it said anything is none.
    pub failed: u64,
}

/// How one handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shook {
    Anew,
    Resumed,
    Failed,
}

impl Certificates {
    /// The certificate chain and the private key in these files, with the
    /// default settings.
    ///
    /// # Errors
    /// As [`CertificatesBuilder::build`].
    pub fn load(chain: impl Into<Pem>, key: impl Into<Pem>) -> Result<Certificates> {
        Certificates::builder().certificate(chain, key).build()
    }

    /// Several certificates, certificates of clients, ALPN and more.
    pub fn builder() -> CertificatesBuilder {
        CertificatesBuilder::new()
    }

    pub(super) fn of(settings: CertificatesBuilder) -> Result<Certificates> {
        let loaded = InForce::load(&settings, None)?;
        for doubt in &loaded.doubts {
            log::warn!("{doubt}");
        }
        Ok(Certificates {
            shared: Arc::new(Shared {
                settings: Mutex::new(settings),
                current: Mutex::new(Arc::new(loaded)),
                tally: Tally::default(),
            }),
        })
    }

    /// Reads the files anew. Handshakes from now on go by what is in them;
    /// sessions that exist go on as they are, and tickets stay good unless
    /// clients have certificates.
    ///
    /// Reads some files and checks some signatures, a few milliseconds during
    /// which the calling coroutine's worker does nothing else; in a large
    /// service call it by [`offload`](crate::runtime::offload). A forked child
    /// has certificates of its own, so reload in the parent.
    ///
    /// # Errors
    /// As [`CertificatesBuilder::build`], and for a certificate that has
    /// expired or is not valid yet, since the one in force cannot be worse.
    /// Then nothing has changed.
    pub fn reload(&self) -> Result<()> {
        let settings = lock(&self.shared.settings);
        self.put_in_force(&settings)
    }

    /// As [`reload`](Certificates::reload), with other settings: other files,
    /// one certificate more. They are what a later reload reads.
    ///
    /// # Errors
    /// As [`reload`](Certificates::reload).
    pub fn replace(&self, settings: CertificatesBuilder) -> Result<()> {
        let mut present = lock(&self.shared.settings);
        self.put_in_force(&settings)?;
        *present = settings;
        Ok(())
    }

    fn put_in_force(&self, settings: &CertificatesBuilder) -> Result<()> {
        let mut loaded = InForce::load(settings, Some(&self.in_force()))?;
        if let Some(doubt) = loaded.doubts.pop() {
            return Err(doubt);
        }
        *lock(&self.shared.current) = Arc::new(loaded);
        log::info!("new certificates are in force");
        Ok(())
    }

    /// What became of the handshakes that went by these certificates, in this
    /// process: a forked child counts its own.
    pub fn handshakes(&self) -> Handshakes {
        let tally = &self.shared.tally;
        Handshakes {
            completed: tally.completed.load(Ordering::Relaxed),
            resumed: tally.resumed.load(Ordering::Relaxed),
            failed: tally.failed.load(Ordering::Relaxed),
        }
    }

    pub(super) fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&lock(&self.shared.current))
    }

    pub(super) fn count(&self, shook: Shook) {
        let tally = &self.shared.tally;
        let add = |count: &AtomicU64| count.fetch_add(1, Ordering::Relaxed);
        match shook {
            Shook::Failed => add(&tally.failed),
            Shook::Anew => add(&tally.completed),
            Shook::Resumed => {
                add(&tally.resumed);
                add(&tally.completed)
            }
        };
    }
}
