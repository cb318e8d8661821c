//! A connection, from its first request to its end.

use std::io;
use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::http::{HeaderMap, HeaderValue, Version};

use super::due::Due;
use super::exchange::{After, Exchange};
use super::handler::Handler;
use super::in_force::InForce;
use super::kit::Kit;
use super::outbox::Cut;
use super::refusal::Refusal;
use super::reply::{Length, Reply};
use super::scan::{Extent, Scan};
use super::settings::Settings;
use crate::error::WaitError;
use crate::handler::{Context, Failure, Transport};
use crate::net::Overdue;

/// How long, and for how much, a client is listened to that will get no further
/// answer: closing at once would reset the connection, and the last answer
/// could be lost with it (RFC 9112, 9.6).
const LINGER: Duration = Duration::from_secs(2);
const MOST_LINGERED: usize = 512 * 1024;

/// One connection.
pub(super) struct Connection<'a> {
    pub(super) transport: &'a dyn Transport,
    pub(super) context: &'a Context,
    pub(super) settings: &'a Settings,
    /// For the present request.
    pub(super) in_force: Arc<InForce>,
    pub(super) handler: &'a dyn Handler,
    /// Requests so far.
    pub(super) served: u64,
    /// Empty lines since the last one.
    pub(super) empty_lines: usize,
}

/// What there is of a request.
enum Come {
    Head(Extent),
    /// Nothing yet, and nobody waited for it.
    Nothing,
    /// The client has finished.
    End,
    Refused(Refusal),
}

