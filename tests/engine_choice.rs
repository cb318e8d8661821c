//! Which engine runs, and what bad settings of it get.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may say what it measured"
)]

mod common;

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{PATIENCE, child, joined, wait_until};
use greenserve::Error;
use greenserve::runtime::{self, Config, Engine, MAX_STACK_SIZE, MIN_STACK_SIZE};

/// `test` in a child with these variables set.
fn child_with(test: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = child::command(test);
    command.env_remove("GREENSERVE_ENGINE").envs(variables.iter().copied());
    command
}

fn passes_with(test: &str, variables: &[(&str, &str)]) -> child::Ended {
    let ended = child::finish(child_with(test, variables).spawn().unwrap(), PATIENCE);
    ended.passed();
    ended
}

/// Logs to stderr.
struct Stderr;

impl log::Log for Stderr {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        eprintln!("{} {}", record.level(), record.args());
    }

    fn flush(&self) {}
}

fn log_to_stderr() {
    log::set_logger(&Stderr).unwrap();
    log::set_max_level(log::LevelFilter::Info);
}

#[test]
fn the_log_says_which_engine_was_chosen() {
    const TEST: &str = "the_log_says_which_engine_was_chosen";
    if child::is_child(TEST) {
        log_to_stderr();
        return assert_eq!(joined(runtime::spawn(|| 42).unwrap()), 42);
    }
    for (variables, engine) in [
        (&[][..], "pinned"),
        (&[("GREENSERVE_ENGINE", "")], "pinned"),
        (&[("GREENSERVE_ENGINE", "pinned")], "pinned"),
        (&[("GREENSERVE_ENGINE", "may")], "may"),
    ] {
        let ended = passes_with(TEST, variables);
        let said = format!("INFO coroutine runtime: engine {engine}, ");
        assert!(ended.stderr.contains(&said), "{said}\n{}", ended.stderr);
    }
}

#[test]
fn the_program_s_choice_counts_more_than_the_environment_s() {
    const TEST: &str = "the_program_s_choice_counts_more_than_the_environment_s";
    if child::is_child(TEST) {
        log_to_stderr();
        runtime::configure(Config::new().engine(Engine::Pinned).stack_size(100_000)).unwrap();
        return runtime::start().unwrap();
    }
    let ended = passes_with(TEST, &[("GREENSERVE_ENGINE", "may")]);
    assert!(ended.stderr.contains("engine pinned, "), "{}", ended.stderr);
    let rounded = "a stack size of 100000 bytes is no multiple of the page size; stacks have 102400";
    assert!(ended.stderr.contains(rounded), "{}", ended.stderr);
}

#[test]
fn an_unknown_engine_is_an_error_that_names_it_and_those_there_are() {
    const TEST: &str = "an_unknown_engine_is_an_error_that_names_it_and_those_there_are";
    if child::is_child(TEST) {
        for err in [
            runtime::start().unwrap_err(),
            runtime::spawn(|| ()).unwrap_err(),
            runtime::configure(Config::new()).unwrap_err(),
        ] {
            let text = err.to_string();
            for part in ["GREENSERVE_ENGINE", "\"turbo\"", "pinned, may"] {
                assert!(text.contains(part), "no {part} in {text}");
            }
        }
        assert!(!runtime::is_running());
        // The program may still choose itself.
        runtime::configure(Config::new().engine(Engine::Pinned)).unwrap();
        return assert_eq!(joined(runtime::spawn(|| 1).unwrap()), 1);
    }
    passes_with(TEST, &[("GREENSERVE_ENGINE", "turbo")]);
}

#[test]
fn may_has_one_worker_unless_coroutines_may_change_threads() {
    const TEST: &str = "may_has_one_worker_unless_coroutines_may_change_threads";
    if child::is_child(TEST) {
        let err = runtime::configure(Config::new().workers(3)).unwrap_err().to_string();
        assert!(
            err.contains("workers cannot be 3") && err.contains("may_change_threads"),
            "{err}"
        );
        runtime::start().unwrap();
        return assert_eq!(runtime::workers(), 1);
    }
    passes_with(TEST, &[("GREENSERVE_ENGINE", "may")]);
}

#[test]
fn settings_after_the_start_are_refused() {
    const TEST: &str = "settings_after_the_start_are_refused";
    if child::is_child(TEST) {
        runtime::start().unwrap();
        let err = runtime::configure(Config::new().engine(Engine::May)).unwrap_err();
        return assert!(matches!(err, Error::RuntimeStarted { .. }), "{err}");
    }
    passes_with(TEST, &[]);
}

