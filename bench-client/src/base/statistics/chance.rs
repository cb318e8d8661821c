//! What chance alone does.

use statrs::distribution::{Binomial, DiscreteCDF};

/// How likely more than `count` of `number` independent things happen that each
/// happen with the probability `each`: the upper tail of the binomial
/// distribution.
pub(crate) fn more_than(count: u32, number: u32, each: f64) -> f64 {
    // Refused for a probability that is none.
    Binomial::new(each, u64::from(number)).map_or(1.0, |happening| happening.sf(u64::from(count)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_what_the_tables_say() {
        for (count, number, each, expected) in [
            (2, 20, 0.05, 0.0755),
            (0, 20, 0.05, 0.6415),
            (2, 4, 0.05, 0.00048),
            (4, 4, 0.5, 0.0),
            (0, 1, 0.25, 0.25),
        ] {
            let found = more_than(count, number, each);
            assert!((found - expected).abs() < 5e-5, "{count} of {number}: {found}");
        }
    }
}
