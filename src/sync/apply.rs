//! One call in a pool or a group.

use std::sync::Arc;

use super::group::Group;
use super::pool::Pool;
use super::roster::Roster;
use crate::error::Result;
use crate::runtime::{Builder, JoinError, JoinHandle};

macro_rules! applies {
    ($owner:ident) => {
        impl $owner {
            /// Calls `f` in a coroutine of its own and waits for its result:
            /// `apply(func)` in gevent. In a pool it waits for a place first.
            ///
            /// # Errors
            /// [`JoinError`]: `f` panicked, its coroutine was killed before it
            /// began or was not started, or this wait was ended. Then the
            /// coroutine is killed, so that it keeps no place for a result
            /// that nobody wants.
            pub fn apply<F, T>(&self, f: F) -> Result<T, JoinError>
            where
                F: FnOnce() -> T + Send + 'static,
                T: Send + 'static,
            {
                apply(self.roster(), f)
            }

            /// As [`apply`](Self::apply) in the background: returns at once,
            /// also if there is no place yet, and calls `callback` with the
            /// result: `apply_async(func, callback=...)` in gevent, which tells
            /// it of successes only.
            ///
            /// The call waits for its place in a coroutine beside the members,
            /// which then runs the callback, so the callback may wait, and a
            /// panic in it is that coroutine's. The handle is of that one:
            /// joined, it says that the callback has run; a kill reaches `f`,
            /// and before it began drops `f` and `callback`.
            ///
            /// # Errors
            /// As [`runtime::spawn`](crate::runtime::spawn).
            pub fn apply_async<F, T, C>(&self, f: F, callback: C) -> Result<JoinHandle<()>>
            where
                F: FnOnce() -> T + Send + 'static,
                T: Send + 'static,
                C: FnOnce(Result<T, JoinError>) + Send + 'static,
            {
                let roster = Arc::clone(self.roster());
                Builder::new().spawn(move || callback(apply(&roster, f)))
            }
        }
    };
}

applies!(Pool);
applies!(Group);

fn apply<F, T>(roster: &Arc<Roster>, f: F) -> Result<T, JoinError>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let seat = roster.wait_for_seat().map_err(JoinError::Interrupted)?;
    let member = seat.start(Builder::new(), f);
    let member = member.map_err(|refusal| JoinError::NotStarted(Box::new(refusal)))?;
    let task = Arc::clone(member.task());
    let result = member.join();
    if matches!(result, Err(JoinError::Interrupted(_))) {
        task.kill();
    }
    result
}
