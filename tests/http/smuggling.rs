//! What two readers could understand differently, and what is no request at
//! all: refused.

use super::exchanges::{Case, Closed, HalfClosed, case};

/// Header lines that make a request with a body of `x` refused.
const FRAMINGS: &[(&str, &str, &str)] = &[
    (
        "both framings",
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "400",
    ),
    (
        "both framings, the other way",
        "Transfer-Encoding: chunked\r\nContent-Length: 1",
        "400",
    ),
    ("two sizes", "Content-Length: 1\r\nContent-Length: 2", "400"),
    ("the same size twice", "Content-Length: 1\r\nContent-Length: 1", "400"),
    ("a list of sizes", "Content-Length: 1, 1", "400"),
    ("an empty size", "Content-Length:", "400"),
    ("a size with a plus", "Content-Length: +1", "400"),
    ("a size with a minus", "Content-Length: -1", "400"),
    ("a size in hexadecimal", "Content-Length: 0x1", "400"),
    ("a size with a fraction", "Content-Length: 1.0", "400"),
    ("a size with a space in it", "Content-Length: 1 1", "400"),
    ("a size with a letter", "Content-Length: 1a", "400"),
    ("a size in quotes", "Content-Length: \"1\"", "400"),
    ("a size with an underscore", "Content-Length: 1_0", "400"),
    ("a size in other digits", "Content-Length: \u{661}", "400"),
    ("a size beyond numbers", "Content-Length: 18446744073709551616", "400"),
    ("a size with a form feed", "Content-Length: \x0c1", "400"),
    ("a size with a NUL", "Content-Length: 1\0", "400"),
    ("chunked twice", "Transfer-Encoding: chunked, chunked", "400"),
    (
        "chunked in two lines",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "400",
    ),
    (
        "chunked and identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "400",
    ),
    ("identity alone", "Transfer-Encoding: identity", "400"),
    ("chunked is not last", "Transfer-Encoding: chunked, gzip", "400"),
    (
        "another coding before chunked",
        "Transfer-Encoding: gzip, chunked",
        "501",
    ),
    (
        "another coding in a line before",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "501",
    ),
    ("no chunked at all", "Transfer-Encoding: gzip", "400"),
    ("nearly chunked", "Transfer-Encoding: xchunked", "400"),
    ("chunked in quotes", "Transfer-Encoding: \"chunked\"", "400"),
    ("chunked with a parameter", "Transfer-Encoding: chunked;a=b", "400"),
    ("chunked with a vertical tab", "Transfer-Encoding: \x0bchunked", "400"),
    ("chunked with a space in it", "Transfer-Encoding: chun ked", "400"),
    ("chunked with a NUL", "Transfer-Encoding: chunked\0", "400"),
    ("an empty encoding", "Transfer-Encoding:", "400"),
    ("an encoding of commas", "Transfer-Encoding: ,,", "400"),
    ("a space before the colon", "Transfer-Encoding : chunked", "400"),
    ("a tab before the colon", "Content-Length\t: 1", "400"),
    ("a name that begins with a space", " Content-Length: 1", "400"),
    ("a folded value", "Content-Length:\r\n 1", "400"),
    ("a folded line behind another", "X: y\r\n Content-Length: 1", "400"),
    ("a line folded by a tab", "X: y\r\n\tz", "400"),
    ("a line without a colon", "Content-Length", "400"),
    ("a line that is a colon", ": 1", "400"),
    ("a name with a space", "Content Length: 1", "400"),
    ("a name with a bracket", "X(: 1", "400"),
    ("a name beyond ASCII", "X\u{e4}: 1", "400"),
    ("a NUL in a name", "X\0: 1", "400"),
    ("a NUL in a value", "X: a\0b", "400"),
    ("a bell in a value", "X: a\x07b", "400"),
    ("a DEL in a value", "X: a\x7fb", "400"),
    ("a bare CR in a value", "X: a\rb", "400"),
    ("a bare CR before a name", "\rX: b", "400"),
    ("a CR before the line end", "X: b\r", "400"),
    ("a bare LF for a line end", "X: a\nY: b", "400"),
    ("a bare LF and a size", "X: a\nContent-Length: 1", "400"),
    ("a second host", "Host: b", "400"),
    ("the same host again", "Host: a", "400"),
    ("an expectation of something else", "Expect: 200-ok", "417"),
    ("an expectation of two things", "Expect: 100-continue, x", "417"),
];

