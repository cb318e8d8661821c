//! Who is told that a task ends, and who that it is killed.

use std::mem;
use std::sync::atomic::Ordering;

use super::extras::{self, Extras, Notice};
use super::{ENDED, EXTRAS, Task};

impl Task {
    /// Has `notice` called when the task has ended, its result being there and
    /// its values gone; by the task itself, so `notice` neither waits nor
    /// panics. The ticket takes it back: [`cancel_notice`](Task::cancel_notice).
    /// `None` when the task has ended already.
    pub(crate) fn at_end(&self, notice: impl FnOnce() + Send + 'static) -> Option<u64> {
        let notice: Notice = Box::new(notice);
        let ticket = self.extras(|extras| {
            extras.tickets += 1;
            extras.at_end.push((extras.tickets, notice));
            extras.tickets
        });
        // Either the task finds the mark of this when it ends, or its own mark
        // is found here.
        if self.marks.fetch_or(EXTRAS, Ordering::AcqRel) & ENDED == 0 {
            return Some(ticket);
        }
        self.cancel_notice(ticket);
        None
    }

    pub(crate) fn cancel_notice(&self, ticket: u64) {
        let notice = self.known_extras(|extras| {
            let at = extras.at_end.iter().position(|(number, _)| *number == ticket)?;
            Some(extras.at_end.swap_remove(at))
        });
        drop(notice);
    }

    /// The task's own last step but for what the engine has to do.
    pub(in crate::runtime) fn end(&self) {
        self.let_go_of_values();
        if self.marks.fetch_or(ENDED, Ordering::AcqRel) & EXTRAS != 0 {
            let notices = self.extras(|extras| mem::take(&mut extras.at_end));
            notices.into_iter().for_each(|(_, notice)| notice());
        }
    }

    /// Has `notice` called by the first kill, in the middle of it.
    pub(in crate::runtime) fn at_kill(&self, notice: impl FnOnce() + Send + 'static) {
        let notice: Notice = Box::new(notice);
        self.extras(|extras| extras.at_kill = Some(notice));
    }

    pub(in crate::runtime) fn cancel_at_kill(&self) {
        drop(self.known_extras(|extras| extras.at_kill.take()));
    }

    pub(super) fn tell_of_kill(&self) {
        if let Some(Some(notice)) = self.known_extras(|extras| extras.at_kill.take()) {
            notice();
        }
    }

    /// Calls `f` with the extras, which the task has from then on. Under a
    /// lock, as [`extras::with`] says.
    pub(super) fn extras<R>(&self, f: impl FnOnce(&mut Extras) -> R) -> R {
        let result = extras::with(self.id, f);
        // After them: who finds the mark finds them.
        self.marks.fetch_or(EXTRAS, Ordering::AcqRel);
        result
    }

    /// As [`extras`](Task::extras), if it has any.
    pub(super) fn known_extras<R>(&self, f: impl FnOnce(&mut Extras) -> R) -> Option<R> {
        let has_any = self.marks.load(Ordering::Acquire) & EXTRAS != 0;
        has_any.then(|| extras::with(self.id, f))
    }
}
