//! The interactive client.

use std::net::TcpListener;

use crate::program::Program;

/// Types `input` to a client of `server`, and returns what it printed.
fn talk(server: &str, more: &[&str], input: &str) -> Vec<String> {
    let mut arguments = vec![server];
    arguments.extend(more);
    let mut client = Program::start("client", &arguments);
    client.type_in(input);
    client.end_input();
    let ended = client.ended();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    ended.output
}

#[test]
fn talks_to_the_chat() {
    let mut server = Program::start("chat_echo", &["--listen", "127.0.0.1:0"]);
    let address = server.address();
    assert_eq!(
        talk(&address, &[], "hello\n\n你好\r\nexit\nnot sent\n"),
        [">>>hello", ">>>>>>你好", ">>>"]
    );
    assert_eq!(talk(&address, &[], "no line end"), [">>>no line end", ">>>"]);
    assert_eq!(talk(&address, &[], ""), [">>>"]);
    server.end_well();
}

#[test]
fn talks_to_the_call_centre() {
    let mut server = Program::start("call_centre", &["--listen", "127.0.0.1:0"]);
    let address = server.address();
    assert_eq!(
        talk(&address, &["--greeted"], "0\n7\nexit\n"),
        [
            "欢迎致电 10086,请输入1xxx,0转人工服务.",
            ">>>通过可能会被录音.balabala一大推",
            ">>>请重新输入.",
            ">>>"
        ]
    );
    server.end_well();
}

#[test]
fn talks_to_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let listen = format!("unix:{}/echo.sock", directory.path().display());
    let mut server = Program::start("unix_echo", &["--listen", &listen]);
    let address = server.address();
    assert_eq!(talk(&address, &[], "hello\n"), [">>>hello", ">>>"]);
    server.end_well();
}

#[test]
fn ends_when_the_server_closes() {
    let mut server = Program::start("upper_once", &["--listen", "127.0.0.1:0"]);
    let mut client = Program::start("client", &[server.address()]);
    client.type_in("one\ntwo\nthree\n");
    let ended = client.ended();
    // Whether the second line or its answer finds the connection closed is up
    // to the system.
    assert_eq!(ended.output[0], ">>>ONE", "{ended:?}");
    assert!(ended.output.len() <= 2, "{ended:?}");
    server.end_well();
}

#[test]
fn gives_up_on_a_silent_server() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let mut client = Program::start("client", &[&address]);
    client.type_in("hello\n");
    let ended = client.ended();
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.errors.contains(&address), "{ended:?}");
}

#[test]
fn says_who_refused() {
    // Bound and not listening: nobody else can come to listen there.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap().to_string();
    let ended = Program::start("client", &[&address]).ended();
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(
        ended.errors.contains(&format!("{address}: Connection refused")),
        "{ended:?}"
    );

    let ended = Program::start("client", &["unix:/nonexistent/echo.sock"]).ended();
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.errors.contains("unix:/nonexistent/echo.sock"), "{ended:?}");

    let ended = Program::start("client", &["nowhere"]).ended();
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    assert!(ended.errors.contains("nowhere"), "{ended:?}");
}
