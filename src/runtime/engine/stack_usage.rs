//! What the stacks of coroutines take.

/// Bytes of address space that the stacks of coroutines take, guards included;
/// see [`RuntimeMetrics::stacks`](crate::runtime::RuntimeMetrics::stacks).
///
/// A page of it becomes memory when it is first touched, and not before, so the
/// memory is less: most coroutines touch one or two pages of theirs.
/// [`Census::stack_depth`](crate::runtime::Census::stack_depth) tells how deep
/// those are that wait.
///
/// The crate `may` tells nothing of the stacks that it keeps: on that engine all
/// that is known is what the live coroutines have, and `kept` is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackUsage {
    /// Mapped from the system, for stacks that are used, kept, or yet to be cut.
    /// It never shrinks.
    pub mapped: usize,
    /// Stacks of coroutines that live, also those of the runtime itself.
    pub in_use: usize,
    /// Stacks without a coroutine that keep some of their memory for the next
    /// one: at most 512 of them. [`trim`](crate::runtime::trim) lets go of them.
    pub kept: usize,
}

impl StackUsage {
    /// As far as that is known of an engine that keeps its own accounts.
    pub(super) fn of(in_use: usize) -> StackUsage {
        StackUsage {
            mapped: in_use,
            in_use,
            kept: 0,
        }
    }
}
