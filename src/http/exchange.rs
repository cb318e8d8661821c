//! One request and its answer.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use ::http::{Extensions, HeaderMap, StatusCode};

use super::body::Body;
use super::handler::Handler;
use super::in_force::InForce;
use super::kit::Kit;
use super::link::Link;
use super::outbox::{Cut, Outbox};
use super::refusal::Refusal;
use super::request::Request;
use super::response::{Asked, Response, Stage};
use super::settings::Settings;
use crate::handler::{Context, Failure, Transport};

/// What an exchange is made with.
#[derive(Clone, Copy)]
pub(super) struct Exchange<'a> {
    pub(super) transport: &'a dyn Transport,
    pub(super) context: &'a Context,
    pub(super) settings: &'a Settings,
    pub(super) in_force: &'a InForce,
    pub(super) handler: &'a dyn Handler,
    /// Whether the connection may go on after it.
    pub(super) may_go_on: bool,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    GoOn,
    Close,
    /// The client may still be sending.
    Linger,
}

impl Exchange<'_> {
    /// Answers the request whose head is in `kit` and whose body is still to
    /// come. The answer may not have been sent.
    ///
    /// # Errors
    /// What the handler failed with, or a connection that is gone.
    #[inline(never)]
    pub(super) fn run(self, kit: &mut Kit) -> Result<After, Failure> {
        let log = self.settings.access_log.as_ref().filter(|log| log.is_read());
        let begun = log.map(|_| Instant::now());
        let Kit {
            inbox,
            outbox,
            head,
            headers,
            collected,
            params,
            trailers: [trailers, our_trailers],
        } = kit;
        // To clear an empty one takes time too.
        let used = [&mut *headers, trailers, our_trailers]
            .into_iter()
            .filter(|map| !map.is_empty());
        used.for_each(HeaderMap::clear);
        params.clear();
        collected.clear();
        // Who has begun to send the body does not wait to be asked for it.
        let is_continue_due = head.facts.expects_continue && inbox.is_empty();
        let link = Link::new(self.transport, self.context, is_continue_due);
        let InForce { limits, deadlines, .. } = self.in_force;
        let body = Body::new(&link, inbox, head.facts.framing, limits, deadlines.body, trailers);
        if !body.is_here() {
            outbox.send(self.transport, &[])?;
        }
        outbox.begin_answer();
        let mut response = Response {
            link: &link,
            asked: Asked::new(&head.method, head.version, self.settings.server.as_ref()),
            outbox,
            collected,
            headers,
            context: self.context,
            status: StatusCode::OK,
            keeps_alive: head.facts.keeps_alive && self.may_go_on,
            stage: Stage::Open,
            trailers: our_trailers,
            written: 0,
            coding: None,
        };
        let mut request = Request {
            head,
            body,
            link: &link,
            context: self.context,
            params,
            extensions: Extensions::new(),
        };
        let ended = self.handle(&mut request, &mut response);
        if let (Some(log), Some(begun)) = (log, begun) {
            log.record(&request, &response, begun.elapsed());
        }
        let (outbox, stage, keeps_alive) = (response.outbox, response.stage, response.keeps_alive);
        outbox.cut = ended.cuts(stage, outbox);
        if stage == Stage::TakenOver {
            return ended.into_result(After::Close);
        }
        self.conclude(ended, &mut request.body, outbox, keeps_alive)
    }

    /// Has the handler answer; a failure becomes an answer too, if there is
    /// none yet.
    fn handle(self, request: &mut Request<'_>, response: &mut Response<'_>) -> Ended {
        let handled = catch_unwind(AssertUnwindSafe(|| self.handler.handle(request, response)));
        let ended = match handled {
            Ok(handled) => match handled.and_then(|()| Ok(response.finish()?)) {
                Ok(()) => return Ended::Well,
                Err(failure) => Ended::Failed(failure),
            },
            Err(payload) => Ended::Panicked(payload),
        };
        let refusal = match &ended {
            Ended::Failed(failure) => Refusal::of(failure).cloned(),
            _ => None,
        };
        let told = refusal.clone().unwrap_or_else(|| {
            Refusal::final_one(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the server failed to answer this request",
            )
        });
        let is_told = response.refuse(&told).unwrap_or(false);
        match (refusal, is_told) {
            (Some(refusal), true) => {
                log::debug!("{}: refused: {refusal}", self.context.connection());
                Ended::Well
            }
            _ => ended,
        }
    }

    #[inline(never)]
    fn conclude(
        self,
        ended: Ended,
        body: &mut Body<'_>,
        outbox: &mut Outbox,
        keeps_alive: bool,
    ) -> Result<After, Failure> {
        if !matches!(ended, Ended::Well) {
            // The client may be gone, and then there is nobody to tell.
            let _ = outbox.send(self.transport, &[]);
            return ended.into_result(After::Linger);
        }
        if !keeps_alive {
            outbox.send(self.transport, &[])?;
            return Ok(match body.is_read() && !body.has_more_behind() {
                true => After::Close,
                false => After::Linger,
            });
        }
        if !body.is_here() {
            outbox.send(self.transport, &[])?;
        }
        match body.drop_rest() {
            Ok(true) => Ok(After::GoOn),
            Ok(false) => outbox
                .send(self.transport, &[])
                .map(|()| After::Linger)
                .map_err(Into::into),
            Err(err) => {
                log::debug!("{}: the rest of a body: {err}", self.context.connection());
                outbox.send(self.transport, &[])?;
                Ok(After::Linger)
            }
        }
    }
}

/// How the handler ended.
enum Ended {
    Well,
    Failed(Failure),
    Panicked(Box<dyn Any + Send>),
}

impl Ended {
    /// What has become of the answer that ended so.
    fn cuts(&self, stage: Stage, outbox: &Outbox) -> Cut {
        match (stage, self) {
            (_, Ended::Well) => Cut::Not,
            (Stage::Done, _) if outbox.check().is_ok() => Cut::Not,
            (Stage::UntilClose, _) => Cut::Unframed,
            _ => Cut::Framed,
        }
    }

    fn into_result(self, after: After) -> Result<After, Failure> {
        match self {
            Ended::Well => Ok(after),
            Ended::Failed(failure) => Err(failure),
            Ended::Panicked(payload) => resume_unwind(payload),
        }
    }
}
