//! What handlers make, on the wire.

use super::exchanges::{Case, Closed, Open, Row, case};
use super::server::SPLITTING;

const ROWS: &[Row] = &[
    ("nothing", "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", &["200 "], Open),
    ("head", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", &["200~"], Open),
    (
        "head of chunks",
        "HEAD /write/flushed HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200~"],
        Open,
    ),
    (
        "head of much",
        "HEAD /write/long HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200~"],
        Open,
    ),
    (
        "head of a size",
        "HEAD /write/sized HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200~"],
        Open,
    ),
    (
        "head of a refusal",
        "HEAD /refuse HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        &["403~"],
        Open,
    ),
    (
        "head, and another one",
        "HEAD /write HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200~", "200 GET / a"],
        Open,
    ),
    ("204", "GET /204 HTTP/1.1\r\nHost: a\r\n\r\n", &["204"], Open),
    ("304", "GET /304 HTTP/1.1\r\nHost: a\r\n\r\n", &["304"], Open),
    ("205", "GET /205 HTTP/1.1\r\nHost: a\r\n\r\n", &["205 "], Open),
    (
        "205 in pieces",
        "GET /205/flushed HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        &["205 ", "200 GET / a"],
        Open,
    ),
    (
        "204, and another one",
        "GET /204 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        &["204", "200 GET / a"],
        Open,
    ),
    (
        "written and short",
        "GET /write HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200 abc"],
        Open,
    ),
    (
        "written and flushed",
        "GET /write/flushed HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200 abcdef"],
        Open,
    ),
    (
        "written and flushed to 1.0",
        "GET /write/flushed HTTP/1.0\r\n\r\n",
        &["200 abcdef"],
        Closed,
    ),
    (
        "written and flushed to 1.0 with keep-alive",
        "GET /write/flushed HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        &["200 abcdef"],
        Closed,
    ),
    (
        "written to 1.0 with keep-alive",
        "GET /write HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        &["200 abc"],
        Open,
    ),
    (
        "with a size",
        "GET /write/sized HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200 abcdef"],
        Open,
    ),
    (
        "with a size to 1.0 with keep-alive",
        "GET /write/sized HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        &["200 abcdef"],
        Open,
    ),
    (
        "shorter than its size",
        "GET /write/short HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200!"],
        Closed,
    ),
    (
        "longer than its size",
        "GET /write/much HTTP/1.1\r\nHost: a\r\n\r\n",
        &["500"],
        Closed,
    ),
    (
        "a trailer behind",
        "GET /write/trailer HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200 abc"],
        Open,
    ),
    (
        "the handler closes",
        "GET /close HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200 bye"],
        Closed,
    ),
    (
        "the handler fails",
        "GET /fail HTTP/1.1\r\nHost: a\r\n\r\n",
        &["500"],
        Closed,
    ),
    (
        "the handler panics",
        "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n",
        &["500"],
        Closed,
    ),
    (
        "the handler refuses",
        "GET /refuse HTTP/1.1\r\nHost: a\r\n\r\n",
        &["403 not you\n"],
        Open,
    ),
    (
        "the handler refuses with a body unread",
        "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
        &["403 not you\n"],
        Open,
    ),
    (
        "the handler fails after it began",
        "GET /write/failed HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200!"],
        Closed,
    ),
    (
        "the handler fails before anything left",
        "GET /write/unsent HTTP/1.1\r\nHost: a\r\n\r\n",
        &["500"],
        Closed,
    ),
    (
        "a failure behind a good one",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /fail HTTP/1.1\r\nHost: a\r\n\r\n",
        &["200 GET / a", "500"],
        Closed,
    ),
    (
        "an encoding of the handler's",
        "GET /write/encoding HTTP/1.1\r\nHost: a\r\n\r\n",
        &["500"],
        Closed,
    ),
    (
        "no final status",
        "GET /101 HTTP/1.1\r\nHost: a\r\n\r\n",
        &["500"],
        Closed,
    ),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = ROWS.iter().copied().map(Case::from).collect();
    let long = format!("200 {}", "0123456789".repeat(2000));
    cases.push(case(
        "written and long",
        "GET /write/long HTTP/1.1\r\nHost: a\r\n\r\n",
        &[&long],
        Open,
    ));
    cases.push(case(
        "long to 1.0",
        "GET /write/long HTTP/1.0\r\n\r\n",
        &[&long],
        Closed,
    ));
    let unread = format!(
        "POST /fail HTTP/1.1\r\nHost: a\r\nContent-Length: 150\r\n\r\n{}",
        "x".repeat(150)
    );
    cases.push(case("the handler fails with a body unread", unread, &["500"], Closed));
    cases.extend(splits());
    cases
}

/// No text of a handler becomes another header: one 500, and nothing behind it.
fn splits() -> Vec<Case> {
    let mut cases = Vec::new();
    for place in ["value", "name", "trailer"] {
        for (number, (what, _)) in SPLITTING.iter().enumerate() {
            let name = format!("{what} in the {place} of an answer").leak();
            let sent = format!("GET /split/{place}/{number} HTTP/1.1\r\nHost: a\r\n\r\n");
            cases.push(case(name, sent, &["500"], Closed));
        }
    }
    cases
}
