//! Saved measurements, of which every byte may be wrong.

use serde_json::{Value, json};

use crate::archive::parse;
use crate::comparing::{FIGURES, differences};
use crate::report::differences::{Rounds, report as compared};
use crate::report::every_form;
use crate::saved::{Run, Saved};

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
    let saved = Saved::example([Run::full("a"), Run::example("b", 1.0), Run::example("a", 2.0)]);
    let mut value = serde_json::to_value(saved).expect("a report");
    for change in bytes.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]]));
        let mut leaves = leaves(&mut value);
        let count = leaves.len();
        *leaves.swap_remove(place % count) = hostile(change[2]);
    }
    if let Ok(saved) = parse(value.to_string().as_bytes()) {
        show(&saved);
    }
}

fn show(saved: &Saved) {
    let text = serde_json::to_vec(saved).expect("what was read is written");
    let again = parse(&text).expect("what was written is read");
    assert_eq!(again_as_value(&again), again_as_value(saved));
    for form in every_form(saved) {
        assert!(!form.contains(&b'\x1b'), "a terminal would obey");
    }
    let (a, b) = saved.runs.split_at(saved.runs.len() / 2);
    if let Ok(differences) = differences(a, b, &FIGURES) {
        let side = |name, runs| Rounds { name, runs };
        compared(side("A", a), side("B", b), &differences);
    }
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

/// Each kind of value, where it is at its worst.
fn hostile(choice: u8) -> Value {
    match choice % 24 {
        0 => json!(0),
        1 => json!(1),
        2 => json!(u64::MAX),
        3 => json!(u32::MAX),
        4 => json!(i64::MIN),
        5 => json!(-1),
        6 => json!(-0.0),
        7 => json!(1e308),
        8 => json!(-1e308),
        9 => json!(1e-308),
        10 => json!(0.1),
        11 => json!(1e19),
        12 => json!(u64::MAX / 1000),
        13 => json!(2),
        14 => Value::Null,
        15 => json!(true),
        16 => json!(false),
        17 => json!(""),
        18 => json!("a"),
        19 => json!("\u{1b}[2J\r\n<script>"),
        20 => json!("é\u{202e}字\u{0}".repeat(100)),
        21 => json!("b,\"|c"),
        22 => json!([]),
        _ => json!({}),
    }
}
