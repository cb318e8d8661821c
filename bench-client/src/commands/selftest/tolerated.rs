//! How many comparisons may be wrong though nothing is wrong with the program.

use crate::base::statistics::FALSE_POSITIVES;
use crate::base::statistics::more_than;

/// The number of comparisons whose bound is fixed, and that bound.
const FIXED: (u32, u32) = (20, 2);
/// How often a right program may fail where the bound is not fixed.
const FALSE_ALARMS: f64 = 1e-3;

/// A bound on wrong comparisons.
///
/// Of equal servers a comparison shows a difference with [`FALSE_POSITIVES`] at
/// most; a difference that there is counts as missed as often, though on a quiet
/// machine it is missed less often. So the number of wrong ones is binomial at
/// worst.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tolerated {
    /// So many, and no more.
    pub(super) wrong: u32,
    /// How likely there are more all the same, at most.
    pub(super) false_alarm: f64,
}

impl Tolerated {
    /// Of `number` comparisons.
    pub(super) fn of(number: u32) -> Tolerated {
        let alarm = |wrong| more_than(wrong, number, FALSE_POSITIVES);
        let wrong = match number == FIXED.0 {
            true => FIXED.1,
            false => (0..number).find(|wrong| alarm(*wrong) < FALSE_ALARMS).unwrap_or(number),
        };
        Tolerated {
            wrong,
            false_alarm: alarm(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_comparisons_have_their_own_bound() {
        let Tolerated { wrong, false_alarm } = Tolerated::of(20);
        assert_eq!(wrong, 2);
        assert!((false_alarm - 0.0755).abs() < 1e-4, "{false_alarm}");
    }

    #[test]
    fn with_fewer_a_right_program_fails_once_in_a_thousand_times() {
        for number in 4..20 {
            let Tolerated { wrong, false_alarm } = Tolerated::of(number);
            assert!(false_alarm < 1e-3, "{wrong} of {number}: {false_alarm}");
            assert!(
                more_than(wrong - 1, number, 0.05) >= 1e-3,
                "{wrong} of {number} is too many"
            );
            assert!(wrong < number, "any would do");
        }
    }
}
