//! What a report may say of a run: what the schedule asked for, what was not
//! answered, and what is not to be compared.
#![allow(missing_docs)]

mod program;
mod reference;

use program::{Run, run};
use reference::Reference;

fn against(server: &Reference, options: &[&str]) -> Run {
    run(&format!("tcp://{}", server.address), options)
}

fn count(run: &Run, field: &str) -> u64 {
    run.report[field].as_u64().unwrap_or_else(|| panic!("{}", run.text()))
}

#[test]
fn what_a_drawn_schedule_offered_is_what_it_had() {
    let server = Reference::start("tcp");
    let schedule = ["--rate", "200", "--arrivals", "poisson", "--seed", "3"];
    let run = against(&server, &[&schedule[..], &["-c", "5", "-d", "1s"]].concat());
    let offered = count(&run, "offered");
    assert_eq!(
        offered,
        count(&run, "answers") + count(&run, "unfinished"),
        "{}",
        run.text()
    );
    // Of this seed; the mean of all is 200.
    assert!((185..200).contains(&offered), "{offered}");
    assert!(!run.text().contains("of the offered rate"), "{}", run.text());
}

#[test]
fn a_rate_beyond_the_server_has_no_clean_quantiles() {
    let server = Reference::start("tcp --delay 50ms");
    let gate = ["--fail-if", "p99>100s", "--percentiles", "50,99"];
    let run = against(
        &server,
        &[&gate[..], &["-c", "2", "-d", "1s", "--rate", "100"]].concat(),
    );
    let text = run.text();
    assert!(run.report["response_time"]["p99"].is_null(), "{text}");
    assert!((98..=100).contains(&count(&run, "offered")), "{text}");
    assert!((1..60).contains(&count(&run, "answers")), "{text}");
    assert!(text.contains("p99 was not measured"), "{text}");
    assert!(text.contains("p99 -  max > "), "{text}");
    assert_eq!(run.status(), 4, "{text}");
}
