//! One accepted request on its way through a handler.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::{fmt, io};

use crate::error::Error;
use crate::family::{DeadlineRules, Family, Request};
use crate::handler::{Context, Failure, Handler, HandlerError};
use crate::hooks::Hooks;
use crate::lifecycle::{Connection, Ending, Event, InFlight, Lifecycle, Outcome, Reservation};
use crate::limits::{AtLimit, PeerKey, Refusal, Unwelcome};
use crate::net::{Overdue, Peer};
use crate::proxy_protocol::ProxyProtocol;
use crate::runtime::{Name, Panic};

/// What every request of a server needs.
pub(crate) struct Shared<F: Family> {
    pub(crate) handler: Box<dyn Handler<F::Request>>,
    pub(crate) hooks: Box<dyn Hooks<F>>,
    pub(crate) lifecycle: Arc<Lifecycle>,
    /// Whose PROXY headers come before a request.
    pub(crate) proxies: Option<ProxyProtocol>,
}

impl<F: Family> fmt::Debug for Shared<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("handler", &self.handler.name())
            .finish_non_exhaustive()
    }
}

/// An accepted and verified request, with its place among those in flight.
pub(crate) struct Job<F: Family> {
    request: F::Request,
    shared: Arc<Shared<F>>,
    place: InFlight,
    /// Before its handler began, for its client's sake.
    turned_away: bool,
}

/// A job that its model could not start, given back.
#[derive(Debug)]
pub(crate) struct Unstarted<F: Family> {
    pub(crate) job: Job<F>,
    pub(crate) error: Error,
}

impl<F: Family> fmt::Debug for Job<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("connection", self.place.connection())
            .finish_non_exhaustive()
    }
}

impl<F: Family> Job<F> {
    /// `reservation` was taken before the request was.
    pub(crate) fn new(
        request: F::Request,
        peer: Peer,
        model: &'static str,
        shared: &Arc<Shared<F>>,
        reservation: Reservation,
    ) -> Self {
        shared.lifecycle.meter().accepted();
        if let Some(rules) = shared.lifecycle.rules() {
            request.watch(DeadlineRules(rules));
        }
        let connection = Connection::new(model, shared.handler.name(), peer);
        let place = InFlight::begin(reservation, connection, request.killer());
        let connection = place.connection();
        shared.lifecycle.tell(|| Event::Accepted { connection });
        Job {
            request,
            shared: Arc::clone(shared),
            place,
            turned_away: false,
        }
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        self.place.connection()
    }

    pub(crate) fn place(&self) -> &InFlight {
        &self.place
    }

    pub(crate) fn request(&self) -> &F::Request {
        &self.request
    }

    fn context(&self) -> Context {
        Context::new(Arc::clone(self.place.connection()), Arc::clone(self.place.lifecycle()))
    }

    /// Runs the handler and everything that follows it, and tells how it
    /// failed if it did.
    pub(crate) fn run(mut self) -> Option<Ending> {
        let context = self.context();
        let shared = Arc::clone(&self.shared);
        let outcome = guarded(&context, || {
            if !self.is_welcome(&context)? {
                return Ok(());
            }
            shared
                .hooks
                .finish_request(&mut self.request, shared.handler.as_ref(), &context)
        });
        self.conclude(outcome, &context)
    }

    /// Has a proxy say whom it serves, where proxies are to be expected; false
    /// when that client has as many requests in flight as one may have.
    ///
    /// # Errors
    /// When it says nothing that can be understood.
    #[inline(never)]
    fn is_welcome(&mut self, context: &Context) -> Result<bool, Failure> {
        let Some(proxies) = &self.shared.proxies else {
            return Ok(true);
        };
        let connection = context.connection();
        let said = self.request.forwarded(proxies, connection.peer());
        let Some(forwarded) = said.inspect_err(|err| count_unsaid(context, err))? else {
            return Ok(true);
        };
        connection.is_forwarded(forwarded);
        let admitted = self.place.admit_peer(|| PeerKey::of(connection.peer(), None));
        if let Err(refusal) = admitted {
            turn_away(&self.request, self.place.lifecycle(), connection.peer(), refusal);
            self.turned_away = true;
        }
        Ok(admitted.is_ok())
    }

