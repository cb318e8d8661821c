//! Replacing all workers, one after the other.

use std::collections::VecDeque;

use super::crew::Crew;

/// One round of replacements under way.
///
/// The next worker's turn comes when the new one serves and the old one has
/// ended, so there is never more than one process too many.
#[derive(Debug)]
pub(super) struct Rollover {
    left: VecDeque<usize>,
    /// The place that is being replaced.
    turn: Option<usize>,
    /// Asked for again meanwhile.
    again: bool,
}

/// What became of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    GoesOn,
    Done,
    /// The new program does not serve: who is left of the old workers stays.
    Abandoned,
}

impl Rollover {
    pub(super) fn new(crew: &Crew) -> Rollover {
        Rollover {
            left: (0..crew.size()).collect(),
            turn: None,
            again: false,
        }
    }

    /// Has another round follow this one.
    pub(super) fn repeat(&mut self) {
        self.again = true;
    }

    pub(super) fn advance(&mut self, crew: &mut Crew) -> Round {
        loop {
            if crew.take_replacement_failed() {
                if !self.again {
                    return Round::Abandoned;
                }
                *self = Rollover::new(crew);
            }
            if crew.is_changing() || self.turn.is_some_and(|index| crew.is_starting(index)) {
                return Round::GoesOn;
            }
            self.turn = self.left.pop_front();
            match self.turn {
                Some(index) => {
                    crew.replace(index);
                }
                None if self.again => *self = Rollover::new(crew),
                None => return Round::Done,
            }
        }
    }
}
