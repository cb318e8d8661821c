//! A server whose handlers tell what they were asked, over connections that
//! give their bytes in pieces.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use greenserve::http::{self, Handler as _, Limits, Refusal, Request, Response, StatusCode};
use greenserve::net::{Peer, UnixStream};
use greenserve::testing::TestServer;
use greenserve::{Builder, Context, Deadlines, Failure, Handler, Model, Transport, Unix, UnixServer, with_context};

/// Small enough to be exceeded by short texts.
pub(crate) fn limits() -> Limits {
    Limits::new()
        .request_line(120)
        .header_bytes(300)
        .headers(8)
        .body(500)
        .chunk_extensions(20)
        .trailer_bytes(60)
        .unread_body(200)
        .requests(5)
}

/// Where bytes are cut for the handler: what a client says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Not at all.
    Nowhere,
    At(usize),
    Everywhere,
}

impl Cut {
    pub(crate) fn to_bytes(self) -> [u8; 4] {
        let number = match self {
            Cut::Nowhere => u32::MAX - 1,
            Cut::Everywhere => u32::MAX,
            Cut::At(at) => u32::try_from(at).unwrap(),
        };
        number.to_be_bytes()
    }

    fn from_bytes(bytes: [u8; 4]) -> Cut {
        match u32::from_be_bytes(bytes) {
            u32::MAX => Cut::Everywhere,
            number if number == u32::MAX - 1 => Cut::Nowhere,
            number => Cut::At(number as usize),
        }
    }
}

/// A connection whose reads end at the cut.
#[derive(Debug)]
struct Pieces {
    inner: UnixStream,
    cut: Cut,
    read: AtomicUsize,
}

impl Pieces {
    fn most(&self, room: usize) -> usize {
        match self.cut {
            Cut::Nowhere => room,
            Cut::Everywhere => room.min(1),
            Cut::At(at) => match at.saturating_sub(self.read.load(Ordering::Relaxed)) {
                0 => room,
                left => left.min(room),
            },
        }
    }

    fn count(&self, count: io::Result<usize>) -> io::Result<usize> {
        self.read.fetch_add(*count.as_ref().unwrap_or(&0), Ordering::Relaxed);
        count
    }
}

impl Transport for Pieces {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.most(buffer.len());
        self.count(Transport::read(&self.inner, &mut buffer[..most]))
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.most(buffer.len());
        self.count(Transport::try_read(&self.inner, &mut buffer[..most]))
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Transport::write(&self.inner, bytes)
    }

    fn write_vectored(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        Transport::write_vectored(&self.inner, bytes)
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn wait_for_request(&self, context: &Context) -> io::Result<bool> {
        Transport::wait_for_request(&self.inner, context)
    }

    fn has_read_ahead(&self) -> bool {
        false
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.shutdown(how)
    }

    fn set_read_deadline(&self, deadline: Option<Instant>) {
        self.inner.set_read_deadline(deadline);
    }

    fn set_write_deadline(&self, deadline: Option<Instant>) {
        self.inner.set_write_deadline(deadline);
    }

    fn set_deadlines(&self, deadlines: Deadlines) {
        self.inner.set_deadlines(deadlines);
    }

    fn deadlines(&self) -> Deadlines {
        self.inner.deadlines()
    }

    fn peer(&self) -> io::Result<Peer> {
        self.inner.peer()
    }

    fn local(&self) -> io::Result<Peer> {
        self.inner.local()
    }
}

/// The server of the table; each connection begins with its [`Cut`].
pub(crate) fn builder() -> Builder<Unix> {
    let http = http::serve(describe).limits(limits());
    let serve = move |client: &mut UnixStream, context: &Context| -> Result<(), Failure> {
        let mut cut = [0; 4];
        client.read_exact(&mut cut)?;
        let mut pieces = Pieces {
            inner: client.try_clone()?,
            cut: Cut::from_bytes(cut),
            read: AtomicUsize::new(0),
        };
        http.handle(&mut pieces, context)
    };
    UnixServer::builder(with_context(serve))
}

pub(crate) fn start<M: Model>(model: M) -> TestServer<Unix, M> {
    TestServer::build(builder().model(model)).unwrap()
}