#[test]
fn the_smallest_and_the_largest_stack_work() {
    const TEST: &str = "the_smallest_and_the_largest_stack_work";
    if child::is_child(TEST) {
        let bytes = std::env::var("STACK").unwrap().parse().unwrap();
        runtime::configure(Config::new().stack_size(bytes)).unwrap();
        let text = joined(runtime::spawn(|| format!("{:.3}", 1.0_f64 / 3.0)).unwrap());
        return assert_eq!(text, "0.333");
    }
    for engine in ["pinned", "may"] {
        for bytes in [MIN_STACK_SIZE, MAX_STACK_SIZE] {
            passes_with(TEST, &[("GREENSERVE_ENGINE", engine), ("STACK", &bytes.to_string())]);
        }
    }
    for bytes in [MIN_STACK_SIZE - 1, MAX_STACK_SIZE + 1] {
        let err = runtime::configure(Config::new().stack_size(bytes))
            .unwrap_err()
            .to_string();
        assert!(err.contains(&bytes.to_string()), "{err}");
    }
}

#[test]
fn a_local_coroutine_on_several_workers_of_may_is_an_error_that_says_why() {
    const TEST: &str = "a_local_coroutine_on_several_workers_of_may_is_an_error_that_says_why";
    if child::is_child(TEST) {
        runtime::configure(common::workers(2).engine(Engine::May)).unwrap();
        let refused = runtime::spawn(|| runtime::spawn_local(|| ()).unwrap_err().to_string());
        let refused = joined(refused.unwrap());
        return assert!(
            refused.contains("may") && refused.contains("several workers"),
            "{refused}"
        );
    }
    passes_with(TEST, &[]);
}

#[test]
fn a_local_coroutine_on_one_worker_of_may_works() {
    const TEST: &str = "a_local_coroutine_on_one_worker_of_may_works";
    if child::is_child(TEST) {
        let sum = runtime::spawn(|| {
            let shared = std::rc::Rc::new(std::cell::Cell::new(1));
            let theirs = std::rc::Rc::clone(&shared);
            runtime::spawn_local(move || theirs.set(2)).unwrap().join().unwrap();
            shared.get()
        });
        return assert_eq!(joined(sum.unwrap()), 2);
    }
    passes_with(TEST, &[("GREENSERVE_ENGINE", "may")]);
}

#[test]
fn a_hundred_thousand_timers_fire_in_time() {
    const TEST: &str = "a_hundred_thousand_timers_fire_in_time";
    const COUNT: usize = 100_000;
    if !child::is_child(TEST) {
        let child = child_with(TEST, &[]).stdin(Stdio::null()).spawn().unwrap();
        return child::finish(child, Duration::from_secs(55)).passed();
    }
    runtime::configure(Config::new().engine(Engine::Pinned).stack_size(MIN_STACK_SIZE)).unwrap();
    let until = Instant::now() + Duration::from_secs(4);
    let sleepers: Vec<_> = (0..COUNT)
        .map(|_| {
            runtime::spawn(move || {
                // Armed and disarmed on the way, as a socket's timeouts are.
                greenserve::sync::with_timeout(Duration::from_secs(60), || runtime::sleep(Duration::ZERO)).unwrap();
                runtime::sleep_until(until).unwrap();
                Instant::now()
            })
            .unwrap()
        })
        .collect();
    let last = sleepers.into_iter().map(joined).max().unwrap();
    let late = last.saturating_duration_since(until);
    assert!(late < Duration::from_secs(3), "the last of {COUNT} was {late:?} late");
}

#[test]
fn a_sleep_of_a_millisecond_takes_about_one() {
    let measure = || {
        let begin = Instant::now();
        joined(runtime::spawn(|| (0..20).for_each(|_| runtime::sleep(Duration::from_millis(1)).unwrap())).unwrap());
        begin.elapsed() / 20
    };
    common::best_of_three("a sleep of 1 ms", Duration::from_micros(1600), measure);
    let begin = Instant::now();
    joined(runtime::spawn(|| runtime::sleep(Duration::from_millis(3)).unwrap()).unwrap());
    assert!(begin.elapsed() >= Duration::from_millis(3), "it was early");
}

#[test]
fn a_process_may_end_while_coroutines_run() {
    const TEST: &str = "a_process_may_end_while_coroutines_run";
    if child::is_child(TEST) {
        for _ in 0..100 {
            drop(runtime::spawn(|| {
                loop {
                    runtime::yield_now();
                }
            }));
        }
        wait_until("they run", || runtime::tasks().len() == 100);
        return;
    }
    let mut child = child_with(TEST, &[]).spawn().unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
}
