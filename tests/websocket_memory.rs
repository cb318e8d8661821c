//! What a client of a WebSocket has of memory, whatever it announces.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(unsafe_code, reason = "an allocator that counts")]

mod common;
#[path = "websocket/raw.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod raw;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{client, ip};
use greenserve::testing::TestServer;
use greenserve::websocket::{self, WebSocket};
use greenserve::{Tcp, http};
use raw::{BINARY, LAST, PING, PONG, Raw, TEXT, frame, head};

/// The system's allocator, with a count of what is in use.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const CLIENTS: usize = 20;
const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// What a client has beside its message, the 8 KiB with which the test reads
/// among it.
const OWN: usize = 48 * KIB;

fn takes(socket: &mut WebSocket<'_>) -> io::Result<()> {
    while let Some(message) = socket.recv()? {
        let length = message.as_bytes().len();
        drop(message);
        socket.send(length.to_string())?;
    }
    Ok(())
}

/// What each client has after `say`, of which the server has seen all.
fn each_takes(say: impl Fn(&mut Raw)) -> usize {
    let server = TestServer::<Tcp>::start(http::serve(websocket::serve(takes))).unwrap();
    let mut first = Raw::open(client(ip(server.address())));
    say(&mut first);
    let before = IN_USE.load(Ordering::Relaxed);
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Raw::open(client(ip(server.address())))).collect();
    clients.iter_mut().for_each(say);
    let taken = IN_USE.load(Ordering::Relaxed).saturating_sub(before) / CLIENTS;
    drop(clients);
    taken
}

#[test]
fn a_client_has_memory_for_what_it_has_sent_of_a_message() {
    let announced = each_takes(|client| {
        // The answer leaves when the head behind it has been looked at.
        client.send(&[frame(LAST | PING, b""), head(LAST | BINARY, MIB as u64)].concat());
        client.hears(LAST | PONG, b"");
    });
    assert!(announced <= OWN, "{announced} bytes for a head of 14");
    let half = each_takes(|client| {
        client.say(BINARY, &vec![1; MIB / 2 + 1]);
        client.say(LAST | PING, b"");
        client.hears(LAST | PONG, b"");
    });
    assert!(half <= OWN + MIB + 2, "{half} bytes for half a MiB");
    assert!(half > MIB / 2, "{half} bytes hold half a MiB: something is not counted");
    let after = each_takes(|client| {
        client.say(LAST | BINARY, &vec![1; MIB]);
        client.hears(LAST | TEXT, MIB.to_string().as_bytes());
    });
    assert!(after <= OWN, "{after} bytes are kept of a message that is gone");
}
