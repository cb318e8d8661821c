//! The end of a server: its socket is closed, what is in flight is waited for
//! or killed.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::Server;
use super::accept_wait::Waiting;
use crate::concurrency::Model;
use crate::family::Family;
use crate::lifecycle::{DrainReport, Event, Phase, Watch, drain, wait_for_change};

impl<F: Family, M: Model> Server<F, M> {
    /// Closes the socket and waits for the requests in flight if the model
    /// says so (`server_close` of Python, with `block_on_close`).
    pub fn server_close(mut self) -> DrainReport {
        let grace = if self.model.joins_on_close() {
            None
        } else {
            Some(Duration::ZERO)
        };
        if grace.is_some() {
            // Left running: not even looked at.
            self.close_listener();
            return DrainReport::default();
        }
        self.finish(grace)
    }

    /// Closes the socket, waits for the requests in flight for at most
    /// `grace`, and kills those that are left (`stop(timeout)` of gevent).
    ///
    /// Killing ends a request's waits with an error; a handler that computes
    /// is not reached, and the report names it among the survivors. Takes at
    /// most 100 ms longer than `grace`.
    pub fn stop(mut self, grace: Duration) -> DrainReport {
        self.finish(Some(grace))
    }

    /// Closes the socket and waits for the requests in flight, for as long as
    /// they take or the grace of a signal leaves them.
    pub(super) fn drain(mut self) -> DrainReport {
        self.finish(None)
    }

    /// No more requests, and the address is free.
    fn close_listener(&mut self) {
        if self.lifecycle().phase() == Phase::Closed {
            return;
        }
        if let Err(err) = self.lifecycle().advance(Phase::Draining, "close") {
            log::error!("{err}");
        }
        self.claim = None;
        if !std::mem::take(&mut self.listeners).is_empty() {
            self.shared.hooks.server_close();
        }
    }

    /// The end while a panic unwinds, when nobody may wait: what is in flight
    /// is asked to end and left to it.
    fn let_go(&mut self) {
        self.close_listener();
        let killed = self.lifecycle().connections().kill_all();
        if !killed.is_empty() {
            log::info!("a server was dropped by a panic; killed {}", killed.join(", "));
        }
        self.signals = None;
        if let Err(err) = self.lifecycle().advance(Phase::Closed, "close") {
            log::error!("{err}");
        }
    }

    pub(super) fn finish(&mut self, grace: Option<Duration>) -> DrainReport {
        self.close_listener();
        let lifecycle = Arc::clone(self.lifecycle());
        let report = if M::LOOPS_IN_COROUTINE || M::WATCH.0 == Watch::Reader {
            let watcher = lifecycle.watch();
            drain(
                &lifecycle,
                grace,
                |deadline| wait_for_change(&watcher, deadline),
                || lifecycle.take_signal(),
            )
        } else {
            let waiting = Waiting::new(&lifecycle);
            let wait = |deadline| {
                let _ = waiting.for_change(deadline);
                self.model.collect();
            };
            drain(&lifecycle, grace, wait, || lifecycle.take_signal())
        };
        self.signals = None;
        lifecycle.folding().tell_all();
        lifecycle.tell(|| Event::Drained { report: &report });
        if let Err(err) = lifecycle.advance(Phase::Closed, "close") {
            log::error!("{err}");
        }
        report
    }
}

impl<F: Family, M: Model> Drop for Server<F, M> {
    fn drop(&mut self) {
        // A server whose parts moved on to another model has none left.
        if !self.listeners.is_empty() && thread::panicking() {
            self.let_go();
        } else if !self.listeners.is_empty() {
            let report = self.finish(Some(Duration::ZERO));
            if !report.is_clean() {
                log::info!("a server was dropped while it served: {report}");
            }
        }
    }
}
