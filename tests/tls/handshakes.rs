//! Handshakes that come to nothing, and whom they cost what.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use greenserve::net::{TcpStream, UnixStream};
use greenserve::testing::TestServer;
use greenserve::tls::{self, ClientSettings, HandshakeError};
use greenserve::{Context, Deadlines, Overdue, ProxyProtocol, Unix, with_context};

use crate::authority::Authority;
use crate::common::{PATIENCE, echoed, expect_end, failure, in_both as in_both_tasks, missed, wait_until};
use crate::scene::{In, Scene, Tls, echo, in_both, talk};

/// The header of a handshake's record, and no more of it.
const BEGUN: &[u8] = &[22, 3, 1, 1, 0, 1, 0, 0];

#[test]
fn a_client_that_stops_in_the_middle_is_ended_while_others_are_served() {
    in_both(|model| {
        let authority = Authority::new();
        let limit = Duration::from_millis(300);
        let settings = authority.server().handshake_timeout(limit);
        let scene = Scene::new(model, settings, with_context(echo));
        let client = authority.client();
        let begin = Instant::now();
        let mut silent = scene.plain();
        let mut stopped = scene.plain();
        stopped.write_all(BEGUN).unwrap();
        while begin.elapsed() < limit {
            talk(scene.connect(&client).unwrap());
        }
        for _ in 0..2 {
            let failed = scene.failure();
            assert_eq!(failed.handshake, Some(HandshakeError::Late(limit)));
            assert_eq!((failed.overdue, failed.is_disconnect), (Some(Overdue::Handshake), true));
        }
        assert_eq!(missed(scene.handle()), [(Overdue::Handshake, 2)]);
        expect_end(&mut silent);
        let _ = stopped.read(&mut [0; 10]);
        assert_eq!(scene.certificates.handshakes().failed, 2);
        assert!(scene.certificates.handshakes().completed > 0);
    });
}

#[test]
fn a_byte_now_and_then_does_not_help() {
    let authority = Authority::new();
    let settings = authority.server().handshake_timeout(Duration::from_millis(200));
    let scene = Scene::echo(settings);
    let mut client = scene.plain();
    let mut sent = 0;
    wait_until("it is ended", || {
        let byte = BEGUN.get(sent).copied().unwrap_or(0);
        sent += 1;
        client.write_all(&[byte]).is_err()
    });
    assert!(matches!(scene.failed_handshake(), HandshakeError::Late(_)));
}

#[test]
fn deadlines_of_the_server_hold_in_a_handshake() {
    let authority = Authority::new();
    let deadlines = Deadlines::none().first_byte(Duration::from_millis(50));
    for model in [In::Coroutines, In::Threads] {
        let scene = Scene::with(model, authority.server(), with_context(echo), |builder| {
            builder.deadlines(deadlines.clone())
        });
        expect_end(&mut scene.plain());
        assert!(scene.failure().is_disconnect);
        assert_eq!(missed(scene.handle()), [(Overdue::FirstByte, 1)], "{model:?}");
    }
}

#[test]
fn a_client_without_tls_is_told_apart_from_one_with_http() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = Scene::new(model, authority.server(), with_context(echo));
        let mut browser = scene.plain();
        browser.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        browser.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"),
            "{answer}"
        );
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            answer.contains(&format!("Content-Length: {}\r\n", body.len())),
            "{answer}"
        );
        assert_eq!(scene.failed_handshake(), HandshakeError::PlainHttp);
        for words in [&b"HELO there\r\n"[..], b"\0", b"SSH-2.0-x\r\n"] {
            scene.plain().write_all(words).unwrap();
            assert_eq!(scene.failed_handshake(), HandshakeError::NotTls, "{words:?}");
        }
        echoed(&mut scene.connect(&authority.client()).unwrap(), b"hello");
    });
}

#[test]
fn a_probe_is_no_failure() {
    let authority = Authority::new();
    let scene = Scene::echo(authority.server());
    for _ in 0..3 {
        let mut probe = scene.plain();
        probe.shutdown(Shutdown::Write).unwrap();
        expect_end(&mut probe);
    }
    scene.nothing_failed();
    assert_eq!(scene.certificates.handshakes(), tls::Handshakes::default());
}

#[test]
fn who_hangs_up_in_the_middle_is_named_so() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = Scene::new(model, authority.server(), with_context(echo));
        let mut client = scene.plain();
        client.write_all(BEGUN).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(scene.failed_handshake(), HandshakeError::HungUp);
    });
}

