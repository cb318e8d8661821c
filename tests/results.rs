//! Results that several look at, being told of an end, and joining many at
//! once.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, alone_with, failure, in_both, in_coroutine, in_thread, joined, wait_until};
use greenserve::WaitError;
use greenserve::runtime::{Builder, End, JoinError, JoinHandle, SharedJoinHandle, Task, sleep, spawn};
use greenserve::sync::{
    AsyncResult, Event, Failed, Group, Waitable, channel, join_all, join_all_timeout, ready, try_join_all,
    try_join_all_timeout, wait_all, wait_all_timeout, wait_any, wait_any_timeout, with_timeout,
};

const SHORT: Duration = Duration::from_millis(20);

fn alone() -> MutexGuard<'static, ()> {
    alone_with(common::workers(2))
}

/// A coroutine that ends when the event is set, and has begun.
fn ends_on(event: &Arc<Event>) -> JoinHandle<io::Result<()>> {
    let (begun, theirs) = (Arc::new(Event::new()), Arc::clone(event));
    let told = Arc::clone(&begun);
    let waiting = spawn(move || {
        told.set();
        theirs.wait()
    });
    assert!(begun.wait_timeout(PATIENCE).unwrap());
    waiting.unwrap()
}

/// A coroutine that has ended before it began.
fn killed_early() -> JoinHandle<()> {
    let (enter, entered) = mpsc::sync_channel(1);
    let (release, released) = mpsc::sync_channel::<()>(1);
    let busy = Builder::new().worker(1).spawn(move || {
        enter.send(()).unwrap();
        released.recv().unwrap();
    });
    entered.recv_timeout(PATIENCE).unwrap();
    let doomed = Builder::new()
        .worker(1)
        .spawn(|| unreachable!("it was killed"))
        .unwrap();
    doomed.kill();
    release.send(()).unwrap();
    joined(busy.unwrap());
    wait_until("the killed one's end", || doomed.is_finished());
    doomed
}

fn panicking() -> JoinHandle<()> {
    spawn(|| std::panic::resume_unwind(Box::new("on purpose"))).unwrap()
}

type Told = Arc<Mutex<Vec<(usize, End, u64, thread::ThreadId)>>>;

/// Links something that writes down what it was told and where.
fn note_down(number: usize, told: &Told, link: impl FnOnce(Box<dyn FnOnce(greenserve::runtime::Ended) + Send>)) {
    let told = Arc::clone(told);
    link(Box::new(move |ended| {
        let here = thread::current().id();
        told.lock()
            .unwrap()
            .push((number, ended.how(), ended.task().id(), here));
    }));
}

#[test]
fn links_are_called_in_order_on_the_worker_and_a_panic_in_one_reaches_nobody() {
    let _alone = alone();
    let (go, told) = (Arc::new(Event::new()), Told::default());
    let group = Group::new();
    let (theirs, begun) = (Arc::clone(&go), Arc::new(Event::new()));
    let announced = Arc::clone(&begun);
    let member = group.spawn_with(Builder::new().worker(0), move || {
        announced.set();
        theirs.wait().unwrap();
        thread::current().id()
    });
    let member = member.unwrap();
    assert!(begun.wait_timeout(PATIENCE).unwrap());
    note_down(1, &told, |link| member.link(link));
    member.link(|_| std::panic::resume_unwind(Box::new("on purpose")));
    note_down(2, &told, |link| member.link(link));
    assert!(told.lock().unwrap().is_empty());
    go.set();
    group.join_timeout(PATIENCE).unwrap();
    assert_eq!(group.panics(), 0);
    let id = member.task().id();
    let worker = joined(member);
    assert_eq!(
        *told.lock().unwrap(),
        [(1, End::Returned, id, worker), (2, End::Returned, id, worker)]
    );
}

#[test]
fn a_link_to_one_that_has_ended_is_called_at_once_by_the_caller() {
    let _alone = alone();
    let (returned, panicked, killed) = (spawn(|| ()).unwrap(), panicking(), killed_early());
    for (handle, how) in [
        (returned, End::Returned),
        (panicked, End::Panicked),
        (killed, End::Killed),
    ] {
        wait_until("its end", || handle.is_finished());
        assert_eq!(handle.is_successful(), how == End::Returned);
        let (told, id, here) = (Told::default(), handle.task().id(), thread::current().id());
        note_down(1, &told, |link| handle.link(link));
        handle.link(|_| std::panic::resume_unwind(Box::new("on purpose")));
        let shared = handle.share();
        note_down(2, &told, |link| shared.link(link));
        assert!(shared.try_join().is_some());
        note_down(3, &told, |link| shared.link(link));
        let expected = [1, 2, 3].map(|number| (number, how, id, here));
        assert_eq!(*told.lock().unwrap(), expected);
    }
}

