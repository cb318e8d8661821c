//! Which codings of a body a client takes: RFC 9110, 12.5.3.

/// A coding that this module can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Gzip,
}

/// In the order in which they are chosen when a client likes them equally: the
/// one that makes smaller files goes first.
const KNOWN: [Coding; 2] = [Coding::Brotli, Coding::Gzip];

/// Weights are told in thousandths.
const MOST: u16 = 1000;

impl Coding {
    /// As it stands in `Content-Encoding`.
    pub(super) fn token(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Gzip => "gzip",
        }
    }

    /// Those that an `Accept-Encoding` allows, the best liked first. One that is
    /// liked less than the plain body is none of them.
    pub(super) fn accepted(header: &str) -> impl Iterator<Item = Coding> + use<> {
        let plain = weight_of(header, &["identity"]).unwrap_or(0);
        let any = weight_of(header, &["*"]).unwrap_or(0);
        let mut weighed = KNOWN.map(|coding| {
            let weight = weight_of(header, coding.names()).unwrap_or(any);
            (coding, weight)
        });
        // Stable, so equals keep their order.
        weighed.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        let liked = move |(_, weight): &(Coding, u16)| *weight > 0 && *weight >= plain;
        weighed.into_iter().filter(liked).map(|(coding, _)| coding)
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Coding::Brotli => &["br"],
            // RFC 9110, 8.4.1.3: the old name means the same.
            Coding::Gzip => &["gzip", "x-gzip"],
        }
    }
}

/// Whether an `Accept-Encoding` forbids a body that is not coded: 12.5.3.
#[cfg(feature = "compression")]
pub(super) fn is_plain_refused(header: &str) -> bool {
    let plain = weight_of(header, &["identity"]);
    plain.or_else(|| weight_of(header, &["*"])) == Some(0)
}

/// What a list of codings says of one; `None` if it does not name it.
fn weight_of(header: &str, names: &[&str]) -> Option<u16> {
    header.split(',').find_map(|element| {
        let mut parts = element.split(';');
        let name = parts.next()?.trim();
        let is_named = names.iter().any(|known| known.eq_ignore_ascii_case(name));
        is_named.then(|| parts.find_map(weight).unwrap_or(MOST))
    })
}

/// Of a parameter `q=0.5`; one that cannot be read allows nothing.
fn weight(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    Some(thousandths(value.trim_end()).unwrap_or(0))
}

/// RFC 9110, 12.4.2: `0` or `1`, and at most three digits behind a dot.
fn thousandths(value: &str) -> Option<u16> {
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let is_number = part.len() <= 3 && part.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number || !matches!(whole, "0" | "1") {
        return None;
    }
    let number: u16 = format!("{whole}{part:0<3}").parse().ok()?;
    (number <= MOST).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_best_liked_goes_first() {
        for (header, wanted) in [
            ("", ""),
            ("gzip", "gzip"),
            ("GZIP, Br", "br gzip"),
            ("gzip, deflate, br, zstd", "br gzip"),
            ("br;q=0.5, gzip", "gzip br"),
            ("br ; Q=0.001, x-gzip;q=0", "br"),
            ("*", "br gzip"),
            ("*;q=0.2, br;q=0", "gzip"),
            ("gzip;q=0.5, identity", ""),
            ("gzip;q=1.001, br;q=x", ""),
            ("gzip;q=2, br;q=.5", ""),
            ("gzip;q= 0.5, br;q=0.5 ", "br"),
            ("gzipped, brr", ""),
        ] {
            let found: Vec<_> = Coding::accepted(header).map(Coding::token).collect();
            assert_eq!(found.join(" "), wanted, "{header:?}");
        }
    }

    #[cfg(feature = "compression")]
    #[test]
    fn plain_is_taken_unless_it_is_refused() {
        for (header, wanted) in [
            ("", false),
            ("gzip", false),
            ("*", false),
            ("identity;q=0", true),
            ("gzip, *;q=0", true),
            ("*;q=0, identity;q=0.1", false),
            ("identity;q=0.001", false),
        ] {
            assert_eq!(is_plain_refused(header), wanted, "{header:?}");
        }
    }

    proptest! {
        /// Whatever a client sends is read, and what it refuses by name it does
        /// not get.
        #[test]
        fn any_header_is_read(header in "([a-z*é]{0,3}(;q?=?[0-9.]{0,6})?,?){0,6}", refused: bool) {
            let header = format!("{}{header}", if refused { "gzip;q=0," } else { "" });
            let found: Vec<_> = Coding::accepted(&header).collect();
            prop_assert!(!refused || !found.contains(&Coding::Gzip));
        }
    }
}
