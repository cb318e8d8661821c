//! A client for the fuzz targets.

use std::io::{Read, Write};
use std::net::Shutdown;

use greenserve::testing::TestServer;
use greenserve::{Thread, Unix};

/// What comes back for the bytes, whose sender then ends its direction.
pub fn ask(server: &TestServer<Unix, Thread>, bytes: &[u8]) -> Vec<u8> {
    let mut client = server.connect().expect("a connection");
    // The server may have ended the connection before it had all.
    let _ = client.write_all(bytes);
    let _ = client.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    let _ = client.read_to_end(&mut answers);
    answers
}
