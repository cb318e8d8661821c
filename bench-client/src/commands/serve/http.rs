//! Requests of HTTP/1.1: `GET /` and `POST /echo`.

use std::io::{self, Read, Write};

use super::answer::Answer;
use super::response::{Form, refusal, response};
use super::stream::Requests;
use crate::plan::http::{content_length, lists, values};

/// What `GET /` is answered with.
const GREETING: &[u8] = b"hello from bench-client\n";
/// The longest head, and how many fields it may have.
const LONGEST_HEAD: usize = 16 * 1024;
const MOST_FIELDS: usize = 64;
/// The longest body.
const LONGEST_BODY: usize = 16 << 20;
const BUFFER: usize = 4 * 1024;

/// Reads requests, one after the other, from what one connection brings.
#[derive(Debug, Default)]
pub(crate) struct Http {
    /// Received and not answered yet.
    received: Vec<u8>,
}

/// What a request's head says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    method: String,
    path: String,
    /// Its own length, and that of the body behind it.
    length: usize,
    body: usize,
    form: Form,
    /// The client waits for a go-ahead before it sends the body.
    expects: bool,
}

/// What there is of a head.
#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    Whole(Head),
    /// More has to come.
    Part,
    /// To be refused with this status.
    Wrong(u16),
}

impl Requests for Http {
    fn next<C: Read + Write>(&mut self, client: &mut C) -> io::Result<Option<Answer>> {
        loop {
            match parse(&self.received) {
                Parsed::Whole(head) => return self.answer(client, &head),
                Parsed::Wrong(status) => return Ok(Some(refusal(status, CLOSE))),
                Parsed::Part if self.received.len() > LONGEST_HEAD => return Ok(Some(refusal(431, CLOSE))),
                Parsed::Part if !self.receive(client)? => return Ok(None),
                Parsed::Part => {}
            }
        }
    }
}

/// How a response ends behind which nothing makes sense any more.
const CLOSE: Form = Form {
    close: true,
    keep_alive: false,
    head_only: false,
};

impl Http {
    /// Reads more; false at the end.
    fn receive(&mut self, client: &mut impl Read) -> io::Result<bool> {
        let mut buffer = [0; BUFFER];
        let count = client.read(&mut buffer)?;
        self.received.extend_from_slice(&buffer[..count]);
        Ok(count > 0)
    }

