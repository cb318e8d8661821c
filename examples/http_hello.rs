//! The smallest HTTP server: the same 13 bytes for every request, and 64 KiB for
//! `/64k`, to see what larger answers cost.
//!
//! Run with: cargo run --features http --example http_hello
//! Try with: curl http://127.0.0.1:8080/

mod common;

use std::process::ExitCode;
use std::sync::LazyLock;

use greenserve::TcpServer;
use greenserve::http::{self, Request, Response};

static LARGE: LazyLock<String> = LazyLock::new(|| "0123456789abcdef".repeat(4096));

fn hello(request: &mut Request, response: &mut Response) -> http::Result {
    match request.path() {
        "/64k" => response.send(LARGE.as_str()),
        _ => response.send("Hello, world!"),
    }
}

fn main() -> ExitCode {
    common::main("127.0.0.1:8080", |options, address| {
        common::serve(TcpServer::bind(address, http::serve(hello))?, options)
    })
}
