//! Loom's atomics with the one order that all `SeqCst` accesses have. Loom
//! takes those for acquire and release; fences, which it does order, put that
//! back. Any other access is loom's own.

use loom::sync::atomic::fence;

pub use loom::sync::atomic::Ordering;

fn ordered<R>(order: Ordering, access: impl FnOnce() -> R) -> R {
    if order != Ordering::SeqCst {
        return access();
    }
    fence(Ordering::SeqCst);
    let result = access();
    fence(Ordering::SeqCst);
    result
}

macro_rules! atomic {
    ($name:ident, $value:ty) => {
        #[derive(Debug, Default)]
        pub struct $name(loom::sync::atomic::$name);

        impl $name {
            pub fn new(value: $value) -> Self {
                $name(loom::sync::atomic::$name::new(value))
            }

            pub fn load(&self, order: Ordering) -> $value {
                ordered(order, || self.0.load(order))
            }

            pub fn store(&self, value: $value, order: Ordering) {
                ordered(order, || self.0.store(value, order));
            }

            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                ordered(order, || self.0.swap(value, order))
            }

            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                next: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                ordered(set, || self.0.fetch_update(set, fetch, next))
            }
        }
    };
}

macro_rules! number {
    ($name:ident, $value:ty) => {
        atomic!($name, $value);

        impl $name {
            pub fn fetch_add(&self, more: $value, order: Ordering) -> $value {
                ordered(order, || self.0.fetch_add(more, order))
            }

            pub fn fetch_sub(&self, less: $value, order: Ordering) -> $value {
                ordered(order, || self.0.fetch_sub(less, order))
            }
        }
    };
}

atomic!(AtomicBool, bool);
number!(AtomicUsize, usize);
number!(AtomicU64, u64);

impl AtomicBool {
    pub fn fetch_or(&self, value: bool, order: Ordering) -> bool {
        ordered(order, || self.0.fetch_or(value, order))
    }
}
