//! Whether a request opens a WebSocket: RFC 6455, 4.2.

use ::http::header::{
    CONNECTION, CONTENT_LENGTH, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    TRANSFER_ENCODING, UPGRADE,
};
use ::http::{HeaderMap, HeaderName, Method, StatusCode, Version};
use tungstenite::handshake::derive_accept_key;

use super::config::Config;
use crate::http::{Refusal, Request};

/// What the answer to a handshake says.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) key: String,
    pub(super) protocol: Option<String>,
}

/// # Errors
/// What the client is told instead: 405 or 400 for what is no handshake, 426
/// for one of another version, 403 for a page from elsewhere.
pub(super) fn check(config: &Config, request: &Request<'_>) -> Result<Accepted, Refusal> {
    if *request.method() != Method::GET {
        return no(StatusCode::METHOD_NOT_ALLOWED, "a WebSocket is opened with GET");
    }
    if request.version() != Version::HTTP_11 {
        return no(StatusCode::BAD_REQUEST, "a WebSocket is opened with HTTP/1.1");
    }
    let headers = request.headers();
    if !lists(headers, &UPGRADE, "websocket") {
        return no(
            StatusCode::UPGRADE_REQUIRED,
            "a WebSocket is spoken here: Upgrade is not websocket",
        );
    }
    if !lists(headers, &CONNECTION, "upgrade") {
        return no(StatusCode::BAD_REQUEST, "Connection does not name Upgrade");
    }
    if only(headers, &SEC_WEBSOCKET_VERSION) != Some("13") {
        return no(StatusCode::UPGRADE_REQUIRED, "Sec-WebSocket-Version is not 13");
    }
    if has_body(headers) {
        return no(StatusCode::BAD_REQUEST, "a request that opens a WebSocket has no body");
    }
    let Some(key) = only(headers, &SEC_WEBSOCKET_KEY).filter(|key| is_key(key)) else {
        return no(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is not 16 bytes in base64");
    };
    if !may_come_from(config, headers) {
        return no(StatusCode::FORBIDDEN, "pages of this origin may not connect");
    }
    Ok(Accepted {
        key: derive_accept_key(key.as_bytes()),
        protocol: common_protocol(config, headers),
    })
}

fn no<T>(status: StatusCode, text: &'static str) -> Result<T, Refusal> {
    Err(Refusal::new(status, text))
}

/// The elements of all headers of this name.
fn elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    elements(headers, name).any(|element| element.eq_ignore_ascii_case(token))
}

/// The header of that name, if there is one and no second.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH);
    headers.contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length.as_bytes() != b"0")
}

/// 16 bytes in base64 are 22 characters, of which the last has two bits, and
/// two for the end.
fn is_key(key: &str) -> bool {
    let Some((digits, "==")) = key.split_at_checked(22) else {
        return false;
    };
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    digits.bytes().all(is_digit) && digits.ends_with(['A', 'Q', 'g', 'w'])
}

fn may_come_from(config: &Config, headers: &HeaderMap) -> bool {
    let Some(allowed) = &config.origins else {
        return true;
    };
    let is_allowed = |origin: &str| allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin));
    !headers.contains_key(ORIGIN) || only(headers, &ORIGIN).is_some_and(is_allowed)
}

fn common_protocol(config: &Config, headers: &HeaderMap) -> Option<String> {
    let is_offered = |spoken: &&String| elements(headers, &SEC_WEBSOCKET_PROTOCOL).any(|offered| offered == *spoken);
    config.protocols.iter().find(is_offered).cloned()
}

#[cfg(test)]
mod tests {
    use super::is_key;

    #[test]
    fn a_key_is_sixteen_bytes_in_base64() {
        assert!(is_key("dGhlIHNhbXBsZSBub25jZQ=="));
        for key in [
            "",
            "==",
            "dGhlIHNhbXBsZSBub25jZQ=",
            "dGhlIHNhbXBsZSBub25jZQ===",
            "dGhlIHNhbXBsZSBub25jZR==",
            "dGhlIHNhbXBsZSBub25j!Q==",
            "dGhlIHNhbXBsZSBub25jZQAA",
            "dGhlIHNhbXBsZSBub25jZé==",
        ] {
            assert!(!is_key(key), "{key}");
        }
    }
}
