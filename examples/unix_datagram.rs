//! Sends each datagram back over a Unix socket, to clients that can be
//! answered: those that bound a path of their own.
//!
//! Run with: cargo run --example unix_datagram
//! Try with: python3 -c "
//!           import os, socket
//!           s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
//!           s.bind('/tmp/greenserve-client.sock')
//!           s.sendto(b'hello', '/tmp/greenserve-datagram.sock')
//!           print(s.recv(8192))
//!           os.unlink('/tmp/greenserve-client.sock')"

mod common;

use std::io::{Read, Write};
use std::process::ExitCode;

use greenserve::net::Peer;
use greenserve::{DatagramHandler, DatagramRequest, Failure, UnixDatagramServer, each_datagram};

struct Echo;

impl DatagramHandler for Echo {
    fn handle(&mut self, request: &mut DatagramRequest) -> Result<(), Failure> {
        let mut data = Vec::new();
        request.rfile.read_to_end(&mut data)?;
        let client = request.context.client_address();
        log::info!("{client} wrote: {:?}", String::from_utf8_lossy(&data));
        if *client == Peer::Unnamed {
            log::info!("a client without a path cannot be answered");
        } else {
            request.wfile.write_all(&data)?;
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    common::main("unix:/tmp/greenserve-datagram.sock", |options, address| {
        common::serve(UnixDatagramServer::bind(address, each_datagram(|| Echo))?, options)
    })
}
