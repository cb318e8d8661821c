//! Server on an event loop and nothing else: no coroutine, task or thread per
//! client, no scheduler.
//!
//! Run: `peer-epoll [--listen HOST:PORT] [--serve echo|http]`
//!
//! Not a rival but a floor: one `recv` and one `send` an echo, an epoll wait
//! that many clients share, and one buffer for all. Whatever serves echoes
//! through epoll spends at least this.
//!
//! As a server of HTTP it parses nothing: what all clients of the benchmark ask
//! is looked at once, and then answered as often as its bytes come, with bytes
//! that were made before.
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
/// Of HTTP: sixteen requests fit into it.
const HTTP_BUFFER_SIZE: usize = 4096;

fn main() -> io::Result<()> {
    let mut service = Service::Echo;
    let options = Options::parse_with(|name, value| match (name, value) {
        ("--serve", "echo") => true,
        ("--serve", "http") => {
            service = Service::Http(Answers::default());
            true
        }
        _ => false,
    });
    let listener = listen(options.listen)?;
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    announce(listener.local_addr()?)?;

    let mut clients = Clients::default();
    let mut events = Events::with_capacity(EVENTS_AT_ONCE);
    let mut buffer = vec![
        0;
        match service {
            Service::Echo => BUFFER_SIZE,
            Service::Http(_) => HTTP_BUFFER_SIZE,
        }
    ];
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            match event.token() {
                LISTENER => clients.accept_all(&listener, &poll)?,
                Token(place) => clients.serve(place, &mut buffer, &mut service),
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

    fn serve(&mut self, place: usize, buffer: &mut [u8], service: &mut Service) {
        let Some(stream) = &mut self.streams[place] else {
            return;
        };
        if !matches!(serve(stream, buffer, service), Ok(Served::All)) {
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

fn serve(stream: &mut TcpStream, buffer: &mut [u8], service: &mut Service) -> io::Result<Served> {
    loop {
        let count = match stream.read(buffer) {
            Ok(0) => return Ok(Served::End),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Served::All),
            Err(error) => return Err(error),
        };
        match service {
            Service::Echo => stream.write_all(&buffer[..count])?,
            Service::Http(answers) => {
                if let Served::End = answers.give(&buffer[..count], stream)? {
                    return Ok(Served::End);
                }
            }
        }
        if count < buffer.len() {
            return Ok(Served::All);
        }
    }
}

/// What is done with what clients send.
enum Service {
    Echo,
    Http(Answers),
}

/// The request that came last, and its whole answer.
#[derive(Default)]
struct Answers {
    request: Vec<u8>,
    answer: Vec<u8>,
    /// Whether the connection ends with it.
    closes: bool,
    /// Answers that go out together.
    ready: Vec<u8>,
}

impl Answers {
    /// Answers the requests in `bytes`. A client that cuts one, or asks for
    /// something else in between, is none of the benchmark's.
    fn give(&mut self, bytes: &[u8], stream: &mut TcpStream) -> io::Result<Served> {
        if self.request.is_empty() || !bytes.starts_with(&self.request) {
            self.learn(bytes)?;
        }
        let requests = bytes.len() / self.request.len();
        if requests == 1 {
            stream.write_all(&self.answer)?;
        } else {
            self.ready.clear();
            (0..requests).for_each(|_| self.ready.extend_from_slice(&self.answer));
            stream.write_all(&self.ready)?;
        }
        Ok(if self.closes { Served::End } else { Served::All })
    }

    fn learn(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let request = &bytes[..end.ok_or(ErrorKind::InvalidData)? + 4];
        let body = match request.starts_with(b"GET /64k ") {
            true => "0123456789abcdef".repeat(4096),
            false => "Hello, world!".to_owned(),
        };
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\ndate: {date}\r\ncontent-length: {length}\r\n\r\n");
        self.answer = (head + &body).into_bytes();
        self.closes = request.windows(17).any(|window| window == b"Connection: close");
        self.request = request.to_vec();
        Ok(())
    }
}
