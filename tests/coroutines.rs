//! What gevent's `Greenlet` has beside spawn and join: a later beginning, a
//! kill with a reason, values of its own, membership in groups.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use common::proc::resident;
use common::{alone_with, engine, in_both, in_coroutine, in_thread, joined, killed, wait_until, workers};
use greenserve::runtime::{self, Builder, Engine, JoinError, JoinHandle, Local, Name, Task, spawn};
use greenserve::sync::{Event, Group};
use greenserve::{Error, WaitError};

const LONG: Duration = Duration::from_secs(600);

fn alone() -> MutexGuard<'static, ()> {
    alone_with(workers(2))
}

/// How many live, once those of the tests before have ended.
fn live_before() -> usize {
    wait_until("those of before have ended", || runtime::live_count() == 0);
    0
}

/// A coroutine that has begun to sleep for long, or is about to.
fn sleeper() -> JoinHandle<std::io::Result<()>> {
    let begun = Arc::new(Event::new());
    let told = Arc::clone(&begun);
    let sleeper = spawn(move || {
        told.set();
        runtime::sleep(LONG)
    });
    assert!(begun.wait_timeout(common::PATIENCE).unwrap());
    sleeper.unwrap()
}

/// Counts its drops.
#[derive(Clone, Debug, Default)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

mod later {
    use super::*;

    #[test]
    fn a_coroutine_begins_at_its_time_and_those_of_one_worker_in_order() {
        let _alone = alone();
        in_both(|| {
            let order = Arc::new(Mutex::new(Vec::new()));
            let begin = Instant::now();
            let handles: Vec<_> = [30, 10, 20, 0]
                .into_iter()
                .map(|millis| {
                    let order = Arc::clone(&order);
                    let builder = Builder::new().worker(0).after(Duration::from_millis(millis));
                    let late = builder.spawn(move || {
                        order.lock().unwrap().push(millis);
                        begin.elapsed() >= Duration::from_millis(millis)
                    });
                    late.unwrap()
                })
                .collect();
            assert!(handles.into_iter().all(joined));
            assert_eq!(*order.lock().unwrap(), [0, 10, 20, 30]);
        });
    }

    #[test]
    fn an_instant_that_has_passed_means_at_once() {
        let _alone = alone();
        let passed = Instant::now() - Duration::from_secs(1);
        assert_eq!(joined(runtime::spawn_at(passed, || 1).unwrap()), 1);
        let coming = Instant::now() + Duration::from_millis(20);
        let late = runtime::spawn_at(coming, Instant::now).unwrap();
        assert!(joined(late) >= coming);
    }

    #[test]
    fn it_begins_on_the_worker_of_who_spawned_it() {
        let _alone = alone();
        if engine() != Engine::Pinned {
            return;
        }
        for worker in 0..2 {
            let pair = Builder::new().worker(worker).spawn(|| {
                let here = std::thread::current().id();
                let late = runtime::spawn_later(Duration::from_millis(1), || std::thread::current().id());
                (here, late.unwrap().join().unwrap())
            });
            let (here, there) = joined(pair.unwrap());
            assert_eq!(here, there);
        }
    }

    #[test]
    fn who_waits_for_its_time_counts_and_is_killed_at_once() {
        let _alone = alone();
        let before = live_before();
        let cargo = Counted::default();
        let theirs = Counted(Arc::clone(&cargo.0));
        let late = runtime::spawn_later(LONG, move || drop(theirs)).unwrap();
        assert_eq!(runtime::live_count(), before + 1);
        assert!(!late.is_finished());
        late.kill();
        let ended = late.join_timeout(common::PATIENCE);
        assert!(matches!(ended, Ok(Err(JoinError::Killed))), "{ended:?}");
        assert_eq!(cargo.count(), 1);
        wait_until("its place is free", || runtime::live_count() == before);
    }

