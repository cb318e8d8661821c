//! Events: a flag that is set, cleared and waited for.

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread::JoinHandle;

use super::flag::{Flag, State};
use super::lookout::{Lookout, Notice};
use super::queue::Waiting;
use super::{Arc, Model, Mutex, NEVER, WaitError, bounded_model, thread};

/// A deadline that passes when a task is late.
const SOON: u64 = 1;

fn flag() -> Arc<Flag<Model>> {
    Arc::new(Flag::new(Mutex::new(State::new())))
}

fn waiter(flag: &Arc<Flag<Model>>, deadline: u64, model: Model) -> JoinHandle<Result<(), WaitError>> {
    let flag = Arc::clone(flag);
    thread::spawn(move || flag.wait(deadline, || model))
}

fn setter(flag: &Arc<Flag<Model>>) -> JoinHandle<()> {
    let flag = Arc::clone(flag);
    thread::spawn(move || flag.set())
}

#[test]
fn an_event_releases_all_who_wait() {
    bounded_model(|| {
        let flag = flag();
        let waiters = [(); 2].map(|()| waiter(&flag, NEVER, Model::new()));
        flag.set();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(()));
        }
        assert_eq!((flag.is_set(), flag.waiting()), (true, 0));
    });
}

/// Whether it is seen by a wait or by a look.
#[test]
fn who_is_released_sees_what_was_written_before() {
    loom::model(|| {
        let (flag, value) = (flag(), Arc::new(AtomicUsize::new(0)));
        let (theirs, written) = (Arc::clone(&flag), Arc::clone(&value));
        let setter = thread::spawn(move || {
            written.store(7, Ordering::Relaxed);
            theirs.set();
        });
        if !flag.is_set() {
            assert_eq!(flag.wait(NEVER, Model::new), Ok(()));
        }
        assert_eq!(value.load(Ordering::Relaxed), 7);
        setter.join().unwrap();
    });
}

/// Two who stood there before the flag was set, and taken back at once.
#[test]
fn an_event_that_is_cleared_at_once_has_released_who_waited() {
    bounded_model(|| {
        let flag = flag();
        let places = [(); 2].map(|()| flag.queue(Model::new).unwrap());
        let theirs = Arc::clone(&flag);
        let setter = thread::spawn(move || {
            theirs.set();
            theirs.clear();
        });
        for place in places {
            let waited = Waiting::new(&*flag, place).wait(NEVER);
            assert_eq!(waited, Ok(()));
        }
        setter.join().unwrap();
        assert_eq!((flag.is_set(), flag.waiting()), (false, 0));
    });
}

/// Who comes at any moment is released by the one or by the other.
#[test]
fn an_event_is_set_again_after_it_was_cleared() {
    bounded_model(|| {
        let flag = flag();
        let waiters = [(); 2].map(|()| waiter(&flag, NEVER, Model::new()));
        flag.set();
        flag.clear();
        flag.set();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(()));
        }
        assert_eq!(flag.waiting(), 0);
    });
}

/// The two come at any moment, in either order.
fn set_and_struck(deadline: u64, strike: fn(&Model), expected: WaitError) {
    bounded_model(move || {
        let (flag, model) = (flag(), Model::new());
        let struck = model.clone();
        let striker = thread::spawn(move || strike(&struck));
        let (first, second) = (waiter(&flag, deadline, model), waiter(&flag, NEVER, Model::new()));
        flag.set();
        let ended = first.join().unwrap();
        assert!(ended == Ok(()) || ended == Err(expected), "{ended:?}");
        assert_eq!(second.join().unwrap(), Ok(()));
        striker.join().unwrap();
        assert_eq!(flag.waiting(), 0);
    });
}

#[test]
fn a_killed_waiter_leaves_the_event_to_the_others() {
    set_and_struck(NEVER, Model::kill, WaitError::Killed);
}

#[test]
fn a_late_waiter_leaves_the_event_to_the_others() {
    set_and_struck(SOON, Model::be_late, WaitError::Deadline);
}

/// The flag is set before what ends the wait, so it was set while the waiter
/// stood there; that it has been cleared since changes nothing.
fn set_before_struck(deadline: u64, strike: fn(&Model)) {
    loom::model(move || {
        let (flag, model) = (flag(), Model::new());
        let place = flag.queue(|| model.clone()).unwrap();
        let theirs = Arc::clone(&flag);
        let setter = thread::spawn(move || {
            theirs.set();
            theirs.clear();
            strike(&model);
        });
        assert_eq!(Waiting::new(&*flag, place).wait(deadline), Ok(()));
        setter.join().unwrap();
    });
}

#[test]
fn an_event_set_before_a_kill_counts() {
    set_before_struck(NEVER, Model::kill);
}

#[test]
fn an_event_set_before_a_deadline_counts() {
    set_before_struck(SOON, Model::be_late);
}

/// A panic that leaves `park` drops the waiter where it stands.
fn vanish(flag: &Arc<Flag<Model>>) -> JoinHandle<()> {
    let flag = Arc::clone(flag);
    thread::spawn(move || {
        if let Some(place) = flag.queue(Model::new) {
            drop(Waiting::new(&*flag, place));
        }
    })
}

#[test]
fn a_vanished_waiter_leaves_the_event_to_the_others() {
    bounded_model(|| {
        let flag = flag();
        let vanishing = vanish(&flag);
        let other = waiter(&flag, NEVER, Model::new());
        flag.set();
        vanishing.join().unwrap();
        assert_eq!(other.join().unwrap(), Ok(()));
    });
}

#[test]
fn a_vanished_waiter_leaves_no_place_behind() {
    loom::model(|| {
        let flag = flag();
        let vanishing = [(); 2].map(|()| vanish(&flag));
        for vanishing in vanishing {
            vanishing.join().unwrap();
        }
        assert_eq!(flag.waiting(), 0);
    });
}

/// As a wait for several things at once, which is told once.
#[test]
fn who_watches_an_event_is_told_though_it_is_cleared() {
    loom::model(|| {
        let (flag, lookout) = (flag(), Lookout::new());
        let theirs = Arc::clone(&flag);
        let setter = thread::spawn(move || {
            theirs.set();
            theirs.clear();
            theirs.set();
        });
        let ticket = flag.watch(Notice::new(&lookout, 3));
        assert_eq!(lookout.wait(NEVER, &Model::new(), || None), Ok(3));
        setter.join().unwrap();
        ticket.into_iter().for_each(|ticket| flag.unwatch(ticket));
        assert_eq!(lookout.told(), None);
    });
}

/// Who leaves early is told or not; who stays is.
#[test]
fn who_no_longer_watches_an_event_takes_nobodys_notice_along() {
    bounded_model(|| {
        let (flag, lookout) = (flag(), Lookout::new());
        let leaving = flag.watch(Notice::new(&lookout, 1)).unwrap();
        let staying = flag.watch(Notice::new(&lookout, 2));
        assert!(staying.is_some());
        let setter = setter(&flag);
        flag.unwatch(leaving);
        setter.join().unwrap();
        let told: Vec<_> = std::iter::from_fn(|| lookout.told()).collect();
        assert!(matches!(told[..], [2] | [1, 2]), "{told:?}");
    });
}
