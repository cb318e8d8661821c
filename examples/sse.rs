//! Tells everybody who listens what anybody says: server-sent events.
//!
//! A listener that does not take what it is sent falls behind by 16 messages
//! and is let go; it harms nobody else. One that is gone is forgotten with the
//! second comment that does not reach it, whether anybody speaks or not.
//!
//! Run with: cargo run --features http --example sse
//! Try with: curl -N http://127.0.0.1:8080/events
//! Then, beside it: curl -d 'hello, listeners' http://127.0.0.1:8080/say
//! How many listen: curl http://127.0.0.1:8080/listening
//! Or open http://127.0.0.1:8080/ in a browser or two.

mod common;

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::Parser;
use greenserve::http::{self, Event, EventStream, Request, Response, Router};
use greenserve::sync::{Receiver, Sender, channel};
use greenserve::{Result, TcpServer};

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

#[derive(Debug, Parser)]
struct Settings {
    #[command(flatten)]
    options: common::Options,
    /// How long a listener hears nothing until it is sent a comment, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    comment_every: u64,
}

/// Who listens.
#[derive(Debug, Default)]
struct Hall {
    listeners: Mutex<HashMap<u64, Sender<Event>>>,
    entered: AtomicU64,
    said: AtomicU64,
}

/// A place in the hall, which is free again when this is dropped.
struct Seat<'h> {
    hall: &'h Hall,
    number: u64,
    heard: Receiver<Event>,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.hall.listeners().remove(&self.number);
    }
}

impl Hall {
    fn listeners(&self) -> MutexGuard<'_, HashMap<u64, Sender<Event>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self) -> Seat<'_> {
        let (sender, heard) = channel(BEHIND);
        let number = self.entered.fetch_add(1, Ordering::Relaxed);
        self.listeners().insert(number, sender);
        Seat {
            hall: self,
            number,
            heard,
        }
    }

    fn say(&self, text: &str) -> usize {
        let id = self.said.fetch_add(1, Ordering::Relaxed) + 1;
        let event = Event::new(text).id(id.to_string());
        // Never waits, so the lock is held for a moment only.
        let mut listeners = self.listeners();
        listeners.retain(|_, listener| listener.try_send(event.clone()).is_ok());
        listeners.len()
    }
}

fn listen(hall: &Hall, comment_every: Duration, response: &mut Response<'_>) -> http::Result {
    let seat = hall.enter();
    let mut stream = EventStream::begin(response)?.keep_alive(comment_every);
    while let Some(event) = stream.next(|limit| seat.heard.recv_timeout(limit))? {
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

fn router(comment_every: Duration) -> Result<Router> {
    let hall = Arc::new(Hall::default());
    let (counted, said) = (Arc::clone(&hall), Arc::clone(&hall));
    Router::builder()
        .get("/", page)
        .get("/events", move |_: &mut Request<'_>, response: &mut Response<'_>| {
            listen(&hall, comment_every, response)
        })
        .get("/listening", move |_: &mut Request<'_>, response: &mut Response<'_>| {
            response.send(format!("{}\n", counted.listeners().len()))
        })
        .post("/say", move |request: &mut Request<'_>, response: &mut Response<'_>| {
            say(&said, request, response)
        })
        .build()
}

fn main() -> ExitCode {
    let settings = Settings::parse();
    common::start(&settings.options, "127.0.0.1:8080", |address| {
        let router = router(Duration::from_secs(settings.comment_every))?;
        common::serve(TcpServer::bind(address, http::serve(router))?, &settings.options)
    })
}
