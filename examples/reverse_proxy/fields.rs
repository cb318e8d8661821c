//! What a head says that is passed on.

use greenserve::http::{HeaderMap, HeaderName, header};

/// What this proxy adds of itself.
pub(crate) const VIA: &str = "1.1 greenserve";

/// Fields that concern one connection and go no further: RFC 9110, 7.6.1.
const OF_A_CONNECTION: [HeaderName; 7] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];

/// All that is not of the connection it came over.
pub(crate) fn copy(from: &HeaderMap, to: &mut HeaderMap) {
    let named: Vec<_> = from
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.to_str())
        .collect();
    let is_named = |name: &HeaderName| {
        let mut options = named.iter().flat_map(|options| options.split(','));
        options.any(|option| option.trim().eq_ignore_ascii_case(name.as_str()))
    };
    for (name, value) in from {
        if !OF_A_CONNECTION.contains(name) && name != "keep-alive" && !is_named(name) {
            to.append(name, value.clone());
        }
    }
}