#[test]
fn a_link_tells_how_it_ended_whoever_joins() {
    let _alone = alone();
    let (sender, ends) = channel(3);
    let go = Arc::new(Event::new());
    let (one, theirs) = (ends_on(&go), Arc::clone(&go));
    let other = spawn(move || {
        theirs.wait().unwrap();
        std::panic::resume_unwind(Box::new("on purpose"))
    });
    let other: JoinHandle<()> = other.unwrap();
    let mut expected = vec![(one.task().id(), End::Returned), (other.task().id(), End::Panicked)];
    let link = sender.clone();
    one.link(move |ended| drop(link.try_send(ended)));
    other.link(move |ended| drop(sender.try_send(ended)));
    let joiner = spawn(move || one.join().unwrap()).unwrap();
    go.set();
    joined(joiner).unwrap();
    let mut told = [(); 2].map(|()| {
        let ended = ends.recv_timeout(PATIENCE).unwrap();
        assert_eq!(ended.is_successful(), ended.how() == End::Returned);
        (ended.task().id(), ended.how())
    });
    told.sort_by_key(|(id, _)| *id);
    expected.sort_by_key(|(id, _)| *id);
    assert_eq!(told.to_vec(), expected);
    assert!(other.join().is_err());
}

#[test]
fn many_look_at_one_result_and_nobody_takes_it() {
    struct NotClone(u32, Arc<AtomicUsize>);
    impl Drop for NotClone {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }
    let _alone = alone();
    let (go, dropped) = (Arc::new(Event::new()), Arc::new(AtomicUsize::new(0)));
    let (theirs, drops) = (Arc::clone(&go), Arc::clone(&dropped));
    let shared = spawn(move || theirs.wait().map(|()| NotClone(42, drops)).unwrap())
        .unwrap()
        .share();
    assert!(shared.try_join().is_none() && !shared.is_finished() && !shared.is_successful());
    assert_eq!(shared.join_timeout(SHORT).err(), Some(WaitError::Deadline));
    let look = |shared: SharedJoinHandle<NotClone>| shared.join().unwrap().unwrap().0;
    let coroutines = [(); 10].map(|()| {
        let theirs = shared.clone();
        spawn(move || look(theirs)).unwrap()
    });
    let threads = [(); 4].map(|()| {
        let theirs = shared.clone();
        thread::spawn(move || look(theirs))
    });
    go.set();
    assert!(coroutines.into_iter().map(joined).all(|seen| seen == 42));
    for thread in threads {
        assert_eq!(in_thread("a reader", move || thread.join().unwrap()), 42);
    }
    assert!(shared.is_successful());
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    drop(shared);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[test]
fn all_who_look_see_the_panic_and_the_early_kill() {
    let _alone = alone();
    let panicked = panicking().share();
    for shared in [panicked.clone(), panicked] {
        let seen = shared.join_timeout(PATIENCE).unwrap().unwrap_err();
        assert!(matches!(seen, JoinError::Panicked(panic) if panic.message() == "on purpose"));
        assert!(shared.is_finished() && !shared.is_successful());
    }
    let killed = killed_early().share();
    assert!(matches!(killed.clone().join(), Ok(Err(JoinError::Killed))));
    assert!(matches!(killed.try_join(), Some(Err(JoinError::Killed))));
}

#[test]
fn a_shared_handle_kills_and_a_killed_reader_still_finds_what_is_there() {
    let _alone = alone();
    let never = Arc::new(Event::new());
    let shared = ends_on(&never).share();
    assert_eq!(shared.task().id(), shared.clone().task().id());
    shared.clone().kill();
    let err = shared.join_timeout(PATIENCE).unwrap().unwrap().as_ref().unwrap_err();
    assert_eq!(WaitError::of(err), Some(WaitError::Killed));
    in_thread("a killed reader", move || {
        Task::current().kill();
        assert!(shared.join().unwrap().unwrap().is_err());
    });
}

#[test]
fn a_result_is_set_once_and_read_by_all() {
    let _alone = alone();
    let result = Arc::new(AsyncResult::<String, u8>::new());
    assert!(result.try_get().is_none() && !result.is_ready());
    assert_eq!(result.get_timeout(SHORT), Err(WaitError::Deadline));
    let coroutines = [(); 10].map(|()| {
        let theirs = Arc::clone(&result);
        spawn(move || theirs.get().unwrap().unwrap().clone()).unwrap()
    });
    let thread = {
        let theirs = Arc::clone(&result);
        thread::spawn(move || theirs.get_timeout(PATIENCE).unwrap().unwrap().clone())
    };
    result.set("first".to_owned()).unwrap();
    assert_eq!(result.set("second".to_owned()), Err("second".to_owned()));
    assert_eq!(result.set_error(7), Err(7));
    assert!(coroutines.into_iter().map(joined).all(|seen| seen == "first"));
    assert_eq!(in_thread("a reader", move || thread.join().unwrap()), "first");
    assert!(result.is_ready() && result.is_successful());
    assert_eq!(format!("{result:?}"), "AsyncResult(Ok(\"first\"))");
    assert_eq!(
        Arc::into_inner(result).unwrap().into_inner(),
        Some(Ok("first".to_owned()))
    );

    let failed = AsyncResult::<(), u8>::default();
    assert_eq!(format!("{failed:?}"), "AsyncResult(not set)");
    failed.set_error(7).unwrap();
    assert_eq!(failed.get(), Ok(Err(&7)));
    assert!(failed.is_ready() && !failed.is_successful());
    assert_eq!(failed.set(()), Err(()));
}

#[test]
fn a_killed_reader_gets_what_is_set_and_nothing_else() {
    let _alone = alone();
    in_thread("a killed reader", || {
        let result: AsyncResult<u8> = AsyncResult::new();
        Task::current().kill();
        assert_eq!(result.get().err(), Some(WaitError::Killed));
        result.set(1).unwrap();
        assert_eq!(*result.get().unwrap().unwrap(), 1);
    });
}

/// Something of each kind, none of which has come.
struct Kinds {
    go: Arc<Event>,
    coroutine: JoinHandle<io::Result<()>>,
    shared: SharedJoinHandle<io::Result<()>>,
    event: Event,
    result: AsyncResult<u8>,
    sender: Option<greenserve::sync::Sender<u8>>,
    receiver: greenserve::sync::Receiver<u8>,
    group: Group,
}

impl Kinds {
    fn new() -> Kinds {
        let go = Arc::new(Event::new());
        let (sender, receiver) = channel(1);
        let (group, theirs) = (Group::new(), Arc::clone(&go));
        group.spawn(move || theirs.wait()).unwrap();
        Kinds {
            coroutine: ends_on(&go),
            shared: ends_on(&go).share(),
            go,
            event: Event::new(),
            result: AsyncResult::new(),
            sender: Some(sender),
            receiver,
            group,
        }
    }

    fn objects(&self) -> [&dyn Waitable; 6] {
        [
            &self.coroutine,
            &self.shared,
            &self.event,
            &self.result,
            &self.receiver,
            &self.group,
        ]
    }

    /// Has the object at `place` come, from another thread and after a while.
    fn come<'scope>(&'scope self, place: usize, scope: &'scope thread::Scope<'scope, '_>) {
        scope.spawn(move || {
            thread::sleep(SHORT);
            match place {
                0 => self.coroutine.kill(),
                1 => self.shared.kill(),
                2 => {
                    self.event.set();
                    self.event.clear();
                }
                3 => self.result.set(1).unwrap(),
                4 => self.sender.as_ref().unwrap().try_send(1).unwrap(),
                _ => self.group.kill(),
            }
        });
    }
}

