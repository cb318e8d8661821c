//! Coroutines and threads mixed, by the hundred, some of them killed while
//! they wait: nothing that is shared may get lost.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use greenserve::WaitError;
use greenserve::runtime::{Builder, JoinError, sleep, spawn, yield_now};
use greenserve::sync::{Event, Group, Mutex, Pool, Semaphore, Sender, Timeout, channel, with_timeout};

const LONG: Duration = Duration::from_secs(600);
const AT_MOST: Duration = Duration::from_secs(60);

/// Runs `f` in `coroutines` and `threads` at once and waits for all of them.
fn everywhere<F>(coroutines: usize, threads: usize, f: F)
where
    F: Fn(usize) + Send + Sync + 'static,
{
    let f = Arc::new(f);
    let coroutines: Vec<_> = (0..coroutines)
        .map(|number| {
            let f = Arc::clone(&f);
            spawn(move || f(number)).unwrap()
        })
        .collect();
    let threads: Vec<_> = (0..threads)
        .map(|number| {
            let f = Arc::clone(&f);
            thread::spawn(move || f(number))
        })
        .collect();
    coroutines.into_iter().for_each(|it| it.join().unwrap());
    threads.into_iter().for_each(|it| it.join().unwrap());
}

/// Counts who is inside, and the most that ever were.
#[derive(Default)]
struct Gauge {
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Gauge {
    fn enter(&self) {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

fn reason<T>(result: io::Result<T>) -> Option<WaitError> {
    result.err().as_ref().and_then(WaitError::of)
}

#[test]
fn a_lock_held_across_waits_keeps_everybody_else_out() {
    let count = Arc::new(Mutex::new(0_usize));
    let gauge = Arc::new(Gauge::default());
    let (theirs, watch) = (Arc::clone(&count), Arc::clone(&gauge));
    everywhere(200, 8, move |number| {
        for round in 0..50 {
            let mut guard = theirs.lock().unwrap();
            watch.enter();
            let before = *guard;
            match (number + round) % 10 {
                0 => sleep(Duration::from_micros(10)).unwrap(),
                1..5 => yield_now(),
                _ => {}
            }
            *guard = before + 1;
            watch.leave();
        }
    });
    assert_eq!(*count.lock().unwrap(), 208 * 50);
    assert_eq!(gauge.most.load(Ordering::SeqCst), 1);
}

#[test]
fn permits_bound_who_runs_and_all_come_back() {
    let semaphore = Arc::new(Semaphore::new(5));
    let gauge = Arc::new(Gauge::default());
    let (theirs, watch) = (Arc::clone(&semaphore), Arc::clone(&gauge));
    everywhere(200, 8, move |number| {
        for round in 0..30 {
            let permit = theirs.acquire_owned().unwrap();
            watch.enter();
            if (number + round) % 3 == 0 {
                yield_now();
            }
            watch.leave();
            drop(permit);
        }
    });
    assert!(gauge.most.load(Ordering::SeqCst) <= 5);
    assert_eq!(semaphore.available(), 5);
}

/// Kills and time-outs strike at every point of waiting for a permit.
#[test]
fn kills_and_limits_lose_no_permit() {
    let semaphore = Arc::new(Semaphore::new(3));
    for round in 0..20 {
        let group = Group::new();
        for number in 0..100_u64 {
            let theirs = Arc::clone(&semaphore);
            group
                .spawn(move || -> io::Result<()> {
                    loop {
                        let limit = Duration::from_micros(50 * (number % 7));
                        match theirs.acquire_timeout(limit) {
                            Ok(_permit) => yield_now(),
                            Err(err) if err.kind() == io::ErrorKind::TimedOut => {}
                            Err(err) => return Err(err),
                        }
                        let _permit = theirs.acquire()?;
                        sleep(Duration::from_micros(number % 5))?;
                    }
                })
                .unwrap();
        }
        for _ in 0..round {
            let _permit = semaphore.acquire().unwrap();
        }
        group.kill_and_join(AT_MOST).unwrap();
        assert_eq!(semaphore.available(), 3, "round {round}");
    }
}

#[test]
fn kills_lose_no_lock() {
    let lock = Arc::new(Mutex::new(0_u64));
    for _ in 0..20 {
        let group = Group::new();
        for _ in 0..100 {
            let theirs = Arc::clone(&lock);
            group
                .spawn(move || -> io::Result<()> {
                    loop {
                        *theirs.lock()? += 1;
                        yield_now();
                        sleep(Duration::ZERO)?;
                    }
                })
                .unwrap();
        }
        drop(lock.lock().unwrap());
        group.kill_and_join(AT_MOST).unwrap();
        assert!(lock.try_lock().is_some());
    }
}

#[test]
fn every_value_is_received_once() {
    let (sender, receiver) = channel(7);
    let sums = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let consumers = Group::new();
    for _ in 0..50 {
        let (receiver, sums) = (receiver.clone(), Arc::clone(&sums));
        consumers
            .spawn(move || {
                for value in receiver {
                    sums.0.fetch_add(value, Ordering::SeqCst);
                    sums.1.fetch_add(1, Ordering::SeqCst);
                }
            })
            .unwrap();
    }
    let counts = Arc::clone(&sums);
    let consumer_thread = thread::spawn(move || {
        for value in &receiver {
            counts.0.fetch_add(value, Ordering::SeqCst);
            counts.1.fetch_add(1, Ordering::SeqCst);
        }
    });
    everywhere(100, 4, move |number| {
        for value in 0..100 {
            sender.send(number * 100 + value).unwrap();
        }
    });
    consumers.join_timeout(AT_MOST).unwrap();
    consumer_thread.join().unwrap();
    let expected: usize = (0..10_000).sum::<usize>() + (0..400).sum::<usize>();
    assert_eq!(sums.1.load(Ordering::SeqCst), 10_400);
    assert_eq!(sums.0.load(Ordering::SeqCst), expected);
}

/// Sends numbers from `first` on until it is killed; puts the one it is left
/// with into `left` and returns the one after that.
fn send_until_killed(sender: &Sender<u64>, first: u64, left: &StdMutex<Vec<u64>>) -> u64 {
    let mut next = first;
    loop {
        if let Err(refused) = sender.send(next) {
            assert_eq!(refused.reason, WaitError::Killed);
            left.lock().unwrap().push(refused.value);
            return next + 1;
        }
        next += 1;
    }
}

/// Senders and receivers are killed at every point; what was not received is
/// in the channel still or in a sender's hands.
#[test]
fn kills_lose_no_value() {
    for round in 0..20 {
        let (sender, receiver) = channel(2);
        let seen = Arc::new(StdMutex::new(Vec::new()));
        let (senders, receivers) = (Group::new(), Group::new());
        let mut sent = Vec::new();
        for number in 0..50 {
            let first = number * 1_000_000;
            let (theirs, left) = (sender.clone(), Arc::clone(&seen));
            let send = move || send_until_killed(&theirs, first, &left);
            sent.push((first, senders.spawn(send).unwrap()));
            let (theirs, seen) = (receiver.clone(), Arc::clone(&seen));
            let receive = move || {
                for value in theirs {
                    seen.lock().unwrap().push(value);
                    yield_now();
                }
            };
            receivers.spawn(receive).unwrap();
        }
        for _ in 0..round {
            let value = receiver.recv().unwrap();
            seen.lock().unwrap().push(value);
        }
        receivers.kill();
        senders.kill_and_join(AT_MOST).unwrap();
        receivers.join_timeout(AT_MOST).unwrap();
        drop(sender);
        let mut seen = std::mem::take(&mut *seen.lock().unwrap());
        seen.extend(&receiver);
        seen.sort_unstable();
        let expected: Vec<_> = sent
            .into_iter()
            .flat_map(|(first, sender)| match sender.join() {
                Ok(next) => first..next,
                // Before it had begun, and so had sent nothing.
                Err(JoinError::Killed) => first..first,
                Err(err) => panic!("{err}"),
            })
            .collect();
        assert_eq!(seen, expected, "round {round}");
    }
}

#[test]
fn a_killed_group_ends_whatever_its_members_wait_for() {
    let lock = Arc::new(Mutex::new(()));
    let semaphore = Arc::new(Semaphore::new(0));
    let event = Arc::new(Event::new());
    let pool = Arc::new(Pool::new(1).unwrap());
    let (full, empty) = channel(1);
    full.send(1).unwrap();
    let (silent, nothing) = channel::<u8>(1);
    let held = lock.lock().unwrap();
    let blocker = pool.spawn(|| sleep(LONG)).unwrap();

    let group = Group::new();
    let mut members = Vec::new();
    for _ in 0..60 {
        let (lock, semaphore, event) = (lock.clone(), semaphore.clone(), event.clone());
        let (pool, full, nothing) = (pool.clone(), full.clone(), nothing.clone());
        members.push(group.spawn(move || reason(lock.lock())).unwrap());
        members.push(group.spawn(move || reason(semaphore.acquire())).unwrap());
        members.push(group.spawn(move || reason(event.wait())).unwrap());
        let place = move || reason(pool.spawn(|| ()).map_err(io::Error::from));
        members.push(group.spawn(place).unwrap());
        let send = move || reason(full.send(2).map_err(io::Error::from));
        members.push(group.spawn(send).unwrap());
        let receive = move || nothing.recv().err();
        members.push(group.spawn(receive).unwrap());
        members.push(group.spawn(|| reason(sleep(LONG))).unwrap());
    }
    assert_eq!(group.len(), 420);
    group.kill_and_join(AT_MOST).unwrap();
    for member in members {
        assert!(member.is_finished());
        let ended = member.join();
        assert!(
            matches!(ended, Ok(Some(WaitError::Killed)) | Err(JoinError::Killed)),
            "{ended:?}"
        );
    }
    blocker.kill();
    pool.join_timeout(AT_MOST).unwrap();
    drop((held, silent));
    assert_eq!(empty.try_recv(), Ok(Some(1)));
    assert_eq!(empty.try_recv(), Ok(None));
    assert_eq!((semaphore.available(), pool.free_count()), (0, 1));
    assert!(lock.try_lock().is_some());
}

#[test]
fn an_event_releases_coroutines_and_threads_alike() {
    let event = Arc::new(Event::new());
    let theirs = Arc::clone(&event);
    let begun = Arc::new(AtomicUsize::new(0));
    let setter = {
        let (event, begun) = (Arc::clone(&event), Arc::clone(&begun));
        thread::spawn(move || {
            while begun.load(Ordering::SeqCst) < 308 {
                thread::yield_now();
            }
            event.set();
        })
    };
    everywhere(300, 8, move |_| {
        begun.fetch_add(1, Ordering::SeqCst);
        assert!(theirs.wait_timeout(AT_MOST).unwrap());
    });
    setter.join().unwrap();
}

#[test]
fn a_timeout_reaches_every_kind_of_wait_in_time() {
    everywhere(20, 2, |_| {
        let lock = Mutex::new(());
        let _held = lock.lock().unwrap();
        let semaphore = Semaphore::new(0);
        let event = Event::new();
        let (full, receiver) = channel(1);
        full.send(1).unwrap();
        let (_sender, nothing) = channel::<u8>(1);
        let group = Group::new().kill_on_drop(true);
        group.spawn(|| sleep(LONG)).unwrap();
        let waits: [&dyn Fn() -> io::Result<()>; 6] = [
            &|| lock.lock().map(drop),
            &|| semaphore.acquire().map(drop),
            &|| event.wait(),
            &|| Ok(full.send(2)?),
            &|| nothing.recv().map(drop).map_err(io::Error::from),
            &|| Ok(group.join()?),
        ];
        for wait in waits {
            let limit = Duration::from_millis(10);
            let timeout = Timeout::after(limit);
            let begin = Instant::now();
            let err = timeout.run(wait).unwrap_err();
            let took = begin.elapsed();
            assert!(timeout.expired(&err), "{err}");
            assert!(took >= limit - Duration::from_millis(1), "{took:?}");
            assert!(took < Duration::from_secs(2), "{took:?}");
        }
        assert_eq!(receiver.len(), 1);
    });
}

/// Feeds a channel it receives from itself, so that there is always something.
fn receive_for_ever() -> io::Result<()> {
    let (sender, receiver) = channel(1);
    loop {
        sender.try_send(1)?;
        receiver.recv()?;
    }
}

#[test]
fn a_channel_that_is_never_empty_keeps_no_timeout_and_no_kill_off() {
    let timed = spawn(|| with_timeout(Duration::from_millis(5), receive_for_ever)).unwrap();
    assert_eq!(reason(timed.join().unwrap()), Some(WaitError::Timeout));
    let begun = Arc::new(Event::new());
    let told = Arc::clone(&begun);
    let killed = spawn(move || {
        told.set();
        receive_for_ever()
    });
    let killed = killed.unwrap();
    begun.wait().unwrap();
    killed.kill();
    assert_eq!(reason(killed.join().unwrap()), Some(WaitError::Killed));
}

#[test]
fn a_pool_fed_from_many_sides_keeps_its_size() {
    let pool = Arc::new(Pool::new(4).unwrap());
    let gauge = Arc::new(Gauge::default());
    let ran = Arc::new(AtomicUsize::new(0));
    let (theirs, watch, count) = (Arc::clone(&pool), Arc::clone(&gauge), Arc::clone(&ran));
    everywhere(50, 4, move |_| {
        for _ in 0..10 {
            let (watch, count) = (Arc::clone(&watch), Arc::clone(&count));
            let member = move || {
                watch.enter();
                yield_now();
                count.fetch_add(1, Ordering::SeqCst);
                watch.leave();
            };
            theirs.spawn(member).unwrap();
            assert!(theirs.len() <= 4);
        }
    });
    pool.join_timeout(AT_MOST).unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 540);
    assert!(gauge.most.load(Ordering::SeqCst) <= 4);
    assert_eq!(pool.free_count(), 4);
}

/// `may` can cancel a coroutine by a panic that leaves the wait.
static LOGGED: StdMutex<Vec<String>> = StdMutex::new(Vec::new());

struct Collect;

impl log::Log for Collect {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LOGGED
            .lock()
            .unwrap()
            .push(format!("{} {}", record.level(), record.args()));
    }

    fn flush(&self) {}
}

#[test]
fn a_panic_in_a_member_is_logged_once_with_its_name() {
    static COLLECT: OnceLock<()> = OnceLock::new();
    COLLECT.get_or_init(|| {
        log::set_logger(&Collect).unwrap();
        log::set_max_level(log::LevelFilter::Error);
    });
    let group = Group::new();
    group
        .spawn_with(Builder::new().name("unlucky"), || panic!("number 13"))
        .unwrap();
    group.join_timeout(AT_MOST).unwrap();
    let logged = LOGGED.lock().unwrap();
    let about_it = logged.iter().filter(|line| line.contains("unlucky"));
    let about_it: Vec<_> = about_it.collect();
    assert_eq!(about_it, ["ERROR unlucky panicked: number 13"]);
    assert_eq!(group.panics(), 1);
}
