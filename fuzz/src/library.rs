//! The fuzz targets of the library, for the fuzzer and for a test.

#[path = "../../examples/file_server/frame.rs"]
mod frame;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use greenserve::net::{Address, Peer, SystemStream};
use greenserve::{Failure, ProxyProtocol, StreamHandler, StreamOptions, StreamRequest, each_stream};

use crate::ask::Server;
use frame::{MAX_FRAME, read_frame, write_frame};

/// The text of an address is shown as a text that reads as the same address,
/// and a Python pair of host and port is an address of that port.
pub fn address(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for address in [text.parse::<Address>(), Address::try_from((text, 80))] {
        match address {
            Ok(address) => {
                let shown = address.to_string();
                let again = shown.parse::<Address>();
                assert!(
                    again.is_ok_and(|again| again == address),
                    "{text:?} is shown as {shown:?}"
                );
            }
            Err(err) => assert!(err.is_usage() && !err.to_string().is_empty(), "{err}"),
        }
    }
    assert!(Address::try_from((text, 80)).map_or(true, |address| address.port() == Some(80)));
}

/// Of whatever a proxy sends, a header is taken and nothing behind it, at most
/// 16 bytes with 4,096 of addresses and values behind them; what is none is
/// refused with the proxy's name.
pub fn proxy_header(bytes: &[u8]) {
    static PROXIES: OnceLock<ProxyProtocol> = OnceLock::new();
    let proxies = PROXIES.get_or_init(|| ProxyProtocol::trusting(["10.0.0.0/8"]).expect("a network"));
    let proxy = Peer::from(SocketAddr::from(([10, 0, 0, 1], 7)));
    let mut rest = bytes;
    let read = proxies.read(&mut rest, &proxy);
    let taken = &bytes[..bytes.len() - rest.len()];
    assert!(taken.len() <= 16 + 4096);
    match read {
        Ok(forwarded) => {
            assert!(taken.ends_with(b"\r\n") || taken.starts_with(b"\r\n\r\n\0\r\nQUIT\n"));
            assert!(forwarded.is_none_or(|forwarded| *forwarded.proxy() == proxy));
            let mut again = taken;
            assert!(proxies.read(&mut again, &proxy).is_ok() && again.is_empty());
        }
        Err(err) => assert!(err.to_string().contains("10.0.0.1:7"), "{err}"),
    }
}

/// The longest part that is read at once.
const LIMIT: u64 = 64;
/// What one connection brings at most: it fits into the socket's buffer, so
/// that the client need not read while it writes.
const LONGEST: usize = 16 * 1024;

/// A handler reads from its connection what it would read from the bytes, however
/// small its buffer is, and sends as much. The first byte is the size of the
/// buffers.
pub fn lines(bytes: &[u8]) {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static BUFFER: AtomicUsize = AtomicUsize::new(0);
    let Some((size, bytes)) = bytes.split_first() else {
        return;
    };
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    BUFFER.store(usize::from(*size), Ordering::Relaxed);
    let start = || {
        let handler = each_stream(|| Parts(BUFFER.load(Ordering::Relaxed)));
        Server::new(handler)
    };
    let answer = SERVER.get_or_init(start).ask(bytes);
    let mut expected = Vec::new();
    answer_parts(&mut &bytes[..], &mut expected).expect("reading from memory");
    assert_eq!(answer.escape_ascii().to_string(), expected.escape_ascii().to_string());
}

/// Answers every line, and every part of a line that is too long, with its
/// length and itself.
struct Parts(usize);

impl<S: SystemStream> StreamHandler<S> for Parts {
    fn options(&self) -> StreamOptions {
        StreamOptions {
            rbufsize: self.0,
            wbufsize: self.0,
            ..StreamOptions::default()
        }
    }

    fn handle(&mut self, request: &mut StreamRequest<S>) -> Result<(), Failure> {
        Ok(answer_parts(&mut request.rfile, &mut request.wfile)?)
    }
}

fn answer_parts(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
    let mut part = Vec::new();
    while from.take(LIMIT).read_until(b'\n', &mut part)? > 0 {
        to.write_all(&[part.len() as u8])?;
        to.write_all(&part)?;
        part.clear();
    }
    Ok(())
}

/// Frames are the same however the bytes are cut, and are written as they were
/// read.
pub fn frames(bytes: &[u8]) {
    let (whole, error) = all_frames(bytes, MAX_FRAME);
    for size in [1, 3] {
        assert_eq!(
            all_frames(bytes, size),
            (whole.clone(), error),
            "{size} bytes at a time"
        );
    }
    let mut written = Vec::new();
    for frame in &whole {
        assert!(frame.len() <= MAX_FRAME);
        write_frame(&mut written, frame).expect("a frame that was read");
    }
    assert!(bytes.starts_with(&written));
    assert_eq!(error.is_none(), written.len() == bytes.len());
}

fn all_frames(bytes: &[u8], buffer: usize) -> (Vec<Vec<u8>>, Option<io::ErrorKind>) {
    let mut from = BufReader::with_capacity(buffer, bytes);
    let mut frames = Vec::new();
    loop {
        match read_frame(&mut from) {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(err) => return (frames, Some(err.kind())),
        }
    }
}
