//! What the file server must not do: leave its root, or show half a file.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::sys::signal::Signal;

use crate::each_model;
use crate::file_client::{Client, everything, serve};

#[test]
fn names_do_not_leave_the_root() {
    let (program, address, root) = serve("coroutine", &[]);
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    let mut client = Client::of(&address, "alice");
    let absolute = outside.path().join("secret").display().to_string();
    let dot = "a name does not begin with a dot";
    let separators = "a name has no separators";
    let control = "a name has no control characters";
    for (name, reason) in [
        ("..", dot),
        (".", dot),
        ("../bob", dot),
        (".hidden", dot),
        (".upload-x", dot),
        (absolute.as_str(), separators),
        ("/", separators),
        ("a/../../b", separators),
        ("a/b", separators),
        ("a\\b", separators),
        ("a\0b", control),
        ("a\nb", control),
        (&"n".repeat(256), "a name has at most 255 bytes"),
    ] {
        for verb in ["USER", "PUT", "GET"] {
            client.refused(format!("{verb} {name}"), reason);
        }
    }
    // Still where it was.
    assert_eq!(client.put(&"n".repeat(255), &[b"x"]), "OK stored 1 bytes");
    client.quit();
    program.end_well();
    assert_eq!(everything(root.path()), ["alice"]);
    assert_eq!(everything(outside.path()), ["secret"]);
}

#[test]
fn symbolic_links_are_not_followed() {
    let (program, address, root) = serve("coroutine", &[]);
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let mut client = Client::of(&address, "alice");
    let home = root.path().join("alice");
    symlink(&secret, home.join("link")).unwrap();
    symlink(outside.path().join("new"), home.join("dangling")).unwrap();
    symlink(outside.path(), root.path().join("mallory")).unwrap();
    for name in ["link", "dangling"] {
        client.refused(format!("GET {name}"), "not a file");
        client.refused(format!("PUT {name}"), "not a file");
    }
    client.refused("USER mallory", "not a user's directory");
    assert_eq!(client.list(), [""; 0]);
    client.quit();
    program.end_well();
    assert_eq!(everything(outside.path()), ["secret"]);
    assert_eq!(std::fs::read_to_string(secret).unwrap(), "secret");
}

#[test]
fn hard_links_are_not_given_out() {
    let (program, address, root) = serve("coroutine", &[]);
    let outside = tempfile::tempdir_in(root.path().parent().unwrap()).unwrap();
    let secret = outside.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let mut client = Client::of(&address, "alice");
    assert_eq!(client.put("own", &[b"x"]), "OK stored 1 bytes");
    std::fs::hard_link(&secret, root.path().join("alice/link")).unwrap();
    client.refused("GET link", "a file with several names");
    assert_eq!(client.list(), ["own"]);
    // Put anew, it is the user's own.
    assert_eq!(client.put("link", &[b"y"]), "OK stored 1 bytes");
    assert_eq!(client.list(), ["link", "own"]);
    client.quit();
    program.end_well();
    assert_eq!(std::fs::read_to_string(secret).unwrap(), "secret");
}

#[test]
fn only_files_are_files() {
    let (program, address, root) = serve("coroutine", &[]);
    let mut client = Client::of(&address, "alice");
    let home = root.path().join("alice");
    std::fs::create_dir(home.join("directory")).unwrap();
    // Opening it to read would wait for somebody to open it to write.
    nix::unistd::mkfifo(&home.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::fs::write(root.path().join("file"), "").unwrap();
    for name in ["directory", "pipe"] {
        client.refused(format!("GET {name}"), "not a file");
        client.refused(format!("PUT {name}"), "not a file");
    }
    client.refused("USER file", "not a user's directory");
    client.quit();
    program.end_well();
}

/// Reads to the end of the connection, however it comes.
fn hears_the_last(client: &mut Client) {
    match client.input.read(&mut [0; 16]) {
        Ok(count) => assert_eq!(count, 0),
        Err(err) => assert_eq!(err.kind(), ErrorKind::ConnectionReset),
    }
}

fn uploads_cut_short_leave_nothing(model: &str) {
    let (program, address, root) = serve(model, &[]);
    let mut client = Client::of(&address, "alice");
    client.put("file", &[b"old"]);
    assert_eq!(client.ask("PUT file"), "OK send file");
    client.send("half a new one");
    client.output.write_all(&100_u32.to_be_bytes()).unwrap();
    client.output.shutdown(Shutdown::Write).unwrap();
    hears_the_last(&mut client);
    assert_eq!(Client::of(&address, "alice").get("file"), b"old");
    program.end_well();
    assert_eq!(everything(&root.path().join("alice")), ["file"]);
}

each_model!(uploads_cut_short_leave_nothing, [coroutine, thread, fork, inline]);

fn ended_during_an_upload(model: &str) {
    let (program, address, root) = serve(model, &[]);
    let mut client = Client::of(&address, "alice");
    assert_eq!(client.ask("PUT file"), "OK send file");
    client.send("half of it");
    program.signal(Signal::SIGTERM);
    hears_the_last(&mut client);
    // The upload was cut short.
    let ended = program.ended();
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    assert_eq!(everything(&root.path().join("alice")), [""; 0]);
}

each_model!(ended_during_an_upload, [coroutine, thread]);

/// Uploads one file again and again, until told to stop.
fn upload_for_ever(address: &str, byte: u8, stop: &AtomicBool) {
    let mut client = Client::of(address, "alice");
    let part = vec![byte; 50_000];
    while !stop.load(Ordering::Relaxed) {
        assert_eq!(client.put("file", &[&part, &part, &part]), "OK stored 150000 bytes");
    }
    client.quit();
}

/// Tells the uploads to stop, also when the reader panics.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn readers_see_whole_files(model: &str) {
    let (program, address, root) = serve(model, &[]);
    let part = [b'a'; 50_000];
    Client::of(&address, "alice").put("file", &[&part, &part, &part]);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for byte in *b"ab" {
            let (address, stop) = (&address, &stop);
            scope.spawn(move || upload_for_ever(address, byte, stop));
        }
        let _stop = Stop(&stop);
        let mut reader = Client::of(&address, "alice");
        for _ in 0..50 {
            let content = reader.get("file");
            assert_eq!(content.len(), 150_000);
            assert!(content.iter().all(|byte| *byte == content[0]));
            assert_eq!(reader.list(), ["file"]);
        }
        reader.quit();
    });
    program.end_well();
    assert_eq!(everything(&root.path().join("alice")), ["file"]);
}

each_model!(readers_see_whole_files, [coroutine, thread, fork]);
