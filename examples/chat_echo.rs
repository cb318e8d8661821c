//! Sends back what each client says, and logs who said what.
//!
//! Of the two nested loops such a program has, the server runs the outer one,
//! over connections, and the handler the inner one, over messages. Unlike the
//! Python original, the inner loop ends when the client has gone, and when the
//! server ends.
//!
//! Run with: RUST_LOG=info cargo run --example chat_echo
//! Try with: cargo run --example client -- 127.0.0.1:8091

mod common;

use std::io::{Read, Write};
use std::process::ExitCode;

use greenserve::net::TcpStream;
use greenserve::{Context, Failure, RequestHandler, TcpServer, each};

#[derive(Default)]
struct Chat {
    messages: usize,
}

impl RequestHandler<TcpStream> for Chat {
    fn setup(&mut self, _: &mut TcpStream, context: &Context) -> Result<(), Failure> {
        log::info!("{} is here", context.client_address());
        Ok(())
    }

    fn handle(&mut self, client: &mut TcpStream, context: &Context) -> Result<(), Failure> {
        let mut buffer = [0; 1024];
        while context.wait_for_request(client)? {
            let count = client.read(&mut buffer)?;
            let text = String::from_utf8_lossy(&buffer[..count]);
            log::info!("{} says {text:?}", context.client_address());
            client.write_all(&buffer[..count])?;
            self.messages += 1;
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut TcpStream, context: &Context) -> Result<(), Failure> {
        log::info!("{} has gone after {} messages", context.client_address(), self.messages);
        Ok(())
    }
}

fn main() -> ExitCode {
    common::main("127.0.0.1:8091", |options, address| {
        common::serve(TcpServer::bind(address, each(Chat::default))?, options)
    })
}
