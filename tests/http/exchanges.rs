//! Raw exchanges: what is sent, what must come back, what becomes of the
//! connection; whole, byte by byte and cut at every position.

use std::io::{BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use greenserve::{Coroutine, Model, Thread};

use super::client::Answer;
use super::common::PATIENCE;
use super::server::{self, Cut};
use super::{answers, limits, requests, smuggling};

/// One exchange.
///
/// An expected answer is `STATUS BODY`, `STATUS` alone for any body, `STATUS~`
/// for a head without a body where another request would have one, `STATUS!`
/// for an answer that is cut before its end.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) sent: String,
    pub(crate) answers: Vec<String>,
    pub(crate) then: Then,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It answers another request.
    Open,
    Closed,
    /// The client ends its direction, and the server ends the other.
    HalfClosed,
}
pub(crate) use Then::{Closed, HalfClosed, Open};

/// `(name, sent, answers, then)`
pub(crate) type Row = (&'static str, &'static str, &'static [&'static str], Then);

impl From<Row> for Case {
    fn from((name, sent, answers, then): Row) -> Case {
        case(name, sent, answers, then)
    }
}

pub(crate) fn case(name: &'static str, sent: impl Into<String>, answers: &[&str], then: Then) -> Case {
    Case {
        name,
        sent: sent.into(),
        answers: answers.iter().map(|answer| (*answer).to_owned()).collect(),
        then,
    }
}

impl Case {
    /// Whole, byte by byte, and cut at every position.
    fn cuts(&self) -> Vec<Cut> {
        let positions = (1..self.sent.len()).map(Cut::At);
        [Cut::Nowhere, Cut::Everywhere].into_iter().chain(positions).collect()
    }

    fn check(&self, mut connection: UnixStream, cut: Cut) {
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let sent = [&cut.to_bytes(), self.sent.as_bytes()].concat();
        // The server may have answered and closed before it had all.
        let _ = connection.write_all(&sent);
        if self.then == HalfClosed {
            connection.shutdown(std::net::Shutdown::Write).unwrap();
        }
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        for (index, expected) in self.answers.iter().enumerate() {
            let is_last = index + 1 == self.answers.len();
            self.check_answer(expected, is_last, &mut reader);
        }
        if self.then == Open {
            connection.write_all(b"GET /probe HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            let probe = Answer::read(&mut reader, true).unwrap();
            assert!(
                probe.is_some_and(|probe| probe.body == "probe"),
                "the connection is not open"
            );
            return;
        }
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert_eq!(rest.escape_ascii().to_string(), "", "more came");
    }

    fn check_answer(&self, expected: &str, is_last: bool, reader: &mut BufReader<UnixStream>) {
        let (expected, is_cut) = expected.strip_suffix('!').map_or((expected, false), |it| (it, true));
        let (expected, has_body) = expected.strip_suffix('~').map_or((expected, true), |it| (it, false));
        let mut answer = Answer::read(reader, has_body && !is_cut).unwrap();
        if answer.as_ref().is_some_and(|answer| answer.status == 100) && status_of(expected) != "100" {
            // Whether it is sent depends on what has come by then.
            assert!(self.sent.contains("100-"), "an interim answer that nobody waits for");
            answer = Answer::read(reader, has_body && !is_cut).unwrap();
        }
        let answer = answer.unwrap_or_else(|| panic!("no answer where {expected:?} must come"));
        let (status, body) = expected
            .split_once(' ')
            .map_or((expected, None), |(it, body)| (it, Some(body)));
        assert_eq!(answer.status.to_string(), status, "{}", answer.body);
        if let Some(body) = body {
            assert_eq!(answer.body, body);
        }
        if is_cut {
            let _ = reader.read_to_end(&mut Vec::new());
            return;
        }
        if answer.status == 100 {
            return;
        }
        assert!(answer.headers.contains_key("date"), "{answer:?}");
        self.check_framing(&answer, is_last);
        if answer.status >= 400 && has_body {
            assert!(answer.body.len() > 1 && answer.body.len() < 200, "{answer:?}");
            assert!(!answer.body.contains("secret"), "{answer:?}");
        }
        if self.then != HalfClosed {
            assert_eq!(answer.closes(), is_last && self.then == Closed, "{answer:?}");
        }
    }
}

impl Case {
    /// RFC 9110, 8.6 and RFC 9112, 6.1 and 9.3: what a client of that version
    /// must be told, and what it must not.
    fn check_framing(&self, answer: &Answer, is_last: bool) {
        let has = |name: &str| answer.headers.contains_key(name);
        if matches!(answer.status, 204 | 304) {
            assert!(!has("content-length") && !has("transfer-encoding"), "{answer:?}");
        }
        if answer.status == 205 {
            assert_eq!(answer.headers["content-length"], "0", "{answer:?}");
        }
        if self.sent.contains(" HTTP/1.0\r\n") && is_last {
            assert!(!has("transfer-encoding"), "{answer:?}");
            let told = answer.headers.get("connection").map(String::as_str);
            assert_eq!(told == Some("keep-alive"), self.then == Open, "{answer:?}");
        }
    }
}

fn status_of(expected: &str) -> &str {
    expected.split(' ').next().unwrap()
}

fn all() -> Vec<Case> {
    let all = [requests::cases(), answers::cases(), smuggling::cases(), limits::cases()];
    all.into_iter().flatten().collect()
}

/// Tries all of `tries` with several clients at once.
fn try_all<M: Model>(model: M, tries: &[(&Case, Cut)]) {
    let server = server::start(model);
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((case, cut)) = tries.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let connection = server.connect().unwrap();
                    let connection = UnixStream::from(connection.as_fd().try_clone_to_owned().unwrap());
                    if std::panic::catch_unwind(|| case.check(connection, *cut)).is_err() {
                        let text = format!("{}: {:?}, cut: {cut:?}", case.name, case.sent);
                        wrong.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    let some = wrong.iter().take(20).map(String::as_str).collect::<Vec<_>>();
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), some.join("\n"));
}

#[test]
fn there_are_five_hundred_of_them() {
    let all = all();
    assert!(all.len() >= 500, "{}", all.len());
    let mut names: Vec<_> = all.iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all.len(), "a name is there twice");
}

/// Except 408, which takes time: `behaviour.rs` has it.
#[test]
fn each_status_of_a_refusal_is_among_them() {
    let all = all();
    let statuses: Vec<_> = all.iter().flat_map(|case| &case.answers).map(|it| &it[..3]).collect();
    for status in ["400", "411", "413", "414", "417", "431", "500", "501", "503", "505"] {
        assert!(statuses.contains(&status), "none is answered with {status}");
    }
}

#[test]
fn each_is_answered_as_it_must_be() {
    let all = all();
    let tries: Vec<_> = all.iter().map(|case| (case, Cut::Nowhere)).collect();
    try_all(Coroutine::new(), &tries);
    try_all(Thread::new(), &tries);
}

#[test]
fn each_is_answered_alike_however_its_bytes_are_cut() {
    let all = all();
    let tries = all
        .iter()
        .flat_map(|case| case.cuts().into_iter().map(move |cut| (case, cut)));
    try_all(Coroutine::new(), &tries.collect::<Vec<_>>());
}
