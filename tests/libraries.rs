//! Libraries that are generic over `Read` and `Write` run on this crate's
//! streams as they are: one worker serves who speaks while others are silent in
//! the middle of what the library waits for.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod common;

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream as Client;
use std::sync::Arc;

use greenserve::net::TcpStream;
use greenserve::runtime::Config;
use greenserve::testing::TestServer;
use greenserve::{Failure, Tcp};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tungstenite::{Message, accept, client};

use common::{alone_with, in_coroutine};

/// Clients that begin as they should and say nothing more.
fn silent_ones(server: &TestServer<Tcp>, begun: &[u8]) -> Vec<Client> {
    let connect = |_| {
        let mut silent = Client::connect(server.address().to_string()).unwrap();
        silent.write_all(begun).unwrap();
        silent
    };
    (0..5).map(connect).collect()
}

fn credentials() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

#[test]
fn rustls_speaks_over_these_streams() {
    let _alone = alone_with(Config::new().workers(1));
    let (ours, theirs) = credentials();
    let echo = move |client: &mut TcpStream| -> Result<(), Failure> {
        let mut client = StreamOwned::new(ServerConnection::new(Arc::clone(&ours))?, client);
        let mut text = [0; 5];
        client.read_exact(&mut text)?;
        client.write_all(&text)?;
        client.conn.send_close_notify();
        Ok(client.flush()?)
    };
    let server = TestServer::<Tcp>::start(echo).unwrap();
    // The head of a record, of which nothing follows.
    let _silent = silent_ones(&server, &[22, 3, 1, 1, 0]);
    let stream = server.connect().unwrap();
    let heard = in_coroutine(move || {
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = StreamOwned::new(ClientConnection::new(theirs, name).unwrap(), stream);
        stream.write_all(b"hello").unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        heard
    });
    assert_eq!(heard, "hello");
}

#[test]
fn tungstenite_speaks_over_these_streams() {
    let _alone = alone_with(Config::new().workers(1));
    let echo = |client: &mut TcpStream| -> Result<(), Failure> {
        let mut socket = accept(client).map_err(|err| io::Error::new(ErrorKind::InvalidData, err.to_string()))?;
        let message = socket.read()?;
        Ok(socket.send(message)?)
    };
    let server = TestServer::<Tcp>::start(echo).unwrap();
    let _silent = silent_ones(&server, b"GET / HTTP/1.1\r\nHost: a\r\n");
    let stream = server.connect().unwrap();
    let heard = in_coroutine(move || {
        let (mut socket, _) = client("ws://localhost/", stream).unwrap();
        socket.send(Message::text("hello")).unwrap();
        socket.read().unwrap().into_text().unwrap().to_string()
    });
    assert_eq!(heard, "hello");
}
