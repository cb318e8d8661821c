//! A measurement that was saved, read again.

use std::path::Path;

use serde_json::Value;

use crate::base::failure::Failure;
use crate::base::{bounded, format};
use crate::saved::{Run, SCHEMA, Saved};

/// Reads the report at `path`.
///
/// # Errors
/// [`Failure::Unreadable`] when it is not there, is no report, or is one of
/// another version's.
pub(crate) fn read(path: &Path) -> Result<Saved, Failure> {
    let failed = |reason| Failure::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let text = bounded::read(path, LARGEST).map_err(|err| failed(format!("{err}; {REMEDY}")))?;
    parse(&text).map_err(failed)
}

/// Reads the text of a report; the error says what is wrong with it.
pub(crate) fn parse(text: &[u8]) -> Result<Saved, String> {
    let mut value: Value = serde_json::from_slice(text).map_err(|err| format!("it is no JSON: {err}; {REMEDY}"))?;
    make_printable(&mut value);
    let schema = value.get("schema").and_then(Value::as_u64);
    match schema {
        Some(schema) if schema > u64::from(SCHEMA) => Err(format!(
            "it has schema {schema} and this program knows {SCHEMA} and older; use the newer bench-client"
        )),
        Some(schema) if schema < u64::from(SCHEMA) => Err(format!(
            "it has schema {schema} and this program knows {SCHEMA}; use the bench-client that wrote it, or measure again"
        )),
        _ => {
            let saved: Saved = serde_json::from_value(value).map_err(|err| format!("{err}; {REMEDY}"))?;
            check(&saved).map(|()| saved)
        }
    }
}

/// Times that cannot be read would be missing from every form that is made of
/// them, and a report without runs is empty in all.
fn check(saved: &Saved) -> Result<(), String> {
    // Without any text there are none, as of a run that was idle.
    let broken = |run: &&Run| {
        let times = run.time();
        times.count > 0 && !times.histogram.is_empty() && times.decoded().is_none()
    };
    match saved.runs.iter().find(broken) {
        _ if saved.runs.is_empty() => Err(format!("it has no runs; {REMEDY}")),
        Some(run) => Err(format!("the histogram of {:?} cannot be read; {REMEDY}", run.name)),
        None => Ok(()),
    }
}

/// More bytes no report has: one of a day of seconds, with the times of each,
/// has about half of it.
const LARGEST: u64 = 512 << 20;

const REMEDY: &str = "give a file that --json wrote";

/// A file may come from anywhere: no text in it may command the terminal or
/// begin a line of its own.
pub(crate) fn make_printable(value: &mut Value) {
    match value {
        Value::String(text) => *text = format::printable(text),
        Value::Array(values) => values.iter_mut().for_each(make_printable),
        Value::Object(fields) => fields.values_mut().for_each(make_printable),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_text_of_a_file_commands_the_terminal() {
        let saved = Saved::example([Run::example("\u{1b}[2J\nvalid", 1.0).timed()]);
        let read = parse(&serde_json::to_vec(&saved).unwrap()).unwrap();
        assert_eq!(read.runs[0].name, "\u{fffd}[2J\u{fffd}valid");
    }

    #[test]
    fn a_report_without_runs_or_times_is_none() {
        let mut broken = Run::example("a", 1.0).timed();
        broken.service_time.histogram.truncate(9);
        for (saved, reason) in [
            (Saved::example([]), "no runs"),
            (Saved::example([broken]), "histogram of \"a\""),
        ] {
            let message = parse(&serde_json::to_vec(&saved).unwrap()).unwrap_err();
            assert!(message.contains(reason), "{message}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,200}") {
            prop_assert!(parse(text.as_bytes()).is_err());
        }
    }

    #[test]
    fn what_is_no_report_is_told_from_one_of_another_version() {
        for (text, reason) in [
            ("", "no JSON"),
            ("{}", "missing field"),
            ("[1]", "--json"),
            ("{\"schema\": \"2\"}", "--json"),
            ("{\"schema\": 999}", "newer bench-client"),
            ("{\"schema\": 1, \"runs\": []}", "measure again"),
        ] {
            let message = parse(text.as_bytes()).unwrap_err();
            assert!(message.contains(reason), "{text}: {message}");
        }
    }
}
