//! Every fuzz target over its seeds and over mutations of them.

#[path = "../../../fuzz/src/mutation.rs"]
mod mutation;

use mutation::exercise;

#[test]
fn answers_of_servers() {
    exercise("echo", 200, super::echo);
    exercise("http_response", 300, super::http_response);
    exercise("websocket", 1000, super::websocket);
}

#[test]
fn requests_to_the_reference_server() {
    exercise("http_request", 2000, super::http_request);
}

#[test]
fn saved_reports() {
    exercise("report", 40, super::report);
    exercise("report_fields", 30, super::report_fields);
    exercise("histogram", 100, super::histogram);
}

/// Or nothing behind the first look at them would be tried.
#[test]
fn the_seeds_of_reports_are_reports() {
    for (name, text) in [
        ("short", &include_bytes!("../../../fuzz/seeds/report/short.json")[..]),
        ("full", include_bytes!("../../../fuzz/seeds/report/full.json")),
    ] {
        let read = crate::saved::archive::parse(text);
        assert!(
            read.is_ok(),
            "fuzz/seeds/report/{name}.json: {read:?}; give it what a report has now"
        );
    }
}

#[test]
fn texts_of_the_kernel() {
    exercise("kernel", 2000, super::kernel);
}

#[test]
fn words_of_the_command_line() {
    exercise("command_line", 5000, super::command_line);
}
