//! Shouts back what it is sent, as a program of `http.server` does; before and
//! after stand in docs/PORTING-HTTP.md.
//!
//! Run with: cargo run --features http --example http_server_shout -- --model thread
//! Try with: curl -d hello http://127.0.0.1:8080/

mod common;

use std::process::ExitCode;

use greenserve::TcpServer;
use greenserve::http::{self, Method, Refusal, Request, Response, StatusCode};

fn shout(request: &mut Request, response: &mut Response) -> http::Result {
    match *request.method() {
        Method::GET if request.path() == "/" => answer(response, b"send a text by POST\n"),
        Method::GET => Err(Refusal::new(StatusCode::NOT_FOUND, "there is nothing here").into()),
        Method::POST => {
            let text = request.body().bytes(1 << 20)?;
            answer(response, &text.to_ascii_uppercase())
        }
        _ => Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "GET and POST are known here").into()),
    }
}

fn answer(response: &mut Response, body: &[u8]) -> http::Result {
    response.header("content-type", "text/plain")?;
    response.send(body)
}

fn main() -> ExitCode {
    common::main("127.0.0.1:8080", |options, address| {
        common::serve(TcpServer::bind(address, http::serve(shout))?, options)
    })
}
