//! A call centre's menu: greets first, then answers until the caller says
//! `exit`.
//!
//! What one read brings is one choice, as in the Python original, whose client
//! sends no line ends. Those that nc sends are taken off the choice's end; no
//! answer has any.
//!
//! Run with: cargo run --example call_centre
//! Try with: cargo run --example client -- --greeted 127.0.0.1:8009
//!           nc 127.0.0.1 8009

mod common;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use greenserve::net::TcpStream;
use greenserve::{Context, TcpServer, with_context};

const GREETING: &str = "欢迎致电 10086,请输入1xxx,0转人工服务.";
const RECORDED: &str = "通过可能会被录音.balabala一大推";
const AGAIN: &str = "请重新输入.";

fn choice(mut received: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r' | b'\n'] = received {
        received = rest;
    }
    received
}

fn answer_call(caller: &mut TcpStream, context: &Context) -> io::Result<()> {
    caller.write_all(GREETING.as_bytes())?;
    let mut buffer = [0; 1024];
    loop {
        let count = caller.read(&mut buffer)?;
        let chosen = choice(&buffer[..count]);
        log::info!(
            "{} chose {:?}",
            context.client_address(),
            String::from_utf8_lossy(chosen)
        );
        if count == 0 || chosen == b"exit" {
            return Ok(());
        }
        let answer = if chosen == b"0" { RECORDED } else { AGAIN };
        caller.write_all(answer.as_bytes())?;
    }
}

fn main() -> ExitCode {
    common::main("127.0.0.1:8009", |options, address| {
        common::serve(TcpServer::bind(address, with_context(answer_call))?, options)
    })
}
