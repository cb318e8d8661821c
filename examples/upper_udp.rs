//! Answers each datagram with one in upper case, without the spaces around it.
//!
//! Run with: cargo run --example upper_udp
//! Try with: echo hello | nc -u -w1 127.0.0.1 9999

mod common;

use std::io;
use std::process::ExitCode;

use greenserve::{Datagram, UdpServer};

fn upper(datagram: &mut Datagram<std::net::UdpSocket>) -> io::Result<()> {
    let data = datagram.packet().trim_ascii();
    log::info!("{} wrote: {:?}", datagram.peer(), String::from_utf8_lossy(data));
    // Spaces alone are answered with an empty datagram, as the original does.
    datagram.reply(&data.to_ascii_uppercase()).map(drop)
}

fn main() -> ExitCode {
    common::main("127.0.0.1:9999", |options, address| {
        common::serve(UdpServer::bind(address, upper)?, options)
    })
}
