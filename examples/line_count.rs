//! Counts the lines of files, some at a time, and tells them in the order in
//! which they were named: `Pool.imap`. A file that cannot be read is an answer
//! too.
//!
//! Run with: cargo run --example line_count -- README.md Cargo.toml

mod common;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use common::say;
use greenserve::runtime::offload;
use greenserve::sync::Pool;

#[derive(Parser)]
struct Files {
    /// How many files are read at once.
    #[arg(long, default_value_t = 4)]
    at_once: usize,
    /// The files.
    files: Vec<String>,
}

/// Reading a file blocks a thread, so it is one of the off-load pool.
fn count(file: String) -> io::Result<(String, usize)> {
    let text = offload(move || std::fs::read(&file).map(|text| (file, text)))??;
    Ok((text.0, text.1.iter().filter(|byte| **byte == b'\n').count()))
}

fn run(files: Files) -> Result<(), Box<dyn std::error::Error>> {
    let pool = Pool::new(files.at_once)?;
    let mut total = 0;
    for counted in pool.imap(files.files, count) {
        let (file, lines) = counted??;
        total += lines;
        say(format_args!("{lines} {file}"));
    }
    say(format_args!("{total} lines"));
    Ok(())
}

#[allow(clippy::print_stderr, reason = "this is a program")]
fn main() -> ExitCode {
    match run(Files::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err}");
            ExitCode::FAILURE
        }
    }
}
