//! HTTP server on hyper and tokio: one task per client.
//!
//! Run: `peer-hyper [--listen HOST:PORT] [--workers N]`
//!
//! Choices made for fairness:
//! - tokio's scheduler is `current` for one worker, its fastest on one core, and
//!   work stealing with N threads for more;
//! - replies to pipelined requests go out together (`pipeline_flush`), which
//!   hyper does not do unless asked;
//! - hyper has no timer, and so no time limit on anything: its fastest;
//! - bodies are static, so none is copied to be sent.

use std::convert::Infallible;
use std::io;
use std::sync::LazyLock;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use peers::{ACCEPT_RETRY, Options, accept_failed, announce};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

const HELLO: Bytes = Bytes::from_static(b"Hello, world!");
static LARGE: LazyLock<Bytes> = LazyLock::new(|| "0123456789abcdef".repeat(4096).into());

fn main() -> io::Result<()> {
    let options = Options::parse();
    let mut builder = match options.workers {
        1 => Builder::new_current_thread(),
        workers => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(workers);
            builder
        }
    };
    builder.enable_all().build()?.block_on(async {
        let listener = peers::listen(options.listen)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        announce(listener.local_addr()?)?;
        tokio::spawn(serve(listener)).await?;
        Ok(())
    })
}

async fn serve(listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(async move {
                    // A client that fails is simply dropped.
                    let _ = converse(stream).await;
                });
            }
            Err(error) => {
                accept_failed(&error);
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

async fn converse(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    http1::Builder::new()
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await
        .map_err(io::Error::other)
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = match request.uri().path() {
        "/64k" => LARGE.clone(),
        _ => HELLO,
    };
    let mut response = Response::new(Full::new(body));
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    Ok(response)
}
