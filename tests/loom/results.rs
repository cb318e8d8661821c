//! Results that are set once, and waits for several things at once.

use super::flag::State;
use super::lookout::{Lookout, Notice, Notices};
use super::once::Once;
use super::{Arc, Model, Mutex, NEVER, WaitError, bounded_model, thread};

fn once() -> Arc<Once<Model, u8>> {
    Arc::new(Once::new(Mutex::new(State::new())))
}

#[test]
fn a_value_that_is_set_reaches_who_waits_and_who_watches() {
    loom::model(|| {
        let once = once();
        let readers = [
            {
                let once = once.clone();
                thread::spawn(move || *once.wait(NEVER, Model::new).unwrap())
            },
            {
                let once = once.clone();
                thread::spawn(move || {
                    let lookout = Lookout::new();
                    once.watch(Notice::new(&lookout, 0));
                    assert_eq!(lookout.wait(NEVER, &Model::new(), || None), Ok(0));
                    *once.get().unwrap()
                })
            },
        ];
        assert_eq!(once.set(7), Ok(()));
        assert_eq!(once.set(8), Err(8));
        for reader in readers {
            assert_eq!(reader.join().unwrap(), 7);
        }
    });
}

/// One of two setters is refused, and the reader sees the other's.
#[test]
fn a_value_is_set_by_one_alone() {
    bounded_model(|| {
        let once = once();
        let setters: Vec<_> = (1..=2)
            .map(|value| {
                let once = once.clone();
                thread::spawn(move || once.set(value))
            })
            .collect();
        let seen = *once.wait(NEVER, Model::new).unwrap();
        let set: Vec<_> = setters.into_iter().map(|setter| setter.join().unwrap()).collect();
        let refused = if seen == 1 { 2 } else { 1 };
        assert!(
            set.contains(&Ok(())) && set.contains(&Err(refused)),
            "{set:?} seen {seen}"
        );
    });
}

#[test]
fn a_reader_that_is_killed_sees_the_value_or_the_kill() {
    loom::model(|| {
        let (once, model) = (once(), Model::new());
        let setter = {
            let once = once.clone();
            thread::spawn(move || once.set(7).unwrap())
        };
        let killer = {
            let model = model.clone();
            thread::spawn(move || model.kill())
        };
        let seen = once.wait(NEVER, || model).copied();
        assert!(matches!(seen, Ok(7) | Err(WaitError::Killed)), "{seen:?}");
        setter.join().unwrap();
        killer.join().unwrap();
        assert_eq!(once.get(), Some(&7));
    });
}

/// What is behind an event, a result and a group.
type Watched = Arc<Mutex<(bool, Notices<Model>)>>;

fn come(watched: &Watched) {
    let notices = {
        let mut state = watched.lock().unwrap();
        state.0 = true;
        state.1.take()
    };
    notices.serve();
}

/// Two that come at any moment are both told, and only once.
#[test]
fn who_looks_out_for_two_is_told_of_both() {
    bounded_model(|| {
        let things: [Watched; 2] = [(); 2].map(|()| Arc::new(Mutex::new((false, Notices::new()))));
        let (lookout, model) = (Lookout::new(), Model::new());
        for (number, thing) in things.iter().enumerate() {
            let ticket = thing.lock().unwrap().1.enter(Notice::new(&lookout, number));
            assert_eq!(ticket, 0);
        }
        let threads = things.each_ref().map(|thing| {
            let thing = thing.clone();
            thread::spawn(move || come(&thing))
        });
        let mut told = [(); 2].map(|()| lookout.wait(NEVER, &model, || None).unwrap());
        told.sort_unstable();
        assert_eq!((told, lookout.told()), ([0, 1], None));
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// A kill in the moment in which something comes: it is told now, or later.
#[test]
fn what_comes_with_a_kill_is_not_lost() {
    loom::model(|| {
        let thing: Watched = Arc::new(Mutex::new((false, Notices::new())));
        let (lookout, model) = (Lookout::new(), Model::new());
        let ticket = thing.lock().unwrap().1.enter(Notice::new(&lookout, 5));
        let comer = {
            let thing = thing.clone();
            thread::spawn(move || come(&thing))
        };
        let killer = {
            let model = model.clone();
            thread::spawn(move || model.kill())
        };
        let told = lookout.wait(NEVER, &model, || None);
        let withdrawn = thing.lock().unwrap().1.withdraw(ticket).is_some();
        comer.join().unwrap();
        killer.join().unwrap();
        let later = lookout.told();
        match told {
            Ok(number) => assert_eq!((number, later, withdrawn), (5, None, false)),
            Err(err) => {
                assert_eq!(err, WaitError::Killed);
                assert_eq!(later, (!withdrawn).then_some(5));
            }
        }
    });
}

/// Somebody who looks for a value of a channel and is told of other things.
#[test]
fn who_looks_out_for_a_channel_too_sees_what_comes_first() {
    bounded_model(|| {
        let exchange = super::channel(1);
        let (lookout, model) = (Lookout::new(), Model::new());
        exchange.watch(1, model.clone());
        let sender = {
            let exchange = exchange.clone();
            thread::spawn(move || exchange.send(7, NEVER, Model::new).unwrap())
        };
        let teller = {
            let notice = Notice::new(&lookout, 0);
            thread::spawn(move || notice.serve())
        };
        let look = || exchange.is_ready().then_some(9);
        let first = lookout.wait(NEVER, &model, look).unwrap();
        let second = if first == 9 {
            lookout.wait(NEVER, &model, || None).unwrap()
        } else {
            lookout.wait(NEVER, &model, look).unwrap()
        };
        assert_eq!(first + second, 9);
        exchange.unwatch(1);
        sender.join().unwrap();
        teller.join().unwrap();
    });
}
