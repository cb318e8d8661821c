//! The smallest HTTPS server: the same 13 bytes for every request, encrypted, and
//! 64 KiB for `/64k`, to see what larger answers cost.
//!
//! Without files it makes a certificate at its start, which signs itself, for
//! `localhost`.
//!
//! Run with: cargo run --features http,tls --example https_hello
//! Try with: curl --insecure https://127.0.0.1:8443/
//! Then: ... -- --chain chain.pem --key key.pem

mod common;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::Parser;
use greenserve::http::{self, Request, Response};
use greenserve::tls::{self, Certificates, CertificatesBuilder, Pem};
use greenserve::{Error, Result, TcpServer};

#[derive(Debug, Parser)]
struct HttpsOptions {
    #[command(flatten)]
    common: common::Options,
    /// The certificate chain, a PEM file.
    #[arg(long, value_name = "FILE", requires = "key")]
    chain: Option<PathBuf>,
    /// Its private key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "chain")]
    key: Option<PathBuf>,
}

static LARGE: LazyLock<String> = LazyLock::new(|| "0123456789abcdef".repeat(4096));

fn hello(request: &mut Request, response: &mut Response) -> http::Result {
    match request.path() {
        "/64k" => response.send(LARGE.as_str()),
        _ => response.send("Hello, world!"),
    }
}

fn certificate(options: &HttpsOptions) -> Result<CertificatesBuilder> {
    if let (Some(chain), Some(key)) = (&options.chain, &options.key) {
        return Ok(Certificates::builder().certificate(chain, key));
    }
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(|err| Error::System {
        action: "make a certificate",
        source: io::Error::other(err),
    })?;
    let key = Pem::text(made.signing_key.serialize_pem());
    Ok(Certificates::builder().certificate(Pem::text(made.cert.pem()), key))
}

fn main() -> ExitCode {
    let options = HttpsOptions::parse();
    common::start(&options.common, "127.0.0.1:8443", |address| {
        let certificates = certificate(&options)?.alpn(["http/1.1"]).build()?;
        let handler = tls::serve(certificates, http::serve(hello));
        common::serve(TcpServer::bind(address, handler)?, &options.common)
    })
}
