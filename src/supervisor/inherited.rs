//! What a worker finds itself with when it begins.
#![allow(unsafe_code, reason = "adopting descriptors by their numbers")]

use std::env;
use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

use super::label::{Label, VARIABLE};

/// Set once the descriptors have an owner.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The label of this process, if it is a worker.
pub(super) fn label() -> Option<Label> {
    let text = env::var(VARIABLE).ok()?;
    Label::from_text(&text, process::id())
}

/// Has this worker killed when its supervisor ends: once more, as executing a
/// program that has capabilities of its own undoes it.
///
/// # Errors
/// When the supervisor has ended already.
pub(super) fn end_with_supervisor(label: Label) -> io::Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    match u32::try_from(getppid().as_raw()) == Ok(label.supervisor) {
        true => Ok(()),
        false => Err(io::Error::other("it has ended")),
    }
}

/// The pipe by which this worker says that it is ready; `None` if it was taken
/// before. From here on no program that this one starts inherits the pipe or
/// the sockets.
///
/// # Errors
/// When a descriptor that was promised is not there.
pub(super) fn take(label: Label) -> io::Result<Option<File>> {
    for number in label.numbers().chain([label.report()]) {
        close_on_exec(number)?;
    }
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Ok(None);
    }
    // SAFETY: the supervisor passed it under this number for this purpose, and
    // nobody else here has been told of it.
    let report = unsafe { OwnedFd::from_raw_fd(label.report()) };
    Ok(Some(File::from(report)))
}

fn close_on_exec(number: RawFd) -> io::Result<()> {
    // SAFETY: the number is only asked about, and fails if nothing is open
    // there; nothing is read or written through it.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(())
}
