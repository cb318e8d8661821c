//! Having coroutines tell where they wait.

use std::sync::Arc;
use std::time::Duration;

use crate::error::WaitError;
use crate::runtime::clock;
use crate::runtime::task::Task;
use crate::runtime::trace::{Roll, Symbols, Trace, Unwinder};

/// How long some of them are waited for, if others may still answer.
const PATIENCE: Duration = Duration::from_millis(100);
/// The first look at what they have answered.
const SOON: Duration = Duration::from_micros(200);

pub(super) struct Traces {
    deadline: u64,
    unwinder: Unwinder,
    symbols: Symbols,
}

impl Traces {
    pub(super) fn new(within: Duration) -> Traces {
        Traces {
            deadline: clock::after(within),
            unwinder: Unwinder::new(),
            symbols: Symbols::default(),
        }
    }

    /// Those of `tasks`, in their order.
    pub(super) fn of(&mut self, tasks: &[Arc<Task>]) -> Vec<Option<Trace>> {
        if clock::passed(self.deadline) {
            return vec![None; tasks.len()];
        }
        let caller = Task::current();
        let roll = Arc::new(Roll::default());
        let asked: Vec<_> = tasks.iter().filter(|task| asks(&roll, task)).collect();
        self.wait(&caller, &roll, &asked);
        for task in asked {
            roll.leave(task.id());
        }
        let answers = tasks.iter().map(|task| {
            if Arc::ptr_eq(task, &caller) {
                return self.own(&caller);
            }
            let snapshot = roll.take(task.id())??;
            Some(self.symbols.name(&self.unwinder.calls(&snapshot)))
        });
        answers.collect()
    }

    fn own(&mut self, caller: &Task) -> Option<Trace> {
        let snapshot = caller.own_stack()?;
        Some(self.symbols.name(&self.unwinder.calls(&snapshot)))
    }

    /// Until all have answered, or gone on to something else.
    fn wait(&mut self, caller: &Arc<Task>, roll: &Roll, asked: &[&Arc<Task>]) {
        let deadline = clock::earlier(self.deadline, clock::after(PATIENCE));
        let mut pause = SOON;
        let is_due = |task: &&Arc<Task>| task.is_asked() && !roll.has_answered(task.id());
        while asked.iter().any(is_due) && !clock::passed(deadline) {
            match caller.park(clock::earlier(deadline, clock::after(pause))) {
                Ok(()) | Err(WaitError::Deadline) => {}
                // Killed, say: it may not wait any longer, for none of them.
                Err(_) => {
                    self.deadline = clock::now();
                    return;
                }
            }
            pause *= 2;
        }
    }
}

/// Asks a coroutine for its stack, if it waits.
fn asks(roll: &Arc<Roll>, task: &Arc<Task>) -> bool {
    if !roll.enter(task.id()) {
        return false;
    }
    let is_asked = task.ask();
    if is_asked {
        task.rouse();
    } else {
        roll.leave(task.id());
    }
    is_asked
}
