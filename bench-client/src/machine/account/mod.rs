//! What a process has used, as the kernel accounts for it.
//!
//! A server's account is its whole family's: the process and those of its
//! descendants that run the same program, as the workers of a pre-fork server
//! do. Children that ended count as far as their parent waited for them, which
//! is when the kernel adds their times to its own. This program's own account
//! is of itself alone: the server under test may be its child.

pub(crate) mod family;
mod reading;
mod stat;
mod thread;

use std::time::Duration;
use std::{fs, io};

use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::base::failure::Failure;
use family::Processes;

pub(crate) use reading::Reading;
pub(crate) use stat::{Stat, of_ticks};
#[cfg(any(test, fuzzing))]
pub(crate) use thread::{Schedule, field};

/// Whose account is kept beside this program's own.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct AccountOptions {
    /// Account for process PID and its workers, and not for who listens.
    #[arg(long, value_name = "PID")]
    pub(crate) server_pid: Option<i32>,
    /// Account for no server, even if it runs on this machine.
    #[arg(long, conflicts_with = "server_pid")]
    pub(crate) no_server_account: bool,
}

/// The books of one process, or of its family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pid: Pid,
    clock: ClockId,
    /// Whether descendants count.
    family: bool,
}

impl Account {
    /// The books of process `pid` and its family.
    ///
    /// # Errors
    /// When there is no such process, or its memory is not for us to see.
    pub(crate) fn of(pid: i32) -> Result<Account, Failure> {
        Account::open(pid, true).map_err(|source| Failure::Account { pid, source })
    }

    /// The books of this process alone.
    ///
    /// # Errors
    /// When the kernel shows a process not even itself.
    pub(crate) fn own() -> Result<Account, Failure> {
        let pid = Pid::this().as_raw();
        Account::open(pid, false).map_err(|source| Failure::Account { pid, source })
    }

    fn open(pid: i32, family: bool) -> io::Result<Account> {
        let pid = Pid::from_raw(pid);
        let account = Account {
            pid,
            clock: clock_getcpuclockid(pid)?,
            family,
        };
        account.cpu()?;
        account.resident()?;
        Ok(account)
    }

    /// The process; of a family, its eldest.
    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Whether the process still runs. One that ended and was not waited for
    /// does not, although the kernel keeps its books.
    pub(crate) fn is_alive(&self) -> bool {
        Stat::of(self.pid()).is_some_and(|stat| !stat.ended())
    }

    /// Processor time, user and system, of all threads past and present.
    ///
    /// From the process's CPU clock: in nanoseconds, and exact but for what
    /// running threads did since the last scheduler tick. The same sum in
    /// `/proc/PID/stat` is cut to hundredths of a second, and the one over
    /// `/proc/PID/task` loses the threads that ended. Only what children that
    /// ended had used comes from there.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        self.cpu_of(&self.members())
    }

    fn cpu_of(&self, members: &[i32]) -> io::Result<Duration> {
        let own = Duration::from(clock_gettime(self.clock)?);
        if !self.family {
            return Ok(own);
        }
        let others = members.iter().filter(|pid| **pid != self.pid());
        let of_others = others.filter_map(|pid| clock_of(*pid)).sum::<Duration>();
        // What children had used that ended and were waited for.
        let stats = members.iter().filter_map(|pid| Stat::of(*pid));
        Ok(own + of_others + stats.map(|stat| stat.waited_for()).sum::<Duration>())
    }

    /// Resident memory in bytes; of a family of several, each page divided by
    /// the number of processes that share it.
    ///
    /// From `smaps_rollup`, which walks the page tables; `statm` is off by up
    /// to 64 pages a processor since Linux 6.2.
    ///
    /// # Errors
    /// When the process is gone, or not ours to see.
    pub(crate) fn resident(&self) -> io::Result<u64> {
        let members = self.members();
        let field = if members.len() > 1 { "Pss:" } else { "Rss:" };
        let mut bytes = mapped(self.pid(), field)?;
        for pid in members.into_iter().filter(|pid| *pid != self.pid()) {
            // Who ended meanwhile has no memory.
            bytes += mapped(pid, field).unwrap_or_default();
        }
        Ok(bytes)
    }

    /// Bytes of the page tables that map the memory of all members, which are
    /// the kernel's and in no one's resident memory. No process shares them.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn page_tables(&self) -> io::Result<u64> {
        let mut bytes = tables(self.pid())?;
        for pid in self.members().into_iter().filter(|pid| *pid != self.pid()) {
            bytes += tables(pid).unwrap_or_default();
        }
        Ok(bytes)
    }

    /// Processor time and, roughly, resident memory of [`members`], found not
    /// long ago: what may be read often, since it takes no time that grows with
    /// the threads or the memory of the process. Pages that a family shares
    /// count for each.
    ///
    /// [`members`]: Account::members
    pub(crate) fn glance(&self, members: &[i32]) -> io::Result<(Duration, u64)> {
        let pages = members.iter().filter_map(|pid| resident_pages(*pid)).sum::<u64>();
        Ok((self.cpu_of(members)?, pages * page_size()))
    }

    /// Everything that grows, now.
    pub(crate) fn read(&self) -> Reading {
        Reading::of(&self.members(), self.family)
    }

    /// The process itself, then its family. Looks at every process of the
    /// machine.
    pub(crate) fn members(&self) -> Vec<i32> {
        match self.family {
            true => Processes::now().family(self.pid()),
            false => vec![self.pid()],
        }
    }
}

