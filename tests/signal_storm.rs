//! Reads and writes of a thread in a storm of signals. A handler for signals
//! belongs to the whole process, so this is one of its own.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use greenserve::net::SystemStream;
use greenserve::testing::TestServer;
use greenserve::{Failure, StreamHandler, StreamRequest, TcpServer, each_stream};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use support::{LIMIT, Seeded, connect, wait_until};

/// Much more than fits the buffers between two sockets.
const SIZE: usize = 8 << 20;

const BIT: usize = 64 << 10;

static HIT: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: libc::c_int) {
    HIT.fetch_add(1, Ordering::Relaxed);
}

/// Reads [`SIZE`] bytes and sends them back in one write.
struct Echo {
    thread: mpsc::Sender<libc::pthread_t>,
    calm: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl<S: SystemStream> StreamHandler<S> for Echo {
    fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        // SAFETY: it only names the calling thread.
        self.thread.send(unsafe { libc::pthread_self() })?;
        let mut heard = vec![0; SIZE];
        client.rfile.read_exact(&mut heard)?;
        assert_eq!(client.wfile.write(&heard)?, SIZE, "a write to wfile is a whole one");
        // The thread must live for as long as it is sent signals.
        self.calm.lock().unwrap().recv_timeout(LIMIT)?;
        Ok(())
    }
}

/// Sends all and reads all, bit by bit, with a signal at the least for each.
fn exchange(client: &mut TcpStream, said: &[u8], heard: &mut [u8]) -> io::Result<()> {
    for bit in said.chunks(BIT) {
        await_signal();
        client.write_all(bit)?;
    }
    for bit in heard.chunks_mut(BIT) {
        await_signal();
        client.read_exact(bit)?;
    }
    Ok(())
}

fn await_signal() {
    let before = HIT.load(Ordering::Relaxed);
    wait_until("the thread is interrupted", || HIT.load(Ordering::Relaxed) > before);
}

/// Interrupts `thread` until it is told to end.
fn storm(thread: libc::pthread_t, over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        // SAFETY: the thread lives until the storm is over.
        unsafe { libc::pthread_kill(thread, libc::SIGUSR1) };
        thread::yield_now();
    }
}

#[test]
fn nothing_is_cut_by_a_storm_of_signals() {
    // Without SA_RESTART: system calls are interrupted.
    let action = SigAction::new(SigHandler::Handler(count), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler only adds to an atomic.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
    let (sender, threads) = mpsc::channel();
    let (calm, calmed) = mpsc::channel();
    let calmed = Arc::new(Mutex::new(calmed));
    let handler = each_stream(move || Echo {
        thread: sender.clone(),
        calm: Arc::clone(&calmed),
    });
    let server = TestServer::build(TcpServer::builder(handler).threads()).unwrap();

    let mut client = connect(server.address());
    let thread = threads.recv_timeout(LIMIT).unwrap();
    let over = AtomicBool::new(false);
    let said = Seeded::new(1).bytes(SIZE);
    let mut heard = vec![0; SIZE];
    let exchanged = thread::scope(|scope| {
        scope.spawn(|| storm(thread, &over));
        let exchanged = exchange(&mut client, &said, &mut heard);
        over.store(true, Ordering::SeqCst);
        exchanged
    });
    calm.send(()).unwrap();
    exchanged.unwrap();
    assert!(heard == said, "other bytes came back than were sent");
}
