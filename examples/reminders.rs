//! Says each of some texts when its time has come: `spawn_later`. A text that
//! is taken back before is never said.
//!
//! Run with: cargo run --example reminders -- 2000:tea 500:water 900:milk --without milk

mod common;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use common::say;
use greenserve::runtime::spawn_later;
use greenserve::sync::join_all;

#[derive(Parser)]
struct Reminders {
    /// What to say, and in how many milliseconds.
    #[arg(value_name = "MS:TEXT", value_parser = reminder)]
    texts: Vec<(Duration, String)>,
    /// A text that is taken back at once.
    #[arg(long)]
    without: Option<String>,
}

fn reminder(argument: &str) -> Result<(Duration, String), String> {
    let (time, text) = argument.split_once(':').ok_or("write MS:TEXT")?;
    let millis = time
        .parse()
        .map_err(|err| format!("{time:?} is no number of milliseconds: {err}"))?;
    Ok((Duration::from_millis(millis), text.to_owned()))
}

fn run(reminders: Reminders) -> greenserve::Result<()> {
    let mut waiting = Vec::new();
    for (after, text) in reminders.texts {
        let is_taken_back = reminders.without.as_deref() == Some(&text);
        let said = spawn_later(after, move || say(text))?;
        if is_taken_back {
            said.kill();
        }
        waiting.push(said);
    }
    let ended = join_all(waiting);
    let said = ended.iter().filter(|how| how.is_ok()).count();
    say(format_args!("{said} of {} were said", ended.len()));
    Ok(())
}

#[allow(clippy::print_stderr, reason = "this is a program")]
fn main() -> ExitCode {
    match run(Reminders::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err}");
            err.exit_code()
        }
    }
}
