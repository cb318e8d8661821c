//! Limits: no place is lost or given twice, whatever they become meanwhile.

#[path = "../../src/limits/gate.rs"]
mod gate;
#[path = "../../src/limits/peers.rs"]
mod peers;
#[path = "../../src/limits/rate.rs"]
mod rate;
#[path = "../../src/limits/settings.rs"]
mod settings;

/// What `src/limits/shim.rs` is to the crate.
mod shim {
    pub use crate::atomics::{AtomicU64, Ordering};
    pub use loom::sync::Mutex;

    pub fn lock<T>(mutex: &Mutex<T>) -> loom::sync::MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }
}

pub(crate) use gate::{Gate, Refusal, Refused};
pub(crate) use peers::{PeerKey, PeerLoad, PeerPlace};
pub(crate) use rate::Rate;
pub(crate) use settings::{AtLimit, Limits};

use std::sync::Arc;

use crate::model;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

const CLIENT: PeerKey = PeerKey::User(7);
const SECOND: u64 = 1_000_000_000;

fn with(limits: Limits) -> Arc<Gate> {
    let gate = Arc::new(Gate::default());
    gate.set_limits(limits);
    gate
}

fn place(gate: &Gate) -> Option<PeerPlace> {
    gate.admit_peer(|| Some(CLIENT)).ok().flatten()
}

#[test]
fn a_client_has_no_more_than_its_share_and_has_it_back() {
    model(|| {
        let gate = with(Limits::new().per_peer(1));
        let holding = Arc::new(AtomicUsize::new(0));
        let take = |gate: &Gate, holding: &AtomicUsize| {
            if let Some(place) = place(gate) {
                assert_eq!(holding.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                holding.fetch_sub(1, Ordering::SeqCst);
                drop(place);
            }
        };
        let theirs = (Arc::clone(&gate), Arc::clone(&holding));
        let other = thread::spawn(move || take(&theirs.0, &theirs.1));
        take(&gate, &holding);
        other.join().unwrap();
        assert!(place(&gate).is_some());
    });
}

/// Those taken under the old limit come back under the new one, and under none.
#[test]
fn a_share_that_changes_loses_no_place() {
    model(|| {
        let gate = with(Limits::new().per_peer(2));
        let first = place(&gate).unwrap();
        let theirs = Arc::clone(&gate);
        let changer = thread::spawn(move || {
            theirs.set_limits(Limits::new());
            theirs.set_limits(Limits::new().per_peer(1));
        });
        let theirs = Arc::clone(&gate);
        let ending = thread::spawn(move || drop(first));
        let other = thread::spawn(move || drop(place(&theirs)));
        changer.join().unwrap();
        ending.join().unwrap();
        other.join().unwrap();
        let only = place(&gate);
        assert!(only.is_some() && place(&gate).is_none());
    });
}

#[test]
fn a_rate_admits_no_more_than_its_burst() {
    model(|| {
        let refusing = || Limits::new().at_rate(AtLimit::Close);
        let gate = with(refusing().rate(1, 2));
        let admit = |gate: &Gate| usize::from(gate.admit(SECOND).is_ok());
        let others: Vec<_> = (0..2)
            .map(|_| {
                let theirs = Arc::clone(&gate);
                thread::spawn(move || admit(&theirs))
            })
            .collect();
        // What was taken counts under the new limit too.
        gate.set_limits(refusing().rate(1, 1));
        let ours = admit(&gate);
        let admitted: usize = others.into_iter().map(|other| other.join().unwrap()).sum();
        assert!((1..=2).contains(&(admitted + ours)), "{admitted} and {ours}");
        assert_eq!(admit(&gate), 0);
    });
}

/// Where those beyond the rate wait, each of them is counted all the same.
#[test]
fn who_was_let_in_too_soon_is_made_up_for() {
    model(|| {
        let gate = with(Limits::new().rate(1, 1));
        let theirs = Arc::clone(&gate);
        let other = thread::spawn(move || theirs.admit(SECOND).unwrap());
        gate.admit(SECOND).unwrap();
        other.join().unwrap();
        assert_eq!(gate.closed_until(|| SECOND), Some(3 * SECOND));
    });
}

#[test]
fn who_is_turned_away_is_counted_once() {
    model(|| {
        let gate = with(Limits::new());
        let theirs = Arc::clone(&gate);
        let other = thread::spawn(move || theirs.turn_away(Refusal::Rate));
        gate.turn_away(Refusal::Rate);
        other.join().unwrap();
        assert_eq!(gate.refused().rate, 2);
    });
}
