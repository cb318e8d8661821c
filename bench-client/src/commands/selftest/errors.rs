//! What a client counted, as the self-test compares and shows it.

use crate::saved::Run;

/// Classes and how often each was met, in the order of the report.
pub(super) fn counted(runs: &[Run]) -> Vec<(String, u64)> {
    let errors = runs.iter().flat_map(|run| &run.errors);
    errors.map(|error| (error.class.clone(), error.count)).collect()
}

/// `7 corrupt, 1 reset`.
pub(super) fn listed(errors: &[(String, u64)]) -> String {
    let parts: Vec<_> = errors.iter().map(|(class, count)| format!("{count} {class}")).collect();
    match parts.is_empty() {
        true => "no error".to_owned(),
        false => parts.join(", "),
    }
}