impl Connection<'_> {
    /// Serves all requests.
    ///
    /// # Errors
    /// What a handler failed with, or a connection that is gone.
    pub(super) fn serve(&mut self) -> Result<(), Failure> {
        self.transport.be_counted(self.context);
        self.give_deadlines();
        // A first request mostly comes with its connection: it is there before
        // a wait for it could be arranged, and then none need be.
        loop {
            let mut kit = Kit::take();
            let goes_on = self.serve_what_is_there(&mut kit)?;
            kit.give_back();
            if !goes_on || !self.wait()? {
                return Ok(());
            }
        }
    }

    fn give_deadlines(&self) {
        let ours = &self.in_force.deadlines;
        self.transport
            .set_deadlines(ours.of_connection(self.transport.deadlines()));
    }

    /// Goes by what has been put in force since the last request.
    fn renew(&mut self) {
        let renewed = self.settings.control.renew(&mut self.in_force);
        // Other limits leave the handler's own deadlines as they are.
        if renewed.is_some_and(|before| before.deadlines != self.in_force.deadlines) {
            self.give_deadlines();
        }
    }

    /// Waits for a request, without holding anything; false at the end.
    fn wait(&self) -> io::Result<bool> {
        match self.transport.wait_for_request(self.context) {
            Err(err) if WaitError::of(&err) == Some(WaitError::Deadline) => Ok(false),
            waited => waited,
        }
    }

    /// Answers one request after the other, until there is none; false when the
    /// connection has come to its end.
    #[inline(never)]
    fn serve_what_is_there(&mut self, kit: &mut Kit) -> Result<bool, Failure> {
        loop {
            self.renew();
            let extent = match self.read_head(kit)? {
                Come::Head(extent) => extent,
                Come::Nothing => return Ok(true),
                Come::End => return Ok(false),
                Come::Refused(refusal) => return self.refuse(kit, &refusal),
            };
            let head = &kit.inbox.unread()[extent.begin..extent.end];
            if let Err(refusal) = kit.head.parse(head, extent.headers, &self.in_force.limits) {
                return self.refuse(kit, &refusal);
            }
            kit.inbox.consume(extent.end);
            match self.answer(kit)? {
                After::GoOn => {}
                After::Close => {
                    self.close(kit);
                    return Ok(false);
                }
                After::Linger => {
                    self.linger();
                    return Ok(false);
                }
            }
            let is_last = kit.inbox.is_empty();
            if is_last || kit.outbox.ready.len() >= self.in_force.limits.buffered_replies {
                kit.outbox.send(self.transport, &[])?;
            }
            if is_last {
                return Ok(true);
            }
        }
    }

    fn answer(&mut self, kit: &mut Kit) -> Result<After, Failure> {
        self.served += 1;
        let exchange = Exchange {
            transport: self.transport,
            context: self.context,
            settings: self.settings,
            in_force: &self.in_force,
            handler: self.handler,
            may_go_on: self.served < self.in_force.limits.requests,
        };
        let ended = catch_unwind(AssertUnwindSafe(|| exchange.run(kit)));
        match kit.outbox.cut {
            _ if matches!(ended, Ok(Ok(_))) => {}
            // Over TLS the end would be said (`close_notify`), and what was cut
            // might be taken for the whole.
            Cut::Framed | Cut::Unframed if self.transport.is_encrypted() => {}
            // Until the end of the connection, so an end in order would make
            // the whole of it. One that is gone already needs none.
            Cut::Unframed => {
                let _ = self.transport.reset_at_close();
            }
            _ => self.linger(),
        }
        ended.unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// Reads until a head is there. Answers that are ready are sent before
    /// anything is waited for.
    #[inline(never)]
    fn read_head(&mut self, kit: &mut Kit) -> io::Result<Come> {
        let mut scan = Scan::behind(self.empty_lines);
        let mut due = Due::new(Overdue::RequestHead);
        let come = loop {
            match scan.look(kit.inbox.unread(), &self.in_force.limits) {
                Ok(Some(extent)) => {
                    self.begins();
                    break Come::Head(extent);
                }
                Ok(None) => {}
                Err(refusal) => break Come::Refused(refusal),
            }
            kit.outbox.send(self.transport, &[])?;
            if !scan.has_begun() {
                kit.inbox.clear();
                self.pass_over(scan.empty_lines());
                scan = Scan::behind(self.empty_lines);
                match kit.inbox.fill(|into| self.transport.try_read(into)) {
                    Ok(0) => break Come::End,
                    Ok(_) => continue,
                    Err(err) if err.kind() == io::ErrorKind::WouldBlock => break Come::Nothing,
                    Err(err) => return Err(err),
                }
            }
            self.begins();
            if !due.is_set()
                && let Some(limit) = self.in_force.deadlines.head
            {
                due.set(Instant::now().checked_add(limit), self.transport);
            }
            match kit.inbox.fill(|into| self.transport.read(into)) {
                Ok(0) => break Come::Refused(Refusal::bad_request("the connection ended within the head")),
                Ok(_) => {}
                Err(err) if WaitError::of(&err) == Some(WaitError::Deadline) => {
                    let missed = due.missed(&err, self.context);
                    break Come::Refused(Refusal::late("the head came too slowly", missed));
                }
                Err(err) => return Err(err),
            }
        };
        if due.is_set() {
            due.set(None, self.transport);
        }
        Ok(come)
    }

    /// Empty lines alone are no begin of a request, and buy no time for one.
    fn pass_over(&mut self, empty_lines: usize) {
        if empty_lines > self.empty_lines {
            self.transport.stays_silent(self.served == 0);
        }
        self.empty_lines = empty_lines;
    }

    fn begins(&mut self) {
        if self.empty_lines > 0 {
            self.transport.speaks();
            self.empty_lines = 0;
        }
    }

    /// Answers what is no request, and ends the connection.
    #[inline(never)]
    fn refuse(&self, kit: &mut Kit, refusal: &Refusal) -> Result<bool, Failure> {
        log::debug!("{}: refused: {refusal}", self.context.connection());
        let text = format!("{}\n", refusal.text());
        let reply = Reply {
            status: refusal.status(),
            length: Length::Known(text.len() as u64),
            keeps_alive: false,
            version: Version::HTTP_11,
            server: self.settings.server.as_ref(),
        };
        let mut headers = HeaderMap::new();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(::http::header::CONTENT_TYPE, plain);
        reply.write(&headers, &mut kit.outbox.ready);
        if let Some(log) = &self.settings.access_log {
            log.record_refused(self.context, refusal, text.len());
        }
        kit.outbox.send(self.transport, &[text.as_bytes()])?;
        self.linger();
        Ok(false)
    }

    /// Lingers only for a client that has sent more.
    #[inline(never)]
    fn close(&self, kit: &mut Kit) {
        if kit
            .inbox
            .fill(|into| self.transport.try_read(into))
            .is_ok_and(|count| count > 0)
        {
            self.linger();
        }
    }

    /// Lets the client read the last answer, whatever it still sends.
    #[inline(never)]
    fn linger(&self) {
        // Whatever fails here, the connection is closed next.
        if self.transport.shutdown(Shutdown::Write).is_err() {
            return;
        }
        // It owes nothing any more, and one that was late has been counted.
        self.transport.set_deadlines(self.transport.deadlines().idle(None));
        self.transport.set_read_deadline(Instant::now().checked_add(LINGER));
        let (mut dropped, mut room) = (0, [0; 1024]);
        while dropped < MOST_LINGERED {
            match self.transport.read(&mut room) {
                Ok(count @ 1..) => dropped += count,
                _ => return,
            }
        }
    }
}
