//! What the fields of a head say, of a request or a response.

use httparse::Header;

use crate::base::taxonomy::{ErrorClass, Fault};

/// Header fields of a response at most; more is no response of a test.
pub(crate) const FIELDS: usize = 64;
/// The longest head, and the longest trailers: a server that never ends one must
/// not fill the memory.
pub(crate) const LONGEST_HEAD: usize = 64 * 1024;

/// The values of all fields `name`, as they came.
pub(crate) fn values<'a>(fields: &'a [Header<'_>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let named = fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
    named.map(|field| field.value)
}

/// The members of the list that all fields `name` make together (RFC 9110,
/// section 5.6.1).
fn members<'a>(fields: &'a [Header<'_>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let parts = values(fields, name).flat_map(|value| value.split(|byte| *byte == b','));
    parts.map(<[u8]>::trim_ascii)
}

/// Whether the list of `name` has `member`.
pub(crate) fn lists(fields: &[Header<'_>], name: &str, member: &str) -> bool {
    members(fields, name).any(|found| found.eq_ignore_ascii_case(member.as_bytes()))
}

/// How long the body is, if it is said. Several may say so if they agree (RFC
/// 9110, section 8.6).
///
/// # Errors
/// When that is no number, or several.
pub(crate) fn content_length(fields: &[Header<'_>]) -> Result<Option<usize>, &'static str> {
    let mut lengths = members(fields, "content-length").map(number);
    let Some(first) = lengths.next() else {
        return Ok(None);
    };
    let length = first.ok_or("Content-Length is no number")?;
    match lengths.all(|other| other == first) {
        true => Ok(Some(length)),
        false => Err("Content-Length is several numbers"),
    }
}

/// Digits only: a sign would be read otherwise elsewhere.
fn number(digits: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cold]
pub(crate) fn bad(detail: String) -> Fault {
    Fault {
        class: ErrorClass::BadResponse,
        detail,
    }
}

#[cold]
pub(crate) fn too_long(longest: usize) -> Fault {
    bad(format!(
        "the response's body is longer than {longest} bytes, the most that is taken"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields<'a>(name: &'a str, values: &[&'a str]) -> Vec<Header<'a>> {
        let field = |value: &&'a str| Header {
            name,
            value: value.as_bytes(),
        };
        values.iter().map(field).collect()
    }

    #[test]
    fn a_length_is_digits_and_one() {
        let length = |values: &[&str]| content_length(&fields("content-LENGTH", values));
        assert_eq!(length(&[]), Ok(None));
        assert_eq!(length(&["5"]), Ok(Some(5)));
        assert_eq!(length(&["5, 5", "5"]), Ok(Some(5)));
        for wrong in [
            &["+5"][..],
            &["-5"],
            &[""],
            &["0x5"],
            &["5", "6"],
            &["5,"],
            &["99999999999999999999"],
        ] {
            assert!(length(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_list_may_be_in_several_fields() {
        let fields = fields("connection", &["Keep-Alive, x", " CLOSE"]);
        assert!(lists(&fields, "Connection", "close") && lists(&fields, "Connection", "keep-alive"));
        assert!(!lists(&fields, "Connection", "clos") && !lists(&fields, "Other", "x"));
    }
}
