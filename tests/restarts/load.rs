//! Clients that ask without a pause, and connect again when their server ends.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::support::{LIMIT, Seeded};

/// Talks over one connection until that ends, or the load does.
pub trait Client: Fn(SocketAddr, &mut Talk<'_>) + Send + Sync + 'static {}

impl<C: Fn(SocketAddr, &mut Talk<'_>) + Send + Sync + 'static> Client for C {}

/// What all clients have seen.
#[derive(Debug, Default)]
struct Tally {
    stop: AtomicBool,
    connections: AtomicU64,
    answers: AtomicU64,
    cut: AtomicU64,
    in_the_dark: AtomicU64,
}

/// What all clients have seen in the end.
#[derive(Debug)]
pub struct Seen {
    /// That served one message at least.
    pub connections: u64,
    /// That came whole.
    pub answers: u64,
    /// Of which a part came.
    pub cut: u64,
    /// Conversations whose end was not said.
    pub in_the_dark: u64,
}

pub struct Load {
    tally: Arc<Tally>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    pub fn start(address: SocketAddr, clients: u64, client: impl Client) -> Load {
        let (tally, client) = (Arc::new(Tally::default()), Arc::new(client));
        let clients = (0..clients)
            .map(|seed| {
                let (tally, client) = (Arc::clone(&tally), Arc::clone(&client));
                thread::spawn(move || again_and_again(address, &tally, Seeded::new(seed), &*client))
            })
            .collect();
        Load { tally, clients }
    }

    pub fn answers(&self) -> u64 {
        self.tally.answers.load(Ordering::SeqCst)
    }

    pub fn end(self) -> Seen {
        self.tally.stop.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.join().unwrap();
        }
        let of = |count: &AtomicU64| count.load(Ordering::SeqCst);
        Seen {
            connections: of(&self.tally.connections),
            answers: of(&self.tally.answers),
            cut: of(&self.tally.cut),
            in_the_dark: of(&self.tally.in_the_dark),
        }
    }
}

fn again_and_again(address: SocketAddr, tally: &Tally, chance: Seeded, client: &impl Client) {
    let mut talk = Talk {
        tally,
        chance,
        has_connected: false,
    };
    while talk.goes_on() {
        talk.has_connected = false;
        client(address, &mut talk);
        // Refused perhaps: the next server will be there soon.
        if !talk.has_connected {
            thread::sleep(Duration::from_micros(200));
        }
    }
}

/// The talk of one client over one connection.
pub struct Talk<'a> {
    tally: &'a Tally,
    chance: Seeded,
    has_connected: bool,
}

impl Talk<'_> {
    /// A connection whose waits end; `None` while nobody listens.
    pub fn connect(&mut self, address: SocketAddr) -> Option<TcpStream> {
        let stream = TcpStream::connect_timeout(&address, LIMIT).ok()?;
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream.set_nodelay(true).unwrap();
        self.has_connected = true;
        Some(stream)
    }

    /// Whether there shall be another message.
    pub fn goes_on(&self) -> bool {
        !self.tally.stop.load(Ordering::SeqCst)
    }

    pub fn message(&mut self) -> Vec<u8> {
        let length = self.chance.below(3000);
        self.chance.bytes(length)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.chance.below(bound)
    }

    /// A whole answer came, the first over its connection perhaps.
    pub fn answered(&self, is_first: bool) {
        self.tally.answers.fetch_add(1, Ordering::SeqCst);
        self.tally.connections.fetch_add(u64::from(is_first), Ordering::SeqCst);
    }

    /// A part of an answer came.
    pub fn cut(&self) {
        self.tally.cut.fetch_add(1, Ordering::SeqCst);
    }

    /// A conversation ended, and nobody said so.
    pub fn left_in_the_dark(&self) {
        self.tally.in_the_dark.fetch_add(1, Ordering::SeqCst);
    }
}

/// Whether a wait took longer than anything here may.
pub fn is_late(err: &std::io::Error) -> bool {
    matches!(
        err.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
    )
}
