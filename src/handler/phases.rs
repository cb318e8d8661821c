//! The order of `setup`, `handle` and `finish`, and what follows an error.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::Failure;

/// Runs `handle` and then, whatever became of it, `finish`.
///
/// A panic of `handle` is held back until `finish` has run, since a coroutine
/// cannot wait while it unwinds, and `finish` may have to flush. When both
/// fail, what `handle` said is the error and what `finish` said is logged.
pub(super) fn handle_then_finish<T>(
    subject: &mut T,
    handle: impl FnOnce(&mut T) -> Result<(), Failure>,
    finish: impl FnOnce(&mut T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let handled = catch_unwind(AssertUnwindSafe(|| handle(subject)));
    let finished = catch_unwind(AssertUnwindSafe(|| finish(subject)));
    match (handled, finished) {
        (Ok(Ok(())), Ok(result)) => result,
        (Ok(Ok(())), Err(panic)) => resume_unwind(panic),
        (Ok(Err(failure)), finished) => {
            log_second(finished);
            Err(failure)
        }
        (Err(panic), finished) => {
            log_second(finished);
            resume_unwind(panic)
        }
    }
}

fn log_second(finished: std::thread::Result<Result<(), Failure>>) {
    match finished {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => log::warn!("finish failed after handle did: {failure}"),
        Err(_) => log::warn!("finish panicked after handle failed"),
    }
}
