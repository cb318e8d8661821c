//! What is too much; the limits are those of [`server::limits`](super::server::limits).

use super::exchanges::{Case, Closed, Open, case};

fn post(framing: &str, rest: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{rest}")
}

pub(crate) fn cases() -> Vec<Case> {
    let x = |count: usize| "x".repeat(count);
    let get = |target: &str, header: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n{header}\r\n");
    let chunked = |rest: &str| post("Transfer-Encoding: chunked", rest);
    let long = format!("/{}", x(105));
    let answered = format!("200 GET {long} a");
    let full = format!("200 POST / a {}", x(400));
    vec![
        case("the longest request line", get(&long, ""), &[&answered], Open),
        case(
            "a request line too long",
            get(&format!("/{}", x(108)), ""),
            &["414"],
            Closed,
        ),
        case(
            "a request line without an end",
            format!("GET /{}", x(200)),
            &["414"],
            Closed,
        ),
        case("a method without an end", x(200), &["414"], Closed),
        case(
            "header bytes up to the limit",
            get("/", &format!("X: {}\r\n", x(280))),
            &["200 GET / a"],
            Open,
        ),
        case(
            "header bytes beyond it",
            get("/", &format!("X: {}\r\n", x(290))),
            &["431"],
            Closed,
        ),
        case(
            "a header without an end",
            format!("GET / HTTP/1.1\r\nX: {}", x(400)),
            &["431"],
            Closed,
        ),
        case(
            "headers up to the limit",
            get("/", &"X: y\r\n".repeat(7)),
            &["200 GET / a"],
            Open,
        ),
        case("one header more", get("/", &"X: y\r\n".repeat(8)), &["431"], Closed),
        case(
            "a body up to the handler's limit",
            post("Content-Length: 400", &x(400)),
            &[&full],
            Open,
        ),
        case(
            "a body beyond the handler's limit",
            post("Content-Length: 401", &x(401)),
            &["413"],
            Closed,
        ),
        case(
            "a body beyond any limit",
            post("Content-Length: 18446744073709551615", ""),
            &["413"],
            Closed,
        ),
        case(
            "a body too large that was not sent",
            post("Expect: 100-continue\r\nContent-Length: 600", ""),
            &["413"],
            Closed,
        ),
        case(
            "chunks up to the limit",
            chunked(&format!("190\r\n{}\r\n0\r\n\r\n", x(400))),
            &[&full],
            Open,
        ),
        case(
            "a chunk beyond the limit",
            chunked(&format!("191\r\n{}", x(20))),
            &["413"],
            Closed,
        ),
        case(
            "chunks beyond the limit",
            chunked(
                &"64\r\n"
                    .to_owned()
                    .replace("64\r\n", &format!("64\r\n{}\r\n", x(100)))
                    .repeat(5),
            ),
            &["413"],
            Closed,
        ),
        case(
            "a chunk of the largest size",
            chunked("ffffffffffffffff\r\nx"),
            &["413"],
            Closed,
        ),
        case(
            "a chunk beyond numbers",
            chunked("10000000000000000\r\nx"),
            &["400"],
            Closed,
        ),
        case(
            "many zeros before a size",
            chunked("00000000000000001\r\nx"),
            &["400"],
            Closed,
        ),
        case(
            "extensions up to the limit",
            chunked(&format!("1;{}\r\ny\r\n0\r\n\r\n", x(19))),
            &["200 POST / a y"],
            Open,
        ),
        case(
            "an extension beyond it",
            chunked(&format!("1;{}\r\ny\r\n0\r\n\r\n", x(20))),
            &["400"],
            Closed,
        ),
        case(
            "extensions beyond it together",
            chunked(&"1;xxxxxx\r\ny\r\n".repeat(3)),
            &["400"],
            Closed,
        ),
        case(
            "an extension without an end",
            chunked(&format!("1;{}", x(50))),
            &["400"],
            Closed,
        ),
        case(
            "trailers up to the limit",
            chunked(&format!("0\r\nX: {}\r\n\r\n", x(55))),
            &["200 POST / a"],
            Open,
        ),
        case(
            "trailers beyond it",
            chunked(&format!("0\r\nX: {}\r\n\r\n", x(56))),
            &["431"],
            Closed,
        ),
        case(
            "trailers without an end",
            chunked(&format!("0\r\nX: {}", x(80))),
            &["431"],
            Closed,
        ),
        case(
            "too many trailers",
            chunked(&format!("0\r\n{}\r\n", "X: y\r\n".repeat(9))),
            &["431"],
            Closed,
        ),
        case(
            "an unread body up to the limit",
            format!(
                "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 200\r\n\r\n{}",
                x(200)
            ),
            &["200 ignored"],
            Open,
        ),
        case(
            "an unread body beyond it",
            format!(
                "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 201\r\n\r\n{}",
                x(201)
            ),
            &["200 ignored"],
            Closed,
        ),
        case(
            "as many requests as there may be",
            get("/probe", "").repeat(6),
            &["200 probe", "200 probe", "200 probe", "200 probe", "200 probe"],
            Closed,
        ),
        case(
            "a body too large that the handler answers by itself",
            format!("POST /own HTTP/1.1\r\nHost: a\r\nContent-Length: 401\r\n\r\n{}", x(401)),
            &["200 told"],
            Closed,
        ),
        case(
            "a chunk that is none, answered by the handler itself",
            "POST /own HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n",
            &["200 told"],
            Closed,
        ),
        case(
            "empty lines without end",
            "\r\n".repeat(40) + &get("/", ""),
            &["400"],
            Closed,
        ),
    ]
}
