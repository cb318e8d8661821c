//! Certificates: which are shown, which are refused, and new ones at run time.

use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use greenserve::Error;
use greenserve::tls::{Certificates, ClientSettings, HandshakeError, Pem, Version};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::authority::{Authority, Files};
use crate::common::tool::missing;
use crate::common::{PATIENCE, echoed, failure, wait_until};
use crate::scene::{In, Scene, Tls, talk};

/// A mistake of the caller, whose text names the file and the way out.
#[track_caller]
fn is_refused(result: Result<Certificates, Error>, parts: &[&str]) {
    let err = failure(result);
    assert!(err.is_usage(), "{err}");
    let text = err.to_string();
    for part in parts {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

fn shown(path: &Path) -> String {
    format!("{path:?}")
}

#[test]
fn files_that_cannot_be_used_are_named_with_the_remedy() {
    let authority = Authority::new();
    let files = Files::new();
    let (chain, key) = files.put(&authority.issue(&["localhost"]));
    let load = |chain: &Path, key: &Path| Certificates::load(chain, key);

    let missing = files.path("missing.pem");
    is_refused(
        load(&missing, &key),
        &["certificate", &shown(&missing), "check the path"],
    );
    is_refused(
        load(&chain, &missing),
        &["private key", &shown(&missing), "check the path"],
    );

    let empty = files.write("empty.pem", "\n");
    is_refused(load(&empty, &key), &["certificate", &shown(&empty), "it is empty"]);
    is_refused(load(&chain, &empty), &["private key", &shown(&empty), "it is empty"]);

    let other = files.write("other.pem", "something else\n");
    is_refused(
        load(&other, &key),
        &[&shown(&other), "no certificate in it", "BEGIN CERTIFICATE"],
    );
    is_refused(
        load(&chain, &other),
        &[&shown(&other), "no private key in it", "BEGIN PRIVATE KEY"],
    );
    is_refused(load(&key, &key), &["holds a private key and no certificate", "swapped"]);
    is_refused(
        load(&chain, &chain),
        &["holds a certificate and no private key", "swapped"],
    );

    let text = std::fs::read_to_string(&chain).unwrap();
    let cut = files.write("cut.pem", &text[..text.len() / 2]);
    is_refused(load(&cut, &key), &[&shown(&cut), "ends in the middle"]);
    let garbled = files.write("garbled.pem", text.replace("MII", "!!!"));
    is_refused(load(&garbled, &key), &[&shown(&garbled), "base64"]);
    let nonsense = files.write(
        "nonsense.pem",
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
    );
    is_refused(load(&nonsense, &key), &[&shown(&nonsense), "cannot be read", "X.509"]);
    let der = files.write("chain.der", [0x30, 0x82, 1, 2, 3]);
    is_refused(load(&der, &key), &["DER", "openssl x509"]);

    is_refused(load(&files.path(""), &key), &["directory"]);
}

#[test]
fn no_text_is_too_much() {
    let pair = Authority::new().issue(&["localhost"]);
    let texts = |whole: &str| {
        let whole = whole.as_bytes().to_vec();
        let cut = (0..whole.len()).map({
            let whole = whole.clone();
            move |length| whole[..length].to_vec()
        });
        let changed = (0..whole.len()).map(move |at| {
            let mut changed = whole.clone();
            changed[at] = changed[at].wrapping_add(1 + (at % 200) as u8);
            changed
        });
        cut.chain(changed).map(Pem::text).collect::<Vec<_>>()
    };
    let (chain, key) = pair.pems();
    for text in texts(&pair.chain) {
        // Some changes change nothing that matters here; none may panic.
        let _ = Certificates::load(text, key.clone());
    }
    for text in texts(&pair.key) {
        let _ = Certificates::load(chain.clone(), text);
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let authority = Authority::new();
    let files = Files::new();
    let (chain, _) = files.put(&authority.issue(&["localhost"]));
    let foreign = files.write("foreign.pem", authority.issue(&["localhost"]).key);
    is_refused(
        Certificates::load(&chain, &foreign),
        &[&shown(&foreign), "not the key of the certificate", &shown(&chain)],
    );
}

#[test]
fn an_encrypted_key_is_refused() {
    let authority = Authority::new();
    let files = Files::new();
    let (chain, key) = files.put(&authority.issue(&["localhost"]));
    for (options, name) in [(&["pkcs8", "-topk8"][..], "new.pem"), (&["ec"], "old.pem")] {
        let encrypted = files.path(name);
        let run = Command::new("openssl")
            .args(options)
            .args(["-passout", "pass:secret", "-aes256", "-in"].iter().filter(|option| {
                // Said by the one and implied by the other.
                options[0] == "ec" || **option != "-aes256"
            }))
            .arg(&key)
            .arg("-out")
            .arg(&encrypted)
            .output();
        match run {
            Err(err) => return missing("openssl", err),
            Ok(run) => assert!(run.status.success(), "{run:?}"),
        }
        is_refused(
            Certificates::load(&chain, &encrypted),
            &[&shown(&encrypted), "encrypted", "openssl pkey"],
        );
    }
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let authority = Authority::new();
    is_refused(Certificates::builder().build(), &["certificate cannot be none"]);
    is_refused(authority.server().alpn([""]).build(), &["alpn", "1 to 255 bytes"]);
    is_refused(authority.server().alpn(["x".repeat(256)]).build(), &["alpn", "xxx"]);
    is_refused(
        authority.server().handshake_timeout(Duration::ZERO).build(),
        &["handshake_timeout cannot be 0"],
    );
    is_refused(
        authority
            .server()
            .require_client_certificates("/nowhere/ca.pem")
            .build(),
        &["trusted certificates", "\"/nowhere/ca.pem\""],
    );
    let err = failure(ClientSettings::builder().build());
    assert!(
        err.is_usage() && err.to_string().contains("roots cannot be none"),
        "{err}"
    );
    let err = failure(ClientSettings::builder().roots("/nowhere/ca.pem").build());
    assert!(err.to_string().contains("\"/nowhere/ca.pem\""), "{err}");
}

#[test]
fn a_key_is_never_shown() {
    let pair = Authority::new().issue(&["localhost"]);
    let settings = pair.server();
    let text = format!("{settings:?} {:?}", settings.clone().build().unwrap());
    let secret = pair.key.lines().nth(1).unwrap();
    assert!(!text.contains(secret) && !text.contains("PRIVATE"), "{text}");
}

/// The names that the certificate is for which `client` is shown.
fn is_shown(scene: &Scene, authority: &Authority, name: &str) -> bool {
    match scene.connect_to(name, &authority.client()) {
        Ok(client) => {
            talk(client);
            true
        }
        Err(err) => {
            assert!(err.to_string().contains("for another name"), "{err}");
            scene.failed_handshake();
            false
        }
    }
}

#[test]
fn each_client_is_shown_the_certificate_that_it_asks_for() {
    let authority = Authority::new();
    let mut settings = authority.issue(&["first.example"]).server();
    for names in [
        &["second.example", "third.example"][..],
        &["*.wild.example"],
        &["own.wild.example"],
    ] {
        let (chain, key) = authority.issue(names).pems();
        settings = settings.certificate(chain, key);
    }
    let scene = Scene::echo(settings.clone());
    for name in [
        "first.example",
        "second.example",
        "Third.Example",
        "any.wild.example",
        "own.wild.example",
    ] {
        assert!(is_shown(&scene, &authority, name), "{name}");
    }
    for name in ["wild.example", "too.deep.wild.example", "fourth.example"] {
        assert!(!is_shown(&scene, &authority, name), "{name}");
        // None is shown that would be for another name.
        let strict = Scene::echo(settings.clone().refuse_unknown_names());
        assert!(strict.connect_to(name, &authority.client()).is_err());
        assert_eq!(strict.failed_handshake(), HandshakeError::UnknownName(name.to_owned()));
    }
}

#[test]
fn of_two_certificates_for_a_name_the_client_is_shown_one_it_can_verify() {
    use rustls::crypto::ring;
    let authority = Authority::new();
    let ed25519 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::NoCa;
    let first = params.self_signed(&ed25519).unwrap().pem();
    let (chain, key) = authority.issue(&["localhost"]).pems();
    let settings = Certificates::builder()
        .certificate(Pem::text(first), Pem::text(ed25519.serialize_pem()))
        .certificate(chain, key);
    let scene = Scene::echo(settings);

    // A client that knows ECDSA and nothing else.
    let mut provider = ring::default_provider();
    let algorithms = &mut provider.signature_verification_algorithms;
    let ecdsa = |(scheme, _): &&(rustls::SignatureScheme, _)| *scheme == rustls::SignatureScheme::ECDSA_NISTP256_SHA256;
    algorithms.mapping = vec![*algorithms.mapping.iter().find(ecdsa).unwrap()].leak();
    let mut client = scene.connect_by(provider, &authority);
    echoed(&mut client, b"hello");
}

#[test]
fn new_files_are_shown_to_new_clients() {
    let authority = Authority::new();
    let files = Files::new();
    let (chain, key) = files.put(&authority.issue(&["old.example"]));
    let scene = Scene::echo(Certificates::builder().certificate(&chain, &key));
    let mut early = scene.connect_to("old.example", &authority.client()).unwrap();
    files.put(&authority.issue(&["new.example"]));
    assert!(is_shown(&scene, &authority, "old.example"), "nobody said so yet");
    scene.certificates.reload().unwrap();
    assert!(is_shown(&scene, &authority, "new.example"));
    assert!(!is_shown(&scene, &authority, "old.example"));
    // Whoever was there goes on.
    echoed(&mut early, b"hello");
}

#[test]
fn bad_new_files_leave_the_old_ones_in_force() {
    let authority = Authority::new();
    let files = Files::new();
    let pair = authority.issue(&["localhost"]);
    let (chain, key) = files.put(&pair);
    let scene = Scene::echo(Certificates::builder().certificate(&chain, &key));
    let refused = |expected: &str| {
        let err = failure(scene.certificates.reload());
        assert!(err.to_string().contains(expected), "{err}");
        assert!(is_shown(&scene, &authority, "localhost"), "{err}");
    };
    std::fs::remove_file(&chain).unwrap();
    refused("check the path");
    files.write("chain.pem", "");
    refused("it is empty");
    // One of the two files is new already.
    files.write("chain.pem", authority.issue(&["localhost"]).chain);
    refused("not the key of the certificate");
    files.put(&authority.issue_expired(&["localhost"]));
    refused("it expired");
    files.put(&authority.issue_with(&["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(2999, 1, 1);
        params.not_after = rcgen::date_time_ymd(3000, 1, 1);
    }));
    refused("not valid for another");
    files.put(&pair);
    scene.certificates.reload().unwrap();
}

#[test]
fn other_settings_take_the_place_of_the_first() {
    let authority = Authority::new();
    let scene = Scene::echo(authority.issue(&["old.example"]).server());
    let files = Files::new();
    let (chain, key) = files.put(&authority.issue(&["new.example"]));
    let new = Certificates::builder().certificate(&chain, &key);
    scene.certificates.replace(new).unwrap();
    assert!(is_shown(&scene, &authority, "new.example"));
    // A later reload reads what was named last, and a refusal changes nothing.
    files.put(&authority.issue(&["newer.example"]));
    assert!(scene.certificates.replace(Certificates::builder()).is_err());
    scene.certificates.reload().unwrap();
    assert!(is_shown(&scene, &authority, "newer.example"));
}

#[test]
fn a_server_starts_with_a_certificate_that_has_expired() {
    let authority = Authority::new();
    let scene = Scene::echo(authority.issue_expired(&["localhost"]).server());
    let err = failure(scene.connect(&authority.client()));
    assert!(err.to_string().contains("has expired"), "{err}");
}

#[test]
fn a_ticket_saves_the_next_handshake_also_after_a_reload() {
    let authority = Authority::new();
    let scene = Scene::echo(authority.server());
    let settings = authority.client();
    let talked = || talk(scene.connect(&settings).unwrap());
    talked();
    assert_eq!(scene.certificates.handshakes().resumed, 0);
    talked();
    assert_eq!(scene.certificates.handshakes().resumed, 1);
    scene.certificates.reload().unwrap();
    talked();
    assert_eq!(scene.certificates.handshakes().resumed, 2);
    scene.certificates.replace(authority.server().tickets(false)).unwrap();
    talked();
    talked();
    let handshakes = scene.certificates.handshakes();
    assert_eq!((handshakes.completed, handshakes.resumed), (5, 2));
}

#[test]
fn a_client_without_tickets_makes_whole_handshakes_and_each_says_what_it_was() {
    let authority = Authority::new();
    let scene = Scene::echo(authority.server());
    let settings = ClientSettings::builder().roots(Pem::text(&authority.pem));
    for (tickets, resumed) in [(true, [false, true]), (false, [false, false])] {
        let settings = settings.clone().tickets(tickets).build().unwrap();
        let was = [(); 2].map(|()| {
            let client = scene.connect(&settings).unwrap();
            let was = client.is_resumed();
            talk(client);
            was
        });
        assert_eq!(was, resumed, "tickets({tickets})");
    }
    assert_eq!(scene.certificates.handshakes().resumed, 1);
    let one = settings.build().unwrap();
    let another = one.with_own_tickets();
    for (settings, resumed) in [(&one, false), (&another, false), (&another, true)] {
        let client = scene.connect(settings).unwrap();
        assert_eq!(client.is_resumed(), resumed);
        talk(client);
    }
}

#[test]
fn a_configuration_of_rustls_is_gone_by_as_it_is() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let scene = Scene::echo(authority.server());
    let by = |authority: &Authority| {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap())
            .unwrap();
        let provider = rustls::crypto::ring::default_provider();
        let mut config = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        ClientSettings::from_rustls(config.into(), PATIENCE).unwrap()
    };
    let client = scene.connect(&by(&authority)).unwrap();
    assert_eq!(client.version(), Version::Tls12);
    talk(client);
    let err = failure(scene.connect(&by(&stranger)));
    assert!(
        matches!(HandshakeError::of(&err), Some(HandshakeError::BadCertificate(_))),
        "{err}"
    );
}

#[test]
fn tickets_come_before_anything_is_written() {
    let authority = Authority::new();
    let scene = Scene::new(In::Coroutines, authority.server(), |client: &mut Tls| {
        std::io::copy(client, &mut std::io::sink()).map(drop)
    });
    let settings = authority.client();
    let mut first = scene.connect(&settings).unwrap();
    // Nothing else comes from there.
    first.connection().set_timeout(Some(PATIENCE)).unwrap();
    assert!(first.connection().peek(&mut [0]).unwrap() > 0);
    first.connection().set_timeout(Some(Duration::from_millis(1))).unwrap();
    assert!(first.read(&mut [0]).is_err(), "nothing is written");
    let _second = scene.connect(&settings).unwrap();
    wait_until("the second has resumed the first", || {
        scene.certificates.handshakes().resumed == 1
    });
}

#[test]
fn a_ticket_does_not_outlive_whom_to_believe() {
    let authority = Authority::new();
    let (chain, key) = authority.issue(&["alice"]).pems();
    let settings = authority.client_builder().certificate(chain, key).build().unwrap();
    let server = || authority.server().require_client_certificates(authority.roots());
    let scene = Scene::echo(server());
    for _ in 0..2 {
        talk(scene.connect(&settings).unwrap());
    }
    assert_eq!(scene.certificates.handshakes().resumed, 1);
    // From now on somebody else says who a client is.
    let other = Authority::new();
    let replaced = authority.server().require_client_certificates(other.roots());
    scene.certificates.replace(replaced).unwrap();
    let talked = scene
        .connect(&settings)
        .and_then(|mut client| client.read(&mut [0; 10]));
    assert!(talked.is_err(), "an old ticket was taken");
    assert!(matches!(scene.failed_handshake(), HandshakeError::BadCertificate(_)));
}
