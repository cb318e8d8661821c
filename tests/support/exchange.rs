//! One handler, in each of the forms a handler can have, and one client for
//! each family.

use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, UdpSocket};
use std::os::unix::net::UnixDatagram;

use greenserve::net::{Address, Stream, SystemDatagram, SystemStream};
use greenserve::{
    Context, Datagram, DatagramHandler, DatagramRequest, Failure, Family, Handler, RequestHandler, StreamHandler,
    StreamRequest, Tcp, Udp, Unix, UnixDatagrams, each_datagram, each_stream,
};

use super::{LIMIT, ask, connect_unix};

/// What connections and datagrams have in common: bytes come, bytes go back.
pub trait Exchange {
    fn exchange(&mut self, answer: impl FnOnce(&[u8]) -> Vec<u8>) -> io::Result<()>;
}

impl<S: SystemStream> Exchange for Stream<S> {
    fn exchange(&mut self, answer: impl FnOnce(&[u8]) -> Vec<u8>) -> io::Result<()> {
        let mut heard = Vec::new();
        self.read_to_end(&mut heard)?;
        self.write_all(&answer(&heard))
    }
}

impl<S: SystemDatagram> Exchange for Datagram<S> {
    fn exchange(&mut self, answer: impl FnOnce(&[u8]) -> Vec<u8>) -> io::Result<()> {
        self.reply(&answer(self.packet())).map(drop)
    }
}

/// The handler as a function.
pub fn upper<R: Exchange>(request: &mut R) -> io::Result<()> {
    request.exchange(<[u8]>::to_ascii_uppercase)
}

/// The handler as a type; it counts so that left-over state would show.
#[derive(Debug, Default)]
pub struct Upper {
    served: usize,
}

impl Upper {
    fn serve(&mut self, bytes: &[u8]) -> Vec<u8> {
        assert_eq!(self.served, 0, "an instance serves one request");
        self.served += 1;
        bytes.to_ascii_uppercase()
    }
}

impl<R: Exchange> RequestHandler<R> for Upper {
    fn handle(&mut self, request: &mut R, _: &Context) -> Result<(), Failure> {
        Ok(request.exchange(|bytes| self.serve(bytes))?)
    }
}

impl<S: SystemStream> StreamHandler<S> for Upper {
    fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        let mut line = Vec::new();
        client.rfile.read_until(b'\n', &mut line)?;
        let answer = self.serve(&line);
        Ok(client.wfile.write_all(&answer)?)
    }
}

impl DatagramHandler for Upper {
    fn handle(&mut self, datagram: &mut DatagramRequest) -> Result<(), Failure> {
        let mut packet = Vec::new();
        datagram.rfile.read_to_end(&mut packet)?;
        let answer = self.serve(&packet);
        Ok(datagram.wfile.write_all(&answer)?)
    }
}

/// A family with a client.
pub trait Reach: Family<Request: Exchange> {
    /// The handler that sees its request as files.
    fn files() -> impl Handler<Self::Request>;
    /// Asks as a client of this family.
    fn ask(address: &Address, bytes: &[u8]) -> Vec<u8>;
}

impl Reach for Tcp {
    fn files() -> impl Handler<Self::Request> {
        each_stream(Upper::default)
    }

    fn ask(address: &Address, bytes: &[u8]) -> Vec<u8> {
        ask(address, bytes)
    }
}

impl Reach for Unix {
    fn files() -> impl Handler<Self::Request> {
        each_stream(Upper::default)
    }

    fn ask(address: &Address, bytes: &[u8]) -> Vec<u8> {
        let mut client = connect_unix(address.unix_path().unwrap());
        client.write_all(bytes).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        answer
    }
}

impl Reach for Udp {
    fn files() -> impl Handler<Self::Request> {
        each_datagram(Upper::default)
    }

    fn ask(address: &Address, bytes: &[u8]) -> Vec<u8> {
        let client = udp_client(address);
        client.send(bytes).unwrap();
        let mut answer = vec![0; 65_536];
        let length = client.recv(&mut answer).unwrap();
        answer.truncate(length);
        answer
    }
}

impl Reach for UnixDatagrams {
    fn files() -> impl Handler<Self::Request> {
        each_datagram(Upper::default)
    }

    fn ask(address: &Address, bytes: &[u8]) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let client = UnixDatagram::bind(directory.path().join("client")).unwrap();
        client.set_read_timeout(Some(LIMIT)).unwrap();
        client.send_to(bytes, address.unix_path().unwrap()).unwrap();
        let mut answer = vec![0; 65_536];
        let length = client.recv(&mut answer).unwrap();
        answer.truncate(length);
        answer
    }
}

/// A UDP client that speaks with `address` only, and waits for [`LIMIT`].
pub fn udp_client(address: &Address) -> UdpSocket {
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(super::ip(address)).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client
}

/// Three clients at once, each with words of its own.
pub fn three_clients<F: Reach>(address: &Address) {
    std::thread::scope(|scope| {
        for name in ["first", "second", "third"] {
            scope.spawn(move || {
                let answer = F::ask(address, format!("{name} says hello\n").as_bytes());
                assert_eq!(
                    String::from_utf8(answer).unwrap(),
                    format!("{} SAYS HELLO\n", name.to_uppercase())
                );
            });
        }
    });
}