    #[test]
    fn its_time_costs_no_stack() {
        let _alone = alone();
        const COUNT: usize = 20_000;
        let group = Group::new();
        let before = resident();
        for _ in 0..COUNT {
            let late = Builder::new().after(LONG);
            group.spawn_with(late, || ()).unwrap();
        }
        let each = resident().saturating_sub(before) / COUNT;
        assert!(each < 2_000, "{each} bytes each");
        group.kill_and_join(common::PATIENCE).unwrap();
    }

    #[test]
    fn what_is_not_send_begins_now() {
        let _alone = alone();
        if engine() != Engine::Pinned {
            return;
        }
        let refused = in_coroutine(|| {
            let late = Builder::new().after(LONG);
            late.spawn_local(|| ()).map(drop)
        });
        assert!(matches!(refused, Err(Error::InvalidOption { .. })), "{refused:?}");
    }
}

mod reasons {
    use super::*;

    #[test]
    fn the_killed_one_finds_why() {
        let _alone = alone();
        let asked = Arc::new(Event::new());
        let told = Arc::clone(&asked);
        let asks = spawn(move || {
            told.set();
            let err = runtime::sleep(LONG).unwrap_err();
            (err, runtime::kill_reason())
        });
        assert!(asked.wait_timeout(common::PATIENCE).unwrap());
        let asks = asks.unwrap();
        let task = Arc::clone(asks.task());
        asks.kill_with("first");
        task.kill_with("second");
        task.kill();
        let (err, found) = joined(asks);
        assert_eq!(WaitError::of(&err), Some(WaitError::Killed));
        assert_eq!(err.kind(), WaitError::Killed.kind());
        assert!(err.to_string().ends_with(": first"), "{err}");
        for reason in [WaitError::reason(&err).cloned(), found, task.kill_reason()] {
            assert_eq!(reason.unwrap().to_string(), "first");
        }
        assert!(runtime::kill_reason().is_none(), "this one is not killed");
    }

    #[test]
    fn a_kill_without_a_reason_has_none() {
        let _alone = alone();
        let sleeping = sleeper();
        sleeping.kill();
        let err = killed(sleeping);
        assert_eq!(WaitError::of(&err), Some(WaitError::Killed));
        assert!(WaitError::reason(&err).is_none());
        let other = std::io::Error::other("something else");
        assert!(WaitError::of(&other).is_none() && WaitError::reason(&other).is_none());
    }

