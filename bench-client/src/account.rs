//! What a process has used, as the kernel accounts for it.

use std::fs;
use std::io;
use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::failure::Failure;

/// The books of one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pid: Pid,
    clock: ClockId,
}

impl Account {
    /// The books of process `pid`.
    ///
    /// # Errors
    /// When there is no such process, or its memory is not for us to see.
    pub(crate) fn of(pid: i32) -> Result<Account, Failure> {
        let failed = |source| Failure::Account { pid, source };
        let pid = Pid::from_raw(pid);
        let clock = clock_getcpuclockid(pid).map_err(|errno| failed(errno.into()))?;
        let account = Account { pid, clock };
        account.cpu().map_err(failed)?;
        account.resident().map_err(failed)?;
        Ok(account)
    }

    /// The books of this process.
    pub(crate) fn own() -> Result<Account, Failure> {
        Account::of(Pid::this().as_raw())
    }

    /// The process.
    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Processor time, user and system, of all threads past and present.
    ///
    /// From the process's CPU clock: in nanoseconds, and exact but for what
    /// running threads did since the last scheduler tick. The same sum in
    /// `/proc/PID/stat` is cut to hundredths of a second, and the one over
    /// `/proc/PID/task` loses the threads that ended.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let time = clock_gettime(self.clock)?;
        Ok(Duration::from(time))
    }

    /// Resident memory in bytes.
    ///
    /// From `smaps_rollup`, which walks the page tables; `statm` is off by up
    /// to 64 pages a processor since Linux 6.2.
    pub(crate) fn resident(&self) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid))?;
        text.lines()
            .find_map(|line| line.strip_prefix("Rss:"))
            .and_then(|rest| rest.trim().strip_suffix("kB"))
            .and_then(|kib| kib.trim().parse::<u64>().ok())
            .map(|kib| kib * 1024)
            .ok_or_else(|| io::Error::other("no Rss in smaps_rollup"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn work_is_accounted_for_even_after_its_thread_ended() {
        let account = Account::own().unwrap();
        let before = account.cpu().unwrap();
        std::thread::spawn(|| {
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(50) {
                std::hint::spin_loop();
            }
        })
        .join()
        .unwrap();
        let used = account.cpu().unwrap() - before;
        assert!(used > Duration::from_millis(5), "{used:?}");
    }

    #[test]
    fn touched_memory_is_resident() {
        let account = Account::own().unwrap();
        let before = account.resident().unwrap();
        let touched = vec![1_u8; 32 << 20];
        let grown = account.resident().unwrap().saturating_sub(before);
        assert!(grown > 24 << 20, "{grown}");
        drop(touched);
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        let message = Account::of(i32::MAX).unwrap_err().to_string();
        assert!(message.contains(&i32::MAX.to_string()), "{message}");
    }
}
