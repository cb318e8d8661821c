//! The spans of requests, as a subscriber sees them.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use greenserve::net::TcpStream;
use greenserve::tracing::{RequestSpans, span};
use greenserve::{Context, TcpServer, with_context};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use common::{PATIENCE, client, ip, wait_until};

type Fields = BTreeMap<&'static str, String>;

struct Collect<'a>(&'a mut Fields);

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// What was seen of the spans.
#[derive(Default)]
struct Seen {
    /// Each that was closed, with all its fields.
    closed: Vec<Fields>,
    /// The messages of events, with the `id` of the span they stand in.
    events: Vec<(Option<String>, String)>,
    entered: usize,
}

#[derive(Clone, Default)]
struct Watching(Arc<Mutex<Seen>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Watching {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: LayerContext<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Collect(&mut fields));
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: LayerContext<'_, S>) {
        let span = context.span(id).unwrap();
        values.record(&mut Collect(span.extensions_mut().get_mut::<Fields>().unwrap()));
    }

    fn on_event(&self, event: &Event<'_>, context: LayerContext<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Collect(&mut fields));
        let span = context.event_span(event);
        let id = span.and_then(|span| span.extensions().get::<Fields>()?.get("id").cloned());
        let message = fields.remove("message").unwrap_or_default();
        self.0.lock().unwrap().events.push((id, message));
    }

    fn on_enter(&self, _: &Id, _: LayerContext<'_, S>) {
        self.0.lock().unwrap().entered += 1;
    }

    fn on_close(&self, id: Id, context: LayerContext<'_, S>) {
        let fields = context.span(&id).unwrap().extensions_mut().remove::<Fields>();
        self.0.lock().unwrap().closed.push(fields.unwrap());
    }
}

/// Notes each byte in the span of its request.
fn note(client: &mut TcpStream, context: &Context) -> io::Result<()> {
    let mut byte = [0];
    while client.read(&mut byte)? == 1 {
        tracing::info!(parent: &span(context.connection()), "byte {}", byte[0]);
        client.write_all(&byte)?;
    }
    match byte[0] {
        2 => Err(io::Error::other("on purpose")),
        _ => Ok(()),
    }
}

#[test]
fn each_request_has_one_span_with_its_fields_and_events() {
    let watching = Watching::default();
    let seen = Arc::clone(&watching.0);
    tracing::subscriber::set_global_default(Registry::default().with(watching)).unwrap();
    let server = TcpServer::builder(with_context(note)).observe(RequestSpans);
    let server = server.bind("127.0.0.1:0").unwrap().start().unwrap();

    // Both wait at once, on the same worker or not, and take turns.
    let mut clients = [(); 2].map(|()| client(ip(&server.address())));
    for _ in 0..10 {
        for (byte, client) in [1, 2].into_iter().zip(&mut clients) {
            client.write_all(&[byte]).unwrap();
            client.read_exact(&mut [0]).unwrap();
        }
    }
    drop(clients);
    wait_until("both spans are closed", || seen.lock().unwrap().closed.len() == 2);
    server.stop(PATIENCE).unwrap();

    let seen = seen.lock().unwrap();
    assert_eq!(seen.entered, 0);
    for (byte, outcome) in [("byte 1", "finished"), ("byte 2", "failed")] {
        let of_byte = |(_, message): &&(Option<String>, String)| message == byte;
        let events: Vec<_> = seen.events.iter().filter(of_byte).collect();
        assert_eq!(events.len(), 10);
        let id = events[0].0.clone().unwrap();
        assert!(events.iter().all(|(span, _)| span.as_ref() == Some(&id)));
        let span = seen.closed.iter().find(|fields| fields["id"] == id).unwrap();
        assert_eq!(span["outcome"], format!("{outcome:?}"));
        assert_eq!((&*span["received"], &*span["sent"]), ("10", "10"));
        assert!(span["peer"].starts_with("127.0.0.1:"));
        assert_eq!(span.contains_key("error"), outcome == "failed");
    }
}

#[test]
fn who_is_not_observed_has_no_span() {
    let (sender, told) = std::sync::mpsc::channel();
    let handler = with_context(move |_: &mut TcpStream, context: &Context| {
        sender.send(span(context.connection()).is_none()).unwrap();
        io::Result::Ok(())
    });
    let server = TcpServer::bind("127.0.0.1:0", handler).unwrap().start().unwrap();
    client(ip(&server.address()));
    assert!(told.recv_timeout(PATIENCE).unwrap());
}
