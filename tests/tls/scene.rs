//! A server of TLS with its clients.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream as PlainClient};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use greenserve::net::TcpStream;
use greenserve::testing::TestServer;
use greenserve::tls::{self, Certificates, CertificatesBuilder, ClientSettings, HandshakeError, TlsStream};
use greenserve::{
    Builder, Context, Coroutine, DrainReport, Handler, HandlerError, Hooks, Model, Overdue, ServerHandle, Tcp,
    TcpServer, Thread, with_context,
};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::authority::Authority;
use crate::common::{PATIENCE, client, echoed, expect_end, ip};

pub(crate) type Tls = TlsStream<std::net::TcpStream>;

pub(crate) type Bare = rustls::StreamOwned<rustls::ClientConnection, PlainClient>;

/// What a server's handlers failed with.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) text: String,
    pub(crate) is_disconnect: bool,
    pub(crate) handshake: Option<HandshakeError>,
    pub(crate) kind: Option<io::ErrorKind>,
    pub(crate) overdue: Option<Overdue>,
}

struct Told(Mutex<Sender<Failed>>);

impl Hooks<Tcp> for Told {
    fn handle_error(&self, error: &HandlerError, context: &Context) {
        context.log_failure(error);
        let io = match error {
            HandlerError::Failed(failure) => failure.downcast_ref::<io::Error>(),
            _ => None,
        };
        let failed = Failed {
            text: error.to_string(),
            is_disconnect: error.is_disconnect(),
            handshake: io.and_then(HandshakeError::of).cloned(),
            kind: io.map(io::Error::kind),
            overdue: io.and_then(Overdue::of),
        };
        // The test may have seen enough.
        let _ = self.0.lock().unwrap().send(failed);
    }
}

/// The two models whose waits differ. Forked children and inline handlers wait
/// as threads do, and are tried by the example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum In {
    Coroutines,
    Threads,
}

/// Runs `check` in both.
pub(crate) fn in_both(check: impl Fn(In)) {
    check(In::Coroutines);
    check(In::Threads);
}

trait Serving {
    fn handle(&self) -> &ServerHandle;
    fn stop(self: Box<Self>) -> DrainReport;
}

impl<M: Model> Serving for TestServer<Tcp, M> {
    fn handle(&self) -> &ServerHandle {
        TestServer::handle(self)
    }

    fn stop(self: Box<Self>) -> DrainReport {
        TestServer::stop(*self).unwrap()
    }
}

pub(crate) struct Scene {
    server: Box<dyn Serving>,
    address: SocketAddr,
    pub(crate) certificates: Certificates,
    failures: Receiver<Failed>,
}

impl Scene {
    pub(crate) fn new(model: In, settings: CertificatesBuilder, handler: impl Handler<Tls>) -> Scene {
        Scene::with(model, settings, handler, |builder| builder)
    }

    /// A server of the echo, on coroutines.
    pub(crate) fn echo(settings: CertificatesBuilder) -> Scene {
        Scene::new(In::Coroutines, settings, with_context(echo))
    }

    pub(crate) fn with(
        model: In,
        settings: CertificatesBuilder,
        handler: impl Handler<Tls>,
        change: impl FnOnce(Builder<Tcp, Coroutine>) -> Builder<Tcp, Coroutine>,
    ) -> Scene {
        let certificates = settings.build().unwrap();
        let (told, failures) = channel();
        let builder = change(TcpServer::builder(tls::serve(certificates.clone(), handler)));
        let builder = builder.hooks(Told(Mutex::new(told)));
        let (server, address): (Box<dyn Serving>, _) = match model {
            In::Coroutines => started(builder),
            In::Threads => started(builder.model(Thread::new())),
        };
        Scene {
            server,
            address,
            certificates,
            failures,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn handle(&self) -> &ServerHandle {
        self.server.handle()
    }

    /// Drains.
    pub(crate) fn stop(self) -> DrainReport {
        self.server.stop()
    }

    /// Drains, and tells which handlers have failed.
    pub(crate) fn stop_and_tell(self) -> (DrainReport, Vec<Failed>) {
        let report = self.server.stop();
        (report, self.failures.try_iter().collect())
    }

    /// A client without TLS.
    pub(crate) fn plain(&self) -> PlainClient {
        client(self.address)
    }

    pub(crate) fn connect(&self, settings: &ClientSettings) -> io::Result<Tls> {
        self.connect_to("localhost", settings)
    }

    pub(crate) fn connect_to(&self, name: &str, settings: &ClientSettings) -> io::Result<Tls> {
        let stream = TcpStream::from(self.plain());
        // What never comes fails the test.
        stream.set_timeout(Some(PATIENCE))?;
        tls::connect(stream, name, settings)
    }

    /// A client of rustls alone.
    pub(crate) fn connect_by(&self, provider: CryptoProvider, authority: &Authority) -> Bare {
        let mut roots = rustls::RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap();
        roots.add(root).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "localhost".try_into().unwrap();
        let session = rustls::ClientConnection::new(config.into(), name).unwrap();
        rustls::StreamOwned::new(session, self.plain())
    }

    /// The next handler that failed.
    pub(crate) fn failure(&self) -> Failed {
        self.failures.recv_timeout(PATIENCE).unwrap()
    }

    /// The next handshake that failed: by the client's fault, and counted.
    pub(crate) fn failed_handshake(&self) -> HandshakeError {
        let failed = self.failure();
        assert!(failed.is_disconnect, "{failed:?}");
        assert!(self.certificates.handshakes().failed > 0, "{failed:?}");
        failed.handshake.unwrap_or_else(|| panic!("{}", failed.text))
    }

    /// No handler has failed so far.
    pub(crate) fn nothing_failed(&self) {
        if let Ok(failed) = self.failures.try_recv() {
            panic!("{failed:?}");
        }
    }
}

fn started<M: Model>(builder: Builder<Tcp, M>) -> (Box<dyn Serving>, SocketAddr) {
    let server = TestServer::build(builder).unwrap();
    let address = ip(server.address());
    (Box::new(server), address)
}

/// Has something echoed, and says goodbye.
pub(crate) fn talk(client: Tls) {
    let mut client = client;
    echoed(&mut client, b"hello");
    client.shutdown(Shutdown::Write).unwrap();
    expect_end(&mut client);
}

/// What a server does for the tests.
pub(crate) fn echo(client: &mut Tls, context: &Context) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while client.wait_for_request(context)? {
        let count = client.read(&mut buffer)?;
        client.write_all(&buffer[..count])?;
    }
    Ok(())
}
