//! Runs each example as a program, as who tries it would, and holds it to the
//! bytes that the Python originals exchange with their clients.
//!
//! `cargo test` builds the examples before it runs this.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

mod arguments;
#[cfg(all(feature = "tls", feature = "websocket"))]
mod browser;
mod clients;

mod endings;
mod features;
mod file_client;
mod file_safety;
mod files;
mod full_pipe;
mod hardened;
mod helpers;
#[cfg(feature = "minihttp")]
mod http;
#[cfg(feature = "http")]
mod http_porting;
mod mixin;
mod program;
mod proxy;
mod queues;
mod resp;
#[cfg(all(feature = "http", feature = "ureq"))]
mod reverse_answers;
#[cfg(all(feature = "http", feature = "ureq"))]
mod reverse_bodies;
#[cfg(all(feature = "http", feature = "ureq"))]
mod reverse_fields;
#[cfg(all(feature = "http", feature = "ureq"))]
mod reverse_proxy;
#[cfg(all(feature = "http", feature = "ureq"))]
mod reverse_targets;
mod streams;
mod supervised;
#[cfg(feature = "tls")]
mod tls;
#[path = "../common/tool.rs"]
#[allow(dead_code, reason = "the web's examples need more of it")]
mod tool;
mod tools;
mod udp;
mod unix;
#[cfg(feature = "http")]
mod web;
#[cfg(all(feature = "tls", feature = "websocket"))]
mod web_clients;
#[cfg(all(feature = "tls", feature = "websocket"))]
mod web_pages;
#[cfg(feature = "websocket")]
mod websocket;

/// One test a model: runs the example with it, on a port of its own, and then
/// has it end on SIGTERM.
///
/// What the test does is given the address; the program must have printed
/// nothing but the line with the address, and end with status 0.
macro_rules! in_models {
    ($test:ident, $example:literal, [$($model:ident),+], $talk:expr) => {
        mod $test {
            #[allow(unused_imports, reason = "what the test needs")]
            use super::*;
            $(
                #[test]
                fn $model() {
                    let talk: fn(&str) = $talk;
                    crate::program::serve_tcp($example, stringify!($model), talk);
                }
            )+
        }
    };
}
use in_models;

/// One test a model: calls the function of that name with it.
macro_rules! each_model {
    ($what:ident, [$($model:ident),+]) => {
        mod $what {
            $(
                #[test]
                fn $model() {
                    super::$what(stringify!($model));
                }
            )+
        }
    };
}
use each_model;
