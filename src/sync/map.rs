//! The same work for many inputs, in a pool or a group.

use std::fmt;
use std::iter::FusedIterator;

use super::flight::Flight;
use super::group::Group;
use super::pool::Pool;
use crate::error::WaitError;
use crate::runtime::JoinError;

/// How many items of a group are ahead of their reader, unless it says
/// otherwise.
const AHEAD_IN_GROUP: usize = 100;

macro_rules! maps {
    ($owner:ident, $ahead:expr) => {
        impl $owner {
            /// Calls `work` on every input, each in a coroutine of its own,
            /// and returns the results in the order of the inputs:
            /// `map(func, iterable)` in gevent.
            ///
            /// A panic is the result of its item and holds no other up; gevent
            /// raises the first. For that, or to have results as they come,
            /// see [`imap`](Self::imap).
            ///
            /// # Errors
            /// [`WaitError`]: the caller was killed, the deadline of a
            /// surrounding [`Timeout`](super::Timeout) passed, or a panic is
            /// unwinding the coroutine. What is under way then is killed.
            pub fn map<I, F, R>(&self, inputs: I, work: F) -> Result<Vec<Result<R, JoinError>>, WaitError>
            where
                I: IntoIterator,
                I::Item: Send + 'static,
                F: Fn(I::Item) -> R + Send + Sync + 'static,
                R: Send + 'static,
            {
                let results = self.imap(inputs, work).ahead(usize::MAX);
                let interrupted = |result| match result {
                    Err(JoinError::Interrupted(err)) => Err(err),
                    result => Ok(result),
                };
                results.map(interrupted).collect()
            }

            /// Calls `work` on every input, each in a coroutine of its own,
            /// and yields the results in the order of the inputs, as soon as
            /// each is there: `imap(func, iterable)` in gevent.
            ///
            /// Lazy: nothing starts before the first result is asked for, and
            /// inputs are pulled by the caller, one when its work can start,
            /// at most as many ahead of the results as [`Imap::ahead`] says.
            /// So they may come without end; where making one waits, results
            /// wait too. No input is pulled while the caller works on a
            /// result.
            ///
            /// A panic is the result of its item. A wait that ends early is
            /// one more item, the last, [`JoinError::Interrupted`]. Dropping
            /// the iterator kills what is under way, so a first failure ends
            /// all with
            /// `collect::<Result<Vec<_>, _>>()`.
            pub fn imap<I, F, R>(&self, inputs: I, work: F) -> Imap<'_, I::IntoIter, F, R>
            where
                I: IntoIterator,
                I::Item: Send + 'static,
                F: Fn(I::Item) -> R + Send + Sync + 'static,
                R: Send + 'static,
            {
                Imap(Flight::new(self.roster(), inputs.into_iter(), work, $ahead(self)))
            }

            /// As [`imap`](Self::imap), but yields each result when it comes,
            /// in any order: `imap_unordered(func, iterable)` in gevent.
            pub fn imap_unordered<I, F, R>(&self, inputs: I, work: F) -> ImapUnordered<'_, I::IntoIter, F, R>
            where
                I: IntoIterator,
                I::Item: Send + 'static,
                F: Fn(I::Item) -> R + Send + Sync + 'static,
                R: Send + 'static,
            {
                ImapUnordered(Flight::new(self.roster(), inputs.into_iter(), work, $ahead(self)))
            }
        }
    };
}

maps!(Pool, |pool: &Pool| pool.size().saturating_mul(2));
maps!(Group, |_: &Group| AHEAD_IN_GROUP);

macro_rules! results {
    ($(#[$doc:meta])* $results:ident, $next:ident) => {
        $(#[$doc])*
        #[must_use = "an iterator starts nothing until it is asked"]
        pub struct $results<'a, I: Iterator, F, R>(Flight<'a, I, F, R>);

        impl<I: Iterator, F, R> $results<'_, I, F, R> {
            /// At most `count` inputs are ahead: being worked on, or done and
            /// not asked for yet. `maxsize` in gevent, where there is no bound
            /// by default.
            ///
            /// Defaults to twice the size of a pool, so that one slow item
            /// does not leave the others' places empty, and to 100 in a group.
            /// 0 is taken as 1.
            pub fn ahead(mut self, count: usize) -> Self {
                self.0.set_ahead(count);
                self
            }
        }

        impl<I, F, R> Iterator for $results<'_, I, F, R>
        where
            I: Iterator,
            I::Item: Send + 'static,
            F: Fn(I::Item) -> R + Send + Sync + 'static,
            R: Send + 'static,
        {
            type Item = Result<R, JoinError>;

            fn next(&mut self) -> Option<Self::Item> {
                self.0.$next()
            }
        }

        impl<I, F, R> FusedIterator for $results<'_, I, F, R>
        where
            I: Iterator,
            I::Item: Send + 'static,
            F: Fn(I::Item) -> R + Send + Sync + 'static,
            R: Send + 'static,
        {
        }

        impl<I: Iterator, F, R> fmt::Debug for $results<'_, I, F, R> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($results))
                    .field("under_way", &self.0.len())
                    .field("ahead", &self.0.ahead())
                    .finish_non_exhaustive()
            }
        }
    };
}

results! {
    /// Results in the order of their inputs; made by [`Pool::imap`] and
    /// [`Group::imap`].
    ///
    /// Dropping it kills what is under way, and waits for nothing.
    ///
    /// ```
    /// use greenserve::sync::Pool;
    ///
    /// let pool = Pool::new(4)?;
    /// let squares = pool.imap(1_u64.., |n| n * n);
    /// let first: Result<Vec<u64>, _> = squares.take(5).collect();
    /// assert_eq!(first.expect("no panic"), [1, 4, 9, 16, 25]);
    /// # Ok::<(), greenserve::Error>(())
    /// ```
    Imap, next_oldest
}

results! {
    /// Results as they come; made by [`Pool::imap_unordered`] and
    /// [`Group::imap_unordered`].
    ///
    /// Dropping it kills what is under way, and waits for nothing.
    ///
    /// ```
    /// use greenserve::{runtime::sleep, sync::Pool};
    /// use std::time::Duration;
    ///
    /// let pool = Pool::new(2)?;
    /// let slept = pool.imap_unordered([20, 1], |millis| {
    ///     sleep(Duration::from_millis(millis)).map(|()| millis)
    /// });
    /// let order: Result<Result<Vec<u64>, std::io::Error>, _> = slept.collect();
    /// # let order: Result<Vec<u64>, std::io::Error> = order.expect("no panic");
    /// assert_eq!(order?, [1, 20]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ImapUnordered, next_ended
}
