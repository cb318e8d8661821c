//! HTTPS: whom a client believes, what it makes of servers that break TLS, and
//! what it says of the sessions that it had.

mod program;
mod reference;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use program::{Run, listen, run};
use rcgen::{CertificateParams, DnType, KeyPair};
use reference::Reference;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

/// A certificate that signs itself, as files.
struct Certificate {
    folder: TempDir,
}

impl Certificate {
    fn of(name: &str) -> Certificate {
        // Two of one name would be taken for each other.
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params
            .distinguished_name
            .push(DnType::CommonName, format!("number {number}"));
        let key = KeyPair::generate().expect("a key");
        let made = params.self_signed(&key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let certificate = Certificate { folder };
        std::fs::write(certificate.chain(), made.pem()).expect("it can be written");
        std::fs::write(certificate.key(), key.serialize_pem()).expect("it can be written");
        certificate
    }

    fn chain(&self) -> PathBuf {
        self.folder.path().join("chain.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    fn chain_text(&self) -> String {
        self.chain().display().to_string()
    }

    /// The reference server with it, and with `faults`.
    fn serve(&self, faults: &str) -> Reference {
        let (chain, key) = (self.chain(), self.key());
        Reference::start(&format!(
            "https --cert {} --key {} {faults}",
            chain.display(),
            key.display()
        ))
    }

    /// The same for servers that are written by hand.
    fn config(&self) -> Arc<ServerConfig> {
        let chain = CertificateDer::from_pem_file(self.chain()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(self.key()).expect("a key");
        let mut config = ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("both versions")
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .expect("they belong together");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.into()
    }
}

/// The server at `address` by the name `localhost`, and its path.
fn at(address: &str, path: &str) -> String {
    let (_, port) = address.rsplit_once(':').expect("a port");
    format!("https://localhost:{port}{path}")
}

/// Measures `target`, of which only the certificate in `ca` is believed.
fn believing(ca: &Certificate, target: &str, options: &[&str]) -> Run {
    let ca = ca.chain_text();
    let always = ["--ca", &ca, "--allow-client-limited", "--timeout", "2s"];
    run(target, &[&always[..], options].concat())
}

const ECHOES: [&str; 6] = ["--expect", "echo", "-c", "4", "-n", "2000"];

/// Clients to the number of three came to nothing, for this reason.
#[track_caller]
fn fails(run: &Run, class: &str, words: &[&str]) {
    assert_eq!(run.status(), 1, "{}", run.text());
    for word in [&[class], words].concat() {
        assert!(run.text().contains(word), "{word:?} is not in {}", run.text());
    }
}

#[test]
fn right_bodies_are_counted_and_the_report_says_what_was_agreed_on() {
    let certificate = Certificate::of("localhost");
    let server = certificate.serve("");
    let run = believing(&certificate, &at(&server.address, "/echo"), &ECHOES);
    assert_eq!((run.status(), run.errors()), (0, vec![]), "{}", run.text());
    assert_eq!(run.count("answers"), 2000);
    let sessions = &run.report["connections"]["tls"];
    assert_eq!(sessions.as_array().map(Vec::len), Some(1), "{sessions}");
    assert_eq!((&sessions[0]["full"], &sessions[0]["resumed"]), (&4.into(), &0.into()));
    let agreed = "TLSv1.3 TLS13_AES_256_GCM_SHA384, 4 whole handshakes, 0 resumed";
    assert!(run.text().contains(agreed), "{}", run.text());
    assert_eq!(run.report["workload"]["tls_verified"], true);
}

#[test]
fn a_wrong_body_is_found_and_so_is_every_other_fault() {
    let certificate = Certificate::of("localhost");
    for (fault, class) in [
        ("--corrupt 7", "corrupt"),
        ("--short 7", "short"),
        ("--close 7", "closed_early"),
        ("--reset 7", "reset"),
        ("--status 503*7", "status_5xx"),
        ("--bad-response 7", "bad_response"),
    ] {
        let server = certificate.serve(&format!("{fault} --after 100"));
        let run = believing(&certificate, &at(&server.address, "/echo"), &ECHOES);
        assert_eq!(
            (run.status(), run.errors()),
            (3, vec![(class, 7)]),
            "{fault}: {}",
            run.text()
        );
    }
}

#[test]
fn a_certificate_that_is_not_believed_is_named_with_the_way_out() {
    let (own, other) = (Certificate::of("localhost"), Certificate::of("localhost"));
    let server = own.serve("");
    let run = believing(&other, &at(&server.address, "/"), &["-c", "3"]);
    fails(
        &run,
        "3 certificate",
        &["nobody who is trusted here", "--ca", "--insecure"],
    );
    // Nobody heard a request.
    assert_eq!(server.counts()["answers"], 0);
}

#[test]
fn a_certificate_for_another_name_is_not_believed() {
    let certificate = Certificate::of("localhost");
    let server = certificate.serve("");
    let run = believing(&certificate, &server.target("https"), &["-c", "3"]);
    fails(&run, "3 certificate", &["is for another name", "connect to the name"]);
}

#[test]
fn whoever_answers_is_measured_if_asked_to_and_the_report_says_so() {
    let certificate = Certificate::of("elsewhere.example");
    let server = certificate.serve("");
    let options = [&["--insecure", "--allow-client-limited"], &ECHOES[..]].concat();
    let run = run(&(server.target("https") + "/echo"), &options);
    assert_eq!((run.status(), run.errors()), (0, vec![]), "{}", run.text());
    assert!(run.text().contains("NOT VERIFIED"), "{}", run.text());
    assert_eq!(run.report["workload"]["tls_verified"], false);
}

#[test]
fn a_server_without_tls_is_told_from_one_that_nobody_trusts() {
    let server = Reference::start("http");
    let run = believing(&Certificate::of("localhost"), &at(&server.address, "/"), &["-c", "3"]);
    fails(&run, "3 tls", &["does not speak TLS", "correct the scheme or the port"]);
}

#[test]
fn a_server_that_leaves_in_the_handshake_is_a_failure_of_tls() {
    let target = listen(|mut client| client.read(&mut [0; 4096]).map(drop));
    let address = target.trim_start_matches("tcp://");
    let run = believing(&Certificate::of("localhost"), &at(address, "/"), &["-c", "3"]);
    fails(&run, "3 tls", &["hung up"]);
}

#[test]
fn a_server_that_never_shakes_hands_is_waited_for_as_long_as_for_a_connection() {
    let target = listen(|mut client| std::io::copy(&mut client, &mut std::io::sink()).map(drop));
    let address = target.trim_start_matches("tcp://");
    let options = ["-c", "3", "--connect-timeout", "300ms"];
    let began = Instant::now();
    let run = believing(&Certificate::of("localhost"), &at(address, "/"), &options);
    fails(&run, "3 tls", &["the TLS handshake"]);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
}

/// How a server ends its connections.
#[derive(Clone, Copy, Debug)]
enum Ends {
    Saying,
    CuttingOff,
}

/// A server by hand, which answers one request of each connection with
/// `response` and then ends it.
fn answering(certificate: &Certificate, response: &'static str, ends: Ends) -> String {
    let config = certificate.config();
    let target = listen(move |client| {
        let mut client = secured(&config, client);
        let asked = client.read(&mut [0; 4096])?;
        assert!(asked > 0);
        client.write_all(response.as_bytes())?;
        if let Ends::Saying = ends {
            client.conn.send_close_notify();
        }
        client.flush()
    });
    at(target.trim_start_matches("tcp://"), "/")
}

fn secured(config: &Arc<ServerConfig>, client: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
    let session = ServerConnection::new(Arc::clone(config)).expect("it is complete");
    StreamOwned::new(session, client)
}

const TO_THE_END: &str = "HTTP/1.0 200 OK\r\n\r\nhello";
const OF_LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

#[test]
fn an_answer_that_the_end_would_end_may_be_cut_off_if_the_end_was_not_said() {
    let certificate = Certificate::of("localhost");
    let few = ["-c", "1", "-n", "20"];
    for (response, ends) in [
        (TO_THE_END, Ends::Saying),
        (OF_LENGTH, Ends::Saying),
        (OF_LENGTH, Ends::CuttingOff),
    ] {
        let run = believing(&certificate, &answering(&certificate, response, ends), &few);
        assert_eq!(
            (run.status(), run.errors()),
            (0, vec![]),
            "{response} {ends:?}: {}",
            run.text()
        );
    }
    let target = answering(&certificate, TO_THE_END, Ends::CuttingOff);
    fails(&believing(&certificate, &target, &few), "1 short", &["close_notify"]);
}

#[test]
fn each_connection_makes_a_whole_handshake_unless_sessions_are_resumed() {
    let certificate = Certificate::of("localhost");
    let server = certificate.serve("");
    let target = at(&server.address, "/");
    let sessions = |options: &[&str]| {
        let options = [&["-c", "20", "-n", "600", "--churn", "per-request"], options].concat();
        let run = believing(&certificate, &target, &options);
        assert_eq!((run.status(), run.errors()), (0, vec![]), "{}", run.text());
        let [full, resumed] =
            ["full", "resumed"].map(|kind| run.report["connections"]["tls"][0][kind].as_u64().expect("a count"));
        assert_eq!(
            full + resumed,
            run.report["connections"]["opened"].as_u64().expect("a count")
        );
        (full, resumed)
    };
    let (full, resumed) = sessions(&[]);
    assert!(full > 600 && resumed == 0, "{full} and {resumed}");
    let (full, resumed) = sessions(&["--tls-resume"]);
    // Each client its own: of tickets that all had, twenty at a time would find too few.
    assert!(full == 20 && resumed > 600, "{full} and {resumed}");
}

#[test]
fn a_client_offers_http_1_1_and_says_that_it_has_finished() {
    let certificate = Certificate::of("localhost");
    let config = certificate.config();
    let (told, saw) = channel();
    let target = listen(move |client| {
        let mut client = secured(&config, client);
        let mut buffer = [0; 4096];
        let end = loop {
            match client.read(&mut buffer) {
                Ok(0) => break Ok(()),
                Ok(_) => client.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?,
                Err(err) => break Err(err),
            }
        };
        let spoken = client.conn.alpn_protocol().map(<[u8]>::to_vec);
        // The test may have seen enough.
        let _ = told.send((end.map_err(|err| err.to_string()), spoken));
        Ok(())
    });
    let target = at(target.trim_start_matches("tcp://"), "/");
    let run = believing(&certificate, &target, &["-c", "1", "-n", "20"]);
    assert_eq!((run.status(), run.errors()), (0, vec![]), "{}", run.text());
    let (end, spoken) = saw.recv_timeout(Duration::from_secs(10)).expect("a connection");
    assert_eq!((end, spoken), (Ok(()), Some(b"http/1.1".to_vec())));
}

#[test]
fn what_is_for_tls_is_refused_without_it() {
    for option in ["--insecure", "--tls-resume"] {
        let run = run("http://127.0.0.1:1", &[option]);
        assert_eq!(run.status(), 2, "{}", run.text());
        assert!(run.text().contains("https://"), "{}", run.text());
    }
    let run = run("https://localhost:1", &["--ca", "/nowhere/ca.pem"]);
    assert_eq!(run.status(), 2, "{}", run.text());
    assert!(run.text().contains("/nowhere/ca.pem"), "{}", run.text());
}
