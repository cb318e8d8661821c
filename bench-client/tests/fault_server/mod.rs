//! An echo server with faults of a known number.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Bytes in a message of the tests.
pub(crate) const SIZE: usize = 64;
/// Messages that are answered well before the faults begin.
const BEFORE: u64 = 200;

/// What the server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It answers byte by byte, which is right.
    SingleBytes,
    /// It changes byte 40.
    Corrupt,
    /// It answers with another client's last message.
    Misroute,
    /// It closes instead of answering.
    CloseEarly,
    /// It closes after half an answer.
    Truncate,
    /// It resets the connection instead of answering.
    Reset,
    /// It stops answering for good.
    Freeze,
    /// It accepts, but serves only the first ten connections.
    Starve,
}

/// Serves for as long as the test runs.
#[derive(Debug)]
pub(crate) struct FaultServer {
    address: SocketAddr,
}

struct Shared {
    fault: Fault,
    faults: u64,
    messages: AtomicU64,
    connections: AtomicU64,
    /// The last two messages of different connections.
    recent: Mutex<Vec<(u64, [u8; SIZE])>>,
}

impl FaultServer {
    /// A server that makes `fault` exactly `faults` times.
    pub(crate) fn start(fault: Fault, faults: u64) -> FaultServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            fault,
            faults,
            messages: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            recent: Mutex::default(),
        });
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.serve(client));
            }
        });
        FaultServer { address }
    }

    /// As `bench-client` takes it.
    pub(crate) fn target(&self) -> String {
        format!("tcp://{}", self.address)
    }
}

impl Shared {
    /// A client that fails is the test's business, which sees the report.
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let connection = self.connections.fetch_add(1, Ordering::SeqCst);
        if self.fault == Fault::Starve && connection >= 10 {
            std::thread::sleep(Duration::from_secs(60));
        }
        client.set_nodelay(true)?;
        let mut message = [0; SIZE];
        loop {
            client.read_exact(&mut message)?;
            let other = self.swap_recent(connection, message);
            let number = self.messages.fetch_add(1, Ordering::SeqCst);
            if self.fault == Fault::Freeze && number >= BEFORE {
                std::thread::sleep(Duration::from_secs(60));
            }
            let faulty = (BEFORE..BEFORE + self.faults).contains(&number);
            match self.fault {
                Fault::Corrupt if faulty => message[40] ^= 0x80,
                Fault::Misroute if faulty => message = other.expect("200 messages came before"),
                Fault::CloseEarly if faulty => return Ok(()),
                Fault::Truncate if faulty => return client.write_all(&message[..SIZE / 2]),
                Fault::Reset if faulty => {
                    return socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO));
                }
                Fault::SingleBytes => {
                    for byte in message {
                        client.write_all(&[byte])?;
                    }
                    continue;
                }
                _ => {}
            }
            client.write_all(&message)?;
        }
    }

    /// Remembers this message and returns another connection's.
    fn swap_recent(&self, connection: u64, message: [u8; SIZE]) -> Option<[u8; SIZE]> {
        let mut recent = self.recent.lock().expect("nobody panics while holding it");
        let other = recent.iter().find(|(number, _)| *number != connection).copied();
        recent.retain(|(number, _)| *number != connection);
        recent.insert(0, (connection, message));
        recent.truncate(2);
        other.map(|(_, message)| message)
    }
}
