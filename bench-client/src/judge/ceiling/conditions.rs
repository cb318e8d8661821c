//! On what a calibration was made: it says nothing about anything else.

use serde::{Deserialize, Serialize};

use crate::machine::{identity, pinning};
use crate::saved::Machine;

/// What the client's costs depend on, beside the load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conditions {
    /// This program's version and revision.
    pub(crate) version: String,
    /// The processor's model.
    pub(crate) cpu: String,
    /// Name and release of the kernel.
    pub(crate) kernel: String,
    /// Processors the client can keep busy: as many as it has workers, but not
    /// more than it may use.
    pub(crate) client_cpus: usize,
}

impl Conditions {
    /// Of this process with so many `workers`, once it is in its place.
    pub(crate) fn here(workers: usize) -> Conditions {
        let machine = Machine::inspect();
        Conditions {
            version: identity::version(),
            cpu: machine.cpu,
            kernel: machine.kernel,
            client_cpus: workers.min(pinning::allowed().len()).max(1),
        }
    }

    /// Whether two are of the same processors, whatever ran on them.
    pub(super) fn same_place(&self, other: &Conditions) -> bool {
        (&self.cpu, self.client_cpus) == (&other.cpu, other.client_cpus)
    }

    /// How these differ from `there`, those of a run.
    pub(super) fn differences(&self, there: &Conditions) -> Vec<String> {
        let texts = [
            ("bench-client", &self.version, &there.version),
            ("CPU", &self.cpu, &there.cpu),
            ("kernel", &self.kernel, &there.kernel),
        ];
        let differing = texts.into_iter().filter(|(_, one, other)| one != other);
        let mut differences: Vec<_> = differing
            .map(|(what, one, other)| format!("of {what} {one:?} and not {other:?}"))
            .collect();
        if self.client_cpus != there.client_cpus {
            differences.push(format!(
                "for {} of the client's processors and not {} (--workers, --cpus)",
                self.client_cpus, there.client_cpus
            ));
        }
        differences
    }
}

#[cfg(test)]
impl Conditions {
    pub(super) fn example() -> Conditions {
        Conditions {
            version: "0.1.0 (abc)".to_owned(),
            cpu: "a model".to_owned(),
            kernel: "Linux 6.1".to_owned(),
            client_cpus: 1,
        }
    }
}
