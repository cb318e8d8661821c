//! The hand-off of `greenserve::sync` under loom, which tries every order of
//! its steps: nothing handed to a waiter may get lost, whatever the waiter
//! does meanwhile, and nobody may be left asleep.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --test loom_sync
//! ```
//!
//! The files under test are included here and built on loom's locks. Loom
//! itself reports a waiter that nobody wakes, as a deadlock.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]
#![allow(dead_code, unreachable_pub, reason = "included files are used in part")]

#[path = "../src/sync/exchange.rs"]
mod exchange;
#[path = "../src/sync/flag.rs"]
mod flag;
#[path = "../src/sync/floor.rs"]
mod floor;
#[path = "../src/runtime/holder.rs"]
mod holder;
#[path = "../src/sync/lookout.rs"]
mod lookout;
#[path = "../src/sync/notifications.rs"]
mod notifications;
#[path = "../src/sync/once.rs"]
mod once;
#[path = "../src/sync/permits.rs"]
mod permits;
#[path = "../src/sync/queue.rs"]
mod queue;
#[path = "../src/sync/ranked.rs"]
mod ranked;
#[path = "../src/sync/shares.rs"]
mod shares;
#[path = "../src/sync/store.rs"]
mod store;
#[path = "../src/sync/watchers.rs"]
mod watchers;

#[path = "loom/events.rs"]
mod events;
#[path = "loom/locks.rs"]
mod locks;
#[path = "loom/results.rs"]
mod results;

/// What `src/sync/shim.rs` is to the crate, and `src/runtime/shim.rs`.
mod shim {
    pub use greenserve::WaitError;
    pub use loom::sync::atomic::{AtomicU64, Ordering};
    pub use loom::sync::{Arc, Mutex, MutexGuard};

    pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }
}

use exchange::Exchange;
use floor::Found;
use greenserve::WaitError;
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use permits::{Permits, State};
use queue::{Parker, Waiting};
use store::Store;

const NEVER: u64 = 0;

/// A task as the runtime promises it to be: wake-ups are kept until the next
/// park, a kill ends this park and all later ones, and so does the passing of
/// time if they have a deadline.
#[derive(Clone)]
struct Model(Arc<(Mutex<Signals>, Condvar)>);

#[derive(Default)]
struct Signals {
    woken: bool,
    killed: bool,
    late: bool,
}

impl Signals {
    fn end(&self, deadline: u64) -> Option<WaitError> {
        let late = self.late && deadline != NEVER;
        let late = late.then_some(WaitError::Deadline);
        self.killed.then_some(WaitError::Killed).or(late)
    }
}

impl Model {
    fn new() -> Model {
        Model(Arc::new((Mutex::default(), Condvar::new())))
    }

    fn kill(&self) {
        self.0.0.lock().unwrap().killed = true;
        self.0.1.notify_one();
    }

    fn be_late(&self) {
        self.0.0.lock().unwrap().late = true;
        self.0.1.notify_one();
    }
}

impl Parker for Model {
    fn park(&self, deadline: u64) -> Result<(), WaitError> {
        let mut signals = self.0.0.lock().unwrap();
        while !signals.woken && signals.end(deadline).is_none() {
            signals = self.0.1.wait(signals).unwrap();
        }
        signals.woken = false;
        signals.end(deadline).map_or(Ok(()), Err)
    }

    fn wake(&self) {
        self.0.0.lock().unwrap().woken = true;
        self.0.1.notify_one();
    }
}

/// Every order with at most three switches away from a thread that could go
/// on: all orders of so many steps would take hours.
fn bounded_model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(f);
}

fn permits(free: usize) -> Arc<Permits<Model>> {
    Arc::new(Permits::new(Mutex::new(State::new(free))))
}

