//! A client for the fuzz targets, and what it asks for.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::path::{Path, PathBuf};

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

/// A folder of files to serve.
pub fn folder(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    // This is compiled for the fuzzer, and for a test of the library.
    let mut places = here.ancestors().map(|folder| folder.join("fuzz/files").join(name));
    places.find(|place| place.exists()).expect("a folder")
}
