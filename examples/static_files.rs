//! Answers with the files below a folder, by default the one it is started in.
//!
//! Parts of files, versions that a client has already, and neighbours that were
//! compressed before are taken care of. Nothing outside of the folder can be
//! had.
//!
//! Run with: cargo run --features http --example static_files -- --root docs
//! Try with: curl -i http://127.0.0.1:8080/PORTING.md
//! Then: curl -r 0-99,-100 http://127.0.0.1:8080/PORTING.md
//! And: curl --path-as-is -i http://127.0.0.1:8080/../Cargo.toml

mod common;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use greenserve::TcpServer;
use greenserve::http::{self, AccessLog, Files, HeaderValue};

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    common: common::Options,
    /// The folder whose files are answered.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    root: PathBuf,
}

fn main() -> ExitCode {
    let options = Program::parse();
    common::start(&options.common, "127.0.0.1:8080", |address| {
        let files = Files::new(&options.root)?
            .precompressed()
            .cache_control(HeaderValue::from_static("no-cache"));
        let http = http::serve(files).access_log(AccessLog::combined());
        common::serve(TcpServer::bind(address, http)?, &options.common)
    })
}
