//! Messages on their way: how many there are, and what becomes of them when
//! their answers do not come.

mod program;

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use program::{PROGRAM, listen, run};
use serde_json::Value;

const SIZE: usize = 64;
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers `count` messages, once all of them are here.
fn answer(client: &mut TcpStream, count: usize) -> std::io::Result<()> {
    let mut messages = vec![0; count * SIZE];
    client.read_exact(&mut messages)?;
    client.write_all(&messages)
}

#[test]
fn as_many_messages_are_on_their_way_as_asked() {
    let seen = Arc::new(AtomicU32::new(0));
    let full = Arc::clone(&seen);
    let target = listen(move |mut client| {
        answer(&mut client, 1)?;
        for _ in 0..10 {
            answer(&mut client, 4)?;
            full.fetch_add(1, Ordering::Relaxed);
        }
        // The end of the run may leave fewer than four on their way.
        loop {
            answer(&mut client, 1)?;
        }
    });
    let options = ["-c", "3", "-d", "300ms", "--timeout", "5s", "--allow-client-limited"];
    let run = run(&target, &[&options[..], &["--depth", "4"]].concat());
    assert_eq!(run.status(), 0, "{}", run.text());
    assert_eq!(seen.load(Ordering::Relaxed), 30, "{}", run.text());
}

#[test]
fn each_message_that_a_connection_takes_with_it_is_a_failure() {
    let left = AtomicU32::new(3);
    let spend = |places: u32| places.checked_sub(1);
    let target = listen(move |mut client| {
        answer(&mut client, 1)?;
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok() {
            return client.read_exact(&mut [0; 4 * SIZE]);
        }
        loop {
            answer(&mut client, 1)?;
        }
    });
    let options = ["-c", "1", "-d", "500ms", "--depth", "4", "--allow-client-limited"];
    let run = run(&target, &options);
    let errors = &run.report["errors"];
    assert_eq!(errors[0]["class"], "closed_early", "{}", run.text());
    // Three connections, each with four on their way when it ended.
    assert_eq!(errors[0]["count"], 12, "{}", run.text());
}

/// A run that is interrupted when the server has said so: (status, its report).
fn interrupted(target: &str, silent: &Receiver<()>, options: &[&str]) -> (Option<i32>, Value) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let json = folder.path().join("report.json");
    let mut program = Command::new(PROGRAM)
        .args([
            "run",
            target,
            "-c",
            "1",
            "-d",
            "60s",
            "--warmup",
            "0s",
            "--timeout",
            "60s",
        ])
        .args(options)
        .arg("--json")
        .arg(&json)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it can be started");
    silent.recv_timeout(PATIENCE).expect("messages without an answer");
    let status = Command::new("kill").args(["-INT", &program.id().to_string()]).status();
    assert!(status.expect("there is kill").success());
    let status = program.wait().expect("it ends").code();
    let report: Value = serde_json::from_slice(&std::fs::read(&json).expect("a report")).expect("JSON");
    (status, report["runs"][0].clone())
}

#[test]
fn messages_without_an_answer_are_unfinished() {
    let (tell, silent) = channel();
    let target = listen(move |mut client| {
        answer(&mut client, 1)?;
        client.read_exact(&mut [0; 3 * SIZE])?;
        // The test may have gone on.
        let _ = tell.send(());
        client.read_exact(&mut [0; SIZE])
    });
    let (status, report) = interrupted(&target, &silent, &["--depth", "3"]);
    assert_eq!((status, &report["unfinished"]), (Some(130), &Value::from(3)));
    assert_eq!(report["errors"], Value::Array(vec![]));
}

#[test]
fn datagrams_without_an_answer_are_unfinished() {
    let (tell, silent) = channel();
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let target = format!("udp://{}", socket.local_addr().expect("it is bound"));
    thread::spawn(move || {
        let mut message = [0; 2 * SIZE];
        let (length, from) = socket.recv_from(&mut message).expect("a message");
        socket.send_to(&message[..length], from).expect("it is there");
        for _ in 0..3 {
            socket.recv_from(&mut message).expect("a message");
        }
        // The test may have gone on.
        let _ = tell.send(());
    });
    let (status, report) = interrupted(&target, &silent, &["--depth", "3"]);
    assert_eq!((status, &report["unfinished"]), (Some(130), &Value::from(3)));
}

