//! Resolves many names, a bounded number at a time: `Pool.imap_unordered`.
//! Names come from the command line or, one a line, from standard input, and
//! are read no faster than they are resolved.
//!
//! Run with: cargo run --example resolver -- localhost localhost.localdomain
//! Or with:  cargo run --example resolver -- --at-once 50 < names.txt

mod common;

use std::io::{self, BufRead};
use std::process::ExitCode;

use clap::Parser;
use common::say;
use greenserve::runtime::resolve;
use greenserve::sync::Pool;

#[derive(Parser)]
struct Names {
    /// How many names are resolved at once.
    #[arg(long, default_value_t = 20)]
    at_once: usize,
    /// The names; standard input if there are none.
    names: Vec<String>,
}

fn look_up(name: String) -> (String, io::Result<String>) {
    let found = resolve(&name, 0).map(|addresses| {
        let addresses = addresses.iter().map(|address| address.ip().to_string());
        addresses.collect::<Vec<_>>().join(" ")
    });
    (name, found)
}

fn run(names: Names) -> Result<bool, Box<dyn std::error::Error>> {
    let given: Box<dyn Iterator<Item = String>> = match names.names.is_empty() {
        true => Box::new(io::stdin().lock().lines().map_while(io::Result::ok)),
        false => Box::new(names.names.into_iter()),
    };
    let pool = Pool::new(names.at_once)?;
    let mut all_found = true;
    for answer in pool.imap_unordered(given, look_up) {
        // An answer that is missing is a panic, of that name alone.
        match answer? {
            (name, Ok(addresses)) => say(format_args!("{name} {addresses}")),
            (name, Err(err)) => {
                all_found = false;
                say(format_args!("{name} is not known: {err}"));
            }
        }
    }
    Ok(all_found)
}

#[allow(clippy::print_stderr, reason = "this is a program")]
fn main() -> ExitCode {
    match run(Names::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(err) => {
            eprintln!("error: {err}");
            ExitCode::FAILURE
        }
    }
}