impl Drop for Kinds {
    fn drop(&mut self) {
        self.go.set();
    }
}

#[test]
fn whatever_comes_first_ends_a_wait_for_any() {
    let _alone = alone();
    for place in 0..6 {
        in_both_with(place, |place| {
            let kinds = Kinds::new();
            thread::scope(|scope| {
                assert_eq!(wait_any_timeout(&kinds.objects(), SHORT / 4), Err(WaitError::Deadline));
                kinds.come(place, scope);
                assert_eq!(wait_any_timeout(&kinds.objects(), PATIENCE), Ok(place));
            });
        });
    }
}

/// As `in_both`, with an argument.
fn in_both_with(argument: usize, work: fn(usize)) {
    in_coroutine(move || work(argument));
    in_thread("the same as in a coroutine", move || work(argument));
}

#[test]
fn all_are_waited_for_whatever_their_kind_and_order() {
    let _alone = alone();
    in_both(|| {
        let kinds = Kinds::new();
        let objects = kinds.objects();
        for missing in 0..6 {
            assert_eq!(
                wait_all_timeout(&objects, Duration::from_millis(2)),
                Err(WaitError::Deadline)
            );
            thread::scope(|scope| {
                if missing < 5 {
                    kinds.come(if missing == 2 { 5 } else { missing }, scope);
                }
            });
        }
        thread::scope(|scope| {
            kinds.come(2, scope);
            wait_all_timeout(&objects, PATIENCE).unwrap();
        });
    });
}

