//! One line of the self-test: what is tried, and what became of it.

use std::time::Duration;

use crate::base::failure::Failure;
use crate::saved::Run;
use crate::view::watch::Watch;

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

impl Judgement {
    /// In a word or two.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Judgement::AsExpected => "as expected",
            Judgement::Wrong(_) => "WRONG",
            Judgement::NotJudged(_) => "not judged",
        }
    }

    /// Why it is so, where that needs a reason.
    pub(crate) fn reason(&self) -> Option<String> {
        match self {
            Judgement::AsExpected => None,
            Judgement::Wrong(remarks) => Some(remarks.join("; ")),
            Judgement::NotJudged(reason) => Some(reason.clone()),
        }
    }
}

impl std::fmt::Display for Judgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.reason() {
            None => f.write_str(self.word()),
            Some(reason) => write!(f, "{}: {reason}", self.word()),
        }
    }
}

/// Classes and how often each was met, in the order of the report.
pub(crate) fn counted(runs: &[Run]) -> Vec<(String, u64)> {
    let errors = runs.iter().flat_map(|run| &run.errors);
    errors.map(|error| (error.class.clone(), error.count)).collect()
}

/// `7 corrupt, 1 reset`.
pub(crate) fn listed(errors: &[(String, u64)]) -> String {
    let parts: Vec<_> = errors.iter().map(|(class, count)| format!("{count} {class}")).collect();
    match parts.is_empty() {
        true => "no error".to_owned(),
        false => parts.join(", "),
    }
}
