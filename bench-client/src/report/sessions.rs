//! TLS sessions in words.

use crate::base::format;
use crate::saved::{Run, TlsSessions};

/// What the clients of `runs` agreed on with their servers, and how often by a
/// whole handshake; the warm-up is in it.
pub(crate) fn in_words<'a>(runs: impl IntoIterator<Item = &'a Run>) -> String {
    let mut kinds: Vec<TlsSessions> = Vec::new();
    for of_run in runs.into_iter().flat_map(|run| &run.connections.tls) {
        match kinds.iter_mut().find(|kind| is_same(kind, of_run)) {
            Some(kind) => {
                kind.full = kind.full.saturating_add(of_run.full);
                kind.resumed = kind.resumed.saturating_add(of_run.resumed);
            }
            None => kinds.push(of_run.clone()),
        }
    }
    let words: Vec<_> = kinds.iter().map(kind_in_words).collect();
    match words.is_empty() {
        true => format::NONE.to_owned(),
        false => words.join("; "),
    }
}

fn is_same(one: &TlsSessions, other: &TlsSessions) -> bool {
    (&one.version, &one.cipher_suite) == (&other.version, &other.cipher_suite)
}

fn kind_in_words(kind: &TlsSessions) -> String {
    format!(
        "{} {}, {} whole handshakes, {} resumed",
        kind.version,
        kind.cipher_suite,
        format::thousands(kind.full as f64),
        format::thousands(kind.resumed as f64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_all_rounds_are_added_up() {
        let run = Run::full("a");
        let mut other = run.clone();
        other.connections.tls[0].version = "TLSv1.2".to_owned();
        assert_eq!(
            in_words([&run, &other, &run]),
            "TLSv1.3 TLS13_AES_256_GCM_SHA384, 20 whole handshakes, 2,000 resumed; \
             TLSv1.2 TLS13_AES_256_GCM_SHA384, 10 whole handshakes, 1,000 resumed"
        );
        assert_eq!(in_words([&Run::example("a", 1.0)]), "-");
    }
}