#[test]
fn what_the_schedule_still_asked_for_is_unfinished() {
    let target = listen(|mut client| {
        answer(&mut client, 1)?;
        client.read_exact(&mut [0; 2 * SIZE])
    });
    let options = [
        "-c",
        "1",
        "-d",
        "500ms",
        "--rate",
        "100",
        "--timeout",
        "1s",
        "--allow-client-limited",
    ];
    let report = run(&target, &options).report;
    let [answers, unfinished] = ["answers", "unfinished"].map(|figure| report[figure].as_u64().expect("a count"));
    let errors: u64 = errors(&report);
    // 100 ms of warm-up and half a second, at 100 a second; one waited until
    // its time was over.
    assert_eq!((answers + unfinished + errors, errors), (60, 1), "{report}");
}

fn errors(report: &Value) -> u64 {
    let errors = report["errors"].as_array().expect("a list");
    errors
        .iter()
        .map(|error| error["count"].as_u64().expect("a count"))
        .sum()
}

#[test]
fn no_more_answers_count_than_were_asked_for() {
    let target = listen(|mut client| {
        loop {
            answer(&mut client, 1)?;
        }
    });
    let options = ["-c", "20", "--depth", "4", "-n", "1000", "--allow-client-limited"];
    let run = run(&target, &options);
    assert_eq!(run.report["answers"], 1000, "{}", run.text());
}

/// A Unix datagram server: its socket, the folder of that, and the target.
fn unixgram() -> (UnixDatagram, tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("server");
    let socket = UnixDatagram::bind(&path).expect("a free path");
    let target = format!("unixgram://{}", path.display());
    (socket, folder, target)
}

/// Fills the queue of a socket: where systemd runs it is 512 messages long, for
/// which one sender has no room.
fn fill(path: &SocketAddr) -> std::io::Result<()> {
    loop {
        let filler = UnixDatagram::unbound()?;
        filler.set_nonblocking(true)?;
        let mut sent = 0;
        while filler.send_to_addr(b"full", path).is_ok() {
            sent += 1;
        }
        if sent == 0 {
            return Ok(());
        }
    }
}

/// Answers the first message when no further one finds room.
fn answer_behind_a_full_queue(socket: &UnixDatagram) -> std::io::Result<()> {
    let mut message = [0; 2 * SIZE];
    let (length, from) = socket.recv_from(&mut message)?;
    fill(&socket.local_addr()?)?;
    socket.send_to_addr(&message[..length], &from).map(drop)
}

/// Echoes the next message that is not of who filled the queue, `after` a while.
fn answer_late(socket: &UnixDatagram, after: Duration) -> std::io::Result<()> {
    let mut message = [0; 2 * SIZE];
    loop {
        let (length, from) = socket.recv_from(&mut message)?;
        if length == SIZE {
            thread::sleep(after);
            return socket.send_to_addr(&message[..length], &from).map(drop);
        }
    }
}

#[test]
fn a_datagram_that_waits_to_be_sent_is_not_late() {
    let (socket, _folder, target) = unixgram();
    thread::spawn(move || -> std::io::Result<()> {
        answer_behind_a_full_queue(&socket)?;
        // Each is less than --timeout, and both together are more.
        let half = Duration::from_millis(1200);
        thread::sleep(half);
        answer_late(&socket, half)?;
        loop {
            answer_late(&socket, Duration::ZERO)?;
        }
    });
    let run = run(
        &target,
        &["-c", "1", "-d", "3s", "--timeout", "2s", "--allow-client-limited"],
    );
    assert_eq!(errors(&run.report), 0, "{}", run.text());
    assert!(run.report["answers"].as_u64().expect("a count") > 0, "{}", run.text());
}

#[test]
fn a_datagram_that_cannot_be_sent_is_a_write_timeout() {
    let (socket, _folder, target) = unixgram();
    let (tell, ended) = channel::<()>();
    let server = thread::spawn(move || {
        let answered = answer_behind_a_full_queue(&socket);
        // Nobody reads until the run is over.
        let _ = ended.recv_timeout(PATIENCE);
        answered
    });
    let run = run(&target, &["-c", "1", "-d", "500ms", "--timeout", "400ms"]);
    drop(tell);
    server.join().expect("it does not panic").expect("it answers once");
    let errors = &run.report["errors"];
    assert_eq!(errors[0]["class"], "write_timeout", "{}", run.text());
}
