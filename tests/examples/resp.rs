//! The server of the Redis protocol: bytes on the wire, and redis-benchmark.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::Command;
use std::thread;

use crate::in_models;
use crate::program::{Program, connect, exchange, hears, hears_end};
use crate::tool::missing;

/// A command as clients send it.
fn command(words: &[&str]) -> String {
    let arguments = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    format!("*{}\r\n{}", words.len(), arguments.collect::<String>())
}

in_models!(resp_server, "resp_server", [coroutine, thread, inline], |address| {
    let mut client = connect(address);
    for (words, answer) in [
        (&["PING"][..], "+PONG\r\n"),
        (&["ping", "there"], "$5\r\nthere\r\n"),
        (&["GET", "key"], "$-1\r\n"),
        (&["SET", "key", "a\r\nvalue"], "+OK\r\n"),
        (&["GET", "key"], "$8\r\na\r\nvalue\r\n"),
        (&["INCR", "key"], "-ERR value is not an integer or out of range\r\n"),
        (&["INCR", "count"], ":1\r\n"),
        (&["INCR", "count"], ":2\r\n"),
        (&["SET", "count", "9223372036854775807"], "+OK\r\n"),
        (&["INCR", "count"], "-ERR value is not an integer or out of range\r\n"),
        (&["DEL", "key", "count", "nothing"], ":2\r\n"),
        (&["GET", "key"], "$-1\r\n"),
        (&["GET"], "-ERR wrong number of arguments for 'GET'\r\n"),
        (&["FLUSHALL"], "-ERR unknown command\r\n"),
    ] {
        exchange(&mut client, command(words), answer);
    }
    // Typed by hand, and many in one packet.
    exchange(&mut client, "\r\nset key  value\nGET key\r\n", "+OK\r\n$5\r\nvalue\r\n");
    let many = command(&["INCR", "many"]).repeat(100);
    let answers: String = (1..=100).map(|number| format!(":{number}\r\n")).collect();
    exchange(&mut client, many, answers);
    client.shutdown(Shutdown::Write).unwrap();
    hears_end(&mut client);
});

in_models!(resp_server_shares, "resp_server", [coroutine, thread], |address| {
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let mut client = connect(address);
            thread::spawn(move || {
                for _ in 0..200 {
                    client.write_all(command(&["INCR", "shared"]).as_bytes()).unwrap();
                    // A number of some digits.
                    let mut byte = [0];
                    while byte != *b"\n" {
                        client.read_exact(&mut byte).unwrap();
                    }
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    exchange(&mut connect(address), command(&["GET", "shared"]), "$4\r\n1600\r\n");
});

#[test]
fn what_is_no_command_ends_the_connection_and_no_other() {
    let mut program = Program::start("resp_server", &["--listen", "127.0.0.1:0"]);
    let address = program.address();
    let mut other = connect(&address);
    exchange(&mut other, command(&["PING"]), "+PONG\r\n");
    for nonsense in [
        "*99999999999\r\n",
        "*-1\r\n",
        "*x\r\n",
        "*1\r\n$1048577\r\n",
        "*1\r\n:4\r\n",
        "*1\r\n$4\r\nPINGPONG\r\n",
        &"x".repeat(100_000),
    ] {
        let mut client = connect(&address);
        // The server may have left before it has read all of it.
        let _ = client.write_all(nonsense.as_bytes());
        let _ = client.shutdown(Shutdown::Write);
        let mut heard = Vec::new();
        let _ = client.read_to_end(&mut heard);
        assert_eq!(String::from_utf8_lossy(&heard), "", "{nonsense:.20}");
    }
    exchange(&mut other, command(&["PING"]), "+PONG\r\n");
    drop(other);
    program.end_well();
}

#[test]
fn redis_benchmark_is_served() {
    let mut program = Program::start("resp_server", &["--listen", "127.0.0.1:0"]);
    let address = program.address();
    let (host, port) = address.rsplit_once(':').unwrap();
    for pipeline in ["1", "16"] {
        let ran = Command::new("redis-benchmark")
            .args([
                "-h",
                host,
                "-p",
                port,
                "-t",
                "ping,set,get,incr",
                "-n",
                "2000",
                "-P",
                pipeline,
                "--csv",
            ])
            .output();
        match ran {
            Err(err) => missing("redis-benchmark", err),
            Ok(output) => {
                let printed = String::from_utf8_lossy(&output.stdout);
                assert!(output.status.success(), "{output:?}");
                for test in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR"] {
                    assert!(printed.contains(&format!("\"{test}\",")), "{printed}");
                }
                // Every client's last command has been answered.
                let mut client = connect(&address);
                client.write_all(command(&["PING"]).as_bytes()).unwrap();
                hears(&mut client, "+PONG\r\n");
            }
        }
    }
    program.end_well();
}
