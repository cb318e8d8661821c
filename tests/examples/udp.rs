//! The example that serves UDP.

use std::net::UdpSocket;

use crate::in_models;
use crate::program::LIMIT;

fn ask(client: &UdpSocket, said: impl AsRef<[u8]>, answer: impl AsRef<[u8]>) {
    client.send(said.as_ref()).unwrap();
    let mut heard = [0; 9000];
    let count = client.recv(&mut heard).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&heard[..count]),
        String::from_utf8_lossy(answer.as_ref())
    );
}

fn udp_client(address: &str) -> UdpSocket {
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client.connect(address).unwrap();
    client
}

in_models!(upper_udp, "upper_udp", [coroutine, thread, fork, inline], |address| {
    let client = udp_client(address);
    let other = udp_client(address);
    ask(&client, "hello world", "HELLO WORLD");
    ask(&other, "\t hello  world \r\n", "HELLO  WORLD");
    ask(&client, "  ", "");
    ask(&client, "", "");
    ask(&other, b"\xffabc", b"\xffABC");
    ask(&client, "x".repeat(8192), "X".repeat(8192));
    // Longer ones are cut, as in Python.
    ask(&client, "y".repeat(8500), "Y".repeat(8192));
});
