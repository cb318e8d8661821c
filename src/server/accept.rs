//! The accept loop.

use std::io;
use std::sync::Arc;

use super::accept_wait::{Waiting, Woken};
use super::admission::{admit, is_welcome};
use super::backoff::{Backoff, Verdict, judge};
use super::goal::Goal;
use super::session::Core;
use super::surplus::{Spare, is_out_of_descriptors};
use crate::concurrency::{Job, JobOf, Model, close};
use crate::error::{Error, Result};
use crate::family::{Crowd, Family};
use crate::lifecycle::{Event, Lifecycle, Reservation, Room};
use crate::limits::Unwelcome;
use crate::net::Peer;
use crate::runtime::{self, NEVER, earlier};

impl<F: Family, M: Model> Core<F, M> {
    /// Accepts in the calling thread or coroutine until there is reason to end.
    pub(super) fn run(&self) -> Result<()> {
        F::prepare(&self.listener).map_err(|source| self.broken(source))?;
        AcceptLoop {
            waiting: Waiting::new(&self.shared.lifecycle),
            backoff: Backoff::new(self.config.min_delay, self.config.max_delay),
            retry_at: NEVER,
            room: Room::default(),
            spare: Spare::default(),
            core: self,
        }
        .run()
    }
}

struct AcceptLoop<'a, F: Family, M: Model> {
    core: &'a Core<F, M>,
    waiting: Waiting,
    backoff: Backoff,
    /// Nothing is accepted before this, because something was used up.
    retry_at: u64,
    room: Room,
    spare: Spare,
}

/// What taking one request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Request,
    Nothing,
}

