//! HTTP server on hyper and tokio: one task per client. HTTPS with a certificate.
//!
//! Run: `peer-hyper [--listen HOST:PORT] [--workers N] [--chain FILE --key FILE]`
//!
//! Choices made for fairness:
//! - tokio's scheduler is `current` for one worker, its fastest on one core, and
//!   work stealing with N threads for more;
//! - replies to pipelined requests go out together (`pipeline_flush`), which
//!   hyper does not do unless asked;
//! - hyper has no timer, and so no time limit on anything: its fastest;
//! - bodies are static, so none is copied to be sent;
//! - TLS is tokio-rustls with rustls' defaults and ring: tickets stand for sessions
//!   that the server remembers, 256 of them.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, LazyLock};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use peers::{ACCEPT_RETRY, Options, accept_failed, announce, usage_error};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

const HELLO: Bytes = Bytes::from_static(b"Hello, world!");
static LARGE: LazyLock<Bytes> = LazyLock::new(|| "0123456789abcdef".repeat(4096).into());

fn main() -> io::Result<()> {
    let (mut chain, mut key) = (None, None);
    let options = Options::parse_with(|name, value| {
        match name {
            "--chain" => chain = Some(value.to_owned()),
            "--key" => key = Some(value.to_owned()),
            _ => return false,
        }
        true
    });
    let tls = match (chain, key) {
        (None, None) => None,
        (Some(chain), Some(key)) => Some(acceptor(&chain, &key)?),
        _ => usage_error("--chain and --key belong together"),
    };
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
        tokio::spawn(serve(listener, tls)).await?;
        Ok(())
    })
}

fn acceptor(chain: &str, key: &str) -> io::Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(chain)
        .map_err(io::Error::other)?
        .collect::<Result<_, _>>()
        .map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let tls = tls.clone();
                tokio::spawn(async move {
                    // A client that fails is simply dropped.
                    let _ = converse(stream, tls).await;
                });
            }
            Err(error) => {
                accept_failed(&error);
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, tls: Option<TlsAcceptor>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match tls {
        None => answer_all(stream).await,
        Some(tls) => answer_all(tls.accept(stream).await?).await,
    }
}

async fn answer_all(stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
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
