//! What goes over a stream: bare messages that come back, HTTP, or WebSockets.

use crate::base::taxonomy::{ErrorClass, Fault};
use crate::plan::http::{self, Response, Wanted};
use crate::plan::origin::Origin;
use crate::plan::verify::{Mismatch, Verify};
use crate::plan::websocket::{self, Opening};
use crate::run::job::Job;

/// What is known of the answer that is coming in over one connection.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(super) response: http::Reader,
    pub(super) messages: websocket::Reader,
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Bytes of it, as it came.
    pub(crate) length: usize,
    /// Those of them that a report counts: a response with its head, a message
    /// without its frame.
    pub(crate) size: usize,
    /// What is wrong with it.
    pub(crate) verdict: Result<(), Fault>,
    /// What it says about the answers behind it.
    pub(crate) step: Step,
    /// Whether nothing more may be sent over the connection.
    pub(crate) last: bool,
}

/// Whether answers still come in the order in which they were asked for, as
/// far as one of them tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is right, or wrong but begins with the header of its message.
    Kept,
    /// It does not say: another connection's, or a refusal.
    Unknown,
    /// It is an earlier message or nonsense: a message or a byte too many may
    /// have come before it.
    Lost,
}

impl Job {
    /// Appends what `origin` sends to `out`. Returns the bytes of the message
    /// proper.
    pub(crate) fn encode(&self, origin: Origin, out: &mut Vec<u8>) -> usize {
        match (&self.plan.request, &self.plan.opening) {
            (Some(request), _) => request.append(&self.payload, origin, out),
            (None, Some(opening)) => opening.append(&self.payload, self.plan.seed, origin, out),
            (None, None) => {
                self.payload.append(origin, out);
                self.payload.size(origin)
            }
        }
    }

    /// The answer to `origin`, once `inbox` begins with all of it; `ended` when
    /// no more can come. `reader` is the connection's: what it has read of this
    /// answer is not read again.
    ///
    /// # Errors
    /// When what came can be no answer.
    pub(crate) fn decode(
        &self,
        origin: Origin,
        inbox: &[u8],
        ended: bool,
        reader: &mut Reader,
    ) -> Result<Option<Answer>, Fault> {
        let Some(request) = &self.plan.request else {
            return match self.plan.opening.is_some() {
                true => self.message(origin, inbox, &mut reader.messages),
                false => Ok(self.echo(origin, inbox)),
            };
        };
        let response = request.final_response(&mut reader.response, inbox, ended)?;
        Ok(response.map(|(response, interim)| {
            let answer = self.answer(origin, &response, &inbox[interim..]);
            let length = interim + answer.length;
            Answer {
                length,
                size: length,
                ..answer
            }
        }))
    }

    /// What bytes are that came when nothing was on its way to `connection`.
    #[cold]
    pub(crate) fn stray(&self, connection: u32, bytes: &[u8]) -> Fault {
        let class = match self.payload.origin_of(bytes) {
            Some(origin) if origin.connection == connection => ErrorClass::Duplicate,
            Some(_) => ErrorClass::Misrouted,
            None if self.plan.request.is_some() => ErrorClass::BadResponse,
            None => ErrorClass::Corrupt,
        };
        let detail = format!("{} B came when nothing was on its way", bytes.len());
        Fault { class, detail }
    }

    fn echo(&self, origin: Origin, inbox: &[u8]) -> Option<Answer> {
        let length = self.payload.size(origin);
        let bytes = inbox.get(..length)?;
        let verdict = self.verify(origin, bytes);
        Some(Answer {
            length,
            size: length,
            step: self.step(origin, bytes, &verdict),
            last: false,
            verdict,
        })
    }

    /// Over a WebSocket.
    fn message(&self, origin: Origin, inbox: &[u8], reader: &mut websocket::Reader) -> Result<Option<Answer>, Fault> {
        let Some(message) = reader.message(inbox)? else {
            return Ok(None);
        };
        let body = message.body(inbox);
        let verdict = self.judge_message(origin, message.is_text, body);
        Ok(Some(Answer {
            length: message.consumed,
            size: body.len(),
            step: self.step(origin, body, &verdict),
            last: false,
            verdict,
        }))
    }

    fn judge_message(&self, origin: Origin, is_text: bool, body: &[u8]) -> Result<(), Fault> {
        let was_text = self.plan.opening.as_ref().is_some_and(Opening::is_text);
        match self.verify(origin, body) {
            Ok(()) if is_text != was_text => Err(of_other_kind(origin, is_text)),
            // Framed as it is, it is no other message's end that is missing.
            Err(fault) if fault.class == ErrorClass::Corrupt && body.len() != self.payload.size(origin) => {
                Err(of_other_length(origin, body.len(), self.payload.size(origin)))
            }
            verdict => verdict,
        }
    }

