//! The process group of a command that was started: a shell and what it starts
//! are ended together.

use std::io;
use std::process::Child;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::machine::account::family::{Processes, named};

/// How long a group may take to end after SIGTERM.
const LIMIT: Duration = Duration::from_secs(2);
const GLANCE: Duration = Duration::from_millis(5);

/// Asks `child`, which leads a process group, and all of the group to end, and
/// ends who does not. Returns the names of those that it led to, left the group
/// and are still there.
///
/// # Errors
/// When the system refuses.
pub(crate) fn stop(child: &mut Child) -> io::Result<Vec<String>> {
    let leader = leader(child);
    let kin = Processes::now().kin(leader.as_raw());
    signal(leader, Signal::SIGTERM)?;
    let deadline = Instant::now() + LIMIT;
    while child.try_wait()?.is_none() || has_members(leader) {
        if Instant::now() > deadline {
            signal(leader, Signal::SIGKILL)?;
            child.wait()?;
            break;
        }
        std::thread::sleep(GLANCE);
    }
    Ok(left(leader, &kin))
}

/// The process of `child`, and its group: the number of a group is not given
/// away while it has members, even if its leader ended.
pub(super) fn leader(child: &Child) -> Pid {
    // Never negative: the kernel's process numbers end at 2^22.
    Pid::from_raw(child.id() as i32)
}

fn signal(group: Pid, signal: Signal) -> io::Result<()> {
    match killpg(group, signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether any of the group runs. Who ended may have an entry for as long as
/// nobody waits for it.
fn has_members(group: Pid) -> bool {
    killpg(group, None).is_ok() && Processes::now().group(group.as_raw()).next().is_some()
}

/// Those of `kin` that still run and were not signalled.
fn left(group: Pid, kin: &[i32]) -> Vec<String> {
    let processes = Processes::now();
    let killed: Vec<_> = processes.group(group.as_raw()).collect();
    let runs = |pid: &&i32| processes.contains(**pid) && !killed.contains(pid);
    kin.iter().filter(runs).map(|pid| named(*pid)).collect()
}
