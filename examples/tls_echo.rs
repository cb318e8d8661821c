//! Echo over TLS 1.3: rustls reads and writes this crate's stream as it would
//! one of std, and where it waits for the client the coroutine suspends.
//!
//! The certificate is made at each start and signs itself, for `localhost`.
//!
//! Run with: cargo run --example tls_echo
//! Try with: openssl s_client -quiet -connect 127.0.0.1:8443

mod common;

use std::error::Error as StdError;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;

use greenserve::net::TcpStream;
use greenserve::{Context, Error, Failure, Result, TcpServer, with_context};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection};

fn echo(client: &mut TcpStream, context: &Context, tls: &Arc<ServerConfig>) -> std::result::Result<(), Failure> {
    let mut session = ServerConnection::new(Arc::clone(tls))?;
    // The handshake is part of the first read.
    let mut client = rustls::Stream::new(&mut session, client);
    let mut buffer = [0; 1024];
    loop {
        // What rustls has read ahead is a message that has come.
        let ahead = client.conn.process_new_packets()?.plaintext_bytes_to_read();
        let comes = ahead > 0 || context.wait_for_request(client.sock)?;
        if !comes && context.is_draining() {
            client.conn.send_close_notify();
            return Ok(client.flush()?);
        }
        // Only a client that says so has finished. Who just hangs up may have
        // been cut off by somebody else, and that is an error.
        let count = client.read(&mut buffer)?;
        if count == 0 {
            client.conn.send_close_notify();
            return Ok(client.flush()?);
        }
        client.write_all(&buffer[..count])?;
    }
}

fn self_signed() -> std::result::Result<ServerConfig, Box<dyn StdError + Send + Sync>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder().with_no_client_auth();
    Ok(config.with_single_cert(vec![made.cert.into()], key.into())?)
}

fn serve(options: &common::Options, address: &str) -> Result<()> {
    let tls = self_signed().map(Arc::new).map_err(|err| Error::System {
        action: "make a certificate",
        source: io::Error::other(err),
    })?;
    let session = move |client: &mut TcpStream, context: &Context| echo(client, context, &tls);
    let server = TcpServer::bind(address, with_context(session))?;
    common::serve(server, options)
}

fn main() -> ExitCode {
    common::main("127.0.0.1:8443", serve)
}
