//! A coroutine that overflows its stack ends the process and says who it was;
//! every other fault stays what it is without this crate.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::{ptr, thread};

use common::child::{self, Ended};
use common::{PATIENCE, client, ip, joined, wait_until};
use greenserve::net::TcpStream;
use greenserve::runtime::{self, Builder, Config};
use greenserve::{Handler, TcpServer};
use nix::sys::signal::Signal;

/// Runs `test` in a child process; `None` there.
fn from_outside(test: &str) -> Option<Ended> {
    (!child::is_child(test)).then(|| child::run(test, PATIENCE))
}

#[track_caller]
fn ended_by(ended: &Ended, signal: Signal) {
    assert_eq!(ended.signal(), Some(signal as i32), "{ended:#?}");
}

#[track_caller]
fn says(ended: &Ended, text: &str) {
    assert!(ended.stderr.contains(text), "no {text:?} in:\n{}", ended.stderr);
}

#[track_caller]
fn says_nothing_of_an_overflow(ended: &Ended) {
    assert!(!ended.stderr.contains("overflowed its stack"), "{}", ended.stderr);
}

#[allow(unconditional_recursion, reason = "that is the point")]
fn recurse_in_small_steps(depth: u64) -> u64 {
    black_box(recurse_in_small_steps(black_box(depth + 1))) + 1
}

#[allow(unconditional_recursion, reason = "that is the point")]
fn recurse_in_large_steps(depth: u64) -> u64 {
    let mut frame = [0_u8; 64 << 10];
    black_box(&mut frame);
    recurse_in_large_steps(depth + 1) + u64::from(frame[depth as usize % 8])
}

fn overflows_in_small_steps(client: &mut TcpStream) -> io::Result<()> {
    client.read_exact(&mut [0])?;
    black_box(recurse_in_small_steps(0));
    Ok(())
}

fn overflows_in_large_steps(client: &mut TcpStream) -> io::Result<()> {
    client.read_exact(&mut [0])?;
    black_box(recurse_in_large_steps(0));
    Ok(())
}

/// Serves one client, whose address goes to stdout before it says go, until the
/// process ends.
fn serve(handler: impl Handler<TcpStream>) -> ! {
    runtime::configure(common::workers(2).stack_size(256 << 10)).unwrap();
    // Others live too, so that the right one has to be found.
    for _ in 0..50 {
        runtime::spawn(|| runtime::sleep(PATIENCE)).unwrap();
    }
    let server = TcpServer::bind("127.0.0.1:0", handler).unwrap().start().unwrap();
    let mut client = client(ip(&server.address()));
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "\nclient {}", client.local_addr().unwrap()).unwrap();
    stdout.flush().unwrap();
    client.write_all(b"!").unwrap();
    let _ = client.read(&mut [0]);
    panic!("the process is still there");
}

#[track_caller]
fn names_handler_and_peer(ended: &Ended, handler: &str) {
    ended_by(ended, Signal::SIGABRT);
    let peer = ended.stdout.lines().find_map(|line| line.strip_prefix("client "));
    says(ended, peer.unwrap());
    says(ended, handler);
    says(ended, "has overflowed its stack of 262144 bytes");
    says(ended, "runtime::Config::stack_size");
}

#[test]
fn an_overflow_in_small_steps_names_the_handler_and_the_peer() {
    match from_outside("an_overflow_in_small_steps_names_the_handler_and_the_peer") {
        None => serve(overflows_in_small_steps),
        Some(ended) => names_handler_and_peer(&ended, "overflows_in_small_steps"),
    }
}

#[test]
fn an_overflow_in_large_steps_names_the_handler_and_the_peer() {
    match from_outside("an_overflow_in_large_steps_names_the_handler_and_the_peer") {
        None => serve(overflows_in_large_steps),
        Some(ended) => names_handler_and_peer(&ended, "overflows_in_large_steps"),
    }
}

#[test]
fn an_overflow_names_the_coroutine_by_its_own_name() {
    let Some(ended) = from_outside("an_overflow_names_the_coroutine_by_its_own_name") else {
        let doomed = Builder::new().name("accountant".to_owned());
        joined(doomed.spawn(|| recurse_in_small_steps(0)).unwrap());
        return;
    };
    ended_by(&ended, Signal::SIGABRT);
    says(&ended, "the coroutine 'accountant' has overflowed its stack");
}

#[test]
fn an_overflow_after_other_coroutines_have_ended_names_the_living_one() {
    let Some(ended) = from_outside("an_overflow_after_other_coroutines_have_ended_names_the_living_one") else {
        for _ in 0..200 {
            joined(Builder::new().name("dead").spawn(|| ()).unwrap());
        }
        wait_until("they have ended", || runtime::live_count() == 0);
        joined(
            Builder::new()
                .name("alive")
                .spawn(|| recurse_in_small_steps(0))
                .unwrap(),
        );
        return;
    };
    ended_by(&ended, Signal::SIGABRT);
    says(&ended, "the coroutine 'alive' has overflowed its stack");
}

#[test]
fn an_overflow_of_a_thread_is_reported_as_without_this_crate() {
    let Some(ended) = from_outside("an_overflow_of_a_thread_is_reported_as_without_this_crate") else {
        joined(runtime::spawn(|| ()).unwrap());
        let doomed = thread::Builder::new().name("plain".to_owned());
        drop(doomed.spawn(|| recurse_in_small_steps(0)).unwrap().join());
        return;
    };
    ended_by(&ended, Signal::SIGABRT);
    says(&ended, "thread 'plain'");
    says(&ended, "has overflowed its stack");
    assert!(!ended.stderr.contains("greenserve:"), "{}", ended.stderr);
}

fn read_from_nowhere() -> u64 {
    // SAFETY: none: the first page is never mapped, and the fault is wanted.
    unsafe { ptr::read_volatile(ptr::without_provenance(8)) }
}

#[test]
fn a_wild_read_in_a_coroutine_is_no_overflow() {
    let Some(ended) = from_outside("a_wild_read_in_a_coroutine_is_no_overflow") else {
        joined(runtime::spawn(read_from_nowhere).unwrap());
        return;
    };
    ended_by(&ended, Signal::SIGSEGV);
    says_nothing_of_an_overflow(&ended);
}

#[test]
fn a_wild_read_in_a_thread_is_no_overflow() {
    let Some(ended) = from_outside("a_wild_read_in_a_thread_is_no_overflow") else {
        joined(runtime::spawn(|| ()).unwrap());
        drop(thread::spawn(read_from_nowhere).join());
        return;
    };
    ended_by(&ended, Signal::SIGSEGV);
    says_nothing_of_an_overflow(&ended);
}

#[test]
fn a_stack_that_is_nearly_full_is_none_that_overflowed() {
    fn fill(left: usize) -> usize {
        let mut frame = [0_u8; 1024];
        black_box(&mut frame);
        if left == 0 {
            0
        } else {
            fill(left - 1) + usize::from(frame[0]) + 1
        }
    }
    let Some(ended) = from_outside("a_stack_that_is_nearly_full_is_none_that_overflowed") else {
        runtime::configure(Config::new().stack_size(256 << 10)).unwrap();
        assert_eq!(joined(runtime::spawn(|| fill(150)).unwrap()), 150);
        return;
    };
    ended.passed();
}
