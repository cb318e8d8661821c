//! Histograms out of a file, before they are text: a file has them in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::report::every_form;
use crate::saved::{Run, Saved, Times};

/// What is no histogram is none; what is one is shown in every form.
pub fn histogram(bytes: &[u8]) {
    let times = Times {
        histogram: BASE64.encode(bytes),
        ..Times::default()
    };
    let Some(decoded) = times.decoded() else { return };
    assert!(!decoded.is_empty() && decoded.min() <= decoded.max());
    // Two rounds, so that they are pooled, and times of another range.
    let round = Run {
        service_time: times,
        ..Run::example("a", 1.0)
    };
    every_form(&Saved::example([round.clone(), Run::example("a", 1.0).timed(), round]));
}
