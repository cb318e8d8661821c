//! What an answer must be to be passed on.

use greenserve::http::{HeaderMap, header};
use ureq::http::Version;
use ureq::http::response::Parts;

/// Leaves one way to tell where the body ends; else says what is wrong with the
/// answer.
pub(crate) fn settle(head: &mut Parts) -> Result<(), &'static str> {
    // An upgrade is not passed on, so nobody has asked for another protocol.
    if head.status.is_informational() {
        return Err("it changes the protocol unasked");
    }
    if head.headers.contains_key(header::TRANSFER_ENCODING) {
        // ureq takes off chunks, and no other coding.
        if head.version != Version::HTTP_11 || !is_chunked_alone(&head.headers) {
            return Err("its Transfer-Encoding is not chunked alone");
        }
        // It overrides a length, which goes no further: RFC 9112, 6.3.
        head.headers.remove(header::CONTENT_LENGTH);
    }
    match has_one_length(&head.headers) {
        true => Ok(()),
        false => Err("its Content-Length is not one number"),
    }
}

fn is_chunked_alone(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let first = codings.next();
    first.is_some_and(|coding| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"))
        && codings.next().is_none()
}

/// Or none. ureq takes equal ones for one.
fn has_one_length(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let is_number = lengths.next().is_none_or(|length| {
        let digits = length.as_bytes();
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    });
    is_number && lengths.next().is_none()
}
