//! On which worker a coroutine begins.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

use super::fiber::Fiber;
use super::local::Local;
use super::seat::Seat;
use super::stacks;
use super::worker::{self, Arrival, Delivery, Load, Worker};
use crate::runtime::clock::{self, NEVER};
use crate::runtime::engine::body::{Body, Unstarted};
use crate::runtime::engine::place::Place;
use crate::runtime::engine::pulse::HELD_UP_AFTER;

/// Coroutines may stand in line at a worker that does not come for them.
static UNSETTLED: AtomicBool = AtomicBool::new(false);

pub(in crate::runtime::engine) fn spawn<B: Body>(place: Place, seat: &Seat, body: B) -> Result<(), Unstarted<B>> {
    let slot = match stacks::take() {
        Ok(slot) => slot,
        Err(error) => return Err(Unstarted { error, body }),
    };
    let here = Local::with(Local::index);
    let is_client = matches!(place, Place::Client(_));
    let target = choose(place, here);
    seat.furnish(Fiber::new(slot, move || {
        body.run();
        leave(is_client);
    }));
    seat.set_home(target);
    worker::all()[target].load.enter(is_client);
    if here == Some(target) {
        Local::with(|local| local.push(seat));
    } else if is_fixed(place) {
        worker::send(target, Delivery::Woken(NonNull::from(seat)));
    } else {
        arrive(
            target,
            Arrival {
                seat: NonNull::from(seat),
                is_client,
            },
        );
    }
    Ok(())
}

/// At a coroutine's end, on its worker.
fn leave(is_client: bool) {
    Local::with(|local| worker::all()[local.index()].load.leave(is_client));
}

fn is_fixed(place: Place) -> bool {
    matches!(place, Place::Worker(_) | Place::Acceptor(_))
}

fn choose(place: Place, here: Option<usize>) -> usize {
    let count = worker::count();
    match place {
        Place::Worker(index) => index % count,
        Place::Acceptor(_) => worker::acceptor(),
        Place::Client(_) => least(Load::clients),
        Place::Anywhere => least(Load::coroutines),
        // The acceptor runs nobody else's coroutines.
        Place::Here => match here {
            Some(index) if index < count => index,
            _ => least(Load::coroutines),
        },
        Place::HereOnly(here) => here.index(),
    }
}

/// The worker with the least load among those that come back to their loops;
/// among all when none does.
fn least(load: fn(&Load) -> usize) -> usize {
    let workers = &worker::all()[..worker::count()];
    if workers.len() == 1 {
        return 0;
    }
    let now = clock::now();
    let key = |worker: &Worker| (worker.post.pulse.is_held_up(now), load(&worker.load));
    (0..workers.len())
        .min_by_key(|index| key(&workers[*index]))
        .unwrap_or(0)
}

/// Stands in line at a worker, from where it may still be moved.
fn arrive(target: usize, arrival: Arrival) {
    let worker = &worker::all()[target];
    let was_asleep = worker.inbox.is_asleep();
    worker.arrivals.push(arrival);
    worker::send(target, Delivery::Arrival);
    if !was_asleep && worker::count() > 1 {
        UNSETTLED.store(true, Ordering::SeqCst);
        let acceptor = worker::acceptor();
        if worker::all()[acceptor].inbox.rouse() {
            worker::all()[acceptor].ring(acceptor);
        }
    }
}

/// Moves coroutines that have not begun off workers that are held up. By the
/// acceptor, before it sleeps; says when to look again.
pub(super) fn settle(index: usize) -> u64 {
    if index < worker::count() || !UNSETTLED.swap(false, Ordering::SeqCst) {
        return NEVER;
    }
    let now = clock::now();
    let mut waiting = false;
    for worker in &worker::all()[..worker::count()] {
        if worker.post.pulse.is_held_up(now) {
            clear(worker, now);
        }
        waiting |= !worker.arrivals.is_empty();
    }
    if !waiting {
        return NEVER;
    }
    UNSETTLED.store(true, Ordering::SeqCst);
    clock::after(HELD_UP_AFTER)
}

fn clear(from: &Worker, now: u64) {
    // As many as there are now: with every worker held up they come back.
    for _ in 0..from.arrivals.len() {
        let target = least(Load::clients);
        let to = &worker::all()[target];
        if to.post.pulse.is_held_up(now) {
            return;
        }
        let Some(arrival) = from.arrivals.pop() else {
            return;
        };
        // SAFETY: a coroutine that has not begun keeps its seat.
        unsafe { arrival.seat.as_ref() }.set_home(target);
        from.load.leave(arrival.is_client);
        to.load.enter(arrival.is_client);
        to.arrivals.push(arrival);
        worker::send(target, Delivery::Arrival);
    }
}
