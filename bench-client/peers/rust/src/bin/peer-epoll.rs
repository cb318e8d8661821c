//! Echo server on an event loop and nothing else: no coroutine, task or thread
//! per client, no scheduler.
//!
//! Run: `peer-epoll [--listen HOST:PORT]`
//!
//! Not a rival but a floor: one `recv` and one `send` an echo, an epoll wait
//! that many clients share, and one buffer for all. Whatever serves echoes
//! through epoll spends at least this.
//!
//! Choices made:
//! - edge-triggered; a read that did not fill the buffer took all there was,
//!   so the next one waits, as ours does;
//! - a client that does not take its answer at once is dropped: a floor need
//!   not queue, and the clients of the benchmark always take it;
//! - `--workers` is accepted and ignored: there is one thread.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use peers::{ACCEPT_RETRY, BUFFER_SIZE, Options, accept_failed, announce, listen};

const LISTENER: Token = Token(usize::MAX);
const EVENTS_AT_ONCE: usize = 1024;

fn main() -> io::Result<()> {
    let options = Options::parse();
    let listener = listen(options.listen)?;
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    announce(listener.local_addr()?)?;

    let mut clients = Clients::default();
    let mut events = Events::with_capacity(EVENTS_AT_ONCE);
    let mut buffer = [0; BUFFER_SIZE];
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            match event.token() {
                LISTENER => clients.accept_all(&listener, &poll)?,
                Token(place) => clients.serve(place, &mut buffer),
            }
        }
    }
}

/// Connections by their token, and the places that are free.
#[derive(Default)]
struct Clients {
    streams: Vec<Option<TcpStream>>,
    free: Vec<usize>,
}

impl Clients {
    fn accept_all(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<()> {
        loop {
            match listener.accept() {
                Ok((stream, _)) => self.add(stream, poll)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => {
                    accept_failed(&error);
                    std::thread::sleep(ACCEPT_RETRY);
                }
            }
        }
    }

    fn add(&mut self, mut stream: TcpStream, poll: &Poll) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let place = self.free.pop().unwrap_or_else(|| {
            self.streams.push(None);
            self.streams.len() - 1
        });
        poll.registry()
            .register(&mut stream, Token(place), Interest::READABLE)?;
        self.streams[place] = Some(stream);
        Ok(())
    }

    fn serve(&mut self, place: usize, buffer: &mut [u8]) {
        let Some(stream) = &mut self.streams[place] else {
            return;
        };
        if !matches!(echo(stream, buffer), Ok(Served::All)) {
            self.streams[place] = None;
            self.free.push(place);
        }
    }
}

enum Served {
    /// What there was; more will be reported.
    All,
    /// The client has said all it had to say.
    End,
}

fn echo(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Served> {
    loop {
        let count = match stream.read(buffer) {
            Ok(0) => return Ok(Served::End),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Served::All),
            Err(error) => return Err(error),
        };
        stream.write_all(&buffer[..count])?;
        if count < buffer.len() {
            return Ok(Served::All);
        }
    }
}
