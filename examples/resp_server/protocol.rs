//! Commands and replies on the wire: RESP2, as Redis documents it.

use std::io::{self, BufRead, Read, Write};

/// Bounds of what a client may make us hold: bytes of a line and of an
/// argument, arguments of a command.
const LONGEST_LINE: u64 = 64 * 1024;
const LONGEST_ARGUMENT: usize = 1024 * 1024;
const MOST_ARGUMENTS: usize = 1024;

/// What a command is answered with.
#[derive(Debug)]
pub(crate) enum Reply {
    Simple(&'static str),
    Error(String),
    Integer(i64),
    Bulk(Option<Vec<u8>>),
}

impl Reply {
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Reply::Simple(text) => write!(to, "+{text}\r\n"),
            Reply::Error(text) => write!(to, "-ERR {text}\r\n"),
            Reply::Integer(number) => write!(to, ":{number}\r\n"),
            Reply::Bulk(None) => to.write_all(b"$-1\r\n"),
            Reply::Bulk(Some(bytes)) => {
                write!(to, "${}\r\n", bytes.len())?;
                to.write_all(bytes)?;
                to.write_all(b"\r\n")
            }
        }
    }
}

/// The next command and its arguments; `None` at the end of the connection.
///
/// Clients send an array of texts, people a line of words.
pub(crate) fn read_command(from: &mut impl BufRead) -> io::Result<Option<Vec<Vec<u8>>>> {
    loop {
        let Some(line) = read_line(from)? else {
            return Ok(None);
        };
        if let Some(count) = line.strip_prefix(b"*") {
            let count = number(count, MOST_ARGUMENTS)?;
            return (0..count)
                .map(|_| read_argument(from))
                .collect::<io::Result<_>>()
                .map(Some);
        }
        let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let words: Vec<_> = words.map(<[u8]>::to_owned).collect();
        if !words.is_empty() {
            return Ok(Some(words));
        }
    }
}

fn read_argument(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let line = read_line(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let length = line.strip_prefix(b"$").ok_or_else(|| malformed("expected '$'"))?;
    let mut bytes = vec![0; number(length, LONGEST_ARGUMENT)?];
    from.read_exact(&mut bytes)?;
    let mut end = [0; 2];
    from.read_exact(&mut end)?;
    if end == *b"\r\n" {
        Ok(bytes)
    } else {
        Err(malformed("a text is longer than it said"))
    }
}

/// A line without its end; `None` at the end of the connection.
fn read_line(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let count = from.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if count == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(malformed("a line is too long, or cut off"));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(line))
}

fn number(text: &[u8], most: usize) -> io::Result<usize> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number
        .filter(|number| *number <= most)
        .ok_or_else(|| malformed("a length is no number, or too large"))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
