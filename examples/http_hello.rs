//! The smallest HTTP server: the same 13 bytes for every request.
//!
//! Run with: cargo run --features http --example http_hello
//! Try with: curl http://127.0.0.1:8080/

mod common;

use std::process::ExitCode;

use greenserve::TcpServer;
use greenserve::http::{self, Request, Response};

fn hello(_: &mut Request, response: &mut Response) -> http::Result {
    response.send("Hello, world!")
}

fn main() -> ExitCode {
    common::main("127.0.0.1:8080", |options, address| {
        common::serve(TcpServer::bind(address, http::serve(hello))?, options)
    })
}
