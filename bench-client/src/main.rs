//! The program; see the library's documentation for a tour of the source.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_client::main()
}
