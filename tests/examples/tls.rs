//! The example that speaks TLS, with clients of rustls and of OpenSSL.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme, StreamOwned,
};

use crate::in_models;
use crate::program::{Program, connect, exchange};
use crate::tool::missing;

/// Takes whatever certificate comes, since the example makes a new one at each
/// start; that the server has its key is verified all the same.
#[derive(Debug)]
struct AnyCertificate(CryptoProvider);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        panic!("only TLS 1.3 is spoken here")
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

type Client = StreamOwned<ClientConnection, std::net::TcpStream>;

fn tls_client(address: &str) -> Client {
    let verifier = Arc::new(AnyCertificate(ring::default_provider()));
    let config = ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let session = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    StreamOwned::new(session, connect(address))
}

/// Says that it has finished, and hears that the server has.
fn finish(mut client: Client) {
    client.conn.send_close_notify();
    client.flush().unwrap();
    let mut rest = Vec::new();
    // A missing close_notify would be an error here.
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
}

/// 300 kB that do not repeat within a record of TLS.
fn long() -> Vec<u8> {
    (0..75_000_u32).flat_map(u32::to_le_bytes).collect()
}

in_models!(tls_echo, "tls_echo", [coroutine, thread, fork, inline], |address| {
    let mut client = tls_client(address);
    exchange(&mut client, "hello", "hello");
    assert_eq!(client.conn.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    // As much at once as the buffers of both ends surely hold.
    for part in long().chunks(10_000) {
        client.write_all(part).unwrap();
        let mut heard = vec![0; part.len()];
        client.read_exact(&mut heard).unwrap();
        assert!(heard == part, "other bytes came back");
    }
    finish(client);
});

in_models!(tls_echo_at_once, "tls_echo", [coroutine, thread, fork], |address| {
    let mut clients: Vec<_> = (0..20).map(|_| tls_client(address)).collect();
    for client in &mut clients {
        exchange(client, "hello", "hello");
    }
    clients.into_iter().for_each(finish);
});

// Who stops in the middle of its handshake holds up nobody, and no end.
in_models!(tls_echo_stopped, "tls_echo", [coroutine, thread, fork], |address| {
    let mut stopped = connect(address);
    stopped.write_all(&[22, 3, 1, 1, 0, 1]).unwrap();
    let mut client = tls_client(address);
    exchange(&mut client, "hello", "hello");
    finish(client);
    // It stays until this process ends.
    std::mem::forget(stopped);
});

#[test]
fn a_certificate_of_ones_own_is_shown() {
    let made = rcgen::generate_simple_self_signed(["own.example".to_owned()]).unwrap();
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let chain = file("chain.pem", made.cert.pem());
    let key = file("key.pem", made.signing_key.serialize_pem());
    let mut program = Program::start(
        "tls_echo",
        &["--listen", "127.0.0.1:0", "--chain", &chain, "--key", &key],
    );
    let mut client = tls_client(&program.address());
    exchange(&mut client, "hello", "hello");
    assert_eq!(client.conn.peer_certificates().unwrap(), [made.cert.der().clone()]);
    finish(client);
    program.end_well();

    let ended = Program::start("tls_echo", &["--chain", &chain, "--key", &chain]).ended();
    assert_eq!(ended.code(), Some(2));
    assert!(ended.errors.contains(&chain), "{}", ended.errors);
}

/// A status of 2, the file by name, and what to do.
fn refuses(program: &str, chain: &str, key: &str, parts: &[&str]) {
    let arguments = ["--listen", "127.0.0.1:0", "--chain", chain, "--key", key];
    let ended = Program::start(program, &arguments).ended();
    assert_eq!(ended.code(), Some(2), "{program}: {ended:?}");
    assert_eq!(ended.output, [""; 0], "{program} {arguments:?}");
    for part in parts {
        assert!(
            ended.errors.contains(part),
            "{program}, without {part}: {}",
            ended.errors
        );
    }
}

#[test]
fn certificates_that_cannot_be_used_are_named_with_the_remedy() {
    let made = || rcgen::generate_simple_self_signed(["own.example".to_owned()]).unwrap();
    let (one, other) = (made(), made());
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let chain = file("chain.pem", &one.cert.pem());
    let key = file("key.pem", &one.signing_key.serialize_pem());
    let empty = file("empty.pem", "");
    let foreign = file("foreign.pem", &other.signing_key.serialize_pem());
    let missing = files.path().join("missing.pem").to_str().unwrap().to_owned();
    for program in [
        "tls_echo",
        #[cfg(feature = "http")]
        "https_hello",
    ] {
        refuses(program, &missing, &key, &[&missing, "certificate", "check the path"]);
        refuses(program, &chain, &missing, &[&missing, "private key", "check the path"]);
        refuses(program, &empty, &key, &[&empty, "certificate", "it is empty"]);
        refuses(program, &chain, &empty, &[&empty, "private key", "it is empty"]);
        refuses(program, &key, &chain, &["swapped"]);
        refuses(
            program,
            &chain,
            &foreign,
            &[&chain, &foreign, "is not the key", "one pair"],
        );
    }
}

#[test]
fn a_client_without_tls_is_refused_and_the_next_one_served() {
    let arguments = ["--listen", "127.0.0.1:0"];
    let mut program = Program::start_with("tls_echo", &arguments, "RUST_LOG", "greenserve=debug");
    let address = program.address();
    let mut plain = connect(&address);
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    // An alert perhaps, and then the end, or a reset in its place.
    let _ = plain.read_to_end(&mut Vec::new());
    let mut client = tls_client(&address);
    exchange(&mut client, "hello", "hello");
    finish(client);
    let log = program.end_well();
    let about: Vec<_> = log.lines().filter(|line| line.contains("handshake")).collect();
    assert!(about.len() == 1 && about[0].contains("DEBUG"), "{log}");
    assert!(
        about[0].contains("127.0.0.1:") && about[0].contains("speaks HTTP"),
        "{log}"
    );
}

#[test]
fn openssl_hears_what_it_says() {
    let mut program = Program::start("tls_echo", &["--listen", "127.0.0.1:0"]);
    let address = program.address();
    let started = Command::new("openssl")
        .args(["s_client", "-quiet", "-no_ign_eof", "-tls1_3", "-connect", &address])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Err(err) => missing("openssl", err),
        Ok(mut openssl) => {
            let mut input = openssl.stdin.take().unwrap();
            // From a thread, since it answers before it has heard all; and the
            // input stays open, or it would leave before the last answers.
            let typing = thread::spawn(move || input.write_all(&long()).map(|()| input));
            let mut heard = vec![0; long().len()];
            openssl.stdout.take().unwrap().read_exact(&mut heard).unwrap();
            assert!(heard == long(), "other bytes came back");
            drop(typing.join().unwrap().unwrap());
            assert!(openssl.wait().unwrap().success());
        }
    }
    assert_eq!(program.end_well(), "");
}

#[cfg(feature = "http")]
in_models!(
    https_hello,
    "https_hello",
    [coroutine, thread, fork, inline],
    |address| {
        let mut client = tls_client(address);
        let ask = |more: &str| format!("GET / HTTP/1.1\r\nHost: localhost\r\n{more}\r\n");
        client
            .write_all((ask("") + &ask("Connection: close\r\n")).as_bytes())
            .unwrap();
        let mut answers = String::new();
        // An end without close_notify would be an error.
        client.read_to_string(&mut answers).unwrap();
        assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 2, "{answers}");
        assert_eq!(answers.matches("\r\n\r\nHello, world!").count(), 2, "{answers}");
    }
);
