//! What goes over a stream: bare messages that come back, or HTTP.

use crate::http::{Response, Wanted};
use crate::job::{Job, Verify};
use crate::payload::Origin;
use crate::taxonomy::{ErrorClass, Fault};
use crate::verify::Mismatch;

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Bytes of it.
    pub(crate) length: usize,
    /// What is wrong with it.
    pub(crate) verdict: Result<(), Fault>,
    /// Whether nothing more may be sent over the connection.
    pub(crate) last: bool,
}

impl Job {
    /// Appends what `origin` sends to `out`. Returns the bytes of the message
    /// proper.
    pub(crate) fn encode(&self, origin: Origin, out: &mut Vec<u8>) -> usize {
        match &self.plan.request {
            Some(request) => request.append(&self.payload, origin, out),
            None => {
                self.payload.append(origin, out);
                self.payload.size(origin)
            }
        }
    }

    /// The answer to `origin`, once `inbox` begins with all of it; `ended` when
    /// no more can come.
    ///
    /// # Errors
    /// When what came can be no answer.
    pub(crate) fn decode(&self, origin: Origin, inbox: &[u8], ended: bool) -> Result<Option<Answer>, Fault> {
        match &self.plan.request {
            Some(request) => {
                let mut from = 0;
                // Interim responses come before the one that counts.
                while let Some(response) = request.response(&inbox[from..], ended)? {
                    if !matches!(response.status, 100..=199) {
                        let answer = self.answer(origin, &response, &inbox[from..]);
                        let length = from + answer.length;
                        return Ok(Some(Answer { length, ..answer }));
                    }
                    from += response.consumed;
                }
                Ok(None)
            }
            None => Ok(self.echo(origin, inbox)),
        }
    }

    fn echo(&self, origin: Origin, inbox: &[u8]) -> Option<Answer> {
        let length = self.payload.size(origin);
        let bytes = inbox.get(..length)?;
        let verdict = self.verify(origin, bytes);
        Some(Answer {
            length,
            // Whose bytes follow a wrong answer is known only if all are of one size.
            last: verdict.is_err() && self.payload.sizes().only().is_none(),
            verdict,
        })
    }

    /// Compares an echo with what was sent, as far as the plan says.
    pub(crate) fn verify(&self, origin: Origin, bytes: &[u8]) -> Result<(), Fault> {
        let judged = self.plan.verify.judge(&self.payload, origin, bytes);
        judged.map_err(|mismatch| wrong(origin, mismatch))
    }

    fn answer(&self, origin: Origin, response: &Response, inbox: &[u8]) -> Answer {
        Answer {
            length: response.consumed,
            verdict: self.judge_response(origin, response, inbox),
            last: response.closes,
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