    #[test]
    fn a_thread_finds_it_too() {
        let _alone = alone();
        let (told, task) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            told.send(Task::current()).unwrap();
            runtime::sleep(LONG).unwrap_err()
        });
        task.recv().unwrap().kill_with(std::fmt::Error);
        let err = thread.join().unwrap();
        let reason = WaitError::reason(&err).unwrap();
        assert!(reason.downcast_ref::<std::fmt::Error>().is_some());
    }

    #[test]
    fn a_join_tells_why_it_never_began() {
        let _alone = alone();
        let never = runtime::spawn_later(LONG, || ()).unwrap();
        never.kill_with("not today");
        let err = never.join_timeout(common::PATIENCE).unwrap().unwrap_err();
        match err {
            JoinError::KilledFor(reason) => assert_eq!(reason.to_string(), "not today"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_of_a_group_find_it() {
        let _alone = alone();
        let group = Group::new();
        let members: Vec<_> = (0..5).map(|_| sleeper()).collect();
        for member in &members {
            assert!(group.add(member.task()));
        }
        let late = Builder::new().after(LONG);
        let late = group.spawn_with(late, || ()).unwrap();
        group.kill_with("closing");
        group.join_timeout(common::PATIENCE).unwrap();
        for member in members {
            let err = joined(member).unwrap_err();
            assert_eq!(WaitError::reason(&err).unwrap().to_string(), "closing");
        }
        assert!(matches!(late.join(), Err(JoinError::KilledFor(_))));
    }

    /// Uses the runtime when it is dropped, and notes in which task.
    struct Meddling(Arc<Mutex<Vec<u64>>>);

    impl Drop for Meddling {
        fn drop(&mut self) {
            let task = Task::current();
            drop(Arc::clone(&task));
            let _ = runtime::sleep(Duration::from_millis(1));
            runtime::yield_now();
            runtime::scope(|scope| drop(scope.spawn(|| ())));
            self.0.lock().unwrap().push(task.id());
        }
    }

    impl fmt::Display for Meddling {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("meddling")
        }
    }

    impl fmt::Debug for Meddling {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Meddling")
        }
    }

    impl std::error::Error for Meddling {}

    #[test]
    fn a_reason_goes_with_its_task_whatever_it_does_then() {
        let _alone = alone();
        let dropped_in = Arc::new(Mutex::new(Vec::new()));
        let drops = || dropped_in.lock().unwrap().len();
        let meddling = || Meddling(Arc::clone(&dropped_in));
        let sleeping = sleeper();
        let own = sleeping.task().id();
        sleeping.kill_with(meddling());
        drop(sleeping);
        wait_until("the reason is gone", || drops() == 1);
        assert!(!dropped_in.lock().unwrap().contains(&own));

        let sleeping = sleeper();
        sleeping.kill_with("a reason before");
        sleeping.kill_with(meddling());
        assert_eq!(drops(), 2, "one too many is dropped at once");
        killed(sleeping);
    }

    #[test]
    fn a_name_goes_with_its_task_whatever_it_does_then() {
        let _alone = alone();
        let dropped_in = Arc::new(Mutex::new(Vec::new()));
        let mut owns = Vec::new();
        for _ in 0..100 {
            let name = Name::Shared(Arc::new(Meddling(Arc::clone(&dropped_in))));
            let named = Builder::new().name(name).spawn(runtime::yield_now).unwrap();
            owns.push(named.task().id());
        }
        wait_until("the names are gone", || dropped_in.lock().unwrap().len() == 100);
        let dropped_in = dropped_in.lock().unwrap();
        assert!(
            dropped_in.iter().all(|task| !owns.contains(task)),
            "a task that has ended"
        );
        // Their workers still do what they should.
        for worker in 0..2 {
            let yields = Builder::new().worker(worker).spawn(|| runtime::sleep(Duration::ZERO));
            joined(yields.unwrap()).unwrap();
        }
    }
}

mod locals {
    use super::*;

    static NUMBER: Local<Cell<u32>> = Local::new(|| Cell::new(1));
    static HEIRLOOM: Local<String> = Local::inherited(|| "new".to_owned());

    #[test]
    fn everybody_has_a_value_of_its_own() {
        let _alone = alone();
        in_both(|| {
            assert_eq!(NUMBER.with(Cell::get), 1);
            let others: Vec<_> = (2..50)
                .map(|number| {
                    let other = spawn(move || {
                        let before = NUMBER.with(|value| value.replace(number));
                        runtime::yield_now();
                        (before, NUMBER.with(Cell::get))
                    });
                    other.unwrap()
                })
                .collect();
            for (number, other) in (2..).zip(others) {
                assert_eq!(joined(other), (1, number));
            }
            NUMBER.set(Cell::new(3));
            assert_eq!(NUMBER.take().map(Cell::into_inner), Some(3));
            assert!(NUMBER.take().is_none());
            assert_eq!(NUMBER.with(Cell::get), 1);
        });
    }

    #[test]
    fn a_value_in_use_stays_though_another_is_set() {
        static VALUE: Local<Arc<String>> = Local::new(Arc::default);
        let _alone = alone();
        in_both(|| {
            VALUE.set(Arc::new("old".to_owned()));
            VALUE.with(|old| {
                assert!(VALUE.take().is_none(), "it is in use");
                assert_eq!(*VALUE.get(), "old");
                VALUE.set(Arc::new("new".to_owned()));
                assert_eq!(**old, "old");
                assert_eq!(*VALUE.get(), "new");
            });
            assert_eq!(**VALUE.take().as_ref().unwrap(), "new");
        });
    }

