//! The file server: its frames and its requests.

use std::io::Write;
use std::process::Command;

use crate::each_model;
use crate::file_client::{Client, everything, serve};
use crate::program::{Program, hears_end};
use crate::tool::missing;

fn session(model: &str) {
    let (program, address, root) = serve(model, &[]);
    let mut alice = Client::of(&address, "alice");
    assert_eq!(alice.list(), [""; 0]);
    assert_eq!(alice.put("greeting", &[b"hello, ", b"world"]), "OK stored 12 bytes");
    assert_eq!(alice.put("empty", &[]), "OK stored 0 bytes");
    assert_eq!(alice.put("two words, 你好", &[b"\0\xff"]), "OK stored 2 bytes");
    assert_eq!(alice.get("greeting"), b"hello, world");
    assert_eq!(alice.get("empty"), b"");
    assert_eq!(alice.get("two words, 你好"), b"\0\xff");
    assert_eq!(alice.list(), ["empty", "greeting", "two words, 你好"]);
    assert_eq!(alice.put("greeting", &[b"new"]), "OK stored 3 bytes");
    assert_eq!(alice.get("greeting"), b"new");
    let large: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let parts: Vec<&[u8]> = large.chunks(65_536).collect();
    assert_eq!(alice.put("large", &parts), "OK stored 300000 bytes");
    assert_eq!(alice.get("large"), large);
    alice.quit();

    let mut bob = Client::of(&address, "bob");
    assert_eq!(bob.list(), [""; 0]);
    bob.refused("GET greeting", "entity not found");
    bob.quit();
    program.end_well();
    assert_eq!(everything(root.path()), ["alice", "bob"]);
    assert_eq!(
        everything(&root.path().join("alice")),
        ["empty", "greeting", "large", "two words, 你好"]
    );
}

each_model!(session, [coroutine, thread, fork, inline]);

#[test]
fn requests_sent_at_once_are_answered_in_order() {
    let (program, address, _root) = serve("coroutine", &[]);
    let mut client = Client::new(&address);
    for request in ["USER a", "LIST", "NONSENSE", "QUIT"] {
        client.send(request);
    }
    assert_eq!(client.hear(), "OK hello a");
    assert_eq!(client.hear(), "OK 0 names follow");
    assert_eq!(client.hear(), "");
    assert_eq!(client.hear(), "ERROR requests are USER, PUT, GET, LIST and QUIT");
    assert_eq!(client.hear(), "OK bye");
    hears_end(&mut client.input);
    program.end_well();
}

#[test]
fn frames_may_come_in_any_pieces() {
    let (program, address, _root) = serve("coroutine", &[]);
    let mut client = Client::new(&address);
    client.output.set_nodelay(true).unwrap();
    for byte in b"\0\0\0\x06USER a" {
        client.output.write_all(&[*byte]).unwrap();
    }
    assert_eq!(client.hear(), "OK hello a");
    program.end_well();
}

#[test]
fn requests_without_sense_are_refused() {
    let (program, address, _root) = serve("coroutine", &[]);
    let mut client = Client::new(&address);
    for request in ["LIST", "GET x", "PUT x"] {
        client.refused(request, "say USER NAME first");
    }
    for request in ["", " ", "list", "QUITE", "USER\tx", "DELETE x"] {
        client.refused(request, "requests are USER, PUT, GET, LIST and QUIT");
    }
    client.refused(b"USER \xff", "a request is UTF-8 text");
    client.refused("USER", "a name is missing");
    client.refused("USER ", "a name is missing");
    client.quit();
    program.end_well();
}