    /// Fails the request without having run it.
    #[cold]
    #[inline(never)]
    pub(crate) fn refuse(self, error: Error) {
        let context = self.context();
        self.conclude(Err(HandlerError::NotStarted(error)), &context);
    }

    /// In the parent of a forked child: this process's copy is closed, the
    /// connection goes on in the child.
    pub(crate) fn leave_to_child(self) -> InFlight {
        let Job {
            request, shared, place, ..
        } = self;
        let peer = place.connection().peer();
        let closed = catch_unwind(AssertUnwindSafe(|| shared.hooks.close_request(request, peer)));
        if closed.is_err() {
            log::error!("{}: close_request panicked", place.connection());
        }
        place
    }

    /// Apart, so that a handler's stack is not below what is needed here.
    #[inline(never)]
    fn conclude(mut self, outcome: Result<(), HandlerError>, context: &Context) -> Option<Ending> {
        let (took, traffic) = (context.connection().age(), self.request.traffic());
        context.lifecycle().meter().ended(took, traffic);
        if let Err(error) = &outcome {
            report(self.shared.hooks.as_ref(), error, context);
        }
        self.shared.lifecycle.folding().tell_overdue();
        close(self.shared.hooks.as_ref(), self.request, context.client_address());
        self.place.leave();
        let connection = self.place.connection();
        self.place.lifecycle().tell(|| Event::Ended {
            connection,
            outcome: match &outcome {
                Ok(()) if self.turned_away => Outcome::TurnedAway,
                Ok(()) => Outcome::Finished,
                Err(error) => match error.ending() {
                    Ending::Failed => Outcome::Failed(error),
                    _ => Outcome::Disconnected(error),
                },
            },
            took,
            received: traffic.0,
            sent: traffic.1,
        });
        outcome.err().map(|error| error.ending())
    }
}

/// Counts a peer that did not say whom it serves, unless it just left.
#[cold]
fn count_unsaid(context: &Context, err: &io::Error) {
    let gate = context.lifecycle().gate();
    match (Overdue::of(err), err.kind()) {
        // Those of the connection have been counted where they ended the read.
        (Some(Overdue::ProxyHeader), _) => context.count_missed(Overdue::ProxyHeader),
        (_, io::ErrorKind::PermissionDenied) => gate.refuse(Unwelcome::UntrustedProxy),
        (_, io::ErrorKind::InvalidData) => gate.refuse(Unwelcome::BadProxyHeader),
        _ => {}
    }
}

/// Counts a request that is beyond a limit, and tells its client if it is to be
/// told.
pub(crate) fn turn_away(request: &impl Request, lifecycle: &Arc<Lifecycle>, peer: &Peer, limit: Refusal) {
    lifecycle.tell(|| Event::TurnedAway { peer, limit });
    if let AtLimit::Reply(words) = lifecycle.gate().turn_away(limit) {
        request.turn_away(&words);
    }
}

/// Calls something of the user's; a panic becomes an error.
pub(crate) fn guarded(context: &Context, call: impl FnOnce() -> Result<(), Failure>) -> Result<(), HandlerError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(failure)) => Err(HandlerError::Failed(failure)),
        Err(payload) => Err(panicked(context, payload)),
    }
}

#[cold]
#[inline(never)]
fn panicked(context: &Context, payload: Box<dyn Any + Send>) -> HandlerError {
    let name = Name::from(context.connection().to_string());
    HandlerError::Panicked(Panic::new(&name, payload))
}

/// Tells the user of a failed request.
pub(crate) fn report<F: Family>(hooks: &dyn Hooks<F>, error: &HandlerError, context: &Context) {
    context.count(error);
    if catch_unwind(AssertUnwindSafe(|| hooks.handle_error(error, context))).is_err() {
        log::error!("{}: handle_error panicked over: {error}", context.connection());
    }
}

/// `shutdown_request`, then `close_request`.
pub(crate) fn close<F: Family>(hooks: &dyn Hooks<F>, request: F::Request, peer: &Peer) {
    let closed = catch_unwind(AssertUnwindSafe(|| {
        request.give_up();
        hooks.shutdown_request(&request, peer);
        hooks.close_request(request, peer);
    }));
    if closed.is_err() {
        log::error!("closing the request from {peer} panicked");
    }
}