#[test]
fn a_permit_goes_round_and_comes_back() {
    loom::model(|| {
        let permits = permits(1);
        let owners = Arc::new(Mutex::new(0));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (permits, owners) = (permits.clone(), owners.clone());
                thread::spawn(move || {
                    permits.acquire(NEVER, Model::new).unwrap();
                    *owners.lock().unwrap() += 1;
                    assert_eq!(*owners.lock().unwrap(), 1, "two owners at once");
                    *owners.lock().unwrap() -= 1;
                    permits.release(1);
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(permits.free(), 1);
    });
}

/// Both waiters get one of the two permits that come at once.
#[test]
fn permits_released_together_reach_all_who_wait() {
    bounded_model(|| {
        let permits = permits(0);
        let waiter = {
            let permits = permits.clone();
            thread::spawn(move || permits.acquire(NEVER, Model::new).unwrap())
        };
        let releaser = {
            let permits = permits.clone();
            thread::spawn(move || permits.release(2))
        };
        permits.acquire(NEVER, Model::new).unwrap();
        waiter.join().unwrap();
        releaser.join().unwrap();
        assert_eq!(permits.free(), 0);
    });
}

#[test]
fn a_permit_for_a_killed_waiter_is_not_lost() {
    loom::model(|| {
        let permits = permits(0);
        let model = Model::new();
        let waiter = {
            let (permits, model) = (permits.clone(), model.clone());
            thread::spawn(move || {
                if permits.acquire(NEVER, || model).is_ok() {
                    permits.release(1);
                }
            })
        };
        let killer = thread::spawn(move || model.kill());
        permits.release(1);
        waiter.join().unwrap();
        killer.join().unwrap();
        assert_eq!(permits.free(), 1);
    });
}

/// The killed one stands first in the queue, and the permit must find its way
/// past it to the second.
#[test]
fn a_permit_passes_a_killed_waiter_by() {
    bounded_model(|| {
        let permits = permits(0);
        let model = Model::new();
        let killed = {
            let (permits, model) = (permits.clone(), model.clone());
            thread::spawn(move || {
                if permits.acquire(NEVER, || model).is_ok() {
                    permits.release(1);
                }
            })
        };
        let second = {
            let permits = permits.clone();
            thread::spawn(move || permits.acquire(NEVER, Model::new).unwrap())
        };
        model.kill();
        permits.release(1);
        killed.join().unwrap();
        second.join().unwrap();
        assert_eq!(permits.free(), 0);
    });
}

/// A panic that leaves `park` drops the waiter where it stands.
#[test]
fn a_permit_for_a_vanished_waiter_is_passed_on() {
    loom::model(|| {
        let permits = permits(0);
        let vanishing = {
            let permits = permits.clone();
            thread::spawn(move || {
                match permits.take_or_queue(Model::new) {
                    Some(place) => drop(Waiting::new(&*permits, place)),
                    None => permits.release(1),
                };
            })
        };
        let releaser = {
            let permits = permits.clone();
            thread::spawn(move || permits.release(1))
        };
        permits.acquire(NEVER, Model::new).unwrap();
        vanishing.join().unwrap();
        releaser.join().unwrap();
        assert_eq!(permits.free(), 0);
    });
}

fn channel(capacity: usize) -> Arc<Exchange<Model, u32>> {
    Exchange::new(Store::queue(), capacity)
}

fn drain(exchange: &Exchange<Model, u32>) -> Vec<u32> {
    let mut items = Vec::new();
    while let Found::Item(item) = exchange.try_recv() {
        items.push(item);
    }
    items
}

#[test]
fn items_cross_a_full_channel_in_order() {
    bounded_model(|| {
        let exchange = channel(1);
        let sender = {
            let exchange = exchange.clone();
            thread::spawn(move || {
                for item in 1..=3 {
                    exchange.send(item, NEVER, Model::new).unwrap();
                }
                exchange.remove_sender();
            })
        };
        for expected in 1..=3 {
            assert_eq!(exchange.recv(NEVER, Model::new), Ok(expected));
        }
        assert_eq!(exchange.recv(NEVER, Model::new), Err(WaitError::Disconnected));
        sender.join().unwrap();
    });
}

#[test]
fn an_item_for_a_killed_receiver_is_not_lost() {
    loom::model(|| {
        let exchange = channel(1);
        let model = Model::new();
        let receiver = {
            let (exchange, model) = (exchange.clone(), model.clone());
            thread::spawn(move || exchange.recv(NEVER, || model))
        };
        let killer = thread::spawn(move || model.kill());
        exchange.send(7, NEVER, Model::new).unwrap();
        let mut items = drain(&exchange);
        items.extend(receiver.join().unwrap());
        items.extend(drain(&exchange));
        killer.join().unwrap();
        assert_eq!(items, [7]);
    });
}

#[test]
fn a_killed_sender_has_its_value_back_or_it_was_sent() {
    loom::model(|| {
        let exchange = channel(1);
        exchange.send(1, NEVER, Model::new).unwrap();
        let model = Model::new();
        let sender = {
            let (exchange, model) = (exchange.clone(), model.clone());
            thread::spawn(move || exchange.send(2, NEVER, || model))
        };
        let killer = thread::spawn(move || model.kill());
        let mut items = drain(&exchange);
        items.extend(sender.join().unwrap().err().map(|(_, value)| value));
        items.extend(drain(&exchange));
        killer.join().unwrap();
        assert_eq!(items, [1, 2]);
    });
}

#[test]
fn a_place_freed_in_passing_wakes_a_sender() {
    loom::model(|| {
        let exchange = channel(1);
        exchange.send(1, NEVER, Model::new).unwrap();
        let sender = {
            let exchange = exchange.clone();
            thread::spawn(move || exchange.send(2, NEVER, Model::new))
        };
        assert_eq!(drain(&exchange)[0], 1);
        assert_eq!(sender.join().unwrap(), Ok(()));
    });
}

#[test]
fn the_last_receiver_to_go_gives_values_back() {
    loom::model(|| {
        let exchange = channel(1);
        exchange.send(1, NEVER, Model::new).unwrap();
        let sender = {
            let exchange = exchange.clone();
            thread::spawn(move || exchange.send(2, NEVER, Model::new))
        };
        exchange.remove_receiver();
        assert_eq!(sender.join().unwrap(), Err((WaitError::Disconnected, 2)));
        assert_eq!(exchange.len(), 0);
    });
}

#[test]
fn what_two_senders_send_at_once_arrives() {
    bounded_model(|| {
        let exchange = channel(1);
        exchange.add_sender();
        let senders: Vec<_> = (1..=2)
            .map(|item| {
                let exchange = exchange.clone();
                thread::spawn(move || {
                    exchange.send(item, NEVER, Model::new).unwrap();
                    exchange.remove_sender();
                })
            })
            .collect();
        let mut sum = exchange.recv(NEVER, Model::new).unwrap();
        sum += exchange.recv(NEVER, Model::new).unwrap();
        assert_eq!(sum, 3);
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

/// As a wait for several things at once looks at a channel.
fn watched(exchange: &Exchange<Model, u32>, id: u64, model: &Model) -> Found<u32> {
    exchange.watch(id, model.clone());
    while !exchange.is_ready() {
        model.park(NEVER).unwrap();
    }
    exchange.unwatch(id);
    exchange.try_recv()
}

#[test]
fn who_watches_is_woken_by_a_value() {
    loom::model(|| {
        let exchange = channel(1);
        let sender = {
            let exchange = exchange.clone();
            thread::spawn(move || exchange.send(7, NEVER, Model::new).unwrap())
        };
        assert!(matches!(watched(&exchange, 1, &Model::new()), Found::Item(7)));
        sender.join().unwrap();
    });
}

#[test]
fn who_watches_is_woken_by_the_end() {
    loom::model(|| {
        let exchange = channel(1);
        let sender = {
            let exchange = exchange.clone();
            thread::spawn(move || exchange.remove_sender())
        };
        assert!(matches!(watched(&exchange, 1, &Model::new()), Found::Gone));
        sender.join().unwrap();
    });
}

#[test]
fn values_pass_from_hand_to_hand_in_order() {
    bounded_model(|| {
        let exchange = channel(0);
        let sender = {
            let exchange = exchange.clone();
            thread::spawn(move || {
                for item in 1..=2 {
                    exchange.send(item, NEVER, Model::new).unwrap();
                }
                exchange.remove_sender();
            })
        };
        assert_eq!(exchange.recv(NEVER, Model::new), Ok(1));
        assert_eq!(exchange.recv(NEVER, Model::new), Ok(2));
        assert_eq!(exchange.recv(NEVER, Model::new), Err(WaitError::Disconnected));
        sender.join().unwrap();
    });
}

/// One of the two who receive has it, the other is told of the end.
#[test]
fn who_receives_nothing_is_not_left_asleep() {
    bounded_model(|| {
        let exchange = channel(0);
        let sender = {
            let exchange = exchange.clone();
            thread::spawn(move || {
                exchange.send(1, NEVER, Model::new).unwrap();
                exchange.remove_sender();
            })
        };
        let receiver = {
            let exchange = exchange.clone();
            thread::spawn(move || exchange.recv(NEVER, Model::new))
        };
        let ours = exchange.recv(NEVER, Model::new);
        let mut both = [ours, receiver.join().unwrap()];
        both.sort_by_key(Result::is_err);
        assert_eq!(both, [Ok(1), Err(WaitError::Disconnected)]);
        sender.join().unwrap();
    });
}

/// Neither has it if both are killed in time, and then the sender has it.
#[test]
fn between_two_who_are_killed_no_value_is_lost() {
    bounded_model(|| {
        let exchange = channel(0);
        let (sending, receiving) = (Model::new(), Model::new());
        let receiver = {
            let (exchange, receiving) = (exchange.clone(), receiving.clone());
            thread::spawn(move || exchange.recv(NEVER, || receiving))
        };
        let sender = {
            let (exchange, sending) = (exchange.clone(), sending.clone());
            thread::spawn(move || exchange.send(7, NEVER, || sending))
        };
        sending.kill();
        receiving.kill();
        let mut items: Vec<_> = sender
            .join()
            .unwrap()
            .err()
            .map(|(_, value)| value)
            .into_iter()
            .collect();
        items.extend(receiver.join().unwrap());
        items.extend(drain(&exchange));
        assert_eq!(items, [7]);
    });
}

/// At a shutdown each value is received, taken out or given back.
#[test]
fn a_shutdown_loses_nothing_and_ends_everybody() {
    for capacity in [0, 1] {
        bounded_model(move || {
            let exchange = channel(capacity);
            let sender = {
                let exchange = exchange.clone();
                thread::spawn(move || {
                    let sent = (1..=2).map(|item| exchange.send(item, NEVER, Model::new));
                    sent.filter_map(|sent| sent.err().map(|(_, value)| value))
                        .collect::<Vec<_>>()
                })
            };
            let receiver = {
                let exchange = exchange.clone();
                thread::spawn(move || exchange.recv(NEVER, Model::new))
            };
            let mut items = exchange.shutdown_now();
            items.extend(sender.join().unwrap());
            items.extend(receiver.join().unwrap());
            items.sort_unstable();
            assert_eq!(items, [1, 2]);
        });
    }
}

#[test]
fn a_shutdown_leaves_what_was_sent_before() {
    loom::model(|| {
        let exchange = channel(1);
        exchange.send(1, NEVER, Model::new).unwrap();
        let sender = {
            let exchange = exchange.clone();
            thread::spawn(move || exchange.send(2, NEVER, Model::new))
        };
        exchange.shutdown();
        assert_eq!(exchange.recv(NEVER, Model::new), Ok(1));
        assert_eq!(exchange.recv(NEVER, Model::new), Err(WaitError::Disconnected));
        assert_eq!(sender.join().unwrap(), Err((WaitError::Disconnected, 2)));
    });
}

#[test]
fn who_joins_is_woken_when_all_is_done() {
    bounded_model(|| {
        let exchange = channel(2);
        exchange.send(1, NEVER, Model::new).unwrap();
        exchange.send(2, NEVER, Model::new).unwrap();
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let exchange = exchange.clone();
                thread::spawn(move || {
                    exchange.recv(NEVER, Model::new).unwrap();
                    assert!(exchange.task_done());
                })
            })
            .collect();
        assert_eq!(exchange.join(NEVER, Model::new), Ok(()));
        assert!(!exchange.task_done());
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

/// A killed sender takes away what a joiner waits for.
#[test]
fn who_joins_is_woken_when_the_last_sender_gives_up() {
    bounded_model(|| {
        let exchange = channel(0);
        let model = Model::new();
        let sender = {
            let (exchange, model) = (exchange.clone(), model.clone());
            thread::spawn(move || exchange.send(1, NEVER, || model))
        };
        let killer = thread::spawn(move || model.kill());
        assert_eq!(exchange.join(NEVER, Model::new), Ok(()));
        assert_eq!(sender.join().unwrap(), Err((WaitError::Killed, 1)));
        killer.join().unwrap();
    });
}

#[test]
fn who_joins_is_told_that_nobody_is_left_to_do_it() {
    loom::model(|| {
        let exchange = channel(1);
        exchange.send(1, NEVER, Model::new).unwrap();
        let receiver = {
            let exchange = exchange.clone();
            thread::spawn(move || {
                let taken = exchange.recv(NEVER, Model::new);
                exchange.remove_receiver();
                taken
            })
        };
        assert_eq!(exchange.join(NEVER, Model::new), Err(WaitError::Disconnected));
        assert_eq!(receiver.join().unwrap(), Ok(1));
    });
}

#[test]
fn who_looks_sees_the_value_that_another_takes() {
    bounded_model(|| {
        let exchange = channel(0);
        let receiver = {
            let exchange = exchange.clone();
            thread::spawn(move || exchange.recv(NEVER, Model::new))
        };
        let sender = {
            let exchange = exchange.clone();
            thread::spawn(move || {
                exchange.send(1, NEVER, Model::new).unwrap();
                exchange.remove_sender();
            })
        };
        // It may come too late to see it, and then sees the end.
        let seen = exchange.peek(u32::clone, NEVER, Model::new);
        assert!(matches!(seen, Ok(1) | Err(WaitError::Disconnected)), "{seen:?}");
        assert_eq!(receiver.join().unwrap(), Ok(1));
        sender.join().unwrap();
    });
}

#[test]
fn who_watches_is_woken_by_a_sender_without_room() {
    loom::model(|| {
        let exchange = channel(0);
        let sender = {
            let exchange = exchange.clone();
            thread::spawn(move || exchange.send(7, NEVER, Model::new).unwrap())
        };
        assert!(matches!(watched(&exchange, 1, &Model::new()), Found::Item(7)));
        sender.join().unwrap();
    });
}
