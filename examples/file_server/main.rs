//! Several users put and get files by name.
//!
//! A message is a frame: four bytes of length, most significant first, then as
//! many bytes, at most 65536. So messages never stick together, however TCP
//! cuts them. Each request is a frame of UTF-8 text and is answered by a frame
//! that begins with `OK ` or `ERROR `:
//!
//! | request | then |
//! | --- | --- |
//! | `USER NAME` | the user's own directory is entered; the first request |
//! | `PUT NAME` | after `OK`, the client sends content and gets a second answer |
//! | `GET NAME` | after `OK`, content follows |
//! | `LIST` | after `OK`, names follow, a frame each, and an empty frame |
//! | `QUIT` | after `OK`, the connection is closed |
//!
//! Content is any number of frames that are not empty, and an empty one. After
//! `ERROR` no content follows in either direction.
//!
//! Names do not begin with a dot and hold no separators or control characters.
//! Links are not followed, and a file with more than one name is not given out:
//! the other one may lie outside the root.
//! Nobody proves who they are: put a stricter program in front. Who gets a
//! file that is being put gets the one before, whole; a server that is killed
//! with SIGKILL may leave files called `.upload-...` behind, which nobody can
//! get or list.
//!
//! Run with: cargo run --example file_server -- --root /srv/files
//! Try with: python3, and this program:
//!
//! ```python
//! import socket, struct
//!
//! server = socket.create_connection(("127.0.0.1", 2121))
//! file = server.makefile("rwb")
//!
//! def send(payload):
//!     file.write(struct.pack(">I", len(payload)) + payload)
//!     file.flush()
//!
//! def receive():
//!     return file.read(struct.unpack(">I", file.read(4))[0])
//!
//! def ask(request):
//!     send(request)
//!     print(receive().decode())
//!
//! ask(b"USER alice")
//! ask(b"PUT greeting.txt")
//! send(b"hello, ")
//! send(b"world")
//! ask(b"")
//! ask(b"GET greeting.txt")
//! print(b"".join(iter(receive, b"")).decode())
//! ask(b"QUIT")
//! ```

#[path = "../common/mod.rs"]
mod common;
mod frame;
mod session;
mod store;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use greenserve::{Error, Result, TcpServer, each_stream};
use tempfile::TempDir;

use crate::session::Session;
use crate::store::Store;

#[derive(Debug, Parser)]
struct Settings {
    #[command(flatten)]
    common: common::Options,
    /// The directory to keep the files in. Without it, a fresh one that goes
    /// with the server.
    #[arg(long, value_name = "DIRECTORY")]
    root: Option<PathBuf>,
    /// The largest file taken, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 16 * 1024 * 1024)]
    max_size: u64,
}

/// Where the files are kept.
enum Root {
    Given(PathBuf),
    Fresh(TempDir),
}

impl Root {
    fn new(given: Option<&Path>) -> Result<Root> {
        match given {
            Some(path) => Ok(Root::Given(path.to_owned())),
            None => tempfile::tempdir().map(Root::Fresh).map_err(|source| Error::System {
                action: "create a directory for the files",
                source,
            }),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Root::Given(path) => path,
            Root::Fresh(directory) => directory.path(),
        }
    }
}

fn open(root: &Path, max_size: u64) -> Result<Store> {
    Store::open(root, max_size).map_err(|err| Error::InvalidOption {
        option: "--root",
        value: root.display().to_string(),
        reason: err.to_string(),
    })
}

fn main() -> ExitCode {
    let settings = Settings::parse();
    common::start(&settings.common, "127.0.0.1:2121", |address| {
        // Lives until the last session has ended.
        let root = Root::new(settings.root.as_deref())?;
        log::info!("the files are in {}", root.path().display());
        let store = Arc::new(open(root.path(), settings.max_size)?);
        let sessions = each_stream(move || Session::new(Arc::clone(&store)));
        common::serve(TcpServer::bind(address, sessions)?, &settings.common)
    })
}