#[test]
fn the_gone_sender_of_a_channel_has_come_too() {
    let _alone = alone();
    let mut kinds = Kinds::new();
    kinds.sender = None;
    assert_eq!(wait_any_timeout(&[&kinds.event, &kinds.receiver], PATIENCE), Ok(1));
    assert_eq!(kinds.receiver.recv(), Err(WaitError::Disconnected));
}

#[test]
fn of_several_that_have_come_it_is_the_first_of_the_list() {
    let (one, other) = (Event::new(), Event::new());
    other.set();
    assert_eq!(wait_any(&[&one, &other]), Ok(1));
    one.set();
    assert_eq!(wait_any(&[&one, &other]), Ok(0));
    assert_eq!(wait_any(&[&other, &one, &other]), Ok(0));
}

#[test]
fn a_wait_for_nothing_returns() {
    assert_eq!(wait_any(&[]), Err(WaitError::Disconnected));
    assert_eq!(wait_all(&[]), Ok(()));
    assert_eq!(ready(&[]).next(), None);
}

#[test]
fn what_comes_is_yielded_once_in_its_order_up_to_a_count_or_a_limit() {
    let _alone = alone();
    in_both(|| {
        let events = [(); 4].map(|()| Event::new());
        let objects: Vec<&dyn Waitable> = events.iter().map(|event| event as &dyn Waitable).collect();
        events[2].set();
        let mut coming = ready(&objects);
        assert_eq!(coming.next(), Some(Ok(2)));
        for place in [3, 0] {
            events[place].set();
            events[place].clear();
        }
        assert_eq!(coming.size_hint(), (0, Some(3)));
        assert_eq!([coming.next(), coming.next()], [Some(Ok(3)), Some(Ok(0))]);
        let mut coming = coming.timeout(SHORT);
        let begin = Instant::now();
        assert_eq!(coming.next(), None);
        assert!(begin.elapsed() >= SHORT);
        events[1].set();
        assert_eq!(coming.next(), None);
        assert_eq!(ready(&objects).take(2).collect::<Vec<_>>(), [Ok(1), Ok(2)]);
    });
}

#[test]
fn a_killed_wait_for_several_says_so_once_and_ends() {
    let _alone = alone();
    in_thread("a killed wait", || {
        let (come, never) = (Event::new(), Event::new());
        come.set();
        Task::current().kill();
        let seen: Vec<_> = ready(&[&never, &come]).collect();
        assert_eq!(seen, [Ok(1), Err(WaitError::Killed)]);
        assert_eq!(wait_any(&[&never, &come]), Ok(1));
        assert_eq!(wait_all(&[&come]), Ok(()));
        assert_eq!(wait_all(&[&come, &never]), Err(WaitError::Killed));
    });
}

