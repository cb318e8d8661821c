//! The library's fuzz targets over their seeds and over mutations of those, without a fuzzer.
#![allow(clippy::expect_used, reason = "a target fails by panicking")]

#[cfg(feature = "http")]
#[allow(unreachable_pub, reason = "it is shared with the fuzzer")]
#[path = "../fuzz/src/answer.rs"]
mod answer;
#[cfg(feature = "http")]
#[allow(unreachable_pub, reason = "it is shared with the fuzzer")]
#[path = "../fuzz/src/ask.rs"]
mod ask;
#[cfg(feature = "http")]
#[allow(unreachable_pub, reason = "the fuzzer calls them from outside")]
#[path = "../fuzz/src/files.rs"]
mod files;
#[cfg(feature = "forms")]
#[allow(unreachable_pub, reason = "the fuzzer calls them from outside")]
#[path = "../fuzz/src/forms.rs"]
mod forms;
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
