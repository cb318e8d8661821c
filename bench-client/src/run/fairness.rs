//! How the answers were spread over the clients.

use std::time::Duration;

use crate::run::client::Served;
use crate::saved::Fairness;

impl Fairness {
    /// Of all clients' work.
    pub(crate) fn of(served: &[Served]) -> Fairness {
        let mut echoes: Vec<_> = served.iter().map(|served| served.answers).collect();
        echoes.sort_unstable();
        Fairness {
            fewest: echoes.first().copied().unwrap_or_default(),
            median: echoes.get(echoes.len() / 2).copied().unwrap_or_default(),
            most: echoes.last().copied().unwrap_or_default(),
            none: echoes.iter().filter(|echoes| **echoes == 0).count() as u32,
            jain: jain(&echoes),
            effective: None,
        }
    }

    /// The same with the clients at work at a time, of which each answer kept
    /// one for `mean` nanoseconds.
    pub(crate) fn at_work(self, answers_per_s: Option<f64>, mean: f64) -> Fairness {
        let second = Duration::from_secs(1).as_nanos() as f64;
        Fairness {
            effective: answers_per_s.map(|rate| rate * mean / second),
            ..self
        }
    }
}

/// Jain's index, (Σx)² / (n Σx²); `None` when nobody has anything.
fn jain(counts: &[u64]) -> Option<f64> {
    let sum: f64 = counts.iter().map(|count| *count as f64).sum();
    let squares: f64 = counts.iter().map(|count| (*count as f64).powi(2)).sum();
    (squares > 0.0).then(|| sum * sum / (counts.len() as f64 * squares))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fairness(echoes: &[u64]) -> Fairness {
        let served: Vec<_> = echoes
            .iter()
            .map(|echoes| Served {
                answers: *echoes,
                ..Served::default()
            })
            .collect();
        Fairness::of(&served)
    }

    #[test]
    fn jains_index_is_the_part_of_the_clients_that_share() {
        assert_eq!(fairness(&[7, 7, 7, 7]).jain, Some(1.0));
        assert_eq!(fairness(&[0, 0, 0, 9]).jain, Some(0.25));
        assert_eq!(fairness(&[5, 5, 0, 0]).jain, Some(0.5));
        assert_eq!((fairness(&[0, 0]).jain, fairness(&[]).jain), (None, None));
    }

    #[test]
    fn the_ends_and_the_middle_are_told() {
        let fairness = fairness(&[9, 0, 3, 0, 4]);
        assert_eq!(
            (fairness.fewest, fairness.median, fairness.most, fairness.none),
            (0, 3, 9, 2)
        );
    }

    #[test]
    fn clients_at_work_follow_from_rate_and_time() {
        // 1,000 a second, 10 ms each.
        let fairness = fairness(&[1]).at_work(Some(1_000.0), 10_000_000.0);
        assert_eq!(fairness.effective, Some(10.0));
    }
}
