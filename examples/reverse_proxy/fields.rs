//! What a head says that is passed on.

use greenserve::http::{HeaderMap, HeaderName, HeaderValue, Version, header};

/// Fields that concern one connection and go no further: RFC 9110, 7.6.1.
/// Two of them are older than that, and still sent.
const OF_A_CONNECTION: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];

/// All that is not of the connection it came over.
pub(crate) fn copy(from: &HeaderMap, to: &mut HeaderMap) {
    // As bytes: one option that is no text hides no other one.
    let named: Vec<_> = from
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .collect();
    let is_named = |name: &HeaderName| {
        let mut options = named.iter();
        options.any(|option| option.eq_ignore_ascii_case(name.as_str().as_bytes()))
    };
    for (name, value) in from {
        if !OF_A_CONNECTION.contains(name) && !is_named(name) {
            to.append(name, value.clone());
        }
    }
}

/// Adds this proxy, and the version in which the message has come to it.
pub(crate) fn append_via(fields: &mut HeaderMap, version: Version) {
    let via = match version {
        Version::HTTP_10 => "1.0 greenserve",
        _ => "1.1 greenserve",
    };
    fields.append(header::VIA, HeaderValue::from_static(via));
}
