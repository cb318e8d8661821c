//! A small server of the Redis protocol: PING, SET, GET, INCR and DEL on one
//! table that all clients share.
//!
//! The table is behind a lock of std, which is right here: it is held for a
//! look-up and never across a wait. What has to be held across one belongs
//! behind `greenserve::sync::Mutex`. Nothing bounds the table, and nothing in it
//! expires.
//!
//! Run with: cargo run --release --example resp_server
//! Try with: redis-benchmark -t ping,set,get,incr

#[path = "../common/mod.rs"]
mod common;
mod protocol;
mod table;

use std::process::ExitCode;
use std::sync::Arc;

use greenserve::net::SystemStream;
use greenserve::{Failure, StreamHandler, StreamOptions, StreamRequest, TcpServer, each_stream};

use crate::protocol::{Reply, read_command};
use crate::table::Table;

struct Session(Arc<Table>);

impl<S: SystemStream> StreamHandler<S> for Session {
    fn options(&self) -> StreamOptions {
        StreamOptions {
            wbufsize: 8192,
            disable_nagle_algorithm: true,
            ..StreamOptions::default()
        }
    }

    fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        // The answers to commands that came together go out together: this
        // flushes them before it waits.
        while client.wait_for_request()? {
            let Some(command) = read_command(&mut client.rfile)? else {
                break;
            };
            self.answer(&command).write(&mut client.wfile)?;
        }
        Ok(())
    }
}

impl Session {
    fn answer(&self, command: &[Vec<u8>]) -> Reply {
        let Some((name, arguments)) = command.split_first() else {
            return Reply::Error("empty command".to_owned());
        };
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        match (name.as_str(), arguments) {
            ("PING", []) => Reply::Simple("PONG"),
            ("PING", [text]) => Reply::Bulk(Some(text.clone())),
            ("SET", [key, value]) => {
                self.0.set(key, value);
                Reply::Simple("OK")
            }
            ("GET", [key]) => Reply::Bulk(self.0.get(key)),
            ("INCR", [key]) => match self.0.increment(key) {
                Some(number) => Reply::Integer(number),
                None => Reply::Error("value is not an integer or out of range".to_owned()),
            },
            ("DEL", [_, ..]) => Reply::Integer(self.0.remove(arguments)),
            ("PING" | "SET" | "GET" | "INCR" | "DEL", _) => {
                Reply::Error(format!("wrong number of arguments for '{name}'"))
            }
            _ => Reply::Error("unknown command".to_owned()),
        }
    }
}

fn main() -> ExitCode {
    common::main("127.0.0.1:6379", |options, address| {
        let table = Arc::new(Table::default());
        let sessions = each_stream(move || Session(Arc::clone(&table)));
        common::serve(TcpServer::bind(address, sessions)?, options)
    })
}