fn clock_of(pid: i32) -> Option<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(pid)).ok()?;
    clock_gettime(clock).ok().map(Duration::from)
}

fn mapped(pid: i32, field: &str) -> io::Result<u64> {
    read_size(pid, "smaps_rollup", field)
}

fn tables(pid: i32) -> io::Result<u64> {
    read_size(pid, "status", "VmPTE:")
}

fn read_size(pid: i32, file: &str, field: &str) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}"))?;
    size(&text, field).ok_or_else(|| io::Error::other(format!("no {field} in {file}")))
}

/// The bytes that the line of `field` gives in units of 1024, which the kernel
/// calls kB.
pub(crate) fn size(text: &str, field: &str) -> Option<u64> {
    let size = text.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = size.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

fn resident_pages(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    text.split(' ').nth(1)?.parse().ok()
}

fn page_size() -> u64 {
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
    size.and_then(|size| u64::try_from(size).ok()).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn spin(time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn work_is_accounted_for_even_after_its_thread_ended() {
        let account = Account::own().unwrap();
        let before = account.cpu().unwrap();
        std::thread::spawn(|| spin(Duration::from_millis(50))).join().unwrap();
        let used = account.cpu().unwrap() - before;
        assert!(used > Duration::from_millis(5), "{used:?}");
    }

    #[test]
    fn touched_memory_is_resident_at_a_glance_too() {
        let account = Account::own().unwrap();
        let before = (
            account.resident().unwrap(),
            account.glance(&account.members()).unwrap().1,
        );
        let touched = vec![1_u8; 32 << 20];
        let grown = account.resident().unwrap().saturating_sub(before.0);
        assert!(grown > 24 << 20, "{grown}");
        let grown = account.glance(&account.members()).unwrap().1.saturating_sub(before.1);
        assert!(grown > 24 << 20, "{grown}");
        drop(touched);
    }

    #[test]
    fn touched_memory_takes_page_tables() {
        let account = Account::own().unwrap();
        let before = account.page_tables().unwrap();
        // A table maps 2 MiB with 4 KiB; where pages of 2 MiB are in use there
        // is none, but the kernel puts one aside for each.
        let touched = vec![1_u8; 64 << 20];
        let grown = account.page_tables().unwrap().saturating_sub(before);
        assert!(grown > 64 << 10, "{grown}");
        drop(touched);
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        let message = Account::of(i32::MAX).unwrap_err().to_string();
        assert!(message.contains(&i32::MAX.to_string()), "{message}");
    }

    #[test]
    fn a_process_that_ended_has_figures_of_nothing() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let account = Account::of(child.id() as i32).unwrap();
        let before = account.read();
        assert!(account.is_alive());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!account.is_alive());
        assert!(account.cpu().is_err());
        let usage = account.read().since(&before);
        assert_eq!((usage.threads, usage.descriptors), (None, None));
        assert_eq!((usage.voluntary_switches, usage.user_s), (None, None));
        assert_eq!((usage.run_queue_delay_s, usage.allowed_cpus), (None, None));
    }
}