    fn answer<C: Read + Write>(&mut self, client: &mut C, head: &Head) -> io::Result<Option<Answer>> {
        if head.body > LONGEST_BODY {
            return Ok(Some(refusal(413, CLOSE)));
        }
        let end = head.length + head.body;
        if head.expects && self.received.len() < end {
            client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        while self.received.len() < end {
            if !self.receive(client)? {
                return Ok(None);
            }
        }
        let answer = respond(head, &self.received[head.length..end]);
        self.received.drain(..end);
        Ok(Some(answer))
    }
}

fn respond(head: &Head, body: &[u8]) -> Answer {
    match (head.method.as_str(), head.path.as_str()) {
        ("GET" | "HEAD", "/") => response(200, GREETING, head.form),
        ("POST", "/echo") => response(200, body, head.form),
        (_, "/" | "/echo") => refusal(405, head.form),
        _ => refusal(404, head.form),
    }
}

fn parse(received: &[u8]) -> Parsed {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(received) {
        Ok(httparse::Status::Complete(length)) if length > LONGEST_HEAD => Parsed::Wrong(431),
        Ok(httparse::Status::Complete(length)) => read_head(&request, length),
        Ok(httparse::Status::Partial) => Parsed::Part,
        Err(httparse::Error::TooManyHeaders) => Parsed::Wrong(431),
        Err(_) => Parsed::Wrong(400),
    }
}

fn read_head(request: &httparse::Request<'_, '_>, length: usize) -> Parsed {
    // A body in chunks is more than this server has to understand.
    if values(request.headers, "transfer-encoding").next().is_some() {
        return Parsed::Wrong(411);
    }
    let body = content_length(request.headers);
    let (Some(method), Some(path), Ok(body)) = (request.method, request.path, body) else {
        return Parsed::Wrong(400);
    };
    Parsed::Whole(Head {
        method: method.to_owned(),
        path: path.split('?').next().unwrap_or_default().to_owned(),
        length,
        body: body.unwrap_or_default(),
        form: form(request, method),
        expects: lists(request.headers, "expect", "100-continue"),
    })
}

fn form(request: &httparse::Request<'_, '_>, method: &str) -> Form {
    let wants = |word| lists(request.headers, "connection", word);
    let old = request.version == Some(0);
    let keep_alive = old && wants("keep-alive");
    Form {
        close: wants("close") || (old && !keep_alive),
        keep_alive,
        head_only: method == "HEAD",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client that sends a few bytes at a time and hears the answers.
    struct Client {
        sends: Vec<u8>,
        heard: Vec<u8>,
    }

    impl Read for Client {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.sends.len().min(7).min(buffer.len());
            buffer[..count].copy_from_slice(&self.sends[..count]);
            self.sends.drain(..count);
            Ok(count)
        }
    }

    impl Write for Client {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// All answers to what a client sends: status line, body, last.
    fn answers(sends: &str) -> Vec<(String, String, bool)> {
        let mut client = Client {
            sends: sends.as_bytes().to_vec(),
            heard: Vec::new(),
        };
        let mut http = Http::default();
        let mut answers = Vec::new();
        while let Some(answer) = http.next(&mut client).unwrap() {
            let (head, body) = answer.bytes.split_at(answer.body);
            let head = String::from_utf8_lossy(head);
            let status = head.lines().next().unwrap_or_default().to_owned();
            answers.push((status, String::from_utf8_lossy(body).into_owned(), answer.last));
            if answer.last {
                break;
            }
        }
        answers
    }

    fn answer(status: &str, body: &str, last: bool) -> (String, String, bool) {
        (format!("HTTP/1.1 {status}"), body.to_owned(), last)
    }

    #[test]
    fn requests_are_answered_one_after_the_other() {
        let sends = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
                     POST /echo HTTP/1.1\r\nContent-Length: 0\r\n\r\n\
                     GET /?x=1 HTTP/1.1\r\nConnection: close\r\n\r\nnot read";
        assert_eq!(
            answers(sends),
            [
                answer("200 OK", "abc", false),
                answer("200 OK", "", false),
                answer("200 OK", "hello from bench-client\n", true),
            ]
        );
    }

    #[test]
    fn old_clients_keep_a_connection_only_if_they_say_so() {
        assert!(answers("GET / HTTP/1.0\r\n\r\n")[0].2);
        assert!(!answers("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")[0].2);
        assert!(!answers("GET / HTTP/1.1\r\n\r\n")[0].2);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (sends, status) in [
            ("nonsense\r\n\r\n", "400"),
            ("POST /echo HTTP/1.1\r\nContent-Length: x\r\n\r\n", "400"),
            ("POST /echo HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc", "400"),
            (
                "POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                "400",
            ),
            ("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "411"),
            ("POST /echo HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", "413"),
            ("GET /none HTTP/1.1\r\n\r\n", "404"),
            ("DELETE / HTTP/1.1\r\n\r\n", "405"),
        ] {
            let answered = answers(sends);
            assert!(answered[0].0.contains(status), "{sends}: {answered:?}");
        }
        let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(LONGEST_HEAD));
        assert!(answers(&long)[0].0.contains("431"));
        assert_eq!(parse(format!("{long}\r\n\r\n").as_bytes()), Parsed::Wrong(431));
        let many = "X: y\r\n".repeat(MOST_FIELDS + 1);
        assert!(answers(&format!("GET / HTTP/1.1\r\n{many}\r\n"))[0].0.contains("431"));
    }

    #[test]
    fn half_a_request_gets_no_answer() {
        assert_eq!(answers("POST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"), []);
    }

    #[test]
    fn a_client_that_waits_for_a_go_ahead_gets_one() {
        let sends = b"POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n".to_vec();
        let mut client = Client {
            sends,
            heard: Vec::new(),
        };
        assert_eq!(Http::default().next(&mut client).unwrap(), None);
        assert_eq!(client.heard, b"HTTP/1.1 100 Continue\r\n\r\n");
    }
}
