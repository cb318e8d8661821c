//! A look at a thread that does not come back: a signal stops it for a moment,
//! and its handler takes a copy of its stack.
//!
//! The handler allocates nothing, takes no lock and calls nothing but the
//! kernel-free parts below. It runs on the thread's stack for signals, so the
//! coroutine's own need not have room for it. Whatever else uses the same
//! signal is passed on to the handler that was there before.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{io, ptr, thread};

use crate::runtime::engine::post::SIGNAL;
use crate::runtime::task::{Interrupted, Task};
use crate::runtime::trace::{MOST_BYTES, Registers, Snapshot};

/// How long a thread may take to answer, and how often it is looked whether it
/// has. One that the system does not let run may take longer, and is then
/// reported without its calls.
///
/// Time alone would not do: it passes also where nobody of this process is let
/// run. The looks are the watchdog's own turns, and the other thread has had
/// its turns between them.
const PATIENCE: Duration = Duration::from_millis(200);
const LOOKS: u32 = 100;

/// What was found.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) snapshot: Snapshot,
    /// The coroutine that the thread runs.
    pub(super) running: Option<Interrupted>,
    /// Whether the thread was on that coroutine's stack.
    pub(super) is_on_its_stack: bool,
}

/// The one request, asked again and again.
///
/// `state` says whose the rest is: the watchdog's while `FREE` and `DONE`, the
/// handler's from the moment it has moved `ASKED` to `TAKEN` until `DONE`.
struct Request {
    state: AtomicI32,
    thread: AtomicI32,
    worker: AtomicUsize,
    answer: UnsafeCell<Raw>,
    stack: UnsafeCell<[MaybeUninit<u8>; MOST_BYTES]>,
}

struct Raw {
    registers: Registers,
    length: usize,
    running: Option<Interrupted>,
    is_on_its_stack: bool,
}

// SAFETY: one side at a time reaches the cells, as `state` says.
unsafe impl Sync for Request {}

const FREE: i32 = 0;
const ASKED: i32 = 1;
const TAKEN: i32 = 2;
const DONE: i32 = 3;

static REQUEST: Request = Request {
    state: AtomicI32::new(FREE),
    thread: AtomicI32::new(0),
    worker: AtomicUsize::new(0),
    answer: UnsafeCell::new(Raw {
        registers: Registers::NONE,
        length: 0,
        running: None,
        is_on_its_stack: false,
    }),
    stack: UnsafeCell::new([MaybeUninit::uninit(); MOST_BYTES]),
};

static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

