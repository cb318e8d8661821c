//! A client for the fuzz targets, and what it asks for.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::path::{Path, PathBuf};

use greenserve::net::UnixStream;
use greenserve::testing::TestServer;
use greenserve::{Handler, Inline, Unix, UnixServer};

/// A server that is asked one thing after the other: on one thread, since
/// sanitizers make one for each connection dear.
pub struct Server(TestServer<Unix, Inline>);

impl Server {
    pub fn new(handler: impl Handler<UnixStream>) -> Server {
        Server(TestServer::build(UnixServer::builder(handler).inline()).expect("a server"))
    }

    /// What comes back for the bytes, whose sender then ends its direction.
    pub fn ask(&self, bytes: &[u8]) -> Vec<u8> {
        let mut client = self.0.connect().expect("a connection");
        // The server may have ended the connection before it had all.
        let _ = client.write_all(bytes);
        let _ = client.shutdown(Shutdown::Write);
        let mut answers = Vec::new();
        let _ = client.read_to_end(&mut answers);
        answers
    }
}

/// A folder of files to serve.
pub fn folder(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    // This is compiled for the fuzzer, and for a test of the library.
    let mut places = here.ancestors().map(|folder| folder.join("fuzz/files").join(name));
    places.find(|place| place.exists()).expect("a folder")
}