    #[test]
    fn values_are_gone_when_the_end_is_told() {
        static VALUE: Local<Option<Counted>> = Local::new(|| None);
        let _alone = alone();
        let count = Counted::default();
        let ours = || Some(Counted(Arc::clone(&count.0)));
        let value = ours();
        joined(spawn(move || VALUE.set(value)).unwrap());
        assert_eq!(count.count(), 1);
        let value = ours();
        let panicking = spawn(move || {
            VALUE.set(value);
            panic!("on purpose");
        });
        assert!(matches!(
            panicking.unwrap().join(),
            Err::<(), _>(JoinError::Panicked(_))
        ));
        assert_eq!(count.count(), 2);
        let value = ours();
        in_thread("a value", move || VALUE.set(value));
        wait_until("a thread's value is gone", || count.count() == 3);
        let value = ours();
        runtime::scope(|scope| drop(scope.spawn(move || VALUE.set(value))));
        assert_eq!(count.count(), 4);
    }

    /// Makes itself anew whenever it is dropped.
    struct Again(Arc<AtomicUsize>, fn(Again));

    static AGAIN: Local<Cell<Option<Again>>> = Local::new(|| Cell::new(None));
    static SET_AGAIN: Local<Option<Again>> = Local::new(|| None);

    impl Drop for Again {
        fn drop(&mut self) {
            let drops = self.0.fetch_add(1, Ordering::SeqCst);
            if runtime::in_coroutine() && drops == 0 {
                runtime::sleep(Duration::from_millis(1)).unwrap();
            }
            (self.1)(Again(Arc::clone(&self.0), self.1));
        }
    }

    fn drops_of_what_comes_again(keep: fn(Again), in_place: fn(Box<dyn FnOnce() + Send>)) -> usize {
        let drops = Arc::new(AtomicUsize::new(0));
        let first = Again(Arc::clone(&drops), keep);
        in_place(Box::new(move || keep(first)));
        wait_until("the first is dropped", || drops.load(Ordering::SeqCst) > 0);
        drops.load(Ordering::SeqCst)
    }

    #[test]
    fn a_destructor_may_use_values_but_not_for_ever() {
        let _alone = alone();
        for keep in [
            |again| AGAIN.with(|cell| drop(cell.replace(Some(again)))),
            |again| SET_AGAIN.set(Some(again)),
        ] {
            let took = drops_of_what_comes_again(keep, in_coroutine);
            assert!((2..20).contains(&took), "{took}");
            let took = drops_of_what_comes_again(keep, |work| in_thread("values", work));
            assert_eq!(took, 1, "a thread that ends has no values");
        }
    }

    #[test]
    fn a_destructor_that_panics_harms_nobody_else() {
        struct Panics;
        impl Drop for Panics {
            fn drop(&mut self) {
                panic!("on purpose");
            }
        }
        static PANICS: Local<Option<Panics>> = Local::new(|| None);
        static COUNTED: Local<Option<Counted>> = Local::new(|| None);
        let _alone = alone();
        let count = Counted::default();
        let theirs = Counted(Arc::clone(&count.0));
        let result = spawn(move || {
            PANICS.set(Some(Panics));
            COUNTED.set(Some(theirs));
            7
        });
        assert_eq!(joined(result.unwrap()), 7);
        assert_eq!(count.count(), 1);
    }

    #[test]
    fn what_is_inherited_is_a_copy_from_when_it_was_spawned() {
        let _alone = alone();
        in_both(|| {
            assert_eq!(joined(spawn(|| HEIRLOOM.get()).unwrap()), "new");
            HEIRLOOM.set("ours".to_owned());
            NUMBER.set(Cell::new(9));
            let late = runtime::spawn_later(Duration::from_millis(5), || (HEIRLOOM.get(), NUMBER.with(Cell::get)));
            HEIRLOOM.set("changed".to_owned());
            assert_eq!(joined(late.unwrap()), ("ours".to_owned(), 1));
            let grandchild = spawn(|| {
                let inner = spawn(|| HEIRLOOM.get()).unwrap();
                joined(inner)
            });
            assert_eq!(joined(grandchild.unwrap()), "changed");
            assert_eq!(
                runtime::scope(|scope| scope.spawn(|| HEIRLOOM.get()).unwrap().join().unwrap()),
                "changed"
            );
            assert!(HEIRLOOM.take().is_some() && NUMBER.take().is_some());
        });
    }

