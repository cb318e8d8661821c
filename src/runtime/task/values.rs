//! The values that a task keeps: those of [`Local`](crate::runtime::Local)s.

use std::mem;

use super::extras::{Kept, let_go};
use super::{NOBODY, Task};

/// How often values are let go of at the end, since the destructor of one may
/// make another: as often as POSIX threads do it.
const ROUNDS: usize = 4;

impl Task {
    /// What is kept under `key`. By the task itself.
    pub(in crate::runtime) fn kept(&self, key: usize) -> Option<Kept> {
        self.known_extras(|extras| extras.kept.iter().find(|kept| kept.key == key).cloned())
            .flatten()
    }

    /// Keeps a value instead of the one under its key, which is given back. By
    /// the task itself.
    ///
    /// # Errors
    /// The new one when nothing is kept any more.
    pub(in crate::runtime) fn keep(&self, new: Kept) -> Result<Option<Kept>, Kept> {
        self.extras(|extras| {
            if extras.keeps_nothing || self.has(NOBODY) {
                return Err(new);
            }
            match extras.kept.iter_mut().find(|kept| kept.key == new.key) {
                Some(kept) => Ok(Some(mem::replace(kept, new))),
                None => {
                    extras.kept.push(new);
                    Ok(None)
                }
            }
        })
    }

    /// Whether the last values were let go of.
    pub(in crate::runtime) fn keeps_nothing(&self) -> bool {
        self.has(NOBODY) || self.known_extras(|extras| extras.keeps_nothing).unwrap_or(false)
    }

    /// Gives up what is kept under `key`. By the task itself.
    pub(in crate::runtime) fn give_up(&self, key: usize) -> Option<Kept> {
        self.known_extras(|extras| {
            let at = extras.kept.iter().position(|kept| kept.key == key)?;
            Some(extras.kept.swap_remove(at))
        })
        .flatten()
    }

    /// What a coroutine that is spawned by this task has from its beginning.
    /// By the task itself: it calls what users gave.
    pub(in crate::runtime) fn heirlooms(&self) -> Vec<Kept> {
        let kept = self.known_extras(|extras| {
            let inherited = extras.kept.iter().filter(|kept| kept.inherit.is_some());
            inherited.cloned().collect::<Vec<_>>()
        });
        let mut heirlooms = kept.unwrap_or_default();
        for kept in &mut heirlooms {
            if let Some(inherit) = kept.inherit {
                kept.value = inherit(&*kept.value);
            }
        }
        heirlooms
    }

    /// To be called before the task begins.
    pub(in crate::runtime) fn inherit(&self, heirlooms: Vec<Kept>) {
        if !heirlooms.is_empty() {
            self.extras(|extras| extras.kept = heirlooms);
        }
    }

    /// Drops all values, and those that their destructors make. By the task
    /// itself, when its body has ended.
    pub(in crate::runtime) fn let_go_of_values(&self) {
        for _ in 0..ROUNDS {
            let kept = self.known_extras(|extras| mem::take(&mut extras.kept));
            match kept {
                Some(kept) if !kept.is_empty() => kept.into_iter().for_each(let_go),
                _ => return,
            }
        }
        self.keep_nothing();
    }

    /// From now on there are no values.
    pub(super) fn keep_nothing(&self) {
        let kept = self.extras(|extras| {
            extras.keeps_nothing = true;
            mem::take(&mut extras.kept)
        });
        kept.into_iter().for_each(let_go);
    }
}
