//! Saved measurements, of which every byte may be wrong.

use serde_json::{Value, json};

use crate::judge::compare::{FIGURES, differences};
use crate::report::every_form;
use crate::saved::archive::parse;
use crate::saved::{Run, SCHEMA, Saved};

/// The text of a file: what is no report is told, and what is one is shown and
/// written again.
pub fn report(bytes: &[u8]) {
    if let Ok(saved) = parse(bytes) {
        show(&saved);
    }
}

/// A right report in which values are replaced, one for three bytes: two say
/// which, and one by what. So more is wrong than the form.
pub fn report_fields(bytes: &[u8]) {
    let mut saved = Saved::compared();
    saved.runs.extend([
        Run::full("a"),
        Run::example("b", 1.0),
        Run::example("a", 2.0).under(20, "1k"),
    ]);
    saved.knees = saved.find_knees();
    let mut value = serde_json::to_value(saved).expect("a report");
    for change in bytes.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]]));
        let mut leaves = leaves(&mut value);
        let count = leaves.len();
        let leaf = leaves.swap_remove(place % count);
        *leaf = hostile(leaf, change[2]);
    }
    value["schema"] = SCHEMA.into();
    if let Ok(saved) = parse(value.to_string().as_bytes()) {
        show(&saved);
    }
}

fn show(saved: &Saved) {
    let text = serde_json::to_vec(saved).expect("what was read is written");
    let again = parse(&text).expect("what was written is read");
    assert_eq!(again_as_value(&again), again_as_value(saved));
    let unjudged = Saved {
        judgements: Vec::new(),
        ..saved.clone()
    };
    for form in every_form(saved).into_iter().chain(every_form(&unjudged)) {
        assert!(!form.contains(&b'\x1b'), "a terminal would obey");
    }
    let (a, b) = saved.runs.split_at(saved.runs.len() / 2);
    // Whether they are comparable is not the question.
    let _ = differences(a, b, &FIGURES);
}

fn again_as_value(saved: &Saved) -> Value {
    serde_json::to_value(saved).expect("a report")
}

/// Every text, number, truth or null in `value`.
fn leaves(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Array(values) => values.iter_mut().flat_map(leaves).collect(),
        Value::Object(fields) => fields.values_mut().flat_map(leaves).collect(),
        leaf => vec![leaf],
    }
}

/// A value of the kind of `leaf`, or a number where there is none: what is at
/// the borders of its kind.
fn hostile(leaf: &Value, choice: u8) -> Value {
    let choice = usize::from(choice);
    match leaf {
        Value::String(_) => TEXTS[choice % TEXTS.len()].into(),
        Value::Bool(value) => (!value).into(),
        _ => numbers().swap_remove(choice % numbers().len()),
    }
}

const TEXTS: [&str; 6] = [
    "",
    "a",
    "\u{1b}[2J\r\n<script>",
    "b,\"|c",
    "é\u{202e}字\u{0}",
    "............................................................................",
];

fn numbers() -> Vec<Value> {
    vec![
        json!(0),
        json!(1),
        json!(2),
        json!(u32::MAX),
        json!(u64::MAX / 1000),
        json!(u64::MAX),
        json!(0.1),
        json!(1e-308),
        json!(1e19),
        json!(1e308),
        json!(-0.0),
        json!(-1e308),
        json!(i64::MIN),
        Value::Null,
    ]
}