/// A thousand that end one by one are all seen, without looking through all
/// of them for each.
#[test]
fn ten_thousand_are_waited_for_in_a_moment() {
    let _alone = alone();
    let results: Vec<AsyncResult<usize>> = (0..10_000).map(|_| AsyncResult::new()).collect();
    let objects: Vec<&dyn Waitable> = results.iter().map(|result| result as &dyn Waitable).collect();
    let mut coming = ready(&objects).timeout(PATIENCE);
    let begin = Instant::now();
    for place in (0..results.len()).rev() {
        results[place].set(place).unwrap();
        assert_eq!(coming.next(), Some(Ok(place)));
    }
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[test]
fn results_of_all_come_in_the_order_of_the_handles() {
    let _alone = alone();
    in_both(|| {
        let handles = [3_u64, 1, 2]
            .map(|millis| spawn(move || sleep(Duration::from_millis(millis)).map(|()| millis).unwrap()).unwrap());
        let results: Result<Vec<u64>, _> = join_all(handles).into_iter().collect();
        assert_eq!(results.unwrap(), [3, 1, 2]);
    });
    let handles = [spawn(|| ()).unwrap(), panicking(), killed_early()];
    let results = in_thread("a join of all", move || join_all(handles));
    assert!(matches!(
        results[..],
        [Ok(()), Err(JoinError::Panicked(_)), Err(JoinError::Killed)]
    ));
}

#[test]
fn a_limit_leaves_those_that_have_not_ended() {
    let _alone = alone();
    let never = Arc::new(Event::new());
    let (done, sleeper) = (spawn(|| Ok(())).unwrap(), ends_on(&never));
    wait_until("the end of one", || done.is_finished());
    let task = Arc::clone(sleeper.task());
    let results = join_all_timeout([sleeper, done], SHORT);
    assert!(matches!(
        results[..],
        [Err(JoinError::Interrupted(WaitError::Deadline)), Ok(Ok(()))]
    ));
    assert!(!task.is_killed());
    never.set();
}

#[test]
fn joining_all_fails_with_the_first_failure_at_once() {
    let _alone = alone();
    in_both(|| {
        let never = Arc::new(Event::new());
        let (slow, good) = (ends_on(&never), spawn(|| Ok(())).unwrap());
        let bad = Builder::new()
            .name("bad")
            .spawn(|| Err(io::Error::other("on purpose")))
            .unwrap();
        let begin = Instant::now();
        let failed = failure(try_join_all([slow, good, bad]));
        assert!(begin.elapsed() < PATIENCE);
        assert_eq!(failed.to_string(), "number 2 (bad) failed: on purpose");
        assert!(matches!((failed.index, &failed.how), (2, Failed::Returned(_))));
        assert_eq!(io::Error::from(failed).to_string(), "on purpose");
        never.set();
    });
    let panics = || -> Result<u8, io::Error> { std::panic::resume_unwind(Box::new("on purpose")) };
    let failed = failure(try_join_all_timeout([spawn(panics).unwrap()], PATIENCE));
    assert!(matches!(failed.how, Failed::Ended(JoinError::Panicked(_))));
    let handles = [2, 1].map(|n| spawn(move || Ok::<_, io::Error>(n)).unwrap());
    let values = try_join_all_timeout(handles, PATIENCE);
    assert_eq!(values.unwrap(), [2, 1]);
}

#[test]
fn joining_all_ends_by_its_limit_and_by_a_timeout_around() {
    let _alone = alone();
    let never = Arc::new(Event::new());
    let failed = failure(try_join_all_timeout([ends_on(&never)], SHORT));
    assert!(matches!(
        (failed.index, failed.how),
        (0, Failed::Ended(JoinError::Interrupted(WaitError::Deadline)))
    ));
    let handles = [ends_on(&never)];
    let err = failure(with_timeout(SHORT, || Ok(try_join_all(handles)?)));
    assert_eq!(WaitError::of(&err), Some(WaitError::Timeout));
    never.set();
}

/// A number below `limit`, of a sequence that is always the same.
fn chance(state: &mut u64, limit: u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % limit
}

/// Some of those who look out are killed at any moment: what is sent then is
/// seen by others, and nobody is left asleep.
#[test]
fn kills_lose_nothing_that_several_look_out_for() {
    let _alone = alone();
    let (begin, mut seed) = (Instant::now(), 1);
    while begin.elapsed() < Duration::from_millis(1500) {
        let (sender, receiver) = channel(4);
        let (stop, received) = (Arc::new(Event::new()), Arc::new(AtomicUsize::new(0)));
        let watchers: Vec<_> = (0..20)
            .map(|_| {
                let (receiver, stop, received) = (receiver.clone(), Arc::clone(&stop), Arc::clone(&received));
                let watch = move || -> Result<(), WaitError> {
                    while wait_any(&[&receiver, &*stop])? == 0 {
                        if receiver.try_recv()?.is_some() {
                            received.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                    Ok(())
                };
                spawn(watch).unwrap()
            })
            .collect();
        for number in 0..100 {
            sender.send_timeout(number, PATIENCE).unwrap();
            let victim = chance(&mut seed, 100) as usize;
            if victim < 10 {
                watchers[victim].kill();
            }
        }
        wait_until("all to be received", || received.load(Ordering::SeqCst) == 100);
        stop.set();
        for ended in watchers {
            match ended.join_timeout(PATIENCE) {
                Ok(Ok(Ok(()) | Err(WaitError::Killed)) | Err(JoinError::Killed)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
