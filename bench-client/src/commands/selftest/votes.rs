//! What many comparisons say together.

use super::check::Judgement;
use crate::base::statistics::median;

/// What became of one comparison.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Vote {
    /// It was made.
    Cast {
        /// Whether it says what is known.
        right: bool,
        /// How much longer the median time of B is, as a part of A's.
        change: f64,
    },
    /// The machine spoilt it, and how: what it says does not count.
    Spoilt(String),
    /// It went wrong as no comparison may.
    Broken(String),
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Votes(Vec<Vote>);

impl Votes {
    pub(super) fn add(&mut self, vote: Vote) {
        self.0.push(vote);
    }

    /// How many were cast.
    pub(super) fn cast(&self) -> u32 {
        self.count(|vote| matches!(vote, Vote::Cast { .. }))
    }

    /// How many of those are wrong.
    pub(super) fn wrong(&self) -> u32 {
        self.count(|vote| matches!(vote, Vote::Cast { right: false, .. }))
    }

    /// The change in the middle of what was found.
    pub(super) fn change(&self) -> Option<f64> {
        let changes = self.0.iter().filter_map(|vote| match vote {
            Vote::Cast { change, .. } => Some(*change),
            _ => None,
        });
        median(&changes.collect::<Vec<_>>())
    }

    /// Where so many may be `tolerated` to be wrong. It is as expected if it
    /// would be whatever the spoilt ones had said.
    pub(super) fn judgement(&self, tolerated: u32) -> Judgement {
        let (wrong, spoilt) = (self.wrong(), self.spoilt());
        let broken = self.broken();
        if !broken.is_empty() {
            return Judgement::Wrong(broken);
        }
        if wrong > tolerated {
            let remark = format!("{wrong} comparisons are wrong, and {tolerated} may be");
            return Judgement::Wrong(vec![remark]);
        }
        match (spoilt.first(), wrong as usize + spoilt.len() > tolerated as usize) {
            (Some(first), true) => {
                let (spoilt, all) = (spoilt.len(), self.0.len());
                Judgement::NotJudged(format!(
                    "{spoilt} of {all} comparisons were spoilt, the first because {first}"
                ))
            }
            _ => Judgement::AsExpected,
        }
    }

    fn count(&self, which: impl Fn(&&Vote) -> bool) -> u32 {
        self.0.iter().filter(which).count() as u32
    }

    /// What spoilt them, one reason for each.
    fn spoilt(&self) -> Vec<&str> {
        let reasons = self.0.iter().filter_map(|vote| match vote {
            Vote::Spoilt(reason) => Some(reason.as_str()),
            _ => None,
        });
        reasons.collect()
    }

    /// How they went wrong, each way once.
    fn broken(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        for vote in &self.0 {
            match vote {
                Vote::Broken(reason) if !reasons.contains(reason) => reasons.push(reason.clone()),
                _ => {}
            }
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(right: usize, wrong: usize, spoilt: usize) -> Votes {
        let cast = |right, change| Vote::Cast { right, change };
        let mut votes = vec![cast(true, 0.05); right];
        votes.extend(vec![cast(false, 0.01); wrong]);
        votes.extend(vec![Vote::Spoilt("busy".to_owned()); spoilt]);
        Votes(votes)
    }

    #[test]
    fn so_many_wrong_ones_are_tolerated_and_no_more() {
        assert_eq!(votes(18, 2, 0).judgement(2), Judgement::AsExpected);
        assert!(matches!(votes(17, 3, 0).judgement(2), Judgement::Wrong(_)));
    }

    #[test]
    fn what_was_spoilt_is_counted_as_whatever_would_decide_otherwise() {
        assert_eq!(votes(19, 0, 1).judgement(2), Judgement::AsExpected);
        assert_eq!(votes(18, 1, 1).judgement(2), Judgement::AsExpected);
        assert!(matches!(votes(17, 2, 1).judgement(2), Judgement::NotJudged(_)));
        assert!(matches!(votes(0, 0, 20).judgement(2), Judgement::NotJudged(_)));
        assert!(matches!(votes(0, 3, 17).judgement(2), Judgement::Wrong(_)));
    }

    #[test]
    fn a_broken_one_is_never_tolerated() {
        let mut votes = votes(20, 0, 0);
        votes.add(Vote::Broken("3 errors".to_owned()));
        votes.add(Vote::Broken("3 errors".to_owned()));
        assert_eq!(votes.judgement(2), Judgement::Wrong(vec!["3 errors".to_owned()]));
    }

    #[test]
    fn what_is_found_is_of_those_that_count() {
        let votes = votes(3, 1, 2);
        assert_eq!((votes.cast(), votes.wrong(), votes.change()), (4, 1, Some(0.05)));
    }
}
