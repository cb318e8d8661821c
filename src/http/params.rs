//! What a route has found in a path.

use std::ops::Range;

/// Names and values of the parts of a path that a route leaves open; see
/// [`Router`](super::Router).
///
/// Values are decoded: `%20` is a space there.
#[derive(Debug, Default)]
pub struct Params {
    text: String,
    spans: Vec<(Range<usize>, Range<usize>)>,
}

impl Params {
    /// The part of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All of them, in the order of the path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let spans = self.spans.iter();
        spans.map(|(name, value)| (&self.text[name.clone()], &self.text[value.clone()]))
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
    }

    /// False when `value` is not UTF-8 once decoded.
    pub(super) fn push(&mut self, name: &str, value: &str) -> bool {
        let begin = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        if !decode(value, &mut self.text) {
            return false;
        }
        self.spans.push((begin..middle, middle..self.text.len()));
        true
    }
}

/// Appends `text` with its `%XX` as bytes; false if that is not UTF-8.
fn decode(text: &str, into: &mut String) -> bool {
    if !text.contains('%') {
        into.push_str(text);
        return true;
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        match (first, escaped(behind)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => {
            into.push_str(text);
            true
        }
        Err(_) => false,
    }
}

/// The byte of an escape, of which the percent sign is gone.
pub(super) fn escaped(digits: &[u8]) -> Option<u8> {
    let [high, low, ..] = digits else { return None };
    let value = |digit: u8| (digit as char).to_digit(16);
    u8::try_from(value(*high)? * 16 + value(*low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded() {
        let mut params = Params::default();
        assert!(params.push("a", "b%20c%C3%A4%") && params.push("d", "e"));
        assert_eq!(params.get("a"), Some("b c\u{e4}%"));
        assert_eq!(params.iter().last(), Some(("d", "e")));
        assert!(!params.push("f", "%FF"));
        assert_eq!(params.get("f"), None);
    }
}
