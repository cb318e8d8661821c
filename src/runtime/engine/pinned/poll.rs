//! One worker's epoll instance, and the bell that ends its sleep.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::interest::Record;
use crate::runtime::engine::readout::Readout;

/// Reports taken at once.
const REPORTS: usize = 128;

#[derive(Debug)]
pub(super) struct Poll {
    epoll: Epoll,
    bell: EventFd,
}

/// Where one call's reports are put.
pub(super) struct Reports([libc::epoll_event; REPORTS]);

/// How long to wait for a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    None,
    Nanos(u64),
    Endless,
}

impl Reports {
    pub(super) fn new() -> Reports {
        Reports([libc::epoll_event { events: 0, u64: 0 }; REPORTS])
    }
}

impl Poll {
    pub(super) fn new() -> io::Result<Poll> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let bell = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        // Edge-triggered: each write is an event of its own, and the counter,
        // which is never read, is far from full.
        let event = EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0);
        epoll.add(&bell, event)?;
        Ok(Poll { epoll, bell })
    }

    /// Has everything that happens to `fd` reported under `record`.
    pub(super) fn add(&self, fd: BorrowedFd<'_>, record: *const Record) -> io::Result<()> {
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
        let event = EpollEvent::new(flags, record.expose_provenance() as u64);
        Ok(self.epoll.add(fd, event)?)
    }

    pub(super) fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(self.epoll.delete(fd)?)
    }

    /// Ends the present or the next wait.
    pub(super) fn ring(&self) -> io::Result<()> {
        self.bell.write(1)?;
        Ok(())
    }

    /// Waits for reports and calls `each` with every one but the bell's.
    pub(super) fn wait(&self, reports: &mut Reports, patience: Patience, mut each: impl FnMut(*const Record, Readout)) {
        let count = match self.wait_for(reports, patience) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(err) => {
                log::error!("a worker cannot wait for its sockets: {err}");
                0
            }
        };
        for report in &reports.0[..count] {
            let record = ptr::with_exposed_provenance(report.u64 as usize);
            if !ptr::eq(record, ptr::null()) {
                each(record, Readout::new(report.events));
            }
        }
    }

    fn wait_for(&self, reports: &mut Reports, patience: Patience) -> nix::Result<usize> {
        let time = match patience {
            Patience::None => 0,
            Patience::Endless => -1,
            Patience::Nanos(nanos) => match self.wait_finely(reports, nanos) {
                // Before Linux 5.11: rounded up, so that it is not early.
                Err(Errno::ENOSYS) => i32::try_from(nanos.div_ceil(1_000_000)).unwrap_or(i32::MAX),
                waited => return waited,
            },
        };
        // SAFETY: the buffer is valid for as many events as are asked for.
        let count = unsafe { libc::epoll_wait(self.raw(), reports.0.as_mut_ptr(), REPORTS as libc::c_int, time) };
        Errno::result(count).map(|count| count as usize)
    }

    /// epoll_pwait2(2), by its number, since an older libc lacks it.
    fn wait_finely(&self, reports: &mut Reports, nanos: u64) -> nix::Result<usize> {
        let time = libc::timespec {
            tv_sec: (nanos / 1_000_000_000) as libc::time_t,
            tv_nsec: (nanos % 1_000_000_000) as libc::c_long,
        };
        // SAFETY: the buffer is valid for as many events as are asked for, and
        // the time is a timespec; there is no signal mask.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.raw(),
                reports.0.as_mut_ptr(),
                REPORTS as libc::c_int,
                &raw const time,
                ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        Errno::result(count).map(|count| count as usize)
    }

    fn raw(&self) -> libc::c_int {
        self.epoll.0.as_fd().as_raw_fd()
    }
}
