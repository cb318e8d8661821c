//! Clients that fail rather than hang.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use greenserve::net::Address;

use crate::support::{connect, wait_until};

/// A connection that asks lines and hears lines.
pub struct Client<S>(BufReader<S>);

impl<S: Read + Write> Client<S> {
    pub fn over(stream: S) -> Client<S> {
        Client(BufReader::new(stream))
    }

    pub fn try_ask(&mut self, line: &str) -> io::Result<String> {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        match self.0.read_line(&mut answer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(answer.trim_end().to_owned()),
        }
    }

    #[track_caller]
    pub fn ask(&mut self, line: &str) -> String {
        self.try_ask(line).unwrap()
    }

    pub fn pid(&mut self) -> i32 {
        self.ask("pid").parse().unwrap()
    }

    /// Whether the other end has closed it, or reset it.
    pub fn is_closed(&mut self) -> bool {
        match self.0.read(&mut [0; 1]) {
            Ok(count) => count == 0,
            Err(err) => err.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}

pub fn tcp(address: &Address) -> Client<TcpStream> {
    Client::over(connect(address))
}

/// A client of each of `count` workers, by the worker's process.
pub fn of_each_worker(address: &Address, count: usize) -> HashMap<i32, Client<TcpStream>> {
    let mut clients = HashMap::new();
    wait_until("each worker has a client", || {
        // Those that stay make their worker no slower to accept, so that who
        // accepts is chance: held at once, they go to all in the end.
        let mut client = tcp(address);
        clients.entry(client.pid()).or_insert(client);
        clients.len() == count
    });
    clients
}

/// One answer over a connection of its own, which must come.
pub fn once(address: &Address, line: &str) -> String {
    tcp(address).ask(line)
}

/// Asks until the answer fits.
pub fn until(address: &Address, line: &str, fits: impl Fn(&str) -> bool) -> String {
    let mut answer = String::new();
    wait_until(&format!("{line} is answered as wanted"), || {
        answer = tcp(address).try_ask(line).unwrap_or_default();
        fits(&answer)
    });
    answer
}
