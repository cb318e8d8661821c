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
    ("nothing behind chunked", "Transfer-Encoding: chunked,", "400"),
    ("nothing before chunked", "Transfer-Encoding: , chunked", "400"),
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
    ("a size with a comma behind", "Content-Length: 1,", "400"),
    ("a size with a comma before", "Content-Length: ,1", "400"),
    ("a list of two sizes", "Content-Length: 1, 2", "400"),
    ("a size with a semicolon", "Content-Length: 1;", "400"),
    ("a size below nothing", "Content-Length: -0", "400"),
    ("a size with an exponent", "Content-Length: 1e0", "400"),
    ("a size with another space", "Content-Length: \u{a0}1", "400"),
    (
        "two sizes by other letters",
        "Content-Length: 1\r\ncontent-length: 1",
        "400",
    ),
    (
        "two sizes, and a line between",
        "Content-Length: 1\r\nX: y\r\nContent-Length: 1",
        "400",
    ),
    (
        "both framings, the size of nothing",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
        "400",
    ),
    (
        "both framings, the encoding unknown",
        "Content-Length: 1\r\nTransfer-Encoding: x",
        "400",
    ),
    (
        "both framings, in small letters",
        "content-length: 1\r\ntransfer-encoding: chunked",
        "400",
    ),
    ("chunked twice", "Transfer-Encoding: chunked, chunked", "400"),
    (
        "chunked and identity, in a list",
        "Transfer-Encoding: chunked, identity",
        "400",
    ),
    (
        "another coding in a line behind",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
        "400",
    ),
    ("chunked with another space", "Transfer-Encoding: \u{a0}chunked", "400"),
    ("chunked with a form feed", "Transfer-Encoding: \x0cchunked", "400"),
    ("chunked with a CR behind", "Transfer-Encoding: chunked\r", "400"),
    ("chunked in a folded line", "Transfer-Encoding:\r\n chunked", "400"),
    ("chunked with a semicolon", "Transfer-Encoding: chunked;", "400"),
    (
        "a tab before the colon of an encoding",
        "Transfer-Encoding\t: chunked",
        "400",
    ),
    ("a NUL before the colon", "Transfer-Encoding\0: chunked", "400"),
    ("a name that begins with a tab", "\tTransfer-Encoding: chunked", "400"),
    ("a name of two lines", "Transfer\r\n-Encoding: chunked", "400"),
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
    ("a chunk's size in octal", "0o1\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size with an h", "1h\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size with a fraction", "1.0\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size in quotes", "\"1\"\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size in other digits", "\u{661}\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size with a vertical tab", "1\x0b\r\nx\r\n0\r\n\r\n"),
    ("a chunk's size of two", "1 1\r\nx\r\n0\r\n\r\n"),
    ("a last chunk with a minus", "-0\r\n\r\n"),
    ("a last chunk with a space", "0 \r\n\r\n"),
    ("a last chunk with a prefix", "0x0\r\n\r\n"),
    ("an empty line between chunks", "1\r\nx\r\n\r\n0\r\n\r\n"),
    ("a line end in a quoted extension", "1;a=\"\r\n\"\r\nx\r\n0\r\n\r\n"),
    ("an extension with a NUL", "1;a\0\r\nx\r\n0\r\n\r\n"),
    ("an extension beyond ASCII", "1;\u{e4}\r\nx\r\n0\r\n\r\n"),
    ("a space before an extension", "1 ;a\r\nx\r\n0\r\n\r\n"),
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
    ("a trailer that begins with a space", "0\r\n X: y\r\n\r\n"),
    ("a trailer that is a colon", "0\r\n: y\r\n\r\n"),
    ("a trailer with a bracket", "0\r\nX(: y\r\n\r\n"),
    ("a carriage return before the end of chunks", "0\r\n\r\r\n\r\n"),
];

/// What one reader takes for the end of a body, and another does not; with the
/// request that would hide behind it.
const BEHIND: &[(&str, &str, &[&str])] = &[
    (
        "a request behind both framings, the size first",
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
        &["400"],
    ),
    (
        "a request behind both framings, the chunks first",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n12\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n",
        &["400"],
    ),
    (
        "a request behind a chunk that is too long",
        "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
        &["400"],
    ),
    (
        "a request behind a second last chunk",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n0\r\n\r\n",
        &["200 POST / a", "400"],
    ),
    (
        "a request in place of a trailer",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n",
        &["400"],
    ),
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
    let behind = BEHIND.iter().map(|(name, rest, answers)| {
        let sent = format!("POST / HTTP/1.1\r\nHost: a\r\n{rest}GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n");
        case(name, sent, answers, Closed)
    });
    let cut = CUT
        .iter()
        .map(|(name, sent, answers)| case(name, *sent, answers, HalfClosed));
    let all = framings.chain(heads).chain(chunks).chain(behind).chain(cut);
    all.chain(controls()).collect()
}

/// Each control character in each place of a head, and of a coding.
fn controls() -> Vec<Case> {
    const PLACES: &[(&str, &str)] = &[
        ("a method", "GE\u{1}T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a target", "GET /a\u{1}b HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a version", "GET / HTTP/1.\u{1}1\r\nHost: a\r\n\r\n"),
        ("a name", "GET / HTTP/1.1\r\nHost: a\r\nX\u{1}: y\r\n\r\n"),
        ("a value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\u{1}z\r\n\r\n"),
        (
            "a trailer",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\u{1}z\r\n\r\n",
        ),
    ];
    let controls = (0..=0x1f_u8).chain([0x7f]).map(char::from);
    let mut cases = Vec::new();
    for control in controls {
        for (place, sent) in PLACES {
            let may_stand = control == '\t' && matches!(*place, "a value" | "a trailer");
            if !may_stand {
                let name = format!("{control:?} in {place}").leak();
                cases.push(case(
                    name,
                    sent.replace('\u{1}', &control.to_string()),
                    &["400"],
                    Closed,
                ));
            }
        }
    }
    cases
}
