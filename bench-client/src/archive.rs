//! A measurement that was saved, read again.

use std::path::Path;

use serde_json::Value;

use crate::failure::Failure;
use crate::saved::{SCHEMA, Saved};

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
    let text = std::fs::read(path).map_err(|err| failed(err.to_string()))?;
    parse(&text).map_err(failed)
}

fn parse(text: &[u8]) -> Result<Saved, String> {
    let value: Value = serde_json::from_slice(text).map_err(|err| format!("it is no JSON: {err}"))?;
    let schema = value.get("schema").and_then(Value::as_u64);
    match schema {
        Some(schema) if schema > u64::from(SCHEMA) => Err(format!(
            "it has schema {schema} and this program knows {SCHEMA} and older; use the newer bench-client"
        )),
        Some(schema) if schema < u64::from(SCHEMA) => Err(format!(
            "it has schema {schema} and this program knows {SCHEMA}; measure again"
        )),
        _ => serde_json::from_value(value).map_err(|err| format!("{err}; is it what --json of run or ab wrote?")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
