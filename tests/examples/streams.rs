//! The examples that serve streams: the transcripts of the originals' clients.

use std::io::{Read, Write};
use std::net::Shutdown;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use nix::sys::signal::Signal;

use crate::in_models;
use crate::program::{LIMIT, Program, connect, exchange, hears, hears_end};

pub(crate) const EVERY_BYTE: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut index = 0;
    while index < 256 {
        bytes[index] = index as u8;
        index += 1;
    }
    bytes
};

/// Two clients, of whom the second comes while the first is there.
fn two_at_once(address: &str, said: &str, answer: &str) {
    let mut one = connect(address);
    exchange(&mut one, said, answer);
    let mut other = connect(address);
    exchange(&mut other, said, answer);
    exchange(&mut one, said, answer);
    exchange(&mut other, said, answer);
}

/// A client that leaves, and then the next one.
fn one_after_the_other(address: &str, said: &str, answer: &str) {
    for _ in 0..3 {
        let mut client = connect(address);
        exchange(&mut client, said, answer);
        client.shutdown(Shutdown::Write).unwrap();
        hears_end(&mut client);
    }
}

in_models!(upper, "upper", [coroutine, thread, fork, inline], |address| {
    one_after_the_other(address, "hello", "HELLO");
    let mut client = connect(address);
    exchange(&mut client, "Grüße an αβγ\n", "GRüßE AN αβγ\n");
    exchange(&mut client, EVERY_BYTE, EVERY_BYTE.to_ascii_uppercase());
});

in_models!(upper_at_once, "upper", [coroutine, thread, fork], |address| {
    two_at_once(address, "hello", "HELLO");
});

in_models!(chat_echo, "chat_echo", [coroutine, thread, fork, inline], |address| {
    one_after_the_other(address, "你好", "你好");
    let mut client = connect(address);
    exchange(&mut client, "exit", "exit");
    exchange(&mut client, EVERY_BYTE, EVERY_BYTE);
});

in_models!(chat_echo_at_once, "chat_echo", [coroutine, thread, fork], |address| {
    two_at_once(address, "hello", "hello");
});

#[test]
fn chat_echo_logs_who_said_what() {
    let mut program = Program::start_with("chat_echo", &["--listen", "127.0.0.1:0"], "RUST_LOG", "chat_echo=info");
    let address = program.address();
    let mut client = connect(&address);
    let name = client.local_addr().unwrap().to_string();
    exchange(&mut client, "line\nline", "line\nline");
    drop(client);
    for expected in ["is here", "says \"line\\nline\"", "has gone after 1 messages"] {
        let line = program.logged();
        assert!(line.contains(&name) && line.ends_with(expected), "{line}");
    }
    program.end_well();
}

in_models!(upper_once, "upper_once", [coroutine, thread, fork, inline], |address| {
    for (said, answer) in [
        ("hello world", "HELLO WORLD"),
        (" \t hello  world \r\n", "HELLO  WORLD"),
        ("\n", ""),
    ] {
        let mut client = connect(address);
        exchange(&mut client, said, answer);
        hears_end(&mut client);
    }
    let mut silent = connect(address);
    silent.shutdown(Shutdown::Write).unwrap();
    hears_end(&mut silent);
});

in_models!(
    call_centre,
    "call_centre",
    [coroutine, thread, fork, inline],
    |address| {
        let mut caller = connect(address);
        hears(&mut caller, "欢迎致电 10086,请输入1xxx,0转人工服务.");
        exchange(&mut caller, "1", "请重新输入.");
        exchange(&mut caller, "0", "通过可能会被录音.balabala一大推");
        // As nc says it.
        exchange(&mut caller, "0\n", "通过可能会被录音.balabala一大推");
        exchange(&mut caller, "0\r\n", "通过可能会被录音.balabala一大推");
        exchange(&mut caller, " 0", "请重新输入.");
        exchange(&mut caller, "\n", "请重新输入.");
        exchange(&mut caller, "Exit", "请重新输入.");
        exchange(&mut caller, b"\xff\xfe", "请重新输入.");
        caller.write_all(b"exit").unwrap();
        hears_end(&mut caller);
        let mut next = connect(address);
        hears(&mut next, "欢迎致电 10086,请输入1xxx,0转人工服务.");
        next.write_all(b"exit\n").unwrap();
        hears_end(&mut next);
    }
);

