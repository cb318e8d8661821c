//! On what it was measured, as it is saved: without this a figure means nothing.

use serde::{Deserialize, Serialize};

/// The machine and this program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The processor's model.
    pub(crate) cpu: String,
    /// Processors this process may use.
    pub(crate) cpus: usize,
    /// Which of them share a core, as the kernel writes it: `0-1`, or `0`.
    pub(crate) siblings: String,
    /// Memory in MiB.
    pub(crate) memory_mib: u64,
    /// Name and release of the kernel.
    pub(crate) kernel: String,
    /// What the clock is read from.
    pub(crate) clock: String,
    /// The load average of the last minute, before the run.
    pub(crate) load_before: String,
}
