//! A hardened server under attack: everybody at once who is slow, silent, rude
//! or broken, while a well-behaved client measures what it gets.
//!
//! `cargo test` attacks for a few seconds. For longer, say so in seconds:
//! `SOAK_SECONDS=86400 cargo test --release --test hostile -- --nocapture`.
//! All of it stays on loopback, and each attacker has bounds in number and rate.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(clippy::print_stdout, reason = "a soak shows its figures")]

mod account;
mod attackers;
mod citizen;
mod faults;
#[path = "../examples/program.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod program;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use account::Account;
use attackers::Attack;
use citizen::Citizen;
use program::Program;

/// How long the attack goes on.
fn attack_time() -> Duration {
    let seconds = std::env::var("SOAK_SECONDS").map_or(8, |text| text.parse().unwrap());
    Duration::from_secs(seconds)
}

/// How many times longer 99 of 100 replies may take under attack.
const SLOWER: u32 = 3;
/// Below this the scheduler of the system decides: the attackers, who need the
/// same processors, take turns with server and client.
const UNNOTICED: Duration = Duration::from_millis(100);

fn hardened(more: &[&str]) -> (Program, SocketAddr) {
    // Everybody comes from loopback; each attacker has an address of its own.
    let options = [
        "--listen",
        "127.0.0.1:0",
        "--per-peer",
        "12000",
        "--connections",
        "15000",
    ];
    let mut server = Program::start("hardened_echo", &[&options, more].concat());
    let address = server.address().parse().unwrap();
    (server, address)
}

#[test]
fn a_well_behaved_client_is_served_while_everybody_else_attacks() {
    attackers::raise_descriptor_limit();
    let (server, address) = hardened(&["--first-byte", "3", "--idle", "3", "--rate", "20000"]);
    let mut citizen = Citizen::connect(address);
    let quiet = citizen.measure(Duration::from_secs(2));
    let before = Account::of(server.pid());

    let attack = Attack::begin(address);
    let begin = Instant::now();
    let warm_up = citizen.measure(attack_time() / 4);
    let midway = Account::of(server.pid());
    let attacked = citizen.measure(attack_time() - begin.elapsed().min(attack_time()));
    let tally = attack.end();
    println!("quiet {quiet}\nfirst quarter {warm_up}\nrest {attacked}\n{tally}");
    println!("before {before}\nmidway {midway}");
    assert!(tally.everybody_attacked(), "{tally}");

    let left = Account::until(server.pid(), |now| now.descriptors <= before.descriptors);
    println!("after {left}");
    assert!(left.descriptors <= before.descriptors, "{left}, before {before}");
    // What the peak needed may stay; more of the same may not add to it.
    let most = midway.resident.max(before.resident) * 5 / 4 + (8 << 20);
    assert!(left.resident <= most, "{left}, midway {midway}");
    let worst = (quiet.p99 * SLOWER).max(UNNOTICED);
    assert!(attacked.p99 <= worst, "{attacked}, quiet {quiet}");

    drop(citizen);
    server.end_well();
}
