//! Those who observe a server.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::{Event, Lifecycle, Observer, ServerHandle};
use crate::runtime::{Name, Panic};

/// Set once, before anything happens; empty for most servers.
#[derive(Default)]
pub(crate) struct Observers(OnceLock<Vec<Observing>>);

struct Observing {
    observer: Arc<dyn Observer>,
    /// It has panicked, and would again.
    is_broken: AtomicBool,
}

impl Observers {
    pub(crate) fn set(&self, observers: &[Arc<dyn Observer>]) {
        if !observers.is_empty() {
            let observing = observers.iter().map(|observer| Observing {
                observer: Arc::clone(observer),
                is_broken: AtomicBool::new(false),
            });
            self.0.get_or_init(|| observing.collect());
        }
    }
}

impl Lifecycle {
    /// Tells those who observe of what `event` makes, which is called only if
    /// there are any. A forked child has none: its end is told by the parent.
    pub(crate) fn tell<'a>(self: &Arc<Lifecycle>, event: impl FnOnce() -> Event<'a>) {
        if let Some(observers) = self.observers.0.get()
            && !self.is_child.load(Ordering::SeqCst)
        {
            let (event, server) = (event(), ServerHandle::new(Arc::clone(self)));
            observers.iter().for_each(|observing| observing.tell(&event, &server));
        }
    }
}

impl Observing {
    fn tell(&self, event: &Event<'_>, server: &ServerHandle) {
        if self.is_broken.load(Ordering::Relaxed) {
            return;
        }
        let told = catch_unwind(AssertUnwindSafe(|| self.observer.observe(event, server)));
        if let Err(payload) = told {
            self.is_broken.store(true, Ordering::Relaxed);
            let panic = Panic::new(&Name::from("an observer".to_owned()), payload);
            log::error!("{panic}; it was told {event:?} and is called no more");
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.get().map_or(0, Vec::len);
        f.debug_tuple("Observers").field(&count).finish()
    }
}
