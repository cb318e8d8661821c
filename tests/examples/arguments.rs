//! What the programs say to bad input, and where they listen unasked.

use std::net::{TcpListener, UdpSocket};

use crate::program::{Ended, Program};

/// Each program that listens, and where it does unless told otherwise.
const PROGRAMS: &[(&str, &str)] = &[
    ("call_centre", "127.0.0.1:8009"),
    ("chat_echo", "127.0.0.1:8091"),
    ("echo", "127.0.0.1:8001"),
    ("file_server", "127.0.0.1:2121"),
    #[cfg(feature = "json")]
    ("flask_links", "127.0.0.1:8080"),
    ("gevent_echo", "0.0.0.0:8001"),
    ("greeting", "127.0.0.1:9999"),
    #[cfg(feature = "json")]
    ("http_api", "127.0.0.1:8080"),
    #[cfg(feature = "http")]
    ("http_echo", "127.0.0.1:8080"),
    #[cfg(feature = "http")]
    ("http_hello", "127.0.0.1:8080"),
    #[cfg(feature = "http")]
    ("http_server_shout", "127.0.0.1:8080"),
    #[cfg(all(feature = "http", feature = "tls"))]
    ("https_hello", "127.0.0.1:8443"),
    #[cfg(feature = "minihttp")]
    ("minihttp", "127.0.0.1:8088"),
    ("proxy", "127.0.0.1:8000"),
    #[cfg(feature = "http")]
    ("pywsgi_hello", "127.0.0.1:8088"),
    ("resp_server", "127.0.0.1:6379"),
    #[cfg(all(feature = "http", feature = "ureq"))]
    ("reverse_proxy", "127.0.0.1:8080"),
    #[cfg(feature = "http")]
    ("sse", "127.0.0.1:8080"),
    #[cfg(feature = "http")]
    ("static_files", "127.0.0.1:8080"),
    ("stream_echo", "127.0.0.1:8123"),
    #[cfg(feature = "tls")]
    ("tls_echo", "127.0.0.1:8443"),
    ("unix_datagram", "unix:/tmp/greenserve-datagram.sock"),
    ("unix_echo", "unix:/tmp/greenserve-echo.sock"),
    ("upper", "127.0.0.1:8080"),
    ("upper_once", "127.0.0.1:9999"),
    ("upper_udp", "127.0.0.1:9999"),
    #[cfg(feature = "websocket")]
    ("websocket_chat", "127.0.0.1:9002"),
    #[cfg(feature = "websocket")]
    ("websocket_echo", "127.0.0.1:9001"),
];

fn is_tcp((program, address): &&(&str, &str)) -> bool {
    !address.starts_with("unix:") && *program != "upper_udp"
}

/// Whether there is no server in it that could run in another model.
fn has_one_model(program: &str) -> bool {
    ["gevent_echo", "minihttp", "proxy"].contains(&program)
}

/// Runs a program that must refuse its arguments, with the value it refuses in
/// its message.
fn refuses(program: &str, arguments: &[&str], status: i32, value: &str) -> Ended {
    let ended = Program::start(program, arguments).ended();
    assert_eq!(ended.code(), Some(status), "{program} {arguments:?}: {ended:?}");
    assert!(ended.errors.contains(value), "{program} {arguments:?}: {ended:?}");
    assert_eq!(ended.output, [""; 0], "{program} {arguments:?}");
    ended
}

#[test]
fn addresses_without_sense() {
    for (program, _) in PROGRAMS {
        for address in ["nonsense", "127.0.0.1:65536", "tcp://127.0.0.1:80", ""] {
            refuses(program, &["--listen", address], 2, &format!("{address:?}"));
        }
    }
}

#[test]
fn addresses_of_another_family() {
    for (program, default) in PROGRAMS {
        let other = if default.starts_with("unix:") {
            "127.0.0.1:0"
        } else {
            "unix:/nonexistent/x"
        };
        refuses(program, &["--listen", other], 2, other);
    }
}

#[test]
fn models_without_sense() {
    for (program, _) in PROGRAMS {
        if has_one_model(program) {
            refuses(program, &["--model", "thread"], 2, "--model");
        } else {
            refuses(program, &["--model", "magic"], 2, "magic");
        }
    }
}

#[test]
fn stacks_and_workers_without_sense() {
    for (program, _) in PROGRAMS {
        refuses(program, &["--stack-size", "100"], 2, "100");
        refuses(program, &["--workers", "-1"], 2, "-1");
        refuses(program, &["--workers", "many"], 2, "many");
    }
}

#[test]
fn ports_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (program, _) in PROGRAMS.iter().filter(is_tcp) {
        let ended = refuses(program, &["--listen", &address], 1, &address);
        assert!(ended.errors.contains("in use"), "{program}: {ended:?}");
    }
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refuses("upper_udp", &["--listen", &address], 1, &address);
}

#[test]
fn unix_paths_in_use_too_long_or_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    for program in ["unix_echo", "unix_datagram"] {
        let listen = format!("unix:{}/{program}.sock", directory.path().display());
        let mut living = Program::start(program, &["--listen", &listen]);
        living.address();
        refuses(program, &["--listen", &listen], 1, &listen);
        living.end_well();

        let long = format!("/{}", "p".repeat(200));
        refuses(program, &["--listen", &format!("unix:{long}")], 2, &long);

        let nowhere = format!("unix:{}/missing/x.sock", directory.path().display());
        refuses(program, &["--listen", &nowhere], 1, &nowhere);

        let file = directory.path().join("file");
        std::fs::write(&file, "precious").unwrap();
        let listen = format!("unix:{}", file.display());
        refuses(program, &["--listen", &listen], 1, &listen);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    }
}

#[test]
fn roots_without_sense() {
    refuses(
        "file_server",
        &["--root", "/nonexistent/files"],
        2,
        "/nonexistent/files",
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display().to_string();
    refuses("file_server", &["--root", &path], 2, &path);
    refuses("file_server", &["--max-size", "big"], 2, "big");
}

/// The ports may be taken on this machine: then the message says so, and with
/// that where the program would have listened.
#[test]
fn where_they_listen_unasked() {
    for (program, default) in PROGRAMS {
        let mut running = Program::start::<&str>(program, &[]);
        match running.address_unless_refused() {
            Some(address) => {
                assert_eq!(address, *default, "{program}");
                running.end_well();
            }
            None => {
                let ended = running.ended();
                assert_eq!(ended.code(), Some(1), "{program}: {ended:?}");
                assert!(ended.errors.contains(default), "{program}: {ended:?}");
            }
        }
    }
}
