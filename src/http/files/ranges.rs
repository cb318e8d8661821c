//! Which parts of a file a client wants: RFC 9110, 14.

use std::ops::Range;

/// More parts than this are no resuming client: it gets the whole.
const MOST_PARTS: usize = 16;

/// What a `Range` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The header says nothing that means anything here.
    Whole,
    /// At least one, none of them empty, all within the size.
    Parts(Vec<Range<u64>>),
    /// Nothing of it is there.
    Nothing,
}

impl Wanted {
    /// Reads a `Range` for something of `size` bytes.
    ///
    /// What cannot be read is ignored, as the RFC asks for. So is what would
    /// take more than the whole does: many parts, or parts that overlap so much
    /// that they are longer together (14.2 leaves that to the server).
    pub(super) fn read(header: &str, size: u64) -> Wanted {
        let Some((unit, list)) = header.split_once('=') else {
            return Wanted::Whole;
        };
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Wanted::Whole;
        }
        let (mut parts, mut count) = (Vec::new(), 0);
        for element in list.split(',').map(str::trim).filter(|element| !element.is_empty()) {
            count += 1;
            match part(element, size) {
                _ if count > MOST_PARTS => return Wanted::Whole,
                Part::Malformed | Part::Empty => return Wanted::Whole,
                Part::There(range) => parts.push(range),
                Part::Missing => {}
            }
        }
        let total = parts.iter().map(|range| range.end - range.start);
        let total = total.fold(0_u64, u64::saturating_add);
        match (count, parts.len()) {
            (0, _) => Wanted::Whole,
            (_, 0) => Wanted::Nothing,
            (_, 1) => Wanted::Parts(parts),
            _ if total > size => Wanted::Whole,
            _ => Wanted::Parts(parts),
        }
    }
}

enum Part {
    There(Range<u64>),
    Missing,
    /// The end of an empty file: it is there (14.1.2), but no answer in parts
    /// can say so.
    Empty,
    Malformed,
}

fn part(element: &str, size: u64) -> Part {
    let Some((first, last)) = element.split_once('-') else {
        return Part::Malformed;
    };
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => return Part::Malformed,
        (Some(first), Some(last)) => first..size.min(last.saturating_add(1)),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(1..)) if first.is_empty() && size == 0 => return Part::Empty,
        (None, Some(suffix)) if first.is_empty() => size.saturating_sub(suffix)..size,
        _ => return Part::Malformed,
    };
    match range.is_empty() {
        true => Part::Missing,
        false => Part::There(range),
    }
}

/// Digits alone; what is too large for any file is as good as the largest.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(ranges: &[Range<u64>]) -> Wanted {
        Wanted::Parts(ranges.to_vec())
    }

    #[test]
    #[allow(clippy::single_range_in_vec_init, reason = "a list of one part")]
    fn ranges_are_read() {
        for (header, wanted) in [
            ("bytes=0-0", parts(&[0..1])),
            ("bytes=0-499", parts(&[0..100])),
            ("Bytes=10-", parts(&[10..100])),
            ("bytes=-10", parts(&[90..100])),
            ("bytes=-1000", parts(&[0..100])),
            ("bytes=99-99999999999999999999999", parts(&[99..100])),
            ("bytes=0-1, 5-6", parts(&[0..2, 5..7])),
            ("bytes= ,0-1 ,, -1,", parts(&[0..2, 99..100])),
            ("bytes=0-1,200-", parts(&[0..2])),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=99999999999999999999999-", Wanted::Nothing),
        ] {
            assert_eq!(Wanted::read(header, 100), wanted, "{header}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-4",
            "bytes=1",
            "lines=1-2",
            "bytes=1-2-3",
            "bytes=+1-2",
            "bytes=0-1,x",
            "bytes= 1 - 2",
            "bytes=0-60,30-99",
        ] {
            assert_eq!(Wanted::read(header, 100), Wanted::Whole, "{header}");
        }
        let many = |count: usize| format!("bytes={}", vec!["0-0"; count].join(","));
        assert_eq!(Wanted::read(&many(17), 100), Wanted::Whole);
        assert!(matches!(Wanted::read(&many(16), 100), Wanted::Parts(parts) if parts.len() == 16));
    }

    #[test]
    fn nothing_can_be_had_of_an_empty_file() {
        for header in ["bytes=0-", "bytes=0-0", "bytes=-0"] {
            assert_eq!(Wanted::read(header, 0), Wanted::Nothing, "{header}");
        }
        assert_eq!(Wanted::read("bytes=-5", 0), Wanted::Whole);
    }

    proptest! {
        #[test]
        fn parts_lie_within(header in "bytes=[0-9, -]{0,24}", size in 0_u64..1000) {
            if let Wanted::Parts(parts) = Wanted::read(&header, size) {
                prop_assert!(!parts.is_empty() && parts.len() <= MOST_PARTS);
                prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= size));
                let total: u64 = parts.iter().map(|part| part.end - part.start).sum();
                prop_assert!(total <= size);
            }
        }

        #[test]
        fn a_part_is_what_was_asked_for(first in 0_u64..200, length in 1_u64..200, size in 1_u64..200) {
            let wanted = Wanted::read(&format!("bytes={first}-{}", first + length - 1), size);
            let there: Vec<_> = (first..first + length).filter(|at| *at < size).collect();
            match wanted {
                Wanted::Parts(parts) => prop_assert_eq!(parts.into_iter().flatten().collect::<Vec<_>>(), there),
                other => prop_assert!(other == Wanted::Nothing && there.is_empty()),
            }
        }
    }
}