#[test]
fn bytes_that_only_begin_as_tls_are_refused() {
    let authority = Authority::new();
    let scene = Scene::echo(authority.server());
    for noise in [
        &[22, 3, 1, 0, 2, 1, 0][..],
        &[22, 9, 9, 255, 255, 0, 0, 0, 0],
        &[22; 1000],
    ] {
        let mut client = scene.plain();
        client.write_all(noise).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let _ = client.read_to_end(&mut Vec::new());
        scene.failed_handshake();
    }
    echoed(&mut scene.connect(&authority.client()).unwrap(), b"hello");
}

#[test]
fn a_name_without_a_certificate_is_refused_if_so_said() {
    let authority = Authority::new();
    let scene = Scene::echo(authority.server().refuse_unknown_names());
    let client = authority.client();
    let err = failure(scene.connect_to("elsewhere.example", &client));
    assert_eq!(
        HandshakeError::of(&err).unwrap().to_string(),
        "the other side refused: it has no certificate for the name that was asked for"
    );
    assert_eq!(
        scene.failed_handshake(),
        HandshakeError::UnknownName("elsewhere.example".to_owned())
    );
    talk(scene.connect(&client).unwrap());
    // Who names nobody is shown the first certificate.
    let err = failure(scene.connect_to("127.0.0.1", &client));
    assert!(err.to_string().contains("for another name"), "{err}");
}

#[test]
fn clients_without_a_good_certificate_are_refused() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let required = || authority.server().require_client_certificates(authority.roots());
    let with = |pair: crate::authority::Pair| {
        let (chain, key) = pair.pems();
        authority.client_builder().certificate(chain, key).build().unwrap()
    };
    let scene = Scene::echo(required());
    let refused = |settings: &ClientSettings| {
        // In TLS 1.3 a client learns of it when it reads.
        let read = scene.connect(settings).and_then(|mut client| client.read(&mut [0; 10]));
        (scene.failed_handshake().to_string(), failure(read).to_string())
    };
    let (why, told) = refused(&authority.client());
    assert_eq!(why, "the client sent no certificate, and one is required");
    assert!(told.contains("it wants a certificate of ours"), "{told}");
    let (why, told) = refused(&with(stranger.issue(&["eve"])));
    assert!(why.ends_with("was issued by nobody who is trusted here"), "{why}");
    assert!(told.contains("it does not know who issued our certificate"), "{told}");
    let (why, told) = refused(&with(authority.issue_expired(&["old"])));
    assert!(why.ends_with("has expired"), "{why}");
    assert!(told.contains("expired"), "{told}");
    talk(scene.connect(&with(authority.issue(&["alice"]))).unwrap());

    let optional = Scene::echo(authority.server().accept_client_certificates(authority.roots()));
    talk(optional.connect(&authority.client()).unwrap());
    let eve = with(stranger.issue(&["eve"]));
    let read = optional.connect(&eve).and_then(|mut client| client.read(&mut [0; 10]));
    assert!(read.is_err());
    assert!(matches!(optional.failed_handshake(), HandshakeError::BadCertificate(_)));
}

#[test]
fn a_client_says_why_it_does_not_believe_a_server() {
    let authority = Authority::new();
    let cases = [
        (authority.issue(&["other.example"]), "is for another name"),
        (authority.issue_expired(&["localhost"]), "has expired"),
        (
            Authority::new().issue(&["localhost"]),
            "was issued by nobody who is trusted here",
        ),
    ];
    for (pair, expected) in cases {
        let scene = Scene::echo(pair.server());
        let err = failure(scene.connect(&authority.client()));
        assert_eq!(err.kind(), io::ErrorKind::InvalidData);
        assert!(err.to_string().contains(expected), "{err}");
        assert!(matches!(scene.failed_handshake(), HandshakeError::Refused(_)));
    }
}

#[test]
fn nothing_in_common_above_tls() {
    let authority = Authority::new();
    let scene = Scene::echo(authority.server().alpn(["http/1.1"]));
    let client = authority.client_builder().alpn(["h2"]).build().unwrap();
    let err = failure(scene.connect(&client));
    assert!(err.to_string().contains("no application protocol in common"), "{err}");
    assert_eq!(
        scene.failed_handshake(),
        HandshakeError::NothingInCommon("application protocol (ALPN)")
    );
    // Who offers nothing is served.
    echoed(&mut scene.connect(&authority.client()).unwrap(), b"hello");
}

#[test]
fn a_client_does_not_wait_for_ever() {
    in_both_tasks(|| {
        let limit = Duration::from_millis(30);
        let authority = Authority::new();
        let settings = authority.client_builder().handshake_timeout(limit).build().unwrap();
        let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        let err = failure(tls::connect(UnixStream::from(near), "localhost", &settings));
        assert_eq!(HandshakeError::of(&err), Some(&HandshakeError::Late(limit)));
        assert_eq!(err.kind(), io::ErrorKind::TimedOut);
        // Or it would pass for the fault of whoever is served by this one.
        assert_eq!(Overdue::of(&err), None);
        drop(far);
        let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        drop(far);
        assert!(tls::connect(UnixStream::from(near), "localhost", &settings).is_err());
    });
}

