//! Tags of versions, and lists of them: RFC 9110, 8.8.3.

/// How two tags are compared: 8.8.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// A tag that is weak is equal to none.
    Strong,
    Weak,
}

/// Whether a list of tags has one that is `etag`.
pub(super) fn names(list: &str, etag: &str, comparison: Comparison) -> bool {
    let wanted = etag.strip_prefix("W/").unwrap_or(etag);
    let mut rest = list;
    // A tag may have commas inside its quotes.
    while let Some(begin) = rest.find('"') {
        let Some(length) = rest[begin + 1..].find('"') else {
            return false;
        };
        let end = begin + length + 2;
        let is_weak = rest[..begin].ends_with("W/");
        if rest[begin..end] == *wanted && (comparison == Comparison::Weak || !is_weak) {
            return true;
        }
        rest = &rest[end..];
    }
    false
}