    fn step(&self, origin: Origin, bytes: &[u8], verdict: &Result<(), Fault>) -> Step {
        if verdict.is_ok() {
            return Step::Kept;
        }
        match self.payload.origin_of(bytes) {
            Some(named) if named == origin => Step::Kept,
            Some(named) if named.connection != origin.connection => Step::Unknown,
            _ => Step::Lost,
        }
    }

    /// Compares an echo with what was sent, as far as the plan says.
    pub(crate) fn verify(&self, origin: Origin, bytes: &[u8]) -> Result<(), Fault> {
        let judged = self.plan.verify.judge(&self.payload, origin, bytes);
        judged.map_err(|mismatch| wrong(origin, mismatch))
    }

    fn answer(&self, origin: Origin, response: &Response, inbox: &[u8]) -> Answer {
        let verdict = self.judge_response(origin, response, inbox);
        Answer {
            length: response.consumed,
            size: response.consumed,
            step: self.step_of_response(origin, response, inbox, &verdict),
            verdict,
            last: response.closes,
        }
    }

    fn step_of_response(&self, origin: Origin, response: &Response, inbox: &[u8], verdict: &Result<(), Fault>) -> Step {
        let wanted = self.plan.request.as_ref().map(|request| request.wanted());
        match (verdict, wanted) {
            (Ok(()), _) => Step::Kept,
            (_, Some(Wanted::Message)) if response.status < 400 => self.step(origin, response.body(inbox), verdict),
            // Whose it is, it does not say.
            _ => Step::Unknown,
        }
    }

    fn judge_response(&self, origin: Origin, response: &Response, inbox: &[u8]) -> Result<(), Fault> {
        let class = match response.status {
            400..=499 => ErrorClass::Status4xx,
            500.. => ErrorClass::Status5xx,
            _ => return self.judge_body(origin, response.body(inbox)),
        };
        let detail = format!("status {} for request {}", response.status, origin.sequence);
        Err(Fault { class, detail })
    }

    fn judge_body(&self, origin: Origin, body: &[u8]) -> Result<(), Fault> {
        let wanted = self
            .plan
            .request
            .as_ref()
            .map_or(Wanted::Any, |request| request.wanted());
        let length = match wanted {
            Wanted::Any => body.len(),
            Wanted::Bytes(bytes) => bytes.len(),
            Wanted::Message => self.payload.size(origin),
        };
        if body.len() != length {
            let detail = format!("a body of {} bytes instead of {length}", body.len());
            return Err(Fault {
                class: ErrorClass::Length,
                detail,
            });
        }
        match wanted {
            Wanted::Bytes(bytes) if self.plan.verify == Verify::Full && bytes != body => Err(differs(bytes, body)),
            Wanted::Message => self.verify(origin, body),
            _ => Ok(()),
        }
    }
}

#[cold]
fn of_other_kind(origin: Origin, is_text: bool) -> Fault {
    let (came, was) = if is_text {
        ("text", "binary")
    } else {
        ("binary", "text")
    };
    Fault {
        class: ErrorClass::Corrupt,
        detail: format!(
            "the answer to message {} came as {came}, and it was {was}",
            origin.sequence
        ),
    }
}

#[cold]
fn of_other_length(origin: Origin, length: usize, expected: usize) -> Fault {
    Fault {
        class: ErrorClass::Length,
        detail: format!(
            "the answer to message {} has {length} bytes instead of {expected}",
            origin.sequence
        ),
    }
}

#[cold]
fn differs(expected: &[u8], received: &[u8]) -> Fault {
    let at = expected.iter().zip(received).position(|(ours, theirs)| ours != theirs);
    Fault {
        class: ErrorClass::Corrupt,
        detail: format!(
            "the body differs from the expected one at byte {}",
            at.unwrap_or_default()
        ),
    }
}

#[cold]
fn wrong(origin: Origin, mismatch: Mismatch) -> Fault {
    let class = match mismatch {
        Mismatch::Corrupt { .. } => ErrorClass::Corrupt,
        Mismatch::Misrouted(_) => ErrorClass::Misrouted,
        Mismatch::Duplicate(_) => ErrorClass::Duplicate,
    };
    let detail = format!("in the answer to message {}: {mismatch}", origin.sequence);
    Fault { class, detail }
}
