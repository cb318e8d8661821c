//! Tells everybody who listens what anybody says: server-sent events.
//!
//! A listener that does not take what it is sent falls behind by 16 messages
//! and is let go; it harms nobody else.
//!
//! Run with: cargo run --features http --example sse
//! Try with: curl -N http://127.0.0.1:8080/events
//! Then, beside it: curl -d 'hello, listeners' http://127.0.0.1:8080/say
//! Or open http://127.0.0.1:8080/ in a browser or two.

mod common;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use greenserve::TcpServer;
use greenserve::http::{self, Event, EventStream, Request, Response, Router};
use greenserve::sync::{Receiver, Sender, channel};

/// How far a listener may fall behind.
const BEHIND: usize = 16;
const LONGEST: u64 = 1_000;

const PAGE: &str = "<!doctype html><meta charset=utf-8><title>Events</title>
<form><input autofocus placeholder='say something'></form><ul></ul>
<script>
new EventSource('/events').onmessage = event => {
    const line = document.createElement('li');
    line.textContent = event.data;
    document.querySelector('ul').prepend(line);
};
document.querySelector('form').onsubmit = event => {
    event.preventDefault();
    const input = document.querySelector('input');
    fetch('/say', {method: 'POST', body: input.value});
    input.value = '';
};
</script>
";

/// Who listens.
#[derive(Debug, Default)]
struct Hall {
    listeners: Mutex<Vec<Sender<Event>>>,
    said: AtomicU64,
}

impl Hall {
    fn enter(&self) -> Receiver<Event> {
        let (sender, receiver) = channel(BEHIND);
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.push(sender);
        receiver
    }

    fn say(&self, text: &str) -> usize {
        let id = self.said.fetch_add(1, Ordering::Relaxed) + 1;
        let event = Event::new(text).id(id.to_string());
        // Never waits, so the lock is held for a moment only.
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.try_send(event.clone()).is_ok());
        listeners.len()
    }
}

fn listen(hall: &Hall, response: &mut Response<'_>) -> http::Result {
    let heard = hall.enter();
    let mut stream = EventStream::begin(response)?;
    while let Some(event) = stream.next(|limit| heard.recv_timeout(limit))? {
        stream.send(&event)?;
    }
    Ok(())
}

fn say(hall: &Hall, request: &mut Request<'_>, response: &mut Response<'_>) -> http::Result {
    let text = request.body().text(LONGEST)?;
    let count = hall.say(&text);
    response.send(format!("{count} listening\n"))
}

fn page(_: &mut Request<'_>, response: &mut Response<'_>) -> http::Result {
    response.header("content-type", "text/html; charset=utf-8")?;
    response.send(PAGE)
}

fn main() -> ExitCode {
    common::main("127.0.0.1:8080", |options, address| {
        let hall = Arc::new(Hall::default());
        let theirs = Arc::clone(&hall);
        let router = Router::builder()
            .get("/", page)
            .get("/events", move |_: &mut Request<'_>, response: &mut Response<'_>| {
                listen(&hall, response)
            })
            .post("/say", move |request: &mut Request<'_>, response: &mut Response<'_>| {
                say(&theirs, request, response)
            });
        common::serve(TcpServer::bind(address, http::serve(router.build()?))?, options)
    })
}
