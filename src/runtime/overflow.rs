//! The end of a process whose coroutine overflowed its stack.
//!
//! The guard page below each stack turns the overflow into SIGSEGV. Nothing
//! can be unwound then: the handler says which coroutine it was, and the
//! process aborts, as Rust does when a thread's stack overflows.
//!
//! The stack-switching crate below installs a handler of its own, which would
//! leave the coroutine's destructors unrun and go on; this one takes its place
//! and passes on what is no overflow to the handler that was there before it.

use std::fmt::{self, Write};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

use super::engine;
use super::task::Task;

static PREVIOUS: OnceLock<[libc::sigaction; 2]> = OnceLock::new();

const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Remembers the handlers that are there before the engine starts.
pub(super) fn remember_previous() {
    PREVIOUS.get_or_init(|| SIGNALS.map(current_action));
}

/// Takes over the fault signals.
pub(super) fn install() -> io::Result<()> {
    for signal in SIGNALS {
        // SAFETY: all-zero bytes are a valid sigaction; the fields that count
        // are set below.
        let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        // On the alternate stack, which std gives every thread: the stack that
        // overflowed has no room for a handler.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        action.sa_sigaction = on_fault as *const () as libc::sighandler_t;
        // SAFETY: `action` is fully initialised, and the handler keeps to what
        // signal-safety(7) allows.
        if unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

fn current_action(signal: libc::c_int) -> libc::sigaction {
    // SAFETY: all-zero bytes are a valid sigaction (the default action), and
    // sigaction(2) with a null new action only reads the present one into it.
    unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        libc::sigaction(signal, ptr::null(), &raw mut action);
        action
    }
}

extern "C" fn on_fault(signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo with SA_SIGINFO, and for these
    // two signals it holds the address.
    let address = unsafe { (*info).si_addr() }.addr();
    if let Some(task) = Task::in_fault_at(address) {
        report_and_abort(task);
    }
    let index = usize::from(signal != SIGNALS[0]);
    // Returning runs the faulting instruction again, now under that action.
    let previous = PREVIOUS.get().map_or(ptr::null(), |actions| &raw const actions[index]);
    // SAFETY: the pointer is null or to a sigaction that lives for ever.
    unsafe { libc::sigaction(signal, previous, ptr::null_mut()) };
}

fn report_and_abort(task: &Task) {
    let mut text = FixedText {
        bytes: [0; 512],
        length: 0,
    };
    // A text that does not fit is cut, which is no reason not to print it.
    let _ = write!(
        text,
        "\ngreenserve: the coroutine '{}' has overflowed its stack of {} bytes; the process ends.\n\
         A larger stack is set with runtime::Config::stack_size.\n",
        task.name(),
        engine::stack_bytes(),
    );
    // SAFETY: the buffer is valid for `length` bytes; write(2) and abort(3) are
    // async-signal-safe.
    unsafe {
        libc::write(libc::STDERR_FILENO, text.bytes.as_ptr().cast(), text.length);
        libc::abort();
    }
}

/// Text that needs no allocator.
struct FixedText {
    bytes: [u8; 512],
    length: usize,
}

impl Write for FixedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.len() - self.length;
        let taken = text.len().min(room);
        self.bytes[self.length..self.length + taken].copy_from_slice(&text.as_bytes()[..taken]);
        self.length += taken;
        Ok(())
    }
}
