//! Who is told of what a server does.

use std::sync::Arc;

use super::Builder;
use crate::concurrency::Model;
use crate::family::Family;
use crate::lifecycle::Observer;

impl<F: Family, M: Model> Builder<F, M> {
    /// Tells `observer` of all that happens to the server and its requests:
    /// accepted, ended, turned away, drained. More than one may be given, and
    /// each is told of everything, in the order they were given. Defaults to
    /// none.
    pub fn observe(mut self, observer: impl Observer) -> Self {
        self.config.observers.0.push(Arc::new(observer));
        self
    }
}
