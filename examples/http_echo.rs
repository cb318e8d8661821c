//! Answers any request with its own body.
//!
//! The body is sent while it comes, so one of any size takes no memory. Each
//! answer has a line in the log: RUST_LOG=greenserve::access=info shows them.
//!
//! Run with: cargo run --features http --example http_echo
//! Try with: curl --data hello http://127.0.0.1:8080/
//! Then: curl -T README.md http://127.0.0.1:8080/

mod common;

use std::io;
use std::process::ExitCode;

use greenserve::TcpServer;
use greenserve::http::{self, AccessLog, Request, Response, header};

fn echo(request: &mut Request, response: &mut Response) -> http::Result {
    if let Some(kind) = request.headers().get(header::CONTENT_TYPE) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
    }
    request.body().set_limit(u64::MAX);
    io::copy(request.body(), response)?;
    Ok(())
}

fn main() -> ExitCode {
    common::main("127.0.0.1:8080", |options, address| {
        let http = http::serve(echo).access_log(AccessLog::combined());
        common::serve(TcpServer::bind(address, http)?, options)
    })
}
