//! HTTP/1.1 as a client speaks it (RFC 9112): one request, written in advance,
//! and where the response to it ends.

mod chunks;
mod fields;
mod request;
mod response;

pub(crate) use fields::{FIELDS, LONGEST_HEAD, content_length, lists, values};
pub(crate) use request::{Request, RequestOptions, Wanted, check_field, names};
pub(crate) use response::{Reader, Response};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::taxonomy::{ErrorClass, Fault};
    use crate::plan::origin::Origin;
    use crate::plan::payload::Content;
    use crate::plan::payload::Payload;
    use crate::plan::sizes::Sizes;
    use crate::plan::target::Target;
    use proptest::prelude::*;

    fn request(options: &RequestOptions) -> Request {
        let target: Target = "http://localhost:8080/a?b".parse().unwrap();
        Request::new(&target, options, false).unwrap()
    }

    fn written(request: &Request) -> String {
        let payload = Payload::new(42, Sizes::fixed(4), &Content::Pattern).unwrap();
        let mut out = Vec::new();
        let origin = Origin {
            connection: 0,
            sequence: 0,
        };
        request.append(&payload, origin, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn response(bytes: &[u8], ended: bool) -> Result<Option<Response>, Fault> {
        request(&RequestOptions::default()).response(&mut Reader::default(), bytes, ended)
    }

    #[test]
    fn a_request_is_what_it_should_be() {
        assert_eq!(
            written(&request(&RequestOptions::default())),
            "GET /a?b HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"
        );
        let options = RequestOptions {
            headers: vec!["X: y".to_owned(), "host: other".to_owned()],
            expect: Some("echo".to_owned()),
            ..RequestOptions::default()
        };
        let text = written(&request(&options));
        assert!(
            text.starts_with("POST /a?b HTTP/1.1\r\nX: y\r\nhost: other\r\nContent-Length: 4\r\n\r\n"),
            "{text}"
        );
    }

    #[test]
    fn where_a_server_listens_makes_no_other_request_and_a_host_that_was_given_does() {
        let of = |target: &str, headers: &[&str]| {
            let options = RequestOptions {
                headers: headers.iter().map(ToString::to_string).collect(),
                ..RequestOptions::default()
            };
            let request = Request::new(&target.parse().unwrap(), &options, false).unwrap();
            request.everything()
        };
        let plain = of("http://localhost:1/a", &[]);
        assert_eq!(plain, of("http://127.0.0.1:22/a", &[]));
        assert_ne!(plain, of("http://localhost:1/b", &[]));
        let given = of("http://localhost:1/a", &["Host: one"]);
        assert_eq!(given, of("http://localhost:2/a", &["Host: one"]));
        assert_ne!(given, of("http://localhost:1/a", &["Host: two"]));
        assert_ne!(given, plain);
        let by_path = |host| Request::get(host, "/a", b"", true).everything();
        assert_eq!(by_path("localhost:1"), by_path("localhost:22"));
    }

    #[test]
    fn an_echo_has_no_other_body_and_framing_is_not_for_the_user() {
        let target: Target = "http://localhost".parse().unwrap();
        let echo = RequestOptions {
            expect: Some("echo".to_owned()),
            ..RequestOptions::default()
        };
        let (body, get, length) = (
            RequestOptions {
                body: Some("/dev/null".into()),
                ..echo.clone()
            },
            RequestOptions {
                method: Some("GET".to_owned()),
                ..echo
            },
            RequestOptions {
                headers: vec!["Content-Length: 5".to_owned()],
                ..RequestOptions::default()
            },
        );
        for (options, reason) in [
            (body, "leave --body"),
            (get, "leave --body"),
            (length, "frame the request"),
        ] {
            let message = Request::new(&target, &options, false).unwrap_err().to_string();
            assert!(message.contains(reason), "{message}");
        }
    }

    #[test]
    fn nonsense_is_no_request() {
        let target: Target = "http://localhost".parse().unwrap();
        for (method, header) in [
            ("G T", "a: b"),
            ("", "a: b"),
            ("GET", "a"),
            ("GET", "a b: c"),
            ("GET", "a: b\r\nc: d"),
            ("GET", "a: b\0"),
            ("GET", "Content-Length: 3"),
            ("GET", "Transfer-Encoding: chunked"),
        ] {
            let options = RequestOptions {
                method: Some(method.to_owned()),
                headers: vec![header.to_owned()],
                ..RequestOptions::default()
            };
            assert!(Request::new(&target, &options, false).is_err(), "{method:?} {header:?}");
        }
    }

    #[test]
    fn a_response_ends_where_its_framing_says() {
        for (bytes, body) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP"[..], &b"abc"[..]),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\nHTTP",
                b"abc",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\nHTTP",
                b"abc",
            ),
            (b"HTTP/1.1 204 No Content\r\n\r\nHTTP", b""),
        ] {
            let found = response(bytes, false).unwrap().unwrap();
            assert_eq!(found.body(bytes), body);
            assert_eq!(&bytes[found.consumed..], b"HTTP");
            assert!(!found.closes);
        }
    }

    #[test]
    fn without_a_length_a_response_lasts_until_the_end() {
        let bytes = b"HTTP/1.0 200 OK\r\n\r\nabc";
        assert_eq!(response(bytes, false).unwrap(), None);
        let found = response(bytes, true).unwrap().unwrap();
        assert_eq!((found.body(bytes), found.closes), (&b"abc"[..], true));
    }

    #[test]
    fn a_connection_ends_when_either_side_of_http_says_so() {
        for (head, closes) in [
            ("HTTP/1.1 200 OK", false),
            ("HTTP/1.1 200 OK\r\nConnection: keep-alive, Close", true),
            ("HTTP/1.0 200 OK", true),
            ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive", false),
        ] {
            let bytes = format!("{head}\r\nContent-Length: 0\r\n\r\n");
            let found = response(bytes.as_bytes(), false).unwrap().unwrap();
            assert_eq!(found.closes, closes, "{head}");
        }
    }

    #[test]
    fn what_is_no_response_is_said() {
        for bytes in [
            &b"nonsense\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno trailer\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: \xff\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(70_000)).as_bytes(),
            format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: {}",
                "x".repeat(70_000)
            )
            .as_bytes(),
        ] {
            assert_eq!(response(bytes, false).unwrap_err().class, ErrorClass::BadResponse);
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes: Vec<u8>, ended: bool) {
            let _ = response(&bytes, ended);
            let mut behind = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            behind.extend(bytes);
            let _ = response(&behind, ended);
        }
    }
}