impl<F: Family, M: Model> AcceptLoop<'_, F, M> {
    fn run(&mut self) -> Result<()> {
        loop {
            if self.lifecycle().take_signal() {
                self.lifecycle().end_by_signal();
            }
            if self.lifecycle().shutdown_requested() || self.goal().is_over() {
                return Ok(());
            }
            match self.turn()? {
                Woken::Request if !self.goal().is_forever() => return Ok(()),
                Woken::Over(why) => {
                    return Err(Error::System {
                        action: "serve",
                        source: why.into(),
                    });
                }
                Woken::Deadline if self.goal().is_out_of_time() => {
                    self.time_out();
                    return Ok(());
                }
                _ => {}
            }
            self.look_after();
        }
    }

    fn goal(&self) -> &Goal {
        &self.core.goal
    }

    /// Unless another loop does so, or is about to take the request.
    fn time_out(&self) {
        if self.goal().claim() {
            self.core.shared.hooks.handle_timeout();
            self.core.model.collect();
        }
    }

    fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.core.shared.lifecycle
    }

    /// Waits for one reason to go on and takes what requests there are.
    fn turn(&mut self) -> Result<Woken> {
        let deadline = self.deadline();
        if !self.may_accept() {
            return self.waiting.for_change(deadline).map_err(|err| self.core.broken(err));
        }
        match self.waiting.for_request::<F>(&self.core.listener, deadline) {
            Ok(Woken::Request) => self.take_requests(),
            Ok(woken) => Ok(woken),
            Err(err) => Err(self.core.broken(err)),
        }
    }

    /// The earliest of: the goal's deadline, the end of a pause, the next turn
    /// that hooks want.
    fn deadline(&self) -> u64 {
        let hooks = match self.goal().is_forever() && self.core.config.has_hooks {
            true => runtime::after(self.core.config.poll_interval),
            false => NEVER,
        };
        earlier(earlier(self.goal().deadline(), hooks), self.retry_at)
    }

    /// Whether there is room for another request; if not, the end of one, a
    /// resume or the end of a pause will change something.
    fn may_accept(&mut self) -> bool {
        if self.retry_at != NEVER && !runtime::passed(self.retry_at) {
            return false;
        }
        self.retry_at = NEVER;
        if let Some(until) = self.lifecycle().gate().closed_until(runtime::now) {
            self.retry_at = until;
            return false;
        }
        let has_place = self.room.is_there(&self.core.shared.lifecycle);
        let room = self.core.model.has_room();
        if has_place && !room {
            // Others hold what we need, and nobody tells us when they end.
            self.retry_at = runtime::after(self.backoff.after_failure());
        }
        has_place && room && !self.lifecycle().is_paused() && !self.goal().is_claimed()
    }

    /// Whether so many datagrams are in flight that the next one is dropped; it
    /// never is what `handle_request` waits for.
    fn is_crowded(&self) -> bool {
        let in_flight = || self.lifecycle().connections().count();
        F::CROWD == Crowd::Dropped && self.goal().is_forever() && in_flight() >= self.core.config.max_datagrams
    }

    /// Takes up to `max_accept` requests.
    fn take_requests(&mut self) -> Result<Woken> {
        let most = match self.goal().is_forever() {
            true => self.core.config.max_accept,
            false => 1,
        };
        for taken in 0..most {
            // For the first one, only what may have changed during the wait.
            let changed = self.lifecycle().shutdown_requested() || self.lifecycle().is_paused();
            if changed || (taken > 0 && !self.may_accept()) {
                return Ok(Woken::Change);
            }
            if self.take_one()? == Taken::Nothing {
                return Ok(if taken > 0 { Woken::Request } else { Woken::Change });
            }
        }
        if self.goal().is_forever() {
            self.waiting.breathe();
        }
        Ok(Woken::Request)
    }

    fn take_one(&mut self) -> Result<Taken> {
        if self.is_crowded() {
            return match self.core.drop_one() {
                Ok(()) => Ok(Taken::Request),
                Err(err) => self.without_request(err),
            };
        }
        // Before the request, since other loops may be about to take one too.
        let reservation = Reservation::take(self.lifecycle());
        let turns_away = self.lifecycle().gate().turns_away_at_connections();
        if turns_away {
            self.spare.keep();
        }
        if (reservation.is_none() && !turns_away) || !self.goal().claim() {
            return Ok(Taken::Nothing);
        }
        match self.core.next_request() {
            Ok((request, peer)) => {
                match admit(&self.core.shared, reservation, &request, &peer) {
                    Ok(reservation) => self.process(request, peer, reservation),
                    Err(refusal) => self.core.turn_away(request, &peer, refusal),
                }
                Ok(Taken::Request)
            }
            Err(err) => {
                drop(reservation);
                self.goal().give_back(self.lifecycle());
                self.without_request(err)
            }
        }
    }

    /// What an error of accepting came to; a client may be turned away all the
    /// same.
    fn without_request(&mut self, err: io::Error) -> Result<Taken> {
        match judge(&err) {
            Verdict::Nothing => {}
            Verdict::Next => log::debug!("a request failed before it was accepted: {err}"),
            Verdict::Pause => {
                if let Some(taken) = self.with_spare(&err) {
                    return Ok(taken);
                }
                self.pause(&err);
            }
            Verdict::Fatal => return Err(self.core.broken(err)),
        }
        Ok(Taken::Nothing)
    }

    /// Where clients are turned away at the limit of connections, they are at
    /// that of descriptors too.
    fn with_spare(&mut self, err: &io::Error) -> Option<Taken> {
        if !is_out_of_descriptors(err) || !self.lifecycle().gate().turns_away_at_connections() {
            return None;
        }
        match self.core.turn_away_with(&mut self.spare)? {
            Ok(()) => Some(Taken::Request),
            Err(err) => (judge(&err) == Verdict::Nothing).then_some(Taken::Nothing),
        }
    }

    fn pause(&mut self, cause: &(dyn std::error::Error + 'static)) {
        let delay = self.backoff.after_failure();
        self.retry_at = runtime::after(delay);
        self.lifecycle().meter().paused();
        let in_flight = self.lifecycle().connections().count();
        log::warn!("accepting pauses for {delay:?} with {in_flight} requests in flight: {cause}");
        self.lifecycle().tell(|| Event::AcceptPaused { pause: delay, cause });
    }

    /// Gives a request that is welcome to the model.
    fn process(&mut self, request: F::Request, peer: Peer, reservation: Reservation) {
        let shared = &self.core.shared;
        if is_welcome::<F, M>(shared, &request, &peer) {
            self.dispatch(request, peer, reservation);
        } else {
            shared.lifecycle.gate().refuse(Unwelcome::Hooks);
            shared.lifecycle.tell(|| Event::Refused { peer: &peer });
            close(shared.hooks.as_ref(), request, &peer);
        }
    }

    fn dispatch(&mut self, request: F::Request, peer: Peer, reservation: Reservation) {
        let job = Job::new(request, peer, M::NAME, &self.core.shared, reservation);
        match self.core.model.dispatch(JobOf(job), self.core.placement) {
            Ok(()) => self.backoff.reset(),
            Err(unstarted) => {
                self.pause(&unstarted.0.error);
                unstarted.0.job.refuse(unstarted.0.error);
            }
        }
    }

    /// The end of each turn: `service_actions`, and reaping.
    fn look_after(&self) {
        self.core.model.collect();
        if self.goal().is_forever() && self.core.config.has_hooks {
            self.core.shared.hooks.service_actions();
        }
    }
}
