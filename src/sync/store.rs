//! What lies in a channel, and which of it comes out next.

use std::collections::VecDeque;

use super::ranked::Ranked;

pub(super) enum Store<T> {
    /// First in, first out.
    Queue(VecDeque<T>),
    /// Last in, first out.
    Stack(Vec<T>),
    /// Smallest first.
    Ranked(Ranked<T>),
}

impl<T> Store<T> {
    pub(super) const fn queue() -> Self {
        Store::Queue(VecDeque::new())
    }

    pub(super) const fn stack() -> Self {
        Store::Stack(Vec::new())
    }

    pub(super) const fn ranked() -> Self
    where
        T: Ord,
    {
        Store::Ranked(Ranked::new())
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Store::Queue(queue) => queue.len(),
            Store::Stack(stack) => stack.len(),
            Store::Ranked(ranked) => ranked.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn push(&mut self, value: T) {
        match self {
            Store::Queue(queue) => queue.push_back(value),
            Store::Stack(stack) => stack.push(value),
            Store::Ranked(ranked) => ranked.push(value),
        }
    }

    /// Puts back what had come out, as if it had not: it is next again, unless
    /// a smaller one goes before it.
    pub(super) fn push_first(&mut self, value: T) {
        match self {
            Store::Queue(queue) => queue.push_front(value),
            Store::Stack(stack) => stack.push(value),
            Store::Ranked(ranked) => ranked.push_first(value),
        }
    }

    /// What [`pop`](Store::pop) would take.
    pub(super) fn first(&self) -> Option<&T> {
        match self {
            Store::Queue(queue) => queue.front(),
            Store::Stack(stack) => stack.last(),
            Store::Ranked(ranked) => ranked.first(),
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        match self {
            Store::Queue(queue) => queue.pop_front(),
            Store::Stack(stack) => stack.pop(),
            Store::Ranked(ranked) => ranked.pop(),
        }
    }

    /// Everything, in the order in which it would come out.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        std::iter::from_fn(|| self.pop()).collect()
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering;

    fn out_of(mut store: Store<u32>) -> Vec<u32> {
        [3, 1, 2].into_iter().for_each(|value| store.push(value));
        assert_eq!(store.len(), 3);
        let next = store.first().copied();
        let all = store.take_all();
        assert_eq!(next, all.first().copied());
        assert!(store.is_empty());
        all
    }

    #[test]
    fn each_kind_has_its_order() {
        assert_eq!(out_of(Store::queue()), [3, 1, 2]);
        assert_eq!(out_of(Store::stack()), [2, 1, 3]);
        assert_eq!(out_of(Store::ranked()), [1, 2, 3]);
    }

    #[test]
    fn what_is_put_back_is_next() {
        for mut store in [Store::queue(), Store::stack(), Store::ranked()] {
            [1, 2, 3].into_iter().for_each(|value| store.push(value));
            let taken = store.pop();
            taken.into_iter().for_each(|value| store.push_first(value));
            assert_eq!(store.pop(), taken);
        }
    }

    /// Compares by its rank alone.
    #[derive(Debug)]
    struct Errand(u32, char);

    impl Ord for Errand {
        fn cmp(&self, other: &Self) -> Ordering {
            self.0.cmp(&other.0)
        }
    }

    impl PartialOrd for Errand {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    impl PartialEq for Errand {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }

    impl Eq for Errand {}

    #[test]
    fn equal_ones_come_out_as_they_came_in() {
        let mut store = Store::ranked();
        for (rank, name) in [(2, 'e'), (1, 'a'), (1, 'b'), (1, 'c'), (2, 'f'), (1, 'd')] {
            store.push(Errand(rank, name));
        }
        let taken = store.pop();
        taken.into_iter().for_each(|errand| store.push_first(errand));
        let names: String = store.take_all().iter().map(|errand| errand.1).collect();
        assert_eq!(names, "abcdef");
    }
}
