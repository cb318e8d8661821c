//! Locks and the condition variable.

use greenserve::WaitError;
use loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread::{self, JoinHandle};

use super::holder::Holder;
use super::notifications::{Ended, Notifications};
use super::permits::Permits;
use super::queue::{WaitQueue, Waiting};
use super::shares::{Access, Shares, State};
use super::{Model, NEVER, bounded_model, permits};

/// A deadline that passes when a task is late.
const SOON: u64 = 1;

fn shares() -> Arc<Shares<Model>> {
    Arc::new(Shares::new(Mutex::new(State::new())))
}

/// Enters, and goes again.
fn pass(shares: &Arc<Shares<Model>>, access: Access, model: Model) -> JoinHandle<Result<(), WaitError>> {
    let shares = Arc::clone(shares);
    thread::spawn(move || {
        shares.acquire(access, NEVER, || model)?;
        shares.release();
        Ok(())
    })
}

/// Nobody is left inside, and nobody in the queue.
fn assert_free(shares: &Shares<Model>) {
    assert_eq!(shares.waiting(), 0);
    assert!(shares.try_acquire(Access::Write));
}

#[test]
fn a_writer_is_alone() {
    bounded_model(|| {
        let (shares, value) = (shares(), Arc::new(AtomicUsize::new(0)));
        let (theirs, written) = (Arc::clone(&shares), Arc::clone(&value));
        let writer = thread::spawn(move || {
            theirs.acquire(Access::Write, NEVER, Model::new).unwrap();
            written.store(1, Ordering::Relaxed); // for nobody's eyes
            written.store(2, Ordering::Relaxed);
            theirs.release();
        });
        let read = move |shares: &Shares<Model>| {
            shares.acquire(Access::Read, NEVER, Model::new).unwrap();
            assert_ne!(value.load(Ordering::Relaxed), 1);
            shares.release();
        };
        let (theirs, read_too) = (Arc::clone(&shares), read.clone());
        let reader = thread::spawn(move || read_too(&theirs));
        read(&shares);
        writer.join().unwrap();
        reader.join().unwrap();
        assert_free(&shares);
    });
}

/// The one who reads stays, so nothing but the writer's end can let the second
/// reader in.
#[test]
fn a_killed_writer_lets_in_who_stands_behind_it() {
    bounded_model(|| {
        let shares = shares();
        shares.acquire(Access::Read, NEVER, Model::new).unwrap();
        let model = Model::new();
        let writer = pass(&shares, Access::Write, model.clone());
        let reader = pass(&shares, Access::Read, Model::new());
        model.kill();
        assert_eq!(writer.join().unwrap(), Err(WaitError::Killed));
        reader.join().unwrap().unwrap();
        shares.release();
        assert_free(&shares);
    });
}

#[test]
fn a_turn_for_a_killed_writer_is_not_lost() {
    bounded_model(|| {
        let shares = shares();
        shares.acquire(Access::Read, NEVER, Model::new).unwrap();
        let model = Model::new();
        let writer = pass(&shares, Access::Write, model.clone());
        let next = pass(&shares, Access::Write, Model::new());
        let killer = thread::spawn(move || model.kill());
        shares.release();
        let _ = writer.join().unwrap();
        next.join().unwrap().unwrap();
        killer.join().unwrap();
        assert_free(&shares);
    });
}

/// A panic that leaves `park` drops the waiter where it stands.
#[test]
fn a_turn_for_a_vanished_writer_is_passed_on() {
    bounded_model(|| {
        let shares = shares();
        shares.acquire(Access::Read, NEVER, Model::new).unwrap();
        let vanishing = {
            let shares = Arc::clone(&shares);
            thread::spawn(move || match shares.enter_or_queue(Access::Write, Model::new) {
                Some(place) => drop(Waiting::new(&*shares, place)),
                None => shares.release(),
            })
        };
        let reader = pass(&shares, Access::Read, Model::new());
        shares.release();
        vanishing.join().unwrap();
        reader.join().unwrap().unwrap();
        assert_free(&shares);
    });
}

#[test]
fn who_goes_on_reading_lets_readers_in() {
    bounded_model(|| {
        let shares = shares();
        shares.acquire(Access::Write, NEVER, Model::new).unwrap();
        let reader = pass(&shares, Access::Read, Model::new());
        shares.downgrade();
        reader.join().unwrap().unwrap();
        let writer = pass(&shares, Access::Write, Model::new());
        shares.release();
        writer.join().unwrap().unwrap();
        assert_free(&shares);
    });
}

/// Tokens under a lock, and the condition that there is one.
struct Tokens {
    turn: Arc<Permits<Model>>,
    count: AtomicUsize,
    added: Notifications<Model>,
}

impl Tokens {
    fn new() -> Arc<Tokens> {
        Arc::new(Tokens {
            turn: permits(1),
            count: AtomicUsize::new(0),
            added: Notifications::new(Mutex::new(WaitQueue::new())),
        })
    }

    fn lock(&self, model: &Model) -> Result<(), WaitError> {
        self.turn.acquire(NEVER, || model.clone())
    }

    fn add(&self) {
        self.lock(&Model::new()).unwrap();
        self.count.fetch_add(1, Ordering::Relaxed);
        // Under the lock, so that who is notified stands in line for it.
        self.added.notify_one();
        self.turn.release(1);
    }

