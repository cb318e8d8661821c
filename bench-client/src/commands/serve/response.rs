//! Responses of HTTP/1.1.

use super::answer::Answer;

/// What no HTTP client understands, and no client of a WebSocket: its first byte
/// would be a frame's with reserved bits.
pub(crate) const NO_HTTP: &[u8] = b"this is no HTTP\r\n\r\n";

/// How a response ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// The connection ends with it.
    pub(crate) close: bool,
    /// The client is an old one and has to be told that it does not.
    pub(crate) keep_alive: bool,
    /// Only the head was asked for.
    pub(crate) head_only: bool,
}

/// A response with a status and a body.
pub(crate) fn response(status: u16, body: &[u8], form: Form) -> Answer {
    let connection = match form {
        Form { close: true, .. } => "Connection: close\r\n",
        Form { keep_alive: true, .. } => "Connection: keep-alive\r\n",
        _ => "",
    };
    let mut bytes = format!(
        "HTTP/1.1 {status} {}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n{connection}\r\n",
        reason(status),
        body.len(),
    )
    .into_bytes();
    let head = bytes.len();
    if !form.head_only {
        bytes.extend_from_slice(body);
    }
    Answer {
        bytes,
        body: head,
        last: form.close,
    }
}

/// A response that says what is wrong, after which the connection goes on.
pub(crate) fn error(status: u16) -> Answer {
    refusal(status, Form::default())
}

/// A response that says what is wrong.
pub(crate) fn refusal(status: u16, form: Form) -> Answer {
    response(status, format!("{status} {}\n", reason(status)).as_bytes(), form)
}

/// The phrase of RFC 9110; clients do not look at it.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_says_how_long_it_is() {
        let answer = response(200, b"hello", Form::default());
        let text = String::from_utf8(answer.bytes.clone()).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains("\r\nContent-Length: 5\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\nhello"), "{text}");
        assert_eq!(answer.length(), 5);
    }

    #[test]
    fn a_head_has_the_length_of_the_body_it_leaves_out() {
        let form = Form {
            head_only: true,
            ..Form::default()
        };
        let answer = response(200, b"hello", form);
        let text = String::from_utf8(answer.bytes.clone()).unwrap();
        assert!(
            text.contains("Content-Length: 5\r\n") && text.ends_with("\r\n\r\n"),
            "{text}"
        );
        assert_eq!(answer.length(), 0);
    }
}
