//! The unit of processor time in the kernel's text files.

use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

/// So many clock ticks, nearly always hundredths of a second.
pub(crate) fn time(count: u64) -> Duration {
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100).max(1);
    Duration::try_from_secs_f64(count as f64 / per_second as f64).unwrap_or_default()
}
