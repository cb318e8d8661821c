//! The Mann-Whitney U test: whether one side's rounds rank above the other's.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal};

/// Up to so many values in all the distribution of U is counted out: the
/// counts are whole numbers that a float holds exactly.
const EXACT_UP_TO: usize = 50;

/// The two-sided p-value of `a` and `b` being of one distribution.
///
/// Exact where no two values are equal; else from the normal approximation
/// with the corrections for ties and for continuity.
pub(crate) fn mann_whitney(a: &[f64], b: &[f64]) -> f64 {
    if a.is_empty() || b.is_empty() {
        return 1.0;
    }
    let ties = ties(a, b);
    let u = smaller_u(a, b);
    match ties.is_empty() && a.len() + b.len() <= EXACT_UP_TO {
        true => exact(a.len(), b.len(), u),
        false => approximate(a.len() as f64, b.len() as f64, u, &ties),
    }
}

/// The fewest rounds a side whose p-value can be below `level` at all.
pub(crate) fn fewest_rounds(level: f64) -> u32 {
    (1..=EXACT_UP_TO / 2)
        .find(|rounds| exact(*rounds, *rounds, 0.0) < level)
        .unwrap_or(EXACT_UP_TO / 2) as u32
}

/// In how many pairs the one side is below the other, for the side with fewer;
/// equal ones count half.
fn smaller_u(a: &[f64], b: &[f64]) -> f64 {
    let pairs = a.iter().flat_map(|one| b.iter().map(move |other| one.total_cmp(other)));
    let u: f64 = pairs
        .map(|order| match order {
            std::cmp::Ordering::Less => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Greater => 0.0,
        })
        .sum();
    u.min((a.len() * b.len()) as f64 - u)
}

/// The sizes of the groups of equal values.
fn ties(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut all: Vec<_> = a.iter().chain(b).copied().collect();
    all.sort_by(f64::total_cmp);
    let groups = all.chunk_by(|one, next| one == next);
    groups
        .map(|group| group.len() as f64)
        .filter(|size| *size > 1.0)
        .collect()
}

/// Twice the share of all orders whose U is not larger.
fn exact(a: usize, b: usize, u: f64) -> f64 {
    let counts = orders_by_u(a, b);
    let all: f64 = counts.iter().sum();
    let below: f64 = counts.iter().take(u as usize + 1).sum();
    (2.0 * below / all).min(1.0)
}

/// How many orders of `a` and `b` values have U = 0, 1, 2, ...: the
/// coefficients of the Gaussian binomial, the product over i = 1..=a of
/// (1 - q^(b + i)) / (1 - q^i).
fn orders_by_u(a: usize, b: usize) -> Vec<f64> {
    let mut counts = vec![0.0; a * b + 1];
    counts[0] = 1.0;
    for i in 1..=a {
        for u in (b + i..counts.len()).rev() {
            counts[u] -= counts[u - b - i];
        }
        for u in i..counts.len() {
            counts[u] += counts[u - i];
        }
    }
    counts
}

fn approximate(a: f64, b: f64, u: f64, ties: &[f64]) -> f64 {
    let all = a + b;
    let tied: f64 = ties.iter().map(|size| size.powi(3) - size).sum();
    let variance = a * b / 12.0 * (all + 1.0 - tied / (all * (all - 1.0)));
    let distance = (a * b / 2.0 - u - 0.5).max(0.0);
    match variance > 0.0 {
        true => 2.0 * Normal::standard().sf(distance / variance.sqrt()),
        // All values are equal.
        false => 1.0,
    }
}

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

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
    }

    /// The example in the documentation of `scipy.stats.mannwhitneyu`: ages at
    /// the diagnosis of diabetes.
    const MALES: [f64; 5] = [19.0, 22.0, 16.0, 29.0, 24.0];
    const FEMALES: [f64; 4] = [20.0, 11.0, 17.0, 12.0];

    #[test]
    fn small_samples_are_counted_out() {
        assert_eq!(smaller_u(&MALES, &FEMALES), 3.0);
        close(mann_whitney(&MALES, &FEMALES), 1.0 / 9.0);
        close(mann_whitney(&FEMALES, &MALES), 1.0 / 9.0);
    }

    /// `scipy.stats.mannwhitneyu(males, females, method="asymptotic")`, there.
    #[test]
    fn the_approximation_is_the_usual_one() {
        close(approximate(5.0, 4.0, 3.0, &[]), 0.111_346_886_533_140_41);
    }

    /// Hollander & Wolfe, "Nonparametric Statistical Methods" (1973), p. 69,
    /// and the example of R's `wilcox.test`: W = 35, one-sided p = 0.1272.
    #[test]
    fn the_permeability_of_membranes() {
        let term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let weeks = [1.15, 0.88, 0.90, 0.74, 1.21];
        assert_eq!(smaller_u(&term, &weeks), 50.0 - 35.0);
        assert!((mann_whitney(&term, &weeks) / 2.0 - 0.1272).abs() < 5e-5);
    }

    /// Against Python: the formula with `statistics.NormalDist().cdf`.
    #[test]
    fn ties_are_corrected_for() {
        let (a, b) = ([1.0, 2.0, 2.0, 3.0, 5.0], [2.0, 4.0, 5.0, 5.0, 6.0, 7.0]);
        close(mann_whitney(&a, &b), 0.07724878165472981);
        assert_eq!(mann_whitney(&[1.0; 5], &[1.0; 5]), 1.0);
    }

    #[test]
    fn too_few_rounds_show_nothing() {
        assert_eq!(mann_whitney(&[], &[1.0]), 1.0);
        close(mann_whitney(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]), 0.1);
        assert_eq!((fewest_rounds(0.05), fewest_rounds(0.01)), (4, 5));
    }

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
