//! The file server as its tests start it, and a client of it.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;

use tempfile::TempDir;

use crate::program::{Program, connect, hears_end};

/// A client that speaks frames.
pub(crate) struct Client {
    pub(crate) input: BufReader<TcpStream>,
    pub(crate) output: TcpStream,
}

impl Client {
    pub(crate) fn new(address: &str) -> Client {
        let output = connect(address);
        Client {
            input: BufReader::new(output.try_clone().unwrap()),
            output,
        }
    }

    /// One that has said who it is.
    pub(crate) fn of(address: &str, user: &str) -> Client {
        let mut client = Client::new(address);
        assert_eq!(client.ask(format!("USER {user}")), format!("OK hello {user}"));
        client
    }

    pub(crate) fn send(&mut self, payload: impl AsRef<[u8]>) {
        let payload = payload.as_ref();
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
        frame.extend_from_slice(payload);
        self.output.write_all(&frame).unwrap();
    }

    pub(crate) fn receive(&mut self) -> Vec<u8> {
        let mut length = [0; 4];
        self.input.read_exact(&mut length).unwrap();
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        self.input.read_exact(&mut payload).unwrap();
        payload
    }

    pub(crate) fn hear(&mut self) -> String {
        String::from_utf8(self.receive()).unwrap()
    }

    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> String {
        self.send(request);
        self.hear()
    }

    /// The frames up to an empty one.
    pub(crate) fn content(&mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| Some(self.receive()).filter(|part| !part.is_empty())).collect()
    }

    pub(crate) fn put(&mut self, name: &str, parts: &[&[u8]]) -> String {
        assert_eq!(self.ask(format!("PUT {name}")), format!("OK send {name}"));
        for part in parts {
            self.send(part);
        }
        self.ask("")
    }

    pub(crate) fn get(&mut self, name: &str) -> Vec<u8> {
        let answer = self.ask(format!("GET {name}"));
        let content = self.content().concat();
        assert_eq!(answer, format!("OK {} bytes follow", content.len()));
        content
    }

    pub(crate) fn list(&mut self) -> Vec<String> {
        let answer = self.ask("LIST");
        let names: Vec<_> = self
            .content()
            .into_iter()
            .map(|name| String::from_utf8(name).unwrap())
            .collect();
        assert_eq!(answer, format!("OK {} names follow", names.len()));
        names
    }

    pub(crate) fn refused(&mut self, request: impl AsRef<[u8]>, reason: &str) {
        assert_eq!(self.ask(request), format!("ERROR {reason}"));
    }

    /// Leaves, and finds nothing more to be read.
    pub(crate) fn quit(mut self) {
        assert_eq!(self.ask("QUIT"), "OK bye");
        hears_end(&mut self.input);
    }
}

pub(crate) fn serve(model: &str, more: &[&str]) -> (Program, String, TempDir) {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().to_str().unwrap();
    let mut arguments = vec!["--listen", "127.0.0.1:0", "--model", model, "--root", path];
    arguments.extend(more);
    let mut program = Program::start("file_server", &arguments);
    let address = program.address();
    (program, address, root)
}

/// Every name below `directory`, hidden ones too.
pub(crate) fn everything(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
