//! The library's fuzz targets over their seeds and over mutations of those, without a fuzzer.
#![allow(clippy::expect_used, reason = "a target fails by panicking")]

#[cfg(feature = "http")]
#[allow(unreachable_pub, reason = "it is shared with the fuzzer")]
#[path = "../fuzz/src/answer.rs"]
mod answer;
#[allow(unreachable_pub, reason = "it is shared with the fuzzer")]
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "files are for HTTP"))]
#[path = "../fuzz/src/ask.rs"]
mod ask;
#[cfg(feature = "compression")]
#[allow(unreachable_pub, reason = "the fuzzer calls them from outside")]
#[path = "../fuzz/src/codings.rs"]
mod codings;
#[cfg(feature = "http")]
#[allow(unreachable_pub, reason = "the fuzzer calls them from outside")]
#[path = "../fuzz/src/conditions.rs"]
mod conditions;
#[cfg(feature = "websocket")]
#[allow(unreachable_pub, reason = "the fuzzer calls them from outside")]
#[path = "../fuzz/src/conversation.rs"]
mod conversation;
#[cfg(feature = "cookies")]
#[allow(unreachable_pub, reason = "the fuzzer calls them from outside")]
#[path = "../fuzz/src/cookies.rs"]
mod cookies;
#[cfg(feature = "http")]
#[allow(unreachable_pub, reason = "it is shared with the fuzzer")]
#[path = "../fuzz/src/dates.rs"]
mod dates;
#[cfg(feature = "forms")]
#[allow(unreachable_pub, reason = "the fuzzer calls them from outside")]
#[path = "../fuzz/src/fields.rs"]
mod fields;
#[cfg(feature = "http")]
#[allow(unreachable_pub, reason = "the fuzzer calls them from outside")]
#[path = "../fuzz/src/files.rs"]
mod files;
#[cfg(feature = "forms")]
#[allow(unreachable_pub, reason = "the fuzzer calls them from outside")]
#[path = "../fuzz/src/forms.rs"]
mod forms;
#[cfg(feature = "websocket")]
#[allow(unreachable_pub, reason = "it is shared with the fuzzer")]
#[path = "../fuzz/src/frames.rs"]
mod frames;
#[cfg(feature = "http")]
#[allow(unreachable_pub, reason = "the fuzzer calls them from outside")]
#[path = "../fuzz/src/http.rs"]
mod http;
#[allow(unreachable_pub, reason = "the fuzzer calls them from outside")]
#[path = "../fuzz/src/library.rs"]
mod library;
#[path = "../fuzz/src/mutation.rs"]
mod mutation;
#[cfg(feature = "http")]
#[allow(unreachable_pub, reason = "it is shared with the fuzzer")]
#[path = "../fuzz/src/pieces.rs"]
mod pieces;
#[cfg(feature = "http")]
#[allow(unreachable_pub, reason = "the fuzzer calls them from outside")]
#[path = "../fuzz/src/routes.rs"]
mod routes;
#[cfg(feature = "websocket")]
#[allow(unreachable_pub, reason = "the fuzzer calls them from outside")]
#[path = "../fuzz/src/upgrade.rs"]
mod upgrade;

use mutation::exercise;

#[test]
fn addresses() {
    exercise("address", 20_000, library::address);
}

#[test]
fn headers_of_proxies() {
    exercise("proxy_header", 50_000, library::proxy_header);
}

#[test]
fn what_a_stream_handler_reads() {
    exercise("lines", 1_000, library::lines);
}

#[test]
fn frames_of_the_file_server() {
    exercise("frames", 5_000, library::frames);
}

#[cfg(feature = "http")]
#[test]
fn heads_of_requests() {
    exercise("http_head", 10_000, http::http_head);
}

#[cfg(feature = "http")]
#[test]
fn bodies_in_chunks() {
    exercise("http_body", 5_000, http::http_body);
}

#[cfg(feature = "http")]
#[test]
fn paths_and_ranges_of_files() {
    exercise("http_files", 5_000, files::http_files);
}

#[cfg(feature = "http")]
#[test]
fn paths_of_routes() {
    exercise("http_routes", 5_000, routes::http_routes);
}

#[cfg(feature = "forms")]
#[test]
fn forms_in_parts() {
    exercise("http_multipart", 2_000, forms::http_multipart);
}

#[cfg(feature = "forms")]
#[test]
fn forms_in_one_part() {
    exercise("http_form", 500, fields::http_form);
}

#[cfg(feature = "cookies")]
#[test]
fn cookies_that_come_and_go() {
    exercise("http_cookies", 3_000, cookies::http_cookies);
}

#[cfg(feature = "http")]
#[test]
fn conditions_of_requests() {
    exercise("http_conditions", 1_500, conditions::http_conditions);
}

#[cfg(feature = "compression")]
#[test]
fn codings_that_are_accepted() {
    exercise("http_codings", 2_000, codings::http_codings);
}

#[cfg(feature = "websocket")]
#[test]
fn heads_that_open_websockets() {
    exercise("websocket_upgrade", 3_000, upgrade::websocket_upgrade);
}

#[cfg(feature = "websocket")]
#[test]
fn frames_of_websockets() {
    exercise("websocket_frames", 250, conversation::websocket_frames);
}
