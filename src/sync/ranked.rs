//! A heap whose smallest value comes out first, equal ones in the order in
//! which they came.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// How two values compare is kept as a pointer, so that what may hold such a
/// heap asks nothing of the values it holds otherwise.
pub(super) struct Ranked<T> {
    heap: BinaryHeap<Entry<T>>,
    compare: fn(&T, &T) -> Ordering,
    /// Tickets of what comes, upwards from 0.
    next: i64,
    /// Tickets of what comes back, downwards from -1.
    first: i64,
}

struct Entry<T> {
    value: T,
    ticket: i64,
    compare: fn(&T, &T) -> Ordering,
}

impl<T: Ord> Ranked<T> {
    pub(super) const fn new() -> Self {
        Ranked {
            heap: BinaryHeap::new(),
            compare: T::cmp,
            next: 0,
            first: -1,
        }
    }
}

impl<T> Ranked<T> {
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(super) fn push(&mut self, value: T) {
        let ticket = self.next;
        self.next += 1;
        self.enter(value, ticket);
    }

    /// Before all that are equal.
    pub(super) fn push_first(&mut self, value: T) {
        let ticket = self.first;
        self.first -= 1;
        self.enter(value, ticket);
    }

    pub(super) fn first(&self) -> Option<&T> {
        self.heap.peek().map(|entry| &entry.value)
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.heap.pop().map(|entry| entry.value)
    }

    fn enter(&mut self, value: T, ticket: i64) {
        self.heap.push(Entry {
            value,
            ticket,
            compare: self.compare,
        });
    }
}

// std's heap gives the greatest first.
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.compare)(&other.value, &self.value).then(other.ticket.cmp(&self.ticket))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Entry<T> {}
