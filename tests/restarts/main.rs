//! Servers of HTTP, HTTPS and WebSocket that are ended by a signal and started
//! again on their port, over and over, while clients ask without a pause and
//! keep their connections: what was read is answered, and nobody is left in the
//! dark about the end.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]
#![allow(unreachable_pub, reason = "the modules of one binary")]
#![allow(clippy::print_stdout, reason = "the programs speak with their starter")]

#[path = "../support/mod.rs"]
mod support;

mod conversation;
mod exchange;
mod load;
mod server;

use std::path::Path;
use std::process::ExitCode;

use nix::sys::signal::Signal;

use load::{Client, Load};
use server::Site;
use support::harness::{self, Case, Program};
use support::{LIMIT, ip, wait_until};

const CASES: &[Case] = &[
    ("restarts_of_http_lose_no_answer", http),
    ("restarts_of_https_lose_no_answer", https),
    ("restarts_of_websocket_lose_no_answer_and_say_goodbye_to_all", websocket),
];

const CLIENTS: u64 = 8;

fn main() -> ExitCode {
    harness::main(CASES, |words| match words {
        ["serve", what, model, address, folder] => server::serve(what, model, address, Path::new(folder)),
        other => panic!("no program {other:?}"),
    })
}

/// How many restarts there are of each kind of server: 6, or what `RESTARTS`
/// says, since each takes up to half a second.
fn restarts() -> u32 {
    std::env::var("RESTARTS").map_or(6, |restarts| restarts.parse().unwrap())
}

fn http() {
    each_model("http", |_| exchange::over_tcp);
}

fn https() {
    each_model("https", |site| {
        let settings = site.trusted();
        move |address, talk: &mut load::Talk<'_>| exchange::over_tls(address, &settings, talk)
    });
}

fn websocket() {
    each_model("websocket", |_| conversation::talk);
}

/// Two thirds of the restarts on coroutines, the rest on threads.
fn each_model<C: Client>(what: &str, client: impl Fn(&Site) -> C) {
    let on_threads = restarts().div_ceil(3);
    for (model, count) in [("coroutine", restarts() - on_threads), ("thread", on_threads)] {
        let site = Site::new();
        lose_nothing(what, model, count, &site, client(&site));
    }
}

fn lose_nothing(what: &str, model: &str, restarts: u32, site: &Site, client: impl Client) {
    let start = |address: &str| Program::start(&format!("serve {what} {model} {address} {}", site.path().display()));
    let mut program = start("127.0.0.1:0");
    let address = program.address();
    let load = Load::start(ip(&address), CLIENTS, client);
    let mut before = 0;
    for _ in 0..restarts {
        wait_until("clients are served", || load.answers() > before + 5 * CLIENTS);
        program.signal(Signal::SIGTERM);
        let (status, took) = program.wait_timed();
        assert!(
            status.success() && took < LIMIT / 4,
            "{what} {model}: {status} {took:?}"
        );
        let said = program.line();
        assert!(said.ends_with(" finished"), "{what} {model}: {said}");
        before = load.answers();
        program = start(&address.to_string());
        program.line();
    }
    let seen = load.end();
    // The clients have gone: now nothing is read any more.
    program.signal(Signal::SIGTERM);
    program.succeeds();
    println!("{what} {model}: {restarts} restarts, {seen:?}");
    assert_eq!(site.read(), seen.answers, "{what} {model}: read and answered; {seen:?}");
    assert_eq!((seen.cut, seen.in_the_dark), (0, 0), "{what} {model}: {seen:?}");
    assert!(seen.connections > u64::from(restarts), "{what} {model}: {seen:?}");
}