/// Sets the handler up, once.
pub(super) fn install() -> io::Result<()> {
    if PREVIOUS.get().is_some() {
        return Ok(());
    }
    // SAFETY: all-zero bytes are a valid sigaction; with a null new action the
    // present one is only read.
    let mut previous: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: as above.
    if unsafe { libc::sigaction(SIGNAL, ptr::null(), &raw mut previous) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // Before the handler is there, which reads it.
    let _ = PREVIOUS.set(previous);
    // SAFETY: as above; the fields that count are set below.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    action.sa_mask = previous.sa_mask;
    action.sa_sigaction = on_signal as *const () as libc::sighandler_t;
    // SAFETY: `action` is fully initialised, and the handler keeps to what
    // signal-safety(7) allows.
    if unsafe { libc::sigaction(SIGNAL, &raw const action, ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Looks at a thread of this process, that of worker `worker`. By the watchdog
/// alone.
///
/// # Errors
/// When the thread cannot be reached, or does not answer.
pub(super) fn look(thread: i32, worker: usize) -> io::Result<Sight> {
    REQUEST.thread.store(thread, Ordering::Relaxed);
    REQUEST.worker.store(worker, Ordering::Relaxed);
    REQUEST.state.store(ASKED, Ordering::Release);
    if let Err(err) = send(thread) {
        REQUEST.state.store(FREE, Ordering::Release);
        return Err(err);
    }
    if !answered() {
        return Err(io::Error::other("its thread did not answer"));
    }
    // SAFETY: the handler is done.
    let sight = unsafe { take() };
    REQUEST.state.store(FREE, Ordering::Release);
    Ok(sight)
}

/// Waits for the handler; afterwards it is done, or will not begin.
fn answered() -> bool {
    let begin = Instant::now();
    let mut looks = 0;
    loop {
        if REQUEST.state.load(Ordering::Acquire) == DONE {
            return true;
        }
        looks += 1;
        let is_late = looks > LOOKS && begin.elapsed() > PATIENCE;
        if is_late
            && REQUEST
                .state
                .compare_exchange(ASKED, FREE, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        {
            return false;
        }
        thread::sleep(Duration::from_micros(100));
    }
}

/// # Safety
/// The request is `DONE`.
unsafe fn take() -> Sight {
    // SAFETY: the caller's promise: both cells are this side's.
    let (raw, stack) = unsafe { (&mut *REQUEST.answer.get(), &*REQUEST.stack.get()) };
    Sight {
        snapshot: Snapshot::new(raw.registers, &stack[..raw.length]),
        running: raw.running.take(),
        is_on_its_stack: raw.is_on_its_stack,
    }
}

/// As pthread_sigqueue(3): the address in it tells the handler that the signal
/// is ours.
fn send(thread: i32) -> io::Result<()> {
    /// The beginning of a siginfo, as the kernel reads it for `SI_QUEUE`.
    #[repr(C)]
    struct Queued {
        signal: libc::c_int,
        errno: libc::c_int,
        code: libc::c_int,
        #[cfg(target_pointer_width = "64")]
        padding: libc::c_int,
        pid: libc::pid_t,
        uid: libc::uid_t,
        value: *const Request,
        rest: [u8; 128],
    }
    // SAFETY: they only tell numbers.
    let (pid, uid) = unsafe { (libc::getpid(), libc::getuid()) };
    let info = Queued {
        signal: SIGNAL,
        errno: 0,
        code: libc::SI_QUEUE,
        #[cfg(target_pointer_width = "64")]
        padding: 0,
        pid,
        uid,
        value: &raw const REQUEST,
        rest: [0; 128],
    };
    // SAFETY: the record is longer than a siginfo, and laid out like one.
    let sent = unsafe { libc::syscall(libc::SYS_rt_tgsigqueueinfo, pid, thread, SIGNAL, &raw const info) };
    if sent == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

extern "C" fn on_signal(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo with SA_SIGINFO; with SI_QUEUE
    // it holds the value.
    let is_ours = unsafe {
        (*info).si_code == libc::SI_QUEUE && ptr::eq((*info).si_value().sival_ptr, (&raw const REQUEST).cast())
    };
    if is_ours {
        // SAFETY: the kernel's context, as above.
        unsafe { take_down(context) };
    } else {
        pass_on(signal, info, context);
    }
}

/// # Safety
/// `context` is what the kernel gave to the handler.
unsafe fn take_down(context: *const libc::c_void) {
    let request = &REQUEST;
    // One that comes too late finds nothing asked, or another thread.
    // SAFETY: it only tells a number.
    let is_asked = request.thread.load(Ordering::Relaxed) == unsafe { libc::gettid() };
    let begins = is_asked
        && request
            .state
            .compare_exchange(ASKED, TAKEN, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
    if !begins {
        return;
    }
    // SAFETY: the caller's promise.
    let registers = unsafe { Registers::interrupted(context) };
    let running = Task::in_signal(request.worker.load(Ordering::Relaxed));
    let stack = running.as_ref().map_or(0..0, |running| running.stack.clone());
    let is_on_its_stack = stack.contains(&registers.sp());
    let length = if is_on_its_stack {
        registers.depth_below(stack.end)
    } else {
        0
    };
    // SAFETY: `TAKEN` gives the cells to this side; all of the source is the
    // stack that this thread was on when it was interrupted.
    unsafe {
        let from = ptr::with_exposed_provenance::<MaybeUninit<u8>>(registers.sp());
        ptr::copy_nonoverlapping(from, request.stack.get().cast(), length);
        request.answer.get().write(Raw {
            registers,
            length,
            running,
            is_on_its_stack,
        });
    }
    request.state.store(DONE, Ordering::Release);
}

/// The handler from before, as the kernel would have called it.
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(previous) = PREVIOUS.get() else {
        return;
    };
    let handler = previous.sa_sigaction;
    // By default this signal does nothing.
    if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
        return;
    }
    type WithInfo = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
    type Plain = extern "C" fn(libc::c_int);
    // SAFETY: it is a handler of one of the two forms, and its flags say of
    // which.
    unsafe {
        if previous.sa_flags & libc::SA_SIGINFO != 0 {
            std::mem::transmute::<usize, WithInfo>(handler)(signal, info, context);
        } else {
            std::mem::transmute::<usize, Plain>(handler)(signal);
        }
    }
}
