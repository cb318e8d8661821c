//! Certificates of clients that hold no longer.

use std::io::{self, Read};

use greenserve::tls::{CertificatesBuilder, ClientSettings, HandshakeError, Pem};

use crate::authority::{Authority, Files, Pair};
use crate::common::failure;
use crate::scene::{Scene, talk};

/// A server for clients of `authority`.
fn required(authority: &Authority) -> CertificatesBuilder {
    authority.server().require_client_certificates(authority.roots())
}

/// A client that shows `pair`.
fn with(authority: &Authority, pair: &Pair) -> ClientSettings {
    let (chain, key) = pair.pems();
    authority.client_builder().certificate(chain, key).build().unwrap()
}

/// The list of `authority` with `revoked` on it, good until the year `until`.
fn list(authority: &Authority, revoked: &[&Pair], until: i32) -> Pem {
    Pem::text(authority.revokes(revoked, until))
}

/// What a client is told that is not let in: in TLS 1.3 when it reads.
fn turned_away(scene: &Scene, client: &ClientSettings) -> io::Error {
    failure(scene.connect(client).and_then(|mut client| client.read(&mut [0; 10])))
}

/// Has a client turned away for what is wrong here, and not with it.
fn is_our_fault(scene: &Scene, client: &ClientSettings, expected: &str) {
    turned_away(scene, client);
    let failed = scene.failure();
    assert!(!failed.is_disconnect, "{failed:?}");
    match failed.handshake {
        Some(HandshakeError::Ours(text)) => assert!(text.contains(expected), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_revoked_client_is_refused_and_told_so() {
    let authority = Authority::new();
    let (alice, bob) = (authority.issue(&["alice"]), authority.issue(&["bob"]));
    let scene = Scene::echo(required(&authority).revocation_lists(list(&authority, &[&bob], 2100)));
    let told = turned_away(&scene, &with(&authority, &bob));
    assert!(told.to_string().contains("our certificate was revoked"), "{told}");
    let why = scene.failed_handshake().to_string();
    assert!(why.ends_with("was revoked"), "{why}");
    talk(scene.connect(&with(&authority, &alice)).unwrap());
}

#[test]
fn a_new_list_holds_from_the_reload_on_also_for_who_has_a_ticket() {
    let (authority, files) = (Authority::new(), Files::new());
    let bob = authority.issue(&["bob"]);
    let write = |revoked: &[&Pair]| files.write("list.pem", authority.revokes(revoked, 2100));
    let scene = Scene::echo(required(&authority).revocation_lists(write(&[])));
    let client = with(&authority, &bob);
    for resumed in 0..2 {
        talk(scene.connect(&client).unwrap());
        assert_eq!(scene.certificates.handshakes().resumed, resumed);
    }
    write(&[&bob]);
    talk(scene.connect(&client).unwrap());
    scene.certificates.reload().unwrap();
    turned_away(&scene, &client);
    assert!(scene.failed_handshake().to_string().ends_with("was revoked"));
}

#[test]
fn a_list_that_is_not_there_or_too_old_lets_nobody_in_and_is_our_fault() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let alice = with(&authority, &authority.issue(&["alice"]));
    let cases = [
        (list(&stranger, &[], 2100), "no revocation list"),
        (list(&authority, &[], 2001), "has expired"),
    ];
    for (list, expected) in cases {
        let scene = Scene::echo(required(&authority).revocation_lists(list));
        is_our_fault(&scene, &alice, expected);
    }
}

#[test]
fn there_must_be_a_list_of_each_issuer() {
    let authority = Authority::new();
    let between = authority.intermediate();
    let alice = with(&authority, &between.issue(&["alice"]));
    let lists = required(&authority).revocation_lists(list(&between, &[], 2100));
    is_our_fault(&Scene::echo(lists.clone()), &alice, "no revocation list");
    let both = lists.revocation_lists(list(&authority, &[], 2100));
    talk(Scene::echo(both).connect(&alice).unwrap());
}

#[test]
fn lists_that_cannot_be_used_are_named_with_the_remedy() {
    let (authority, files) = (Authority::new(), Files::new());
    let refused = |list: Pem, parts: &[&str]| {
        let err = failure(required(&authority).revocation_lists(list).build());
        assert!(err.is_usage(), "{err}");
        let text = err.to_string();
        for part in parts {
            assert!(text.contains(part), "{text:?} does not say {part:?}");
        }
    };
    let missing = files.path("missing.pem");
    refused(
        Pem::from(&missing),
        &["revocation list", &format!("{missing:?}"), "check the path"],
    );
    refused(Pem::text(""), &["revocation list", "it is empty"]);
    refused(authority.roots(), &["no revocation list in it", "BEGIN X509 CRL"]);
    refused(
        Pem::from(files.write("list.der", [0x30, 0x82, 1, 2])),
        &["DER", "openssl crl"],
    );
    refused(
        Pem::text("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"),
        &["cannot be used", "version 2"],
    );
    let nobody = authority.server().revocation_lists(list(&authority, &[], 2100));
    let text = failure(nobody.build()).to_string();
    assert!(text.contains("require_client_certificates"), "{text}");
}
