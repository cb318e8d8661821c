//! Connections in memory for the fuzz targets, whose reads are as short as one
//! likes.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Mutex;
use std::time::Instant;

use greenserve::net::{Deadlines, Peer, UnixStream};
use greenserve::{Context, Handler, Transport, with_context};

use crate::ask::Server;

/// How many bytes a read gives at most, one answer each.
const SIZES: [usize; 3] = [usize::MAX, 7, 1];

const AT_MOST_READS: usize = 8 * 1024;

/// A server that answers the same bytes several times, cut in other places each
/// time.
pub struct InPieces(Server);

impl InPieces {
    pub fn new(handler: impl Handler<Memory>) -> InPieces {
        let answer =
            with_context(move |client: &mut UnixStream, context: &Context| answer_all(&handler, client, context));
        InPieces(Server::new(answer))
    }

    /// What is answered to bytes that come whole, and in pieces.
    pub fn ask(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let all = self.0.ask(bytes);
        let mut rest = &all[..];
        let answers = SIZES.map(|_| {
            let (length, bytes) = rest.split_first_chunk().expect("a length");
            let (answer, behind) = bytes.split_at(u32::from_be_bytes(*length) as usize);
            rest = behind;
            answer.to_vec()
        });
        assert!(rest.is_empty());
        answers.into()
    }
}

fn answer_all(handler: &impl Handler<Memory>, client: &mut UnixStream, context: &Context) -> io::Result<()> {
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes)?;
    for most in SIZES {
        // Byte by byte as far as that takes no time to speak of.
        let most = most.max(bytes.len() / AT_MOST_READS);
        let mut memory = Memory::new(bytes.clone(), most);
        // What fails has been told to the client, or is not to be told.
        let _ = handler.handle(&mut memory, context);
        let answer = memory.written.into_inner().expect("no panic");
        client.write_all(&(answer.len() as u32).to_be_bytes())?;
        client.write_all(&answer)?;
    }
    Ok(())
}

/// A client that has sent all it will.
#[derive(Debug)]
pub struct Memory {
    left: Mutex<io::Cursor<Vec<u8>>>,
    most: usize,
    written: Mutex<Vec<u8>>,
}

impl Memory {
    fn new(bytes: Vec<u8>, most: usize) -> Memory {
        Memory {
            left: Mutex::new(io::Cursor::new(bytes)),
            most,
            written: Mutex::default(),
        }
    }
}

impl Transport for Memory {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.most);
        self.left.lock().expect("no panic").read(&mut buffer[..most])
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read(buffer)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.written.lock().expect("no panic").write(bytes)
    }

    fn write_vectored(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.written.lock().expect("no panic").write_vectored(bytes)
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn wait_for_request(&self, _: &Context) -> io::Result<bool> {
        Ok(true)
    }

    fn has_read_ahead(&self) -> bool {
        false
    }

    fn shutdown(&self, _: Shutdown) -> io::Result<()> {
        Ok(())
    }

    fn set_read_deadline(&self, _: Option<Instant>) {}

    fn set_write_deadline(&self, _: Option<Instant>) {}

    fn set_deadlines(&self, _: Deadlines) {}

    fn deadlines(&self) -> Deadlines {
        Deadlines::default()
    }

    fn peer(&self) -> io::Result<Peer> {
        Ok(Peer::from(SocketAddr::from(([127, 0, 0, 1], 7))))
    }

    fn local(&self) -> io::Result<Peer> {
        self.peer()
    }
}
