//! What a client that says nothing costs.

use greenserve::runtime::{self, Config, Engine};
use greenserve::with_context;

use std::time::Duration;

use crate::authority::Authority;
use crate::common::{child, echoed, proc, wait_until};
use crate::scene::{In, Scene, echo};

const CLIENTS: usize = 300;

/// Of both ends of a connection, the stack of one's coroutine included. Some
/// 20 KiB are the sessions; what a handshake touches of a stack is more than
/// the rest.
const MOST: usize = if cfg!(debug_assertions) { 44 } else { 32 } * 1024;

#[test]
fn an_idle_client_keeps_no_stack_for_its_handshake() {
    const TEST: &str = "memory::an_idle_client_keeps_no_stack_for_its_handshake";
    if !child::is_child(TEST) {
        return child::run(TEST, Duration::from_secs(60)).passed();
    }
    runtime::configure(Config::new().engine(Engine::Pinned).workers(1)).unwrap();
    let authority = Authority::new();
    let scene = Scene::new(In::Coroutines, authority.server(), with_context(echo));
    let settings = authority.client();
    let connect = |count: usize| -> Vec<_> {
        let connected = (0..count).map(|_| {
            let mut client = scene.connect(&settings).unwrap();
            echoed(&mut client, b"hello");
            client
        });
        connected.collect()
    };
    let _warm = connect(20);
    let before = proc::resident();
    let _clients = connect(CLIENTS);
    wait_until("all are idle", || {
        scene.handle().connections().iter().filter(|client| client.idle).count() == CLIENTS + 20
    });
    let each = proc::resident().saturating_sub(before) / CLIENTS;
    println!("{each} bytes a client");
    assert!(each < MOST, "{each} bytes a client");
}
