//! Starting a worker: fork(2), and execve(2) at once.
//!
//! std's `Command` cannot do it: it fixes the environment before the child has
//! the number that `LISTEN_PID` must hold, and has no place for descriptors.
//!
//! Between the two calls the child may be a copy of one thread of many, and
//! any lock may be held by a thread that it does not have. So all memory is
//! taken and all texts are written before, and the child makes system calls
//! only.
#![allow(unsafe_code, reason = "fork(2) and what a child may do before execve(2)")]

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getpid, pipe2};

use super::environment::{self, WithNumber};
use super::label::{FIRST, Label};
use super::program::Program;

/// The highest signal of Linux.
const LAST_SIGNAL: libc::c_int = 64;

/// Starts a worker with `sockets` at 3 and up and `report` behind them, and
/// with nothing else that this process has open but standard output and error.
///
/// Its standard input is empty. It is the leader of a process group of its own,
/// so that what a terminal sends to the supervisor's does not reach it twice;
/// no signal is blocked, and all have their default action or are ignored. It
/// is killed when the calling thread ends.
///
/// # Errors
/// What fork(2), execve(2) or a call on the way said.
pub(super) fn launch(
    program: &Program,
    label: Label,
    sockets: &[BorrowedFd<'_>],
    report: BorrowedFd<'_>,
) -> io::Result<Pid> {
    let (failures, status) = pipe2(OFlag::O_CLOEXEC)?;
    let mut image = Image::new(program, label, sockets, report, status.as_fd())?;
    drop(status);
    // No handler of this process may run in the child, where it would write to
    // the pipes of this one.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    // SAFETY: the child makes async-signal-safe calls only, on memory that was
    // taken before, and ends in execve or _exit.
    let forked = match unsafe { fork() } {
        Ok(ForkResult::Child) => image.execute(),
        Ok(ForkResult::Parent { child }) => Ok(child),
        Err(err) => Err(err),
    };
    // It cannot fail with a mask that was this thread's before.
    let _ = before.thread_set_mask();
    let child = forked?;
    drop(image);
    await_execution(child, failures)
}

/// The pipe is closed by a successful execve, and else tells the reason.
fn await_execution(child: Pid, failures: OwnedFd) -> io::Result<Pid> {
    let mut reason = [0; 4];
    match File::from(failures).read_exact(&mut reason) {
        Err(_) => Ok(child),
        Ok(()) => {
            let _ = waitpid(child, None);
            Err(io::Error::from_raw_os_error(i32::from_ne_bytes(reason)))
        }
    }
}

/// All that the child needs, made before it is there.
struct Image {
    path: CString,
    _arguments: Vec<CString>,
    argument_pointers: Vec<*const libc::c_char>,
    _environment: Vec<CString>,
    environment_pointers: Vec<*const libc::c_char>,
    /// The variables for which the first pointers are left free.
    with_number: [WithNumber; 2],
    /// From which descriptor to which number, with its `FD_CLOEXEC`. The
    /// sources lie above all targets.
    moves: Vec<(OwnedFd, RawFd, libc::c_int)>,
    /// Where failures are told, once all has been moved, and until then.
    status: RawFd,
    status_before: RawFd,
    parent: libc::pid_t,
}

impl Image {
    fn new(
        program: &Program,
        label: Label,
        sockets: &[BorrowedFd<'_>],
        report: BorrowedFd<'_>,
        status: BorrowedFd<'_>,
    ) -> io::Result<Image> {
        let (path, arguments) = program.to_c()?;
        let environment = environment::variables(label)?;
        let with_number = environment::variables_with_number(label);
        let mut environment_pointers = vec![ptr::null(); with_number.len()];
        environment_pointers.extend(pointers(&environment));
        let status_number = label.report() + 1;
        let null = File::open("/dev/null")?;
        let above = status_number + 1;
        let mut moves = vec![(duplicate(null.as_fd(), above)?, libc::STDIN_FILENO, 0)];
        for (source, target) in sockets.iter().chain([&report]).zip(FIRST..) {
            moves.push((duplicate(*source, above)?, target, 0));
        }
        let status = duplicate(status, above)?;
        let status_before = status.as_raw_fd();
        moves.push((status, status_number, libc::O_CLOEXEC));
        Ok(Image {
            path,
            argument_pointers: pointers(&arguments),
            _arguments: arguments,
            environment_pointers,
            _environment: environment,
            with_number,
            moves,
            status: status_number,
            status_before,
            parent: getpid().as_raw(),
        })
    }

    /// In the child: becomes the worker, or tells why not.
    fn execute(&mut self) -> ! {
        let mut status = self.status_before;
        let reason = self.try_execute(&mut status).to_ne_bytes();
        // SAFETY: write and _exit are async-signal-safe, and the buffer lives.
        unsafe {
            libc::write(status, reason.as_ptr().cast(), reason.len());
            libc::_exit(127)
        }
    }

    /// Returns only when something failed, with its errno; `status` is then
    /// where to tell it.
    fn try_execute(&mut self, status: &mut RawFd) -> i32 {
        // SAFETY: every call is async-signal-safe or a bare system call, and
        // every pointer leads into this image, which is this process's own
        // copy and outlives the calls. The arrays end with a null pointer, the
        // texts with a NUL.
        unsafe {
            libc::setpgid(0, 0);
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) < 0 {
                return last_errno();
            }
            if libc::getppid() != self.parent {
                // It ended before it was asked for.
                libc::_exit(127);
            }
            for (source, target, flags) in &self.moves {
                if libc::dup3(source.as_raw_fd(), *target, *flags) < 0 {
                    return last_errno();
                }
            }
            *status = self.status;
            // What is open beyond the last of them and lacks FD_CLOEXEC came
            // from elsewhere. A kernel older than 5.9 leaves that open.
            let above = libc::c_long::from(self.status) + 1;
            libc::syscall(libc::SYS_close_range, above, libc::c_long::from(libc::c_uint::MAX), 0);
            forget_signals();
            let number = libc::getpid();
            for (variable, place) in self.with_number.iter_mut().zip(&mut self.environment_pointers) {
                *place = variable.complete(number);
            }
            libc::execve(
                self.path.as_ptr(),
                self.argument_pointers.as_ptr(),
                self.environment_pointers.as_ptr(),
            );
            last_errno()
        }
    }
}

/// Gives every signal that is caught its default action, and blocks none.
/// SIGPIPE is one of them: Rust's start-up ignores it, and does so again.
///
/// # Safety
/// For a child that will execute something else at once.
unsafe fn forget_signals() {
    for signal in 1..=LAST_SIGNAL {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: sigaction and sigprocmask are async-signal-safe; they write
        // to and read from memory of this frame. All zeros is a valid
        // sigaction, and its default one.
        unsafe {
            if libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) == 0 {
                let ignored = action.assume_init().sa_sigaction == libc::SIG_IGN && signal != libc::SIGPIPE;
                if !ignored {
                    libc::sigaction(signal, MaybeUninit::zeroed().as_ptr(), ptr::null_mut());
                }
            }
        }
    }
    let mut none = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: as above.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
}

fn last_errno() -> i32 {
    nix::errno::Errno::last_raw()
}

/// A descriptor for the same thing, with a number of at least `least`.
fn duplicate(of: BorrowedFd<'_>, least: RawFd) -> io::Result<OwnedFd> {
    let number = fcntl(of, FcntlArg::F_DUPFD_CLOEXEC(least))?;
    // SAFETY: the call has just made it, for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// With a null pointer at the end.
fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}
