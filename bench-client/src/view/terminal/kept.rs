//! What could not be written while the screen was drawn on.

use std::collections::VecDeque;

use crate::base::format;

/// So much is kept, in bytes: the last of it.
const MOST: usize = 64 * 1024;

/// Texts in their order, the last ones of many.
#[derive(Debug)]
pub(super) struct Kept {
    texts: VecDeque<Vec<u8>>,
    bytes: usize,
    left_out: u64,
}

impl Kept {
    /// Nothing.
    pub(super) const fn new() -> Kept {
        Kept {
            texts: VecDeque::new(),
            bytes: 0,
            left_out: 0,
        }
    }

    /// Keeps `text`, in place of older ones where there is no room.
    pub(super) fn push(&mut self, text: &[u8]) {
        self.bytes += text.len();
        self.texts.push_back(text.to_vec());
        while self.bytes > MOST
            && let Some(oldest) = self.texts.pop_front()
        {
            self.bytes -= oldest.len();
            self.left_out += 1;
        }
    }

    /// All that was kept, and how much was not; nothing is left.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let Kept { texts, left_out, .. } = std::mem::replace(self, Kept::new());
        let mut all = match left_out {
            0 => String::new(),
            count => format!("({} earlier messages left out)\n", format::thousands(count as f64)),
        }
        .into_bytes();
        all.extend(texts.into_iter().flatten());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_in_its_order_and_once() {
        let mut kept = Kept::new();
        kept.push(b"a\n");
        kept.push(b"b\n");
        assert_eq!(kept.take(), b"a\nb\n");
        assert_eq!(kept.take(), b"");
    }

    #[test]
    fn of_too_much_the_last_is_kept_and_the_rest_counted() {
        let mut kept = Kept::new();
        for number in 0..100_000 {
            kept.push(format!("{number:07}\n").as_bytes());
        }
        kept.push(b"last\n");
        let text = String::from_utf8(kept.take()).unwrap();
        assert!(text.len() < MOST + 100, "{}", text.len());
        assert!(
            text.starts_with("(91,809 earlier messages left out)\n0091809\n"),
            "{text}"
        );
        assert!(text.ends_with("last\n"));
    }
}