/// Tells the request, or does what the path says.
pub(crate) fn describe(request: &mut Request<'_>, response: &mut Response<'_>) -> http::Result {
    match request.path() {
        "/probe" => response.send("probe"),
        "/ignore" => response.send("ignored"),
        "/fail" => Err("a secret".into()),
        "/panic" => panic!("a secret"),
        "/busy" => Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "come again").into()),
        "/sized" => sized(request, response),
        "/own" => match request.body().text(400) {
            Ok(text) => response.send(text),
            Err(_) => response.send("told"),
        },
        "/refuse" => Err(Refusal::new(StatusCode::FORBIDDEN, "not you").into()),
        "/nothing" => Ok(()),
        "/close" => {
            response.header("connection", "close")?;
            response.send("bye")
        }
        "/205/flushed" => {
            response.set_status(StatusCode::RESET_CONTENT);
            response.write_all(b"dropped")?;
            Ok(response.flush()?)
        }
        "/204" | "/205" | "/304" => {
            let status = request.path().trim_start_matches('/').parse::<u16>()?;
            response.set_status(StatusCode::from_u16(status)?);
            response.send("dropped")
        }
        "/101" => {
            response.set_status(StatusCode::SWITCHING_PROTOCOLS);
            response.send("")
        }
        path if path.starts_with("/split/") => split(path, response),
        "/trailers" => {
            io::copy(request.body(), &mut io::sink())?;
            let trailer = request.body().trailers().get("x").cloned();
            response.send(trailer.map_or("none".into(), |value| value.as_bytes().to_vec()))
        }
        path if path.starts_with("/write") => write(path, response),
        _ => tell(request, response),
    }
}

/// Takes no body whose size it is not told.
fn sized(request: &mut Request<'_>, response: &mut Response<'_>) -> http::Result {
    match request.body().remaining() {
        Some(size) => response.send(size.to_string()),
        None => Err(Refusal::new(StatusCode::LENGTH_REQUIRED, "say how long it is").into()),
    }
}

/// What would be read as another header, or as the end of the head.
pub(crate) const SPLITTING: &[(&str, &str)] = &[
    ("a line end", "a\r\nb: c"),
    ("the end of a head", "a\r\n\r\nb"),
    ("a line feed", "a\nb: c"),
    ("a carriage return", "a\rb"),
    ("a NUL", "a\0b"),
    ("a DEL", "a\x7fb"),
];

/// Puts it where a header has a value, a header has its name, or a trailer has
/// a value.
fn split(path: &str, response: &mut Response<'_>) -> http::Result {
    let mut parts = path.split('/').skip(2);
    let (place, number) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let text = SPLITTING[number.parse::<usize>()?].1;
    match place {
        "value" => response.header("x", text)?,
        "name" => response.header(text, "x")?,
        _ => response.trailer("x", text)?,
    };
    response.send("it was taken")
}

fn write(path: &str, response: &mut Response<'_>) -> http::Result {
    match path {
        "/write/flushed" => {
            response.write_all(b"abc")?;
            response.flush()?;
            response.write_all(b"def")?;
        }
        "/write/trailer" => {
            response.trailer("x-sum", "7")?;
            response.write_all(b"abc")?;
            response.flush()?;
        }
        "/write/long" => (0..2000).try_for_each(|_| response.write_all(b"0123456789"))?,
        "/write/sized" => {
            response.header("content-length", "6")?;
            response.write_all(b"abc")?;
            response.flush()?;
            response.write_all(b"def")?;
        }
        "/write/short" => {
            response.header("content-length", "6")?;
            response.write_all(b"abc")?;
            response.flush()?;
        }
        "/write/much" => {
            response.header("content-length", "2")?;
            response.write_all(b"abc")?;
            response.flush()?;
        }
        "/write/failed" => {
            response.write_all(b"abc")?;
            response.flush()?;
            return Err("a secret".into());
        }
        "/write/unsent" => {
            response.write_all(b"abc")?;
            return Err("a secret".into());
        }
        "/write/encoding" => {
            response.header("transfer-encoding", "gzip")?;
            response.write_all(b"abc")?;
        }
        _ => response.write_all(b"abc")?,
    }
    Ok(())
}

/// `METHOD PATH[?QUERY] HOST BODY`
fn tell(request: &mut Request<'_>, response: &mut Response<'_>) -> http::Result {
    let body = request.body().text(400)?;
    let query = request.query().map(|query| format!("?{query}")).unwrap_or_default();
    let text = format!(
        "{} {}{query} {} {body}",
        request.method(),
        request.path(),
        request.authority().unwrap_or("-"),
    );
    response.send(text.trim_end())
}

/// So that it is used as a handler of HTTP, too.
#[test]
fn a_function_is_a_handler() {
    fn is(_: impl http::Handler) {}
    is(describe);
    is(|request: &mut Request<'_>, response: &mut Response<'_>| describe.handle(request, response));
}