#[test]
fn files_have_a_limit() {
    let (program, address, root) = serve("coroutine", &["--max-size", "10"]);
    let mut client = Client::of(&address, "alice");
    assert_eq!(client.put("fits", &[b"12345", b"67890"]), "OK stored 10 bytes");
    assert_eq!(
        client.put("not", &[b"12345", b"67890", b"1"]),
        "ERROR the file is too large"
    );
    assert_eq!(
        client.put("fits", &[&[0; 60_000], &[0; 60_000]]),
        "ERROR the file is too large"
    );
    // The next frame is a request again, and nothing has changed.
    assert_eq!(client.get("fits"), b"1234567890");
    assert_eq!(client.list(), ["fits"]);
    client.quit();
    program.end_well();
    assert_eq!(everything(&root.path().join("alice")), ["fits"]);
}

/// A disk of a few pages, where this process may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<SmallDisk> {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=256k", "none"])
            .arg(directory.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| SmallDisk(directory))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing_half_written() {
    let Some(disk) = SmallDisk::mount() else {
        return println!("skipped: this process may mount nothing");
    };
    let root = disk.0.path().to_str().unwrap();
    let mut program = Program::start("file_server", &["--listen", "127.0.0.1:0", "--root", root]);
    let mut client = Client::of(&program.address(), "alice");
    assert_eq!(client.put("small", &[b"content"]), "OK stored 7 bytes");
    let parts = [&[7_u8; 60_000][..]; 8];
    let told = client.put("large", &parts);
    assert!(told.starts_with("ERROR "), "{told}");
    // The service goes on, the room is there again, and only whole files are.
    assert_eq!(client.get("small"), b"content");
    assert_eq!(client.put("next", &[&[7; 60_000]]), "OK stored 60000 bytes");
    assert_eq!(client.list(), ["next", "small"]);
    client.quit();
    program.end_well();
    assert_eq!(everything(&disk.0.path().join("alice")), ["next", "small"]);
}

#[test]
fn frames_have_a_limit() {
    let (program, address, _root) = serve("coroutine", &[]);
    let mut client = Client::new(&address);
    client.output.write_all(&65_537_u32.to_be_bytes()).unwrap();
    assert_eq!(client.hear(), "ERROR a frame of 65537 bytes; the longest has 65536");
    hears_end(&mut client.input);
    // One that talks HTTP instead.
    let mut client = Client::new(&address);
    client.output.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    assert!(client.hear().starts_with("ERROR a frame of "));
    program.end_well();
}

#[test]
fn without_a_root_nothing_is_left() {
    let parent = tempfile::tempdir().unwrap();
    let variable = parent.path().to_str().unwrap();
    let mut program = Program::start_with("file_server", &["--listen", "127.0.0.1:0"], "TMPDIR", variable);
    let address = program.address();
    Client::of(&address, "alice").put("file", &[b"content"]);
    assert_eq!(everything(parent.path()).len(), 1);
    program.end_well();
    assert_eq!(everything(parent.path()), [""; 0]);
}

/// The program in the example's documentation, with the port that is free.
fn documented_client(address: &str) -> String {
    let source = include_str!("../../examples/file_server/main.rs");
    let (_, after) = source.split_once("//! ```python\n").unwrap();
    let (program, _) = after.split_once("//! ```").unwrap();
    let (_, port) = address.rsplit_once(':').unwrap();
    let lines: Vec<_> = program
        .lines()
        .map(|line| line.strip_prefix("//! ").unwrap_or(""))
        .collect();
    lines.join("\n").replace("2121", port)
}

#[test]
fn the_documented_client_works() {
    let (program, address, _root) = serve("coroutine", &[]);
    let client = Command::new("python3")
        .arg("-c")
        .arg(documented_client(&address))
        .output();
    match client {
        Ok(client) => {
            let errors = String::from_utf8_lossy(&client.stderr);
            let output = String::from_utf8_lossy(&client.stdout);
            let expected = [
                "OK hello alice",
                "OK send greeting.txt",
                "OK stored 12 bytes",
                "OK 12 bytes follow",
                "hello, world",
                "OK bye",
            ];
            assert_eq!(output.lines().collect::<Vec<_>>(), expected, "{errors}");
        }
        Err(err) => missing("python3", err),
    }
    program.end_well();
}
