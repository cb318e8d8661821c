//! What an access log does not show of a target.

use super::params::escaped;

/// Parameters of a query whose values are not written, in any case, also as a
/// part of a name: `access_token`, `api_key`, `X-Amz-Signature`.
const SECRETS: &[&str] = &[
    "token",
    "pass",
    "pwd",
    "jwt",
    "credential",
    "secret",
    "key",
    "signature",
    "sig",
    "auth",
    "session",
    "code",
];
/// What stands in place of them.
const MASK: &str = "***";

/// A target, or a header that may hold one, with the secrets in its query and
/// who its URLs log in as masked.
pub(super) fn masked(target: &str) -> String {
    let target = without_users(target);
    let Some(begin) = target.find(['?', '#']) else {
        return target;
    };
    let (path, query) = target.split_at(begin + 1);
    let pairs = query.split('&').map(masked_pair);
    format!("{path}{}", pairs.collect::<Vec<_>>().join("&"))
}

/// Some servers end a pair at a semicolon, others do not: what either of them
/// takes for a secret is none to show.
fn masked_pair(pair: &str) -> String {
    if let Some(masked) = masked_value(pair) {
        return masked;
    }
    let parts = pair.split_inclusive([';', '?', '#']).map(|part| {
        let end = part.trim_end_matches([';', '?', '#']).len();
        let (inner, separator) = part.split_at(end);
        masked_value(inner).unwrap_or_else(|| inner.to_owned()) + separator
    });
    parts.collect()
}

fn masked_value(pair: &str) -> Option<String> {
    let (name, _) = pair.split_once('=')?;
    is_secret(name).then(|| format!("{name}={MASK}"))
}

/// Whoever passes a request on may have escaped its names once more.
fn is_secret(name: &str) -> bool {
    let name = unescaped(&unescaped(name.as_bytes())).to_ascii_lowercase();
    let has = |secret: &&str| memchr::memmem::find(&name, secret.as_bytes()).is_some();
    SECRETS.iter().any(has)
}

/// What is no escape stands for itself.
fn unescaped(mut text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    while let [first, rest @ ..] = text {
        let byte = escaped(rest).filter(|_| *first == b'%');
        plain.push(byte.unwrap_or(*first));
        text = &rest[if byte.is_some() { 2 } else { 0 }..];
    }
    plain
}

/// Without the `user:password@` of URLs.
fn without_users(text: &str) -> String {
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(begin) = rest.find("://") {
        let (before, after) = rest.split_at(begin + 3);
        shown.push_str(before);
        let end = after.find(['/', '?', '#', ' ']).unwrap_or(after.len());
        rest = after;
        if let Some(at) = after[..end].rfind('@') {
            shown.push_str(MASK);
            rest = &after[at..];
        }
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked() {
        assert_eq!(
            masked("/?a=1&Access_Token=x&b&key=y=z"),
            "/?a=1&Access_Token=***&b&key=***"
        );
        for (target, shown) in [
            ("http://h/?password=x", "http://h/?password=***"),
            ("/?pass=x&pwd=x&jwt=x&user=x", "/?pass=***&pwd=***&jwt=***&user=x"),
            ("/?p%61ssword=x&%70%77%64=x", "/?p%61ssword=***&%70%77%64=***"),
            // Escaped once more by whoever passes it on.
            ("/?p%2561ss=x", "/?p%2561ss=***"),
            ("/?a=1;token=x;b=2&c=3", "/?a=1;token=***;b=2&c=3"),
            // To most readers the semicolon is a part of the value.
            ("/?token=x;y=z&c=3", "/?token=***&c=3"),
            ("/?a=1?token=x", "/?a=1?token=***"),
            ("/?token%3Dx", "/?token%3Dx"),
            ("http://user:pw@h/a?b=c@d", "http://***@h/a?b=c@d"),
            ("https://a:b@c@h", "https://***@h"),
            ("/proxy/http://a:b@h/", "/proxy/http://***@h/"),
            ("http://h/#access_token=x&b", "http://h/#access_token=***&b"),
            ("http://h/?%", "http://h/?%"),
            ("agent/1.0 (+http://h/@x)", "agent/1.0 (+http://h/@x)"),
            ("agent/1.0 (+http://a:b@h/)", "agent/1.0 (+http://***@h/)"),
        ] {
            assert_eq!(masked(target), shown);
        }
    }
}
