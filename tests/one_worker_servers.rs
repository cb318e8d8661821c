//! What coroutines promise when one worker runs them all. The number of
//! workers belongs to the whole process, so this is one of its own.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use greenserve::net::TcpStream;
use greenserve::runtime::{self, Config};
use greenserve::testing::TestServer;
use greenserve::{Datagram, TcpServer, Udp, UdpServer};
use support::{connect, ip, keeps_time, read_exactly, wait_until, within_limit};

/// One test at a time, and one worker.
fn one_worker() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    if !runtime::is_running() {
        runtime::configure(Config::new().workers(1)).unwrap();
    }
    assert_eq!(runtime::workers(), 1);
    alone
}

fn echo(client: &mut TcpStream) -> io::Result<()> {
    let mut byte = [0];
    while client.read(&mut byte)? == 1 {
        client.write_all(&byte)?;
    }
    Ok(())
}

#[test]
fn a_flood_of_datagrams_does_not_starve_connections() {
    const FLOOD: usize = 100_000;
    let _alone = one_worker();
    let received = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&received);
    let count = move |_: &mut Datagram<std::net::UdpSocket>| {
        theirs.fetch_add(1, Ordering::SeqCst);
        io::Result::Ok(())
    };
    let flooded = TestServer::build(UdpServer::builder(count)).unwrap();
    let server = TestServer::build(TcpServer::builder(echo)).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let mut client = connect(server.address());
    let (mut answers, mut longest) = (0, Duration::ZERO);
    let until = Arc::clone(&over);
    let ticking = runtime::spawn(move || {
        let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
        while !until.load(Ordering::SeqCst) {
            runtime::sleep(Duration::from_millis(1)).unwrap();
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        longest
    })
    .unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let source = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            for _ in 0..FLOOD {
                source.send_to(&[0; 64], ip(flooded.address())).unwrap();
            }
            over.store(true, Ordering::SeqCst);
        });
        while !over.load(Ordering::SeqCst) {
            let begin = Instant::now();
            client.write_all(b"x").unwrap();
            assert_eq!(read_exactly(&client, 1), b"x");
            answers += 1;
            longest = longest.max(begin.elapsed());
        }
    });
    drop(client);
    let tick = ticking.join().unwrap();
    assert!(tick < Duration::from_millis(500), "a sleep of 1 ms took {tick:?}");
    assert!(flooded.stop().unwrap().is_clean());
    let received = received.load(Ordering::SeqCst);
    assert!(received > FLOOD / 100, "only {received} datagrams came through");
    assert!(answers >= 10, "only {answers} answers during the flood");
    assert!(longest < Duration::from_millis(500), "an answer took {longest:?}");
    println!("{received} datagrams, {answers} answers, the longest after {longest:?}, a tick after {tick:?}");
}

#[test]
fn a_flood_on_one_connection_does_not_starve_another() {
    let _alone = one_worker();
    let sink = |client: &mut TcpStream| -> io::Result<()> {
        let mut buffer = [0; 4096];
        let mut first = true;
        loop {
            match client.read(&mut buffer)? {
                0 => return Ok(()),
                count if first && count == 1 => client.write_all(&buffer[..1])?,
                _ => first = false,
            }
        }
    };
    let server = TestServer::build(TcpServer::builder(sink)).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut flood = connect(server.address());
            while !over.load(Ordering::SeqCst) {
                flood.write_all(&[0; 65_536]).unwrap();
            }
        });
        let mut client = connect(server.address());
        for _ in 0..20 {
            let begin = Instant::now();
            client.write_all(b"x").unwrap();
            assert_eq!(read_exactly(&client, 1), b"x");
            assert!(begin.elapsed() < Duration::from_millis(500), "{:?}", begin.elapsed());
        }
        over.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_handler_that_computes_does_not_hold_up_the_stop() {
    const GRACE: Duration = Duration::from_millis(100);
    let _alone = one_worker();
    keeps_time(|| {
        let released = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&released);
        let compute = move |client: &mut TcpStream| -> io::Result<()> {
            client.write_all(b".")?;
            while !theirs.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            Ok(())
        };
        let server = TcpServer::bind("127.0.0.1:0", compute).unwrap().start().unwrap();
        let handle = server.handle().clone();
        let client = connect(&server.address());
        assert_eq!(read_exactly(&client, 1), b".");
        let begin = Instant::now();
        let report = within_limit("stopping", move || server.stop(GRACE).unwrap());
        let took = begin.elapsed();
        released.store(true, Ordering::SeqCst);
        assert_eq!((report.in_flight, report.survivors.len()), (1, 1), "{report}");
        // What could not be waited for ends nevertheless.
        wait_until("the server is closed", || handle.phase() == greenserve::Phase::Closed);
        if took > GRACE * 2 {
            Err(format!("{took:?}"))
        } else {
            Ok(())
        }
    });
}

#[test]
fn a_worker_that_computes_serves_the_others_afterwards() {
    let _alone = one_worker();
    let server = TestServer::<Udp>::start(|datagram: &mut Datagram<std::net::UdpSocket>| {
        let until = Instant::now() + Duration::from_millis(20);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        datagram.reply(b"done").map(drop)
    })
    .unwrap();
    let clients: Vec<_> = (0..5)
        .map(|_| support::exchange::udp_client(server.address()))
        .collect();
    for client in &clients {
        client.send(b"x").unwrap();
    }
    for client in &clients {
        assert_eq!(client.recv(&mut [0; 16]).unwrap(), 4);
    }
}
