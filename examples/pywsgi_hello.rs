//! Says hello and counts, as a WSGI program on gevent's `pywsgi` does; before
//! and after stand in docs/PORTING-HTTP.md.
//!
//! Run with: cargo run --features http --example pywsgi_hello
//! Try with: curl http://127.0.0.1:8088/
//! Then: curl -N http://127.0.0.1:8088/count

mod common;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use greenserve::http::{self, Request, Response, StatusCode};
use greenserve::{TcpServer, runtime};

fn application(request: &mut Request, response: &mut Response) -> http::Result {
    match request.path() {
        "/" => {
            response.header("content-type", "text/html")?;
            response.send("<b>hello</b>\n")
        }
        "/count" => count(response),
        _ => {
            response.set_status(StatusCode::NOT_FOUND);
            response.header("content-type", "text/html")?;
            response.send("<h1>Not Found</h1>\n")
        }
    }
}

fn count(response: &mut Response) -> http::Result {
    response.header("content-type", "text/plain")?;
    for number in 0..3 {
        writeln!(response, "{number}")?;
        response.flush()?;
        runtime::sleep(Duration::from_millis(100))?;
    }
    Ok(())
}

fn main() -> ExitCode {
    common::main("127.0.0.1:8088", |options, address| {
        common::serve(TcpServer::bind(address, http::serve(application))?, options)
    })
}
