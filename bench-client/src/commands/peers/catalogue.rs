//! The peers there are on this machine.

use std::path::Path;

use super::certificate::Certificate;
use super::contestant::Contestant;
use super::entry::{ECHO, Entry, HTTP, HTTPS, OURS};
use super::probe::Subject;
use crate::base::failure::Failure;

/// A peer that does not take part.
#[derive(Clone, Debug)]
pub(crate) struct LeftOut {
    /// What it is called.
    pub(crate) name: String,
    /// Why.
    pub(crate) reason: String,
}

/// Who takes part and who does not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue {
    /// Who does; ours is the first, and the one that ratios are to.
    pub(crate) contestants: Vec<Contestant>,
    /// Who does not.
    pub(crate) left_out: Vec<LeftOut>,
}

/// Ours, and the peers of `subject` that `only` names, or all: those of `sources`
/// and the examples of the project it lies in, built here. Those of HTTPS show
/// `certificate`.
///
/// # Errors
/// When a name is no peer's, there is no such folder, or ours cannot be built.
pub(super) fn find(
    subject: Subject,
    sources: &Path,
    only: &[String],
    certificate: Option<&Certificate>,
) -> Result<Catalogue, Failure> {
    let entries = entries(subject);
    check_names(entries, only)?;
    if !sources.is_dir() {
        return Err(Failure::Usage(format!(
            "there is no folder {}; say with --peers-dir where the peers' sources are",
            sources.display()
        )));
    }
    let mut catalogue = Catalogue::default();
    for entry in entries {
        let asked_for = only.is_empty() || only.iter().any(|name| name == entry.name);
        if entry.name == OURS || asked_for {
            catalogue.add(entry.name, entry.contestant(sources, certificate))?;
        }
    }
    Ok(catalogue)
}

fn entries(subject: Subject) -> &'static [Entry] {
    match subject {
        Subject::Echo => ECHO,
        Subject::Http => HTTP,
        Subject::Https => HTTPS,
    }
}

fn check_names(entries: &[Entry], only: &[String]) -> Result<(), Failure> {
    let known: Vec<_> = entries
        .iter()
        .map(|entry| entry.name)
        .filter(|name| *name != OURS)
        .collect();
    match only.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Failure::Usage(format!(
            "--only {name}: no such peer; there are {}",
            known.join(", ")
        ))),
    }
}

impl Catalogue {
    /// Ratios are to ours, so without it there are none.
    fn add(&mut self, name: &str, contestant: Result<Contestant, String>) -> Result<(), Failure> {
        match contestant {
            Ok(contestant) => self.contestants.push(contestant),
            Err(reason) if name == OURS => {
                return Err(Failure::Server {
                    name: name.to_owned(),
                    reason,
                });
            }
            Err(reason) => self.left_out.push(LeftOut {
                name: name.to_owned(),
                reason,
            }),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_peer_is_named_with_those_there_are() {
        let check = |subject, name: &str| check_names(entries(subject), &[name.to_owned()]);
        let message = check(Subject::Echo, "nginx").unwrap_err().to_string();
        assert!(message.contains("nginx") && message.contains("tokio"), "{message}");
        assert!(check(Subject::Echo, "go").is_ok() && check(Subject::Http, "nginx").is_ok());
        let message = check(Subject::Http, "gevent").unwrap_err().to_string();
        assert!(message.contains("hyper"), "{message}");
    }

    #[test]
    fn ours_comes_first_of_every_kind() {
        for subject in [Subject::Echo, Subject::Http, Subject::Https] {
            assert_eq!(entries(subject)[0].name, OURS);
        }
    }

    #[test]
    fn who_cannot_be_built_is_left_out_and_ours_must_be() {
        let mut catalogue = Catalogue::default();
        catalogue.add("nginx", Err("there is none".to_owned())).unwrap();
        assert_eq!(catalogue.left_out[0].reason, "there is none");
        assert!(catalogue.add(OURS, Err("no cargo".to_owned())).is_err());
    }
}