in_models!(
    call_centre_hung_up,
    "call_centre",
    [coroutine, thread, fork, inline],
    |address| {
        // The Python original answers for ever then.
        let mut caller = connect(address);
        caller.shutdown(Shutdown::Write).unwrap();
        hears(&mut caller, "欢迎致电 10086,请输入1xxx,0转人工服务.");
        hears_end(&mut caller);
    }
);

/// Reads a greeting and returns its time.
fn greeted(client: &mut impl Read, address: &str) -> DateTime {
    hears(client, format!("connection {address} at "));
    let mut time = [0; 24];
    client.read_exact(&mut time).unwrap();
    hears(client, " succeed!");
    let time = std::str::from_utf8(&time).unwrap();
    assert_ne!(time.as_bytes()[8], b'0', "the day is padded with a space");
    DateTime::strptime("%a %b %e %H:%M:%S %Y", time).unwrap()
}

fn is_now(time: DateTime, zone: TimeZone) {
    let then = time.to_zoned(zone).unwrap().timestamp();
    let age = Timestamp::now().duration_since(then);
    assert!(age.unsigned_abs() < LIMIT, "{age}");
}

in_models!(greeting, "greeting", [coroutine, thread, fork, inline], |address| {
    for _ in 0..2 {
        let mut client = connect(address);
        is_now(greeted(&mut client, address), TimeZone::system());
        exchange(&mut client, "hello\r\n", "hello\r\n");
        exchange(&mut client, EVERY_BYTE, EVERY_BYTE);
        client.shutdown(Shutdown::Write).unwrap();
        hears_end(&mut client);
    }
});

#[test]
fn greeting_tells_the_local_time() {
    let mut program = Program::start_with("greeting", &["--listen", "127.0.0.1:0"], "TZ", "CST-8");
    let address = program.address();
    let time = greeted(&mut connect(&address), &address);
    is_now(time, TimeZone::fixed(Offset::constant(8)));
    program.end_well();
}

in_models!(
    stream_echo,
    "stream_echo",
    [coroutine, thread, fork, inline],
    |address| {
        one_after_the_other(address, "msg", "msg");
        let mut client = connect(address);
        let long = "long ".repeat(20_000);
        let mut sender = client.try_clone().unwrap();
        let sent = long.clone();
        let sending = std::thread::spawn(move || sender.write_all(sent.as_bytes()));
        hears(&mut client, long);
        sending.join().unwrap().unwrap();
    }
);

in_models!(
    stream_echo_at_once,
    "stream_echo",
    [coroutine, thread, fork],
    |address| {
        two_at_once(address, "msg", "msg");
    }
);

#[test]
fn stream_echo_inline_serves_one_client_at_a_time() {
    let mut program = Program::start("stream_echo", &["--listen", "127.0.0.1:0", "--model", "inline"]);
    let address = program.address();
    let mut first = connect(&address);
    exchange(&mut first, "first", "first");
    let mut second = connect(&address);
    second.write_all(b"second").unwrap();
    // The first one is still served, and alone.
    exchange(&mut first, "again", "again");
    drop(first);
    hears(&mut second, "second");
    drop(second);
    program.end_well();
}

#[test]
fn gevent_echo() {
    // Reading on after the end would be an error, and be told.
    let mut program = Program::start_with("gevent_echo", &["--listen", "127.0.0.1:0"], "RUST_LOG", "warn");
    let address = program.address();
    one_after_the_other(&address, "hello", "hello");
    two_at_once(&address, "hello", "hello");
    exchange(&mut connect(&address), EVERY_BYTE, EVERY_BYTE);
    assert_eq!(program.end_well(), "");
}

#[test]
fn gevent_echo_answers_many_clients() {
    let mut program = Program::start("gevent_echo", &["--listen", "127.0.0.1:0"]);
    let address = program.address();
    let mut clients: Vec<_> = (0..100).map(|_| connect(&address)).collect();
    for client in &mut clients {
        exchange(client, "hello", "hello");
    }
    drop(clients);
    program.end_well();
}

#[test]
fn gevent_echo_ends_with_clients_connected() {
    let mut program = Program::start("gevent_echo", &["--listen", "127.0.0.1:0"]);
    let mut client = connect(&program.address());
    exchange(&mut client, "hello", "hello");
    program.signal(Signal::SIGINT);
    let ended = program.ended();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    hears_end(&mut client);
}
