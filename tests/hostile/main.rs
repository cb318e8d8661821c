//! A hardened server under attack: everybody at once who is slow, silent, rude
//! or broken, while a well-behaved client measures what it gets. At the end
//! nothing may be left of the attack.
//!
//! `cargo test` attacks for a few seconds. For longer, say so in seconds:
//! `SOAK_SECONDS=86400 cargo test --release --test hostile -- --nocapture`.
//! All of it stays on this machine, and each attacker has bounds in number and
//! rate.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(clippy::print_stdout, reason = "a soak shows its figures")]

mod attackers;
mod citizen;
mod faults;
mod holdings;
#[path = "../examples/program.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod program;
mod remains;
mod target;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use attackers::Attack;
use citizen::Citizen;
use holdings::Holdings;
use program::Program;
use target::Target;

/// How long the attack goes on.
fn attack_time() -> Duration {
    let seconds = std::env::var("SOAK_SECONDS").map_or(8, |text| text.parse().unwrap());
    Duration::from_secs(seconds)
}

/// So many say nothing at once.
const SILENT: usize = 10_000;
/// How many times longer 99 of 100 replies may take under attack.
const SLOWER: u32 = 3;
/// Below this the scheduler of the system decides: the attackers, who need the
/// same processors, take turns with server and client.
const UNNOTICED: Duration = Duration::from_millis(100);

/// One attack at a time: they need the same processors.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everybody comes from loopback; each attacker has an address of its own.
const ROOM: [&str; 4] = ["--per-peer", "12000", "--connections", "15000"];
/// So that who says nothing is ended while the attack goes on.
const STRICT: [&str; 6] = ["--first-byte", "3", "--idle", "3", "--rate", "20000"];

fn hardened_at(address: &str, more: &[&str]) -> (Program, Target) {
    attackers::raise_descriptor_limit();
    let mut server = Program::start("hardened_echo", &[&["--listen", address], more].concat());
    let target = Target::of(&server.address());
    (server, target)
}

fn hardened(more: &[&str]) -> (Program, Target) {
    hardened_at("127.0.0.1:0", &[&ROOM, more].concat())
}

#[test]
fn a_well_behaved_client_is_served_while_everybody_else_attacks() {
    let _alone = alone();
    let (mut server, target) = hardened(&STRICT);
    let mut citizen = Citizen::connect(&target);
    let quiet = citizen.measure(Duration::from_secs(2));
    let before = Holdings::of_server(&mut server);

    let attack = Attack::begin(&target, SILENT);
    let begin = Instant::now();
    let warm_up = citizen.measure(attack_time() / 4);
    let midway = Holdings::of_process(&mut server);
    let attacked = citizen.measure(attack_time() - begin.elapsed().min(attack_time()));
    let tally = attack.end();
    println!("quiet {quiet}\nfirst quarter {warm_up}\nrest {attacked}\n{tally}");
    println!("before {before}\nmidway {midway}");
    assert!(tally.everybody_attacked(), "{tally}");

    let left = Holdings::settled(&mut server, Holdings::of_server, &before);
    println!("after {left}");
    // What the peak needed may stay; more of the same may not add to it.
    let most = midway.resident.max(before.resident) * 5 / 4 + (8 << 20);
    assert!(left.resident <= most, "{left}, midway {midway}");
    let worst = (quiet.p99 * SLOWER).max(UNNOTICED);
    assert!(attacked.p99 <= worst, "{attacked}, quiet {quiet}");

    drop(citizen);
    server.end_well();
}
