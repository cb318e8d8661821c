//! A span of the crate `tracing` for each request; feature `tracing`.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use ::tracing::field::{Empty, display};
use ::tracing::{Span, debug, info, info_span, warn};

use crate::lifecycle::{Connection, Event, Observer, Outcome, ServerHandle};
use crate::runtime::lock;

/// Spans that live, by their request's number; in several tables, so that
/// workers seldom meet.
static SPANS: LazyLock<[Mutex<HashMap<u64, Span>>; SHARDS]> = LazyLock::new(Default::default);
const SHARDS: usize = 16;

/// An [`Observer`] that opens a span `request` for each request, closes it when
/// the request has ended, and makes an event of whatever else happens to the
/// server.
///
/// The span has the fields `id`, `model`, `peer` and `handler`, and at its end
/// `outcome`, `error`, `took_us`, `received` and `sent`, as
/// [`LogEvents`](crate::LogEvents) names them. It has no parent. Requests in
/// [forked](crate::Fork) children have theirs in the parent.
///
/// A span that is entered is the current one of its thread, and so of every
/// coroutine that runs there until it is left: never hold an
/// [`Entered`](::tracing::span::Entered) across a wait. This observer enters
/// none. In a handler take the request's with [`span`], and name it or enter it
/// for as long as nothing waits:
///
/// ```
/// use greenserve::net::TcpStream;
/// use greenserve::tracing::{RequestSpans, span};
/// use greenserve::{Context, TcpServer, with_context};
/// use std::io::{self, Read};
///
/// fn serve(client: &mut TcpStream, context: &Context) -> io::Result<()> {
///     let span = span(context.connection());
///     let count = client.read(&mut [0; 100])?;
///     tracing::info!(parent: &span, count, "heard");
///     span.in_scope(|| tracing::info!("this is inside, too"));
///     Ok(())
/// }
///
/// let server = TcpServer::builder(with_context(serve))
///     .observe(RequestSpans)
///     .bind("127.0.0.1:0")?;
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestSpans;

/// The span of a request in flight; one that records nothing when its server
/// has no [`RequestSpans`], or no subscriber wants it.
pub fn span(connection: &Connection) -> Span {
    lock(table_of(connection))
        .get(&connection.id())
        .cloned()
        .unwrap_or_else(Span::none)
}

fn table_of(connection: &Connection) -> &'static Mutex<HashMap<u64, Span>> {
    &SPANS[connection.id() as usize % SHARDS]
}

impl Observer for RequestSpans {
    fn observe(&self, event: &Event<'_>, server: &ServerHandle) {
        match event {
            Event::Accepted { connection } => open(connection),
            Event::Ended { connection, .. } => close(connection, event),
            Event::TurnedAway { peer, limit } => debug!(parent: None, %peer, %limit, "turned away"),
            Event::Refused { peer } => debug!(parent: None, %peer, "refused"),
            Event::AcceptPaused { pause, cause } => {
                warn!(parent: None, pause_us = pause.as_micros() as u64, error = %cause, "accepting pauses");
            }
            Event::PhaseChanged { phase } => match server.address() {
                Some(server) => info!(parent: None, %server, ?phase, "phase changed"),
                None => info!(parent: None, ?phase, "phase changed"),
            },
            Event::Drained { report } => info!(parent: None, "{report}"),
        }
    }
}

fn open(connection: &Connection) {
    let span = info_span!(
        parent: None,
        "request",
        id = connection.id(),
        model = connection.model(),
        peer = %connection.peer(),
        handler = connection.handler(),
        outcome = Empty,
        error = Empty,
        took_us = Empty,
        received = Empty,
        sent = Empty,
    );
    if !span.is_none() {
        lock(table_of(connection)).insert(connection.id(), span);
    }
}

fn close(connection: &Connection, event: &Event<'_>) {
    let span = lock(table_of(connection)).remove(&connection.id());
    if let (
        Some(span),
        Event::Ended {
            outcome,
            took,
            received,
            sent,
            ..
        },
    ) = (span, event)
    {
        // Behind a proxy it is another one than at the beginning.
        span.record("peer", display(connection.peer()));
        span.record("took_us", took.as_micros() as u64);
        span.record("received", *received);
        span.record("sent", *sent);
        record_outcome(&span, outcome);
    }
}

fn record_outcome(span: &Span, outcome: &Outcome<'_>) {
    span.record("outcome", outcome.as_str());
    if let Some(err) = outcome.error() {
        span.record("error", display(err));
    }
}
