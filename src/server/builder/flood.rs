//! What a flood may cost: in memory, and in lines of the log.

use std::time::Duration;

use super::Builder;
use crate::concurrency::Model;
use crate::family::Family;

impl<F: Family, M: Model> Builder<F, M> {
    /// The most datagrams in flight; for TCP and Unix streams it means nothing.
    /// Defaults to 1024: so many handlers may wait for something at once, which
    /// takes some 7 MB.
    ///
    /// Over UDP what comes beyond it is thrown away, and
    /// [`Counts::dropped`](crate::Counts::dropped) counts it. A sender does not
    /// wait, so during a flood something is lost in any case, by whoever sent
    /// it; dropping keeps the answers to the rest soon. Left in the kernel's
    /// buffer they grow old there: with handlers that take 50 ms and twice the
    /// load they can carry, 1 in 100 answers took 77 ms, and 51 ms when what
    /// is too much is dropped. If you want them to wait all the same, set
    /// [`max_connections`](Builder::max_connections) to less than this.
    ///
    /// Unix datagrams wait in the kernel, where their sender waits with them.
    pub fn max_datagrams(mut self, datagrams: usize) -> Self {
        self.config.max_datagrams = datagrams;
        self
    }

    /// How often failures of one handler that read the same may be a line of
    /// the log. The first is told at once; those that follow within the period
    /// are counted, and told as a number with the next one after it, or when
    /// another request or the server ends. Defaults to 1 s; zero tells of each,
    /// as Python does. 64 different ones are told in a period, all beyond them
    /// together, so that no client can fill the log.
    ///
    /// It concerns what [`Context::log_failure`](crate::Context::log_failure)
    /// writes, so also [`Hooks::handle_error`](crate::Hooks::handle_error) unless that is your own.
    pub fn failure_log_period(mut self, period: Duration) -> Self {
        self.config.failure_log_period = period;
        self
    }
}
