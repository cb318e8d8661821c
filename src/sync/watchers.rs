//! Who wants to know that something can be had, and does not stand in line for
//! it: a wait for several things at once.

/// Lives behind the lock of what is watched. Whoever makes it ready wakes all,
/// also if it was ready before; each looks again, and may find that somebody
/// else was faster. An empty list allocates nothing.
pub(super) struct Watchers<P>(Vec<(u64, P)>);

impl<P> Watchers<P> {
    pub(super) const fn new() -> Self {
        Watchers(Vec::new())
    }

    /// Wakes `parker` from now on, until `id` leaves.
    pub(super) fn enter(&mut self, id: u64, parker: P) {
        self.0.push((id, parker));
    }

    /// Takes every entry of `id` out.
    pub(super) fn leave(&mut self, id: u64) {
        self.0.retain(|(theirs, _)| *theirs != id);
    }

    /// Those who came first are woken first.
    pub(super) fn wake(&self, wake: impl Fn(&P)) {
        self.0.iter().for_each(|(_, parker)| wake(parker));
    }
}
