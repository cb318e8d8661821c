//! Drains under load: what a handler has answered, its client has heard.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use greenserve::http::{self, Request, Response};
use greenserve::testing::TestServer;
use greenserve::{Coroutine, Model, Tcp, TcpServer, Thread};

use super::client::Answer;
use super::common::{PATIENCE, wait_until};

const CLIENTS: usize = 8;

/// How many servers end in each setting: 10, or what `RESTARTS` says.
fn rounds() -> u32 {
    std::env::var("RESTARTS").map_or(10, |restarts| restarts.parse().unwrap())
}

/// Asks until the server has ended; how many answers came, each of them whole.
fn ask(address: &str, at_once: usize) -> usize {
    let mut heard = 0;
    while let Ok(mut stream) = TcpStream::connect(address) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let requests = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(at_once);
        'connection: while stream.write_all(&requests).is_ok() {
            for _ in 0..at_once {
                // The end, or a reset: this one was not taken.
                let Ok(Some(answer)) = Answer::read(&mut reader, true) else {
                    break 'connection;
                };
                assert_eq!(answer.body, "hello");
                heard += 1;
                if answer.closes() {
                    break 'connection;
                }
            }
        }
    }
    heard
}

fn loses_nothing<M: Model + Clone>(model: &M, at_once: usize) {
    for _ in 0..rounds() {
        let answered = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&answered);
        let hello = move |_: &mut Request<'_>, response: &mut Response<'_>| {
            count.fetch_add(1, Ordering::SeqCst);
            response.send("hello")
        };
        let builder = TcpServer::builder(http::serve(hello)).model(model.clone());
        let server = TestServer::<Tcp, M>::build(builder).unwrap();
        let address = server.address().to_string();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let address = address.clone();
                thread::spawn(move || ask(&address, at_once))
            })
            .collect();
        wait_until("load", || answered.load(Ordering::SeqCst) > 20 * CLIENTS);
        assert!(server.stop().unwrap().is_clean());
        let heard: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
        assert_eq!(heard, answered.load(Ordering::SeqCst), "an answer was lost");
    }
}

#[test]
fn no_answer_is_lost() {
    loses_nothing(&Coroutine::new(), 1);
    loses_nothing(&Thread::new(), 1);
}

#[test]
fn no_answer_is_lost_of_requests_that_come_together() {
    loses_nothing(&Coroutine::new(), 5);
}
