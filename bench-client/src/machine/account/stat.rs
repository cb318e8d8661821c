//! What one line about a process tells: `/proc/PID/stat`.

use std::fs;
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

/// A process as the kernel's line about it describes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    state: char,
    /// The process that started it, or adopted it.
    pub(crate) parent: i32,
    /// Its process group.
    pub(crate) group: i32,
    /// Pages found without reading them from disk; then those of children that
    /// ended and were waited for.
    pub(super) minor_faults: [u64; 2],
    /// Pages read from disk, likewise.
    pub(super) major_faults: [u64; 2],
    /// In clock ticks, likewise.
    user: [u64; 2],
    system: [u64; 2],
    /// How many there are.
    pub(super) threads: u64,
}

impl Stat {
    /// Of process `pid`; `None` when there is none.
    pub(crate) fn of(pid: i32) -> Option<Stat> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Stat::parse(&text)
    }

    /// Out of the text of `/proc/PID/stat`.
    pub(crate) fn parse(text: &str) -> Option<Stat> {
        // The name before it may hold anything, parentheses and spaces too.
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<_> = fields.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Stat {
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            minor_faults: [number(7)?, number(8)?],
            major_faults: [number(9)?, number(10)?],
            user: [number(11)?, number(13)?],
            system: [number(12)?, number(14)?],
            threads: number(17)?,
        })
    }

    /// Whether only its entry is left.
    pub(crate) fn ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }

    /// Time in user mode, with children that ended if `family`.
    pub(crate) fn user(&self, family: bool) -> Duration {
        of_ticks(counted(self.user, family))
    }

    /// Time in the kernel, with children that ended if `family`.
    pub(crate) fn system(&self, family: bool) -> Duration {
        of_ticks(counted(self.system, family))
    }

    /// All that children had used that ended and were waited for.
    pub(crate) fn waited_for(&self) -> Duration {
        of_ticks(self.user[1].saturating_add(self.system[1]))
    }
}

/// What the process counted, with its children's if `family`.
pub(super) fn counted([own, children]: [u64; 2], family: bool) -> u64 {
    own.saturating_add(if family { children } else { 0 })
}

/// So many clock ticks, nearly always hundredths of a second.
pub(crate) fn of_ticks(count: u64) -> Duration {
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100).max(1);
    Duration::try_from_secs_f64(count as f64 / per_second as f64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::account::stat;
    use proptest::prelude::*;

    #[test]
    fn a_name_may_hold_anything() {
        let line = "77 (a) (b c) R 5 1 1 0 -1 4194304 10 20 1 2 300 100 7 3 20 0 9 0 123 1000 1";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.state, stat.parent, stat.threads), ('R', 5, 9));
        assert_eq!((stat.minor_faults, stat.major_faults), ([10, 20], [1, 2]));
        assert_eq!((stat.user, stat.system), ([300, 7], [100, 3]));
        assert_eq!(stat.user(true) - stat.user(false), stat::of_ticks(7));
        assert_eq!(Stat::parse("77 (a) R 5"), None);
    }

    #[test]
    fn this_process_runs() {
        let stat = Stat::of(std::process::id() as i32).unwrap();
        assert!(!stat.ended() && stat.threads > 0);
        assert_eq!(stat.parent, std::os::unix::process::parent_id() as i32);
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in ".*", numbers in prop::collection::vec(any::<u64>(), 0..30)) {
            let numbers: Vec<_> = numbers.iter().map(u64::to_string).collect();
            for line in [text.clone(), format!("1 ({text}) R 1 {}", numbers.join(" "))] {
                if let Some(stat) = Stat::parse(&line) {
                    let _ = (stat.user(true), stat.system(true), stat.waited_for());
                }
            }
        }
    }
}
