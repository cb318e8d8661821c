//! One line of the self-test: what is tried, and what became of it.

use std::time::Duration;

use crate::failure::Failure;
use crate::watch::Watch;

/// Something to try, with an outcome that is known before.
pub(crate) trait Check {
    /// The words behind `serve`, and what else tells it from the others.
    fn name(&self) -> String;

    /// More words behind the command that measures it.
    fn load(&self) -> String;

    /// What is to be found.
    fn expected(&self) -> String;

    /// What a reader of the finding must know.
    fn caveat(&self) -> Option<String> {
        None
    }

    /// About how long it takes.
    fn takes(&self) -> Duration;

    /// Tries it.
    ///
    /// # Errors
    /// When a server or a client cannot be started, or somebody interrupts.
    fn attempt(&self, watch: &mut Watch) -> Result<Finding, Failure>;
}

/// What became of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What was found.
    pub(crate) found: String,
    /// What that means.
    pub(crate) judgement: Judgement,
}

/// What a finding means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// All is well.
    AsExpected,
    /// This program is wrong, and why.
    Wrong(Vec<String>),
    /// The machine spoilt it: it says nothing of this program.
    NotJudged(String),
}

impl Finding {
    /// One that is as expected if there are no `remarks`.
    pub(crate) fn unless(remarks: Vec<String>, found: String) -> Finding {
        let judgement = match remarks.is_empty() {
            true => Judgement::AsExpected,
            false => Judgement::Wrong(remarks),
        };
        Finding { found, judgement }
    }
}

impl std::fmt::Display for Judgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Judgement::AsExpected => f.write_str("as expected"),
            Judgement::Wrong(remarks) => write!(f, "WRONG {}", remarks.join("; ")),
            Judgement::NotJudged(reason) => write!(f, "not judged: {reason}"),
        }
    }
}
