//! The server, as a program of its own, and where it keeps its notes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use greenserve::http::{self, Request, Response};
use greenserve::net::TcpStream;
use greenserve::tls::{self, Certificates, ClientSettings};
use greenserve::websocket::{self, WebSocket};
use greenserve::{Handler, Model, Server, Tcp, TcpServer};

/// The longest message, and some more.
const MOST: u64 = 10_000;

/// A folder with what the programs that follow each other share.
pub struct Site(tempfile::TempDir);

impl Site {
    pub fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("chain.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(folder.path().join("notes"), "").unwrap();
        Site(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Of a client that believes its certificate.
    pub fn trusted(&self) -> ClientSettings {
        let roots = self.path().join("chain.pem");
        ClientSettings::builder().roots(roots).build().unwrap()
    }

    /// How many messages were read.
    pub fn read(&self) -> u64 {
        std::fs::metadata(self.path().join("notes")).unwrap().len()
    }
}

pub fn serve(what: &str, model: &str, address: &str, folder: &Path) {
    let notes = OpenOptions::new().append(true).open(folder.join("notes")).unwrap();
    match what {
        "http" => serve_by(http::serve(echo(notes)), model, address),
        "https" => {
            let certificates = Certificates::load(folder.join("chain.pem"), folder.join("key.pem")).unwrap();
            serve_by(tls::serve(certificates, http::serve(echo(notes))), model, address);
        }
        _ => serve_by(http::serve(websocket::serve(talk(notes))), model, address),
    }
}

/// Answers a request with its body, and notes before that it has read it.
fn echo(notes: File) -> impl http::Handler {
    move |request: &mut Request<'_>, response: &mut Response<'_>| {
        let body = request.body().bytes(MOST)?;
        (&notes).write_all(b".")?;
        response.send(body)
    }
}

/// The same for each message of a conversation.
fn talk(notes: File) -> impl Fn(&mut WebSocket<'_>) -> io::Result<()> + Send + Sync + 'static {
    move |socket: &mut WebSocket<'_>| {
        while let Some(message) = socket.recv()? {
            (&notes).write_all(b".")?;
            socket.send(message)?;
        }
        Ok(())
    }
}

fn serve_by(handler: impl Handler<TcpStream>, model: &str, address: &str) {
    let builder = TcpServer::builder(handler);
    match model {
        "coroutine" => serve_in(builder.bind(address).unwrap()),
        _ => serve_in(builder.threads().bind(address).unwrap()),
    }
}

fn serve_in<M: Model>(mut server: Server<Tcp, M>) {
    server.handle_signals().unwrap();
    println!("{}", server.address().unwrap());
    println!("{}", server.serve_until_signal(Duration::from_secs(20)).unwrap());
}