    /// `Err` for who has not got the lock, `false` for who was late.
    fn wait(&self, deadline: u64, model: &Model) -> Result<bool, WaitError> {
        let unlock = || self.turn.release(1);
        let waited = self.added.wait(deadline, || model.clone(), unlock, || self.lock(model));
        waited.map(|((), ended)| ended == Ended::Notified)
    }

    /// Takes a token, whether it is there or must be waited for.
    fn take(&self, deadline: u64, model: &Model) -> Result<bool, WaitError> {
        self.lock(model)?;
        let mut in_time = true;
        while in_time && self.count.load(Ordering::Relaxed) == 0 {
            in_time = self.wait(deadline, model)?;
        }
        let taken = self.count.load(Ordering::Relaxed) > 0;
        if taken {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        self.turn.release(1);
        Ok(taken)
    }
}

#[test]
fn nobody_is_notified_between_the_lock_and_the_queue() {
    bounded_model(|| {
        let tokens = Tokens::new();
        let theirs = Arc::clone(&tokens);
        let adder = thread::spawn(move || theirs.add());
        assert_eq!(tokens.take(NEVER, &Model::new()), Ok(true));
        adder.join().unwrap();
        assert_eq!(tokens.turn.free(), 1);
    });
}

#[test]
fn all_who_wait_are_notified() {
    bounded_model(|| {
        let tokens = Tokens::new();
        let theirs = Arc::clone(&tokens);
        let taker = thread::spawn(move || theirs.take(NEVER, &Model::new()));
        let theirs = Arc::clone(&tokens);
        let adder = thread::spawn(move || {
            theirs.lock(&Model::new()).unwrap();
            theirs.count.fetch_add(2, Ordering::Relaxed);
            theirs.turn.release(1);
            theirs.added.notify_all();
        });
        assert_eq!(tokens.take(NEVER, &Model::new()), Ok(true));
        assert_eq!(taker.join().unwrap(), Ok(true));
        adder.join().unwrap();
    });
}

/// The second would sleep for ever if the first took the notification along.
fn one_of_two_is_struck(deadline: u64, strike: fn(&Model)) {
    bounded_model(move || {
        let tokens = Tokens::new();
        let model = Model::new();
        let (theirs, struck) = (Arc::clone(&tokens), model.clone());
        let first = thread::spawn(move || {
            // What it did get, it gives back.
            if theirs.take(deadline, &struck) == Ok(true) {
                theirs.add();
            }
        });
        let theirs = Arc::clone(&tokens);
        let adder = thread::spawn(move || theirs.add());
        strike(&model);
        assert_eq!(tokens.take(NEVER, &Model::new()), Ok(true));
        first.join().unwrap();
        adder.join().unwrap();
        assert_eq!((tokens.turn.free(), tokens.added.waiting()), (1, 0));
    });
}

#[test]
fn a_notification_for_a_killed_waiter_is_passed_on() {
    one_of_two_is_struck(NEVER, Model::kill);
}

#[test]
fn a_notification_for_a_late_waiter_is_passed_on() {
    one_of_two_is_struck(SOON, Model::be_late);
}

/// A lock that its owner may take again, and what it protects.
struct Nested {
    turn: Arc<Permits<Model>>,
    holder: Holder,
    /// Read and written apart, so that an addition is lost when two tasks are
    /// in at once, or one does not see what the last one wrote.
    sum: AtomicUsize,
}

impl Nested {
    /// As `ReentrantMutex::lock` does.
    fn enter(&self, task: u64) {
        if !self.holder.is(task) {
            self.turn.acquire(NEVER, Model::new).unwrap();
        }
        assert!(self.holder.enter(task));
        let sum = self.sum.load(Ordering::Relaxed);
        self.sum.store(sum + 1, Ordering::Relaxed);
    }

    /// As dropping its guard does.
    fn leave(&self) {
        self.holder.leave();
        if self.holder.is_free() {
            self.turn.release(1);
        }
    }

    fn enter_twice(&self, task: u64) {
        self.enter(task);
        self.enter(task);
        self.leave();
        self.leave();
    }
}

#[test]
fn an_owner_enters_again_and_nobody_else() {
    bounded_model(|| {
        let nested = Arc::new(Nested {
            turn: permits(1),
            holder: Holder::new(AtomicU64::new(0), AtomicU64::new(0)),
            sum: AtomicUsize::new(0),
        });
        let theirs = Arc::clone(&nested);
        let other = thread::spawn(move || theirs.enter_twice(1));
        nested.enter_twice(2);
        other.join().unwrap();
        assert_eq!(nested.turn.free(), 1);
        assert_eq!(nested.sum.load(Ordering::Relaxed), 4);
    });
}

/// What the holder alone promises, whoever waits in front of it.
#[test]
fn the_next_holder_sees_what_the_last_one_wrote() {
    loom::model(|| {
        let shared = Arc::new((Holder::new(AtomicU64::new(0), AtomicU64::new(0)), AtomicUsize::new(0)));
        let add = |shared: &(Holder, AtomicUsize), task| {
            let entered = shared.0.enter(task);
            if entered {
                let sum = shared.1.load(Ordering::Relaxed);
                shared.1.store(sum + 1, Ordering::Relaxed);
                shared.0.leave();
            }
            usize::from(entered)
        };
        let theirs = Arc::clone(&shared);
        let other = thread::spawn(move || add(&theirs, 1));
        let sum = add(&shared, 2) + other.join().unwrap();
        assert_eq!(shared.1.load(Ordering::Relaxed), sum);
    });
}
