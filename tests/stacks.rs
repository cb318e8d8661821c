//! What the stacks of the engine `pinned` cost, and that it is given back.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may say what it measured"
)]

mod common;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{child, joined, proc, wait_until};
use greenserve::runtime::{self, Builder, Config, Engine};
use greenserve::sync::Event;

const PAGE: usize = 4096;

/// Runs `test` in a child with one worker of the engine `pinned`; true there.
fn in_a_child(test: &str, limit: Duration) -> bool {
    if child::is_child(test) {
        runtime::configure(Config::new().engine(Engine::Pinned).workers(1)).unwrap();
        runtime::start().unwrap();
        return true;
    }
    child::run(test, limit).passed();
    false
}

/// Whether a stack needs no memory maps of its own here.
fn guards_are_marks() -> bool {
    runtime::capacity().coroutines > 1_000_000
}

/// Parks `count` coroutines and returns what ends them.
fn park(count: usize) -> Arc<Event> {
    let end = Arc::new(Event::new());
    let parked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    for _ in 0..count {
        let (theirs, parked) = (Arc::clone(&end), Arc::clone(&parked));
        let started = Builder::new().worker(0).spawn(move || {
            parked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            theirs.wait()
        });
        drop(started.unwrap());
    }
    let begin = Instant::now();
    while parked.load(std::sync::atomic::Ordering::Relaxed) < count {
        assert!(begin.elapsed() < Duration::from_secs(100), "not all have begun");
        std::thread::sleep(Duration::from_millis(1));
    }
    end
}

/// Resident memory and page tables.
fn memory() -> usize {
    proc::resident() + proc::page_tables()
}

fn are_parked_and_end(count: usize, most_bytes_each: usize) {
    let (maps, before) = (proc::maps(), memory());
    let end = park(count);
    let (maps, each) = (proc::maps().saturating_sub(maps), (memory() - before) / count);
    assert!(maps <= 200, "{maps} more maps");
    assert!(each <= most_bytes_each, "{each} bytes each");
    println!("{count} coroutines: {each} bytes each, {maps} more maps");
    end.set();
    let begin = Instant::now();
    while runtime::live_count() > 0 {
        assert!(
            begin.elapsed() < Duration::from_secs(100),
            "{} are left",
            runtime::live_count()
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    runtime::trim();
    let left = memory().saturating_sub(before) / count;
    assert!(left < 1024, "{left} bytes of each are left");
}

#[test]
fn a_hundred_thousand_coroutines_take_few_memory_maps() {
    const TEST: &str = "a_hundred_thousand_coroutines_take_few_memory_maps";
    if !in_a_child(TEST, Duration::from_secs(120)) {
        return;
    }
    if common::skipped((!guards_are_marks()).then_some("this kernel marks no guard pages")) {
        return;
    }
    // Not optimised, frames are several times as large.
    are_parked_and_end(100_000, if cfg!(debug_assertions) { 11_000 } else { 5_000 });
}

#[test]
#[ignore = "takes 5 GB of memory; run it optimised"]
fn a_million_coroutines_live_at_once() {
    const TEST: &str = "a_million_coroutines_live_at_once";
    if child::is_child(TEST) {
        runtime::configure(Config::new().engine(Engine::Pinned).workers(1)).unwrap();
        runtime::start().unwrap();
        are_parked_and_end(1_000_000, if cfg!(debug_assertions) { 11_000 } else { 4_813 });
        return;
    }
    let child = child::command(TEST).arg("--ignored").spawn().unwrap();
    let ended = child::finish(child, Duration::from_secs(300));
    ended.passed();
    println!("{}", ended.stdout);
}

/// Touches `bytes` of stack.
#[inline(never)]
fn descend(bytes: usize) {
    let page = black_box([1_u8; PAGE]);
    if bytes > PAGE {
        descend(bytes - PAGE);
    }
    black_box(page);
}

const DEEP: usize = 60 * 1024;
const MANY: usize = 400;

/// Has coroutines touch much of their stacks, all of them at once.
fn all_descend() {
    let end = Arc::new(Event::new());
    let deep: Vec<_> = (0..MANY)
        .map(|_| {
            let end = Arc::clone(&end);
            let deep = Builder::new().spawn(move || {
                descend(DEEP);
                end.wait().unwrap();
            });
            deep.unwrap()
        })
        .collect();
    end.set();
    deep.into_iter().for_each(joined);
}

#[test]
fn what_deep_calls_touched_goes_back_when_the_coroutine_has_ended() {
    const TEST: &str = "what_deep_calls_touched_goes_back_when_the_coroutine_has_ended";
    if !in_a_child(TEST, Duration::from_secs(60)) {
        return;
    }
    let before = proc::resident();
    all_descend();
    wait_until("what was touched is given back", || {
        proc::resident().saturating_sub(before) < MANY * 4 * PAGE
    });
}

#[test]
fn trim_gives_all_of_it_back_at_once() {
    const TEST: &str = "trim_gives_all_of_it_back_at_once";
    if !in_a_child(TEST, Duration::from_secs(60)) {
        return;
    }
    let before = proc::resident();
    all_descend();
    wait_until("all have ended", || runtime::live_count() == 0);
    let peak = proc::resident().saturating_sub(before);
    assert!(peak > MANY * DEEP / 2, "{peak} bytes at the peak");
    runtime::trim();
    let left = proc::resident().saturating_sub(before);
    // The last to end may still be on its stack, and the heap keeps what it had.
    assert!(left < peak / 16, "{left} bytes are left of {peak}");
    // What was given back is there again for who needs it.
    all_descend();
}

#[test]
fn no_huge_page_lands_on_a_stack() {
    const TEST: &str = "no_huge_page_lands_on_a_stack";
    if !in_a_child(TEST, Duration::from_secs(60)) {
        return;
    }
    let end = park(1000);
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    // The mappings of stacks are the large ones: 64 MiB and more.
    let mut large = 0;
    for map in maps.split("VmFlags:").collect::<Vec<_>>().windows(2) {
        let size = field(map[0], "\nSize:");
        if size >= 64 * 1024 && field(map[0], "\nRss:") > 1000 {
            large += 1;
            let flags = map[1].lines().next().unwrap();
            assert!(flags.split_whitespace().any(|flag| flag == "nh"), "{flags}");
        }
    }
    assert!(large > 0, "no mapping of stacks was found");
    end.set();
}

fn field(map: &str, name: &str) -> usize {
    let rest = map.split(name).nth(1).unwrap_or("0");
    rest.split_whitespace().next().unwrap().parse().unwrap()
}
