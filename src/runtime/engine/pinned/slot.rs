//! Who waits for one direction of a descriptor.

use super::shim::{AtomicPtr, Mutex, Ordering, lock};

/// What a slot holds: somebody who waits.
pub(super) trait Wake {
    fn wake(&self);
}

/// A pointer to who waits, or null.
///
/// Whoever waits on the descriptor's own worker is put in, taken out and woken
/// by that worker's thread alone. Somebody of another worker is marked
/// [`FOREIGN`], and taken out and woken under the slot's gate only: who finds
/// it there wakes it before it can go.
#[derive(Debug)]
pub(super) struct Slot<S>(AtomicPtr<S>);

const FOREIGN: usize = 1;

impl<S: Wake> Slot<S> {
    pub(super) fn empty() -> Slot<S> {
        const { assert!(align_of::<S>() > FOREIGN) };
        Slot(AtomicPtr::new(std::ptr::null_mut()))
    }

    /// False when somebody is there already.
    ///
    /// `SeqCst`: who waits announces itself here and then looks at the
    /// reports; who reports looks here afterwards.
    pub(super) fn put(&self, waiting: &S, is_foreign: bool) -> bool {
        let plain = std::ptr::from_ref(waiting).cast_mut();
        let marked = if is_foreign {
            plain.map_addr(|address| address | FOREIGN)
        } else {
            plain
        };
        self.0
            .compare_exchange(std::ptr::null_mut(), marked, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// Wakes who is there. By the thread of the descriptor's worker.
    pub(super) fn wake(&self, gate: &Mutex<()>) {
        let found = self.0.load(Ordering::SeqCst);
        if found.is_null() {
            return;
        }
        if found.addr() & FOREIGN == 0 {
            // SAFETY: it is of this very thread, which takes it out before it
            // ends.
            return unsafe { &*found }.wake();
        }
        let _gate = lock(gate);
        let found = self.0.load(Ordering::SeqCst);
        if found.addr() & FOREIGN != 0 {
            // SAFETY: it is taken out under this gate only, before it ends.
            unsafe { &*found.map_addr(|address| address & !FOREIGN) }.wake();
        }
    }

    /// Takes out who was put in.
    pub(super) fn clear(&self, is_foreign: bool, gate: &Mutex<()>) {
        let _gate = is_foreign.then(|| lock(gate));
        self.0.store(std::ptr::null_mut(), Ordering::SeqCst);
    }
}