    #[test]
    fn what_was_inherited_goes_with_who_never_began() {
        static VALUE: Local<Option<Counted>> = Local::inherited(|| None);
        let _alone = alone();
        let count = Counted::default();
        let theirs = Counted(Arc::clone(&count.0));
        in_thread("an heir", move || {
            VALUE.set(Some(theirs));
            let never = runtime::spawn_later(LONG, || ()).unwrap();
            never.kill();
            assert!(matches!(never.join(), Err(JoinError::Killed)));
        });
        wait_until("both are gone", || count.count() == 2);
    }

    #[test]
    fn a_copy_that_panics_refuses_the_spawn_alone() {
        struct Uncloneable;
        impl Clone for Uncloneable {
            fn clone(&self) -> Self {
                panic!("on purpose");
            }
        }
        static VALUE: Local<Option<Uncloneable>> = Local::inherited(|| Some(Uncloneable));
        let _alone = alone();
        let before = live_before();
        in_thread("a copy", || {
            VALUE.with(|_| ());
            assert!(catch_unwind(AssertUnwindSafe(|| spawn(|| ()).map(drop))).is_err());
            VALUE.set(None);
            joined(spawn(|| ()).unwrap());
        });
        wait_until("nothing is left", || runtime::live_count() == before);
    }
}

mod members {
    use super::*;

    #[test]
    fn who_was_spawned_elsewhere_is_waited_for_and_killed() {
        let _alone = alone();
        in_both(|| {
            let group = Group::new();
            let sleeping = sleeper();
            assert!(group.add(sleeping.task()));
            assert!(!group.add(sleeping.task()), "once only");
            assert_eq!(group.len(), 1);
            assert!(group.join_timeout(Duration::from_millis(5)).is_err());
            group.kill_and_join(common::PATIENCE).unwrap();
            assert!(sleeping.is_finished() && group.is_empty());
            assert!(!group.add(sleeping.task()), "it has ended");
            killed(sleeping);
        });
    }

    #[test]
    fn who_was_discarded_is_left_alone() {
        let _alone = alone();
        let group = Group::new();
        let added = sleeper();
        group.add(added.task());
        let spawned = group.spawn(|| runtime::sleep(LONG)).unwrap();
        assert_eq!(group.len(), 2);
        for member in [&added, &spawned] {
            assert!(group.discard(member.task()));
            assert!(!group.discard(member.task()), "it is no member any more");
        }
        group.join_timeout(common::PATIENCE).unwrap();
        group.kill();
        assert!(!added.task().is_killed() && !spawned.task().is_killed());
        assert!(group.add(spawned.task()), "it may come back");
        for member in [added, spawned] {
            member.kill();
            killed(member);
        }
        group.join_timeout(common::PATIENCE).unwrap();
    }

    #[test]
    fn ends_and_additions_at_the_same_time_lose_nobody() {
        let _alone = alone();
        let group = Group::new();
        for _ in 0..2_000 {
            let handle = Builder::new().anywhere().spawn(|| ()).unwrap();
            group.add(handle.task());
        }
        group.join_timeout(common::PATIENCE).unwrap();
        assert!(group.is_empty());
    }

    #[test]
    fn a_thread_is_a_member_until_it_ends() {
        let _alone = alone();
        let group = Arc::new(Group::new());
        let go = Arc::new(Event::new());
        let (theirs, may_go) = (Arc::clone(&group), Arc::clone(&go));
        let thread = std::thread::spawn(move || {
            assert!(theirs.add(&Task::current()));
            may_go.wait().unwrap();
        });
        wait_until("the thread is a member", || group.len() == 1);
        go.set();
        group.join_timeout(common::PATIENCE).unwrap();
        thread.join().unwrap();
    }
}