/// Heads that are none.
const HEADS: &[(&str, &str, &str)] = &[
    ("no host", "GET / HTTP/1.1\r\n\r\n", "400"),
    (
        "no host with the absolute form",
        "GET http://a/ HTTP/1.1\r\n\r\n",
        "400",
    ),
    ("a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"),
    ("a host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "400"),
    ("a host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400"),
    ("a host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400"),
    (
        "a host with a port that is none",
        "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
        "400",
    ),
    (
        "a host that is half an address",
        "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
        "400",
    ),
    ("a host beyond ASCII", "GET / HTTP/1.1\r\nHost: \u{e4}\r\n\r\n", "400"),
    (
        "two hosts in 1.0",
        "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        "400",
    ),
    (
        "an encoding in 1.0",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "400",
    ),
    ("0.9", "GET /\r\n\r\n", "400"),
    ("2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"),
    ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
    ("1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "505"),
    ("a version of a digit", "GET / HTTP/1\r\nHost: a\r\n\r\n", "400"),
    ("a version of three digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", "400"),
    ("a version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", "400"),
    (
        "a space behind the version",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "400",
    ),
    ("another protocol", "GET / HTCPCP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("no version", "GET / \r\nHost: a\r\n\r\n", "400"),
    (
        "two spaces behind the method",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "400",
    ),
    (
        "two spaces before the version",
        "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
        "400",
    ),
    ("a tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("a space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("a method with a bracket", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("a method with a NUL", "G\0T / HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("no method", "/ HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("a target with a space", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("a target with a tab", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("a target with a NUL", "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (
        "a target with a bare CR",
        "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n",
        "400",
    ),
    (
        "a target beyond ASCII",
        "GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n",
        "400",
    ),
    ("a target with a fragment", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("a target with a quote", "GET /\" HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("a target that is a word", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (
        "an asterisk that is not for options",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "400",
    ),
    (
        "an absolute form without a host",
        "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n",
        "400",
    ),
    (
        "an absolute form with a user",
        "GET http://u@b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "400",
    ),
    (
        "an absolute form of another scheme",
        "GET file:///a HTTP/1.1\r\nHost: a\r\n\r\n",
        "400",
    ),
    ("connect without a port", "CONNECT b HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("connect with a path", "CONNECT /b HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (
        "connect with a scheme",
        "CONNECT http://b:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        "400",
    ),
    ("get with an authority", "GET b:443 HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("line feeds alone", "GET / HTTP/1.1\nHost: a\n\n", "400"),
    (
        "a line feed behind the request line",
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "400",
    ),
    ("a line feed at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", "400"),
    ("a line feed before it", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    ("carriage returns alone", "GET / HTTP/1.1\rHost: a\r\r\n\r\n", "400"),
    ("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01", "400"),
    ("a line of another protocol", "\0SSH-2.0\r\n", "400"),
];

/// Bodies in chunks that are none.
const CHUNKS: &[(&str, &str)] = &[
    ("no size", "\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size with a plus", "+1\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size with a minus", "-1\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size with a prefix", "0x1\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size with a space before", " 1\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size with a space behind", "1 \r\nx\r\n0\r\n\r\n"),
    ("a chunk's size with a tab behind", "1\t\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size that is no number", "g\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size with an underscore", "1_0\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size with a comma", "1,1\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size with a NUL", "1\0\r\nx\r\n0\r\n\r\n"),
    ("a line feed behind a size", "1\nx\r\n0\r\n\r\n"),
    ("a carriage return behind a size", "1\rx\r\n0\r\n\r\n"),
    ("a chunk that is longer than its size", "1\r\nxy\r\n0\r\n\r\n"),
    ("a chunk that is shorter than its size", "3\r\nx\r\n0\r\n\r\n"),
    ("a line feed behind a chunk", "1\r\nx\n0\r\n\r\n"),
    ("nothing behind a chunk", "1\r\nx0\r\n\r\n"),
    ("a control character in an extension", "1;\x01\r\nx\r\n0\r\n\r\n"),
    ("a line feed in an extension", "1;a\nb\r\nx\r\n0\r\n\r\n"),
    ("a carriage return in an extension", "1;a\rb\r\nx\r\n0\r\n\r\n"),
    ("a line feed behind the last chunk", "0\n\r\n"),
    ("a line feed at the end of chunks", "0\r\n\n"),
    ("a line feed behind a trailer", "0\r\nX: y\n\r\n"),
    ("a trailer with a space before its colon", "0\r\nX : y\r\n\r\n"),
    ("a trailer that is folded", "0\r\nX: y\r\n z\r\n\r\n"),
    ("a trailer without a colon", "0\r\nXy\r\n\r\n"),
    ("a trailer with a NUL", "0\r\nX: \0\r\n\r\n"),
    ("a trailer with a bare CR", "0\r\nX: a\rb\r\n\r\n"),
];

/// What ends too early; the client has finished.
const CUT: &[(&str, &str, &[&str])] = &[
    ("the end within a request line", "GET / HT", &["400"]),
    ("the end within a header", "GET / HTTP/1.1\r\nHost", &["400"]),
    (
        "the end before the empty line",
        "GET / HTTP/1.1\r\nHost: a\r\n",
        &["400"],
    ),
    (
        "the end within a body",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx",
        &["400"],
    ),
    (
        "the end within a chunk",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nx",
        &["400"],
    ),
    (
        "the end before the last chunk",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
        &["400"],
    ),
    (
        "the end within the last chunk",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        &["400"],
    ),
];

pub(crate) fn cases() -> Vec<Case> {
    let framings = FRAMINGS.iter().map(|(name, lines, status)| {
        let sent = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\nx");
        case(name, sent, &[status], Closed)
    });
    let heads = HEADS
        .iter()
        .map(|(name, head, status)| case(name, *head, &[status], Closed));
    let chunks = CHUNKS.iter().map(|(name, body)| {
        let sent = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        case(name, sent, &["400"], Closed)
    });
    let cut = CUT
        .iter()
        .map(|(name, sent, answers)| case(name, *sent, answers, HalfClosed));
    framings.chain(heads).chain(chunks).chain(cut).collect()
}
