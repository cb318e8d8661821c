//! A client that reads answers as bytes.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use greenserve::http::{self, Handler};
use greenserve::net::UnixStream;
use greenserve::testing::TestServer;
use greenserve::{Model, Unix, UnixServer};
use tempfile::TempDir;

/// An answer, with its headers in lower case.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("-", String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn read(from: &mut impl BufRead, has_body: bool) -> Answer {
        let status = line(from)[9..12].parse().unwrap();
        let mut headers: HashMap<String, String> = HashMap::new();
        loop {
            let line = line(from);
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").unwrap();
            let together = headers.entry(name.to_ascii_lowercase()).or_default();
            if !together.is_empty() {
                together.push_str(", ");
            }
            together.push_str(value);
        }
        let mut body = Vec::new();
        if has_body && status != 304 && status != 204 {
            if let Some(length) = headers.get("content-length") {
                body.resize(length.parse().unwrap(), 0);
                from.read_exact(&mut body).unwrap();
            } else {
                read_chunks(from, &mut body);
            }
        }
        Answer { status, headers, body }
    }
}

fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    line.strip_suffix("\r\n").unwrap().to_owned()
}

fn read_chunks(from: &mut impl BufRead, body: &mut Vec<u8>) {
    loop {
        let size = usize::from_str_radix(&line(from), 16).unwrap();
        let begin = body.len();
        body.resize(begin + size, 0);
        from.read_exact(&mut body[begin..]).unwrap();
        assert_eq!(line(from), "");
        if size == 0 {
            return;
        }
    }
}

/// A connection that is kept over several requests.
pub(crate) struct Client(BufReader<UnixStream>);

impl Client {
    pub(crate) fn of<M: Model>(server: &TestServer<Unix, M>) -> Client {
        Client(BufReader::new(server.connect().unwrap()))
    }

    /// Sends `METHOD TARGET` with header lines.
    pub(crate) fn ask(&mut self, request: &str, headers: &[&str]) -> Answer {
        self.send(request, headers, b"")
    }

    pub(crate) fn send(&mut self, request: &str, headers: &[&str], body: &[u8]) -> Answer {
        self.write(request, headers, body);
        Answer::read(&mut self.0, !request.starts_with("HEAD"))
    }

    /// The answer to a `GET` that was written before.
    #[cfg(feature = "compression")]
    pub(crate) fn hear(&mut self) -> Answer {
        Answer::read(&mut self.0, true)
    }

    pub(crate) fn write(&mut self, request: &str, headers: &[&str], body: &[u8]) {
        let mut text = format!("{request} HTTP/1.1\r\nHost: a\r\n");
        for header in headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        if !body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        let bytes = [text.as_bytes(), body].concat();
        self.0.get_mut().write_all(&bytes).unwrap();
    }
}

pub(crate) fn start(handler: impl Handler) -> TestServer<Unix> {
    TestServer::start(http::serve(handler)).unwrap()
}

pub(crate) fn start_in<M: Model>(model: M, handler: impl Handler) -> TestServer<Unix, M> {
    TestServer::build(UnixServer::builder(http::serve(handler)).model(model)).unwrap()
}

/// What comes back for one request.
pub(crate) fn ask(server: &TestServer<Unix>, request: &str, headers: &[&str]) -> Answer {
    Client::of(server).ask(request, headers)
}

/// When the files of a [`folder`] were written.
pub(crate) const WRITTEN: u64 = 1_000_000_000;
/// The same as HTTP has it.
pub(crate) const DATE: &str = "Sun, 09 Sep 2001 01:46:40 GMT";

/// A folder with these files, written long ago.
pub(crate) fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        date(&path, WRITTEN);
    }
    folder
}

/// Says that `path` was written so many seconds after 1970.
pub(crate) fn date(path: &Path, seconds: u64) {
    let time: SystemTime = UNIX_EPOCH + Duration::from_secs(seconds);
    File::options()
        .append(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}
