//! What was concluded of two sides, as it is saved.

use serde::{Deserialize, Serialize};

use crate::base::failure::Status;
use crate::base::statistics::Interval;
use crate::saved::figure::Figure;

/// What may be said of one side, B, beside the other, A.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Judgement {
    /// The one to compare with.
    pub(crate) a: Party,
    /// The one that is judged.
    pub(crate) b: Party,
    /// Each figure that both sides have.
    pub(crate) figures: Vec<Difference>,
    /// What must be known before it is believed.
    pub(crate) remarks: Vec<String>,
    /// In what B is worse than it may be, which makes the exit status 3.
    pub(crate) regressions: Vec<String>,
}

/// One of two sides.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Party {
    /// What its runs are called.
    pub(crate) name: String,
    /// The command that started it, or the file it comes from.
    pub(crate) from: String,
}

/// One figure of both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Difference {
    /// Which; saved by its name. Times are in seconds.
    pub(crate) figure: Figure,
    /// The median over the rounds of A.
    pub(crate) a_median: f64,
    /// Over those of B.
    pub(crate) b_median: f64,
    /// Rounds of A that have it.
    pub(crate) a_rounds: u32,
    /// Rounds of B that have it.
    pub(crate) b_rounds: u32,
    /// B's median divided by A's.
    pub(crate) ratio: Option<f64>,
    /// Where that lies, to 95 %, by the bootstrap; `null` for a single round.
    pub(crate) interval: Option<Interval>,
    /// Of the Mann-Whitney test, of this figure alone.
    pub(crate) p_value: f64,
    /// The same, corrected for the number of figures by Holm's method: what is
    /// not below 0.05 shows nothing.
    pub(crate) p_adjusted: f64,
    /// What may be said of B.
    pub(crate) verdict: Word,
    /// Rounds a side that would show a difference as large as the one seen,
    /// where none is shown.
    pub(crate) needed_rounds: Option<u32>,
    /// The change that was tolerated, as a part: 0.05 for 5 % more.
    pub(crate) tolerance: Option<f64>,
}

/// What may be said of B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// It answers more or sooner.
    Faster,
    /// It answers fewer or later.
    Slower,
    /// It takes less of the machine.
    Less,
    /// It takes more.
    More,
    /// None of these is shown.
    NotShown,
}

impl Difference {
    /// B's median as a part of A's, less one: 0.05 for 5 % more.
    pub(crate) fn change(&self) -> Option<f64> {
        self.ratio.map(|ratio| ratio - 1.0)
    }
}

impl Word {
    /// For B's `figure` being larger than A's, or smaller.
    pub(crate) fn of(figure: Figure, larger: bool) -> Word {
        match (figure, larger == figure.more_is_better()) {
            (Figure::Cpu | Figure::Memory | Figure::PageTables, true) => Word::Less,
            (Figure::Cpu | Figure::Memory | Figure::PageTables, false) => Word::More,
            (_, true) => Word::Faster,
            (_, false) => Word::Slower,
        }
    }

    /// Whether it is to B's credit.
    pub(crate) fn is_better(self) -> bool {
        matches!(self, Word::Faster | Word::Less)
    }

    /// Whether it is to its discredit.
    pub(crate) fn is_worse(self) -> bool {
        matches!(self, Word::Slower | Word::More)
    }
}

impl Judgement {
    /// What it makes of the exit status.
    pub(crate) fn status(&self) -> Status {
        match self.regressions.is_empty() {
            true => Status::Fine,
            false => Status::Errors,
        }
    }
}

/// Where the throughput of one server under one load stops growing with the
/// number of clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Knee {
    /// Sizes of messages in bytes, as they were given.
    pub(crate) size: String,
    /// Numbers of clients it was looked for in: those whose runs are valid.
    pub(crate) points: u32,
    /// The fewest clients with 95 % of the highest rate; `null` when there is
    /// no knee.
    pub(crate) clients: Option<u32>,
    /// Answers per second with so many.
    pub(crate) answers_per_s: Option<f64>,
    /// The highest rate of all of them.
    pub(crate) highest_per_s: Option<f64>,
    /// Why there is none.
    pub(crate) reason: Option<String>,
}
