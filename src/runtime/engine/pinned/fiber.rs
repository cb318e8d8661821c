//! A stack with what runs on it.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use corosensei::stack::StackPointer;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::stacks::{self, Slot};

thread_local! {
    /// What runs on this thread; null while its loop does, and on threads that
    /// run no coroutines.
    static RUNNING: Cell<*mut Fiber> = const { Cell::new(ptr::null_mut()) };
}

/// Everything the engine keeps for a running coroutine, at the top of its own
/// stack: with the first words below, which every switch touches, it fills one
/// cache line.
#[repr(C, align(16))]
pub(super) struct Fiber {
    coroutine: Coroutine<(), (), (), Stack>,
    /// The way back to the loop; set by the first resume.
    yielder: Cell<*const Yielder<(), ()>>,
    owner: Cell<*mut ()>,
}

const _: () = assert!(size_of::<Fiber>() == 48);

/// The part of a slot below its [`Fiber`].
#[derive(Debug)]
struct Stack {
    base: StackPointer,
}

// SAFETY: `base` is aligned and lies in the slot's top page, 4 KiB and more
// above the guard at the slot's low end, where every access is a fault; the
// slot belongs to this stack until its fiber is gone.
unsafe impl corosensei::stack::Stack for Stack {
    fn base(&self) -> StackPointer {
        self.base
    }

    fn limit(&self) -> StackPointer {
        Slot::of(self.base).bottom()
    }
}

impl Fiber {
    /// Puts `body` on a stack of its own; nothing of it runs yet.
    ///
    /// The body must not unwind. It runs on whichever thread resumes first, so
    /// the caller sees to it that it may.
    pub(super) fn new(slot: Slot, body: impl FnOnce() + 'static) -> NonNull<Fiber> {
        let place = slot.top_for::<Fiber>();
        let stack = Stack { base: place };
        let coroutine = Coroutine::with_stack(stack, move |yielder: &Yielder<(), ()>, ()| {
            if let Some(fiber) = running() {
                yielder_of(fiber).set(yielder);
            }
            body();
        });
        let fiber = place_as_pointer(place);
        // SAFETY: `place` is aligned, lies in the slot, and has room for a
        // fiber up to the slot's end; the stack proper ends below it.
        unsafe {
            fiber.write(Fiber {
                coroutine,
                yielder: Cell::new(ptr::null()),
                owner: Cell::new(ptr::null_mut()),
            });
        }
        fiber
    }

    /// Runs it on this thread until it waits or ends; true when it has ended.
    ///
    /// # Safety
    /// `fiber` is one that has not ended, no other thread runs it, and once it
    /// has been resumed only the thread that did so resumes it again.
    pub(super) unsafe fn resume(fiber: NonNull<Fiber>) -> bool {
        RUNNING.set(fiber.as_ptr());
        // SAFETY: the loop alone touches this field; the coroutine itself
        // reaches the other two, each by itself.
        let coroutine = unsafe { &mut (*fiber.as_ptr()).coroutine };
        let result = coroutine.resume(());
        RUNNING.set(ptr::null_mut());
        matches!(result, CoroutineResult::Return(()))
    }

    /// Gives back the stack of a coroutine that has ended.
    ///
    /// # Safety
    /// `fiber` has ended, and nobody uses it from now on.
    pub(super) unsafe fn free(fiber: NonNull<Fiber>) {
        let slot = Slot::of(fiber.addr());
        // SAFETY: it was written by `new`, and this is its end.
        unsafe { ptr::drop_in_place(fiber.as_ptr()) };
        stacks::give_back(slot);
    }
}

fn place_as_pointer(place: StackPointer) -> NonNull<Fiber> {
    // Exposed where the slot's region was mapped.
    let pointer = ptr::with_exposed_provenance_mut(place.get());
    NonNull::new(pointer).unwrap_or(NonNull::dangling())
}

fn running() -> Option<NonNull<Fiber>> {
    NonNull::new(RUNNING.get())
}

/// The fields that a coroutine reaches itself, apart from the one that the
/// loop holds while it runs.
fn yielder_of<'a>(fiber: NonNull<Fiber>) -> &'a Cell<*const Yielder<(), ()>> {
    // SAFETY: only what runs on this thread is asked, so it lives; the field
    // is a cell that no other thread touches.
    unsafe { &(*fiber.as_ptr()).yielder }
}

fn owner_of<'a>(fiber: NonNull<Fiber>) -> &'a Cell<*mut ()> {
    // SAFETY: as in `yielder_of`.
    unsafe { &(*fiber.as_ptr()).owner }
}

/// True when the caller runs on the stack of one of our coroutines.
pub(in crate::runtime::engine) fn in_coroutine() -> bool {
    !RUNNING.get().is_null()
}

/// Makes `owner` the value of the running coroutine.
pub(in crate::runtime::engine) fn adopt(owner: NonNull<()>) {
    if let Some(fiber) = running() {
        owner_of(fiber).set(owner.as_ptr());
    }
}

/// Takes the value of the running coroutine away again.
pub(in crate::runtime::engine) fn disown() {
    if let Some(fiber) = running() {
        owner_of(fiber).set(ptr::null_mut());
    }
}

/// The value of the running coroutine; `None` on a thread.
pub(in crate::runtime::engine) fn owner() -> Option<NonNull<()>> {
    NonNull::new(owner_of(running()?).get())
}

/// Gives back what calls that have returned touched of the running coroutine's
/// stack.
#[cfg(feature = "tls")]
pub(in crate::runtime::engine) fn release_unused() {
    let Some(fiber) = running() else {
        return;
    };
    let here = 0_u8;
    // SAFETY: both are the running coroutine's.
    unsafe { Slot::of(fiber.addr()).release_below(ptr::from_ref(&here).addr()) };
}

/// Has the processor fetch the line that a resume touches first. With hundreds
/// of coroutines it is in no near cache, and waiting for it was found to be half
/// of what the loop costs.
pub(super) fn prefetch(fiber: *const Fiber) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch of any address has no effect but on caches.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(fiber.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = fiber;
}

/// Back to the loop, until it resumes this coroutine.
pub(super) fn suspend() {
    let Some(fiber) = running() else {
        return;
    };
    // SAFETY: it was set by the first resume, lies in the first words of the
    // stack we run on, and is what this very coroutine suspends by.
    if let Some(yielder) = unsafe { yielder_of(fiber).get().as_ref() } {
        yielder.suspend(());
    }
}
