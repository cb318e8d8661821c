//! Echo over TLS: the handler is plain code, and the handshake is part of what
//! its coroutine does first.
//!
//! Without files it makes a certificate at its start, which signs itself, for
//! `localhost`.
//!
//! Run with: cargo run --features tls --example tls_echo
//! Try with: openssl s_client -quiet -connect 127.0.0.1:8443
//! Then: ... -- --chain chain.pem --key key.pem

mod common;

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use greenserve::tls::{self, Certificates, Pem, TlsStream};
use greenserve::{Context, Error, Result, TcpServer, with_context};

#[derive(Debug, Parser)]
struct TlsOptions {
    #[command(flatten)]
    common: common::Options,
    /// The certificate chain, a PEM file.
    #[arg(long, value_name = "FILE", requires = "key")]
    chain: Option<PathBuf>,
    /// Its private key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "chain")]
    key: Option<PathBuf>,
}

fn echo(client: &mut TlsStream<std::net::TcpStream>, context: &Context) -> io::Result<()> {
    let mut buffer = [0; 1024];
    // False when the client has said that it has finished, or the server ends.
    while client.wait_for_request(context)? {
        let count = client.read(&mut buffer)?;
        client.write_all(&buffer[..count])?;
    }
    Ok(())
}

fn certificates(options: &TlsOptions) -> Result<Certificates> {
    if let (Some(chain), Some(key)) = (&options.chain, &options.key) {
        return Certificates::load(chain, key);
    }
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(|err| Error::System {
        action: "make a certificate",
        source: io::Error::other(err),
    })?;
    Certificates::load(Pem::text(made.cert.pem()), Pem::text(made.signing_key.serialize_pem()))
}

fn main() -> ExitCode {
    let options = TlsOptions::parse();
    common::start(&options.common, "127.0.0.1:8443", |address| {
        let handler = tls::serve(certificates(&options)?, with_context(echo));
        common::serve(TcpServer::bind(address, handler)?, &options.common)
    })
}