#[test]
fn a_client_is_told_what_is_no_name() {
    let authority = Authority::new();
    for name in ["", "local host", "localhost:443", "https://localhost"] {
        let (near, _far) = std::os::unix::net::UnixStream::pair().unwrap();
        let err = failure(tls::connect(UnixStream::from(near), name, &authority.client()));
        assert_eq!(err.kind(), io::ErrorKind::InvalidInput, "{name}");
        assert!(err.to_string().contains(&format!("{name:?}")), "{err}");
    }
}

#[test]
fn a_server_without_tls_is_no_server() {
    let authority = Authority::new();
    let plain =
        TestServer::<greenserve::Tcp>::start(|client: &mut TcpStream| client.write_all(b"220 hello\r\n")).unwrap();
    let err = failure(tls::connect(plain.connect().unwrap(), "localhost", &authority.client()));
    assert_eq!(HandshakeError::of(&err), Some(&HandshakeError::NotTls));
}

#[test]
fn a_drain_waits_for_no_client_that_has_not_begun() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = Scene::new(model, authority.server(), with_context(echo));
        let mut silent = scene.plain();
        let mut stopped = scene.plain();
        stopped.write_all(BEGUN).unwrap();
        wait_until("both are waited for", || {
            scene.handle().connections().iter().filter(|client| client.idle).count() == 2
        });
        let (begin, handle) = (Instant::now(), scene.handle().clone());
        let (report, failures) = scene.stop_and_tell();
        assert!(report.is_clean());
        assert!(failures.iter().all(|failed| failed.is_disconnect), "{failures:?}");
        assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
        expect_end(&mut silent);
        // It was the server that had no more time.
        assert_eq!(missed(&handle), []);
    });
}

#[test]
fn tls_runs_over_unix_sockets() {
    let authority = Authority::new();
    let certificates = authority.server().build().unwrap();
    let handler = |client: &mut tls::TlsStream<std::os::unix::net::UnixStream>| client.write_all(b"hello");
    let server = TestServer::<Unix>::start(tls::serve(certificates, handler)).unwrap();
    let mut client = tls::connect(server.connect().unwrap(), "localhost", &authority.client()).unwrap();
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "hello");
}

#[test]
fn a_handler_of_a_type_is_served_too() {
    struct Upper;
    impl greenserve::RequestHandler<Tls> for Upper {
        fn handle(&mut self, client: &mut Tls, _: &greenserve::Context) -> Result<(), greenserve::Failure> {
            let mut heard = [0; 5];
            client.read_exact(&mut heard)?;
            Ok(client.write_all(&heard.to_ascii_uppercase())?)
        }
    }
    let authority = Authority::new();
    let scene = Scene::new(In::Coroutines, authority.server(), greenserve::each(|| Upper));
    let mut client = scene.connect(&authority.client()).unwrap();
    client.write_all(b"hello").unwrap();
    crate::common::expect(&mut client, b"HELLO");
}

/// What a client says first.
fn hello() -> Vec<u8> {
    let config = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let mut session = rustls::ClientConnection::new(config.into(), name).unwrap();
    let mut hello = Vec::new();
    session.write_tls(&mut hello).unwrap();
    hello
}

#[test]
fn no_hello_is_too_much() {
    let authority = Authority::new();
    let scene = Scene::echo(authority.server());
    let hello = hello();
    let changed = (0..hello.len()).map(|at| {
        let mut changed = hello.clone();
        changed[at] = changed[at].wrapping_add(1 + (at % 200) as u8);
        changed
    });
    let cut = (1..hello.len()).map(|length| hello[..length].to_vec());
    for words in changed.chain(cut) {
        let mut client = scene.plain();
        client.write_all(&words).unwrap();
        let _ = client.shutdown(Shutdown::Write);
        let _ = client.read_to_end(&mut Vec::new());
        // Whatever it was, it was this client's fault, and is told so.
        scene.failed_handshake();
    }
    talk(scene.connect(&authority.client()).unwrap());
}

#[test]
fn the_header_of_a_proxy_comes_before_the_handshake() {
    in_both(|model| {
        let authority = Authority::new();
        let greet = |client: &mut Tls, context: &Context| write!(client, "{}", context.client_address());
        let proxies = ProxyProtocol::trusting(["127.0.0.1"]).unwrap();
        let scene = Scene::with(model, authority.server(), with_context(greet), |builder| {
            builder.proxy_protocol(proxies)
        });
        let mut proxy = scene.plain();
        proxy.write_all(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n").unwrap();
        let mut client = tls::connect(TcpStream::from(proxy), "localhost", &authority.client()).unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "192.0.2.7:4711");
    });
}
