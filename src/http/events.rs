//! Server-sent events: the event streams of the HTML standard, 9.2.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use ::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use ::http::{HeaderName, HeaderValue};

use super::response::{Response, Stage};
use crate::error::WaitError;
use crate::handler::Failure;

/// What proxies leave to the shortest of their patience: nginx waits for 60 s,
/// load balancers of clouds for 30 s to 60 s.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One event, for [`EventStream::send`].
///
/// ```
/// use greenserve::http::Event;
///
/// let event = Event::new("two\nlines").id("7").kind("news");
/// # let _ = event;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    data: String,
    id: Option<String>,
    kind: Option<String>,
    retry: Option<Duration>,
}

impl Event {
    /// With its text, which may have any number of lines. A carriage return
    /// ends a line as a line feed does, and arrives as one.
    pub fn new(data: impl Into<String>) -> Event {
        Event {
            data: data.into(),
            ..Event::default()
        }
    }

    /// What a client that has lost its connection sends as `Last-Event-ID`
    /// when it comes again.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Event {
        self.id = Some(id.into());
        self
    }

    /// The name of the listeners it goes to (`event:` on the wire); `message`
    /// otherwise.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Event {
        self.kind = Some(kind.into());
        self
    }

    /// How long the client shall wait before it connects again, from now on;
    /// in whole milliseconds.
    #[must_use]
    pub fn retry(mut self, after: Duration) -> Event {
        self.retry = Some(after);
        self
    }

    fn to_text(&self) -> io::Result<String> {
        let mut text = String::with_capacity(self.data.len() + 32);
        field(&mut text, "event", self.kind.as_deref())?;
        field(&mut text, "id", self.id.as_deref())?;
        let retry = self.retry.map(|after| after.as_millis().to_string());
        field(&mut text, "retry", retry.as_deref())?;
        lines(&mut text, "data: ", &self.data);
        text.push('\n');
        Ok(text)
    }
}

/// A field of one line.
fn field(text: &mut String, name: &str, value: Option<&str>) -> io::Result<()> {
    let Some(value) = value else { return Ok(()) };
    if value.contains(['\r', '\n', '\0']) {
        let said = format!("the field {name} of an event cannot be {value:?}: it is one line without NUL");
        return Err(io::Error::new(ErrorKind::InvalidInput, said));
    }
    // A String takes whatever it is given.
    let _ = writeln!(text, "{name}: {value}");
    Ok(())
}

/// Each line of `value` with `begin` before it.
fn lines(text: &mut String, begin: &str, value: &str) {
    let unified;
    let value = match value.contains('\r') {
        true => {
            unified = value.replace("\r\n", "\n").replace('\r', "\n");
            &unified
        }
        false => value,
    };
    for line in value.split('\n') {
        text.push_str(begin);
        text.push_str(line);
        text.push('\n');
    }
}

/// An answer that goes on: events are sent as they happen, each at once.
///
/// ```
/// use greenserve::http::{self, Event, EventStream, Request, Response};
/// use greenserve::sync;
///
/// let (sender, news) = sync::channel::<String>(16);
/// let events = move |_: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
///     let mut stream = EventStream::begin(response)?;
///     while let Some(text) = stream.next(|limit| news.recv_timeout(limit))? {
///         stream.send(&Event::new(text))?;
///     }
///     Ok(())
/// };
/// # let _ = (http::serve(events), sender);
/// ```
#[derive(Debug)]
pub struct EventStream<'s, 'r> {
    response: &'s mut Response<'r>,
    keep_alive: Duration,
}

impl<'s, 'r> EventStream<'s, 'r> {
    /// Sends the head: what it is, that nothing may keep it back, and the
    /// status and the headers that were set.
    ///
    /// # Errors
    /// When the answer has begun already, or as a write to the client.
    pub fn begin(response: &'s mut Response<'r>) -> Result<EventStream<'s, 'r>, Failure> {
        if response.has_begun() || response.written() > 0 {
            return Err("the answer has begun, so it cannot become a stream of events".into());
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        // nginx collects answers otherwise.
        headers.insert(
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        );
        response.flush()?;
        Ok(EventStream {
            response,
            keep_alive: KEEP_ALIVE,
        })
    }

    /// How long [`next`](EventStream::next) lets the connection be silent; 15 s
    /// otherwise.
    #[must_use]
    pub fn keep_alive(mut self, every: Duration) -> EventStream<'s, 'r> {
        self.keep_alive = every;
        self
    }

    /// Sends an event, and whatever is before it, at once.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an id or a kind of more than one line,
    /// else as a write to the client: when it is gone, or takes nothing for
    /// longer than [`Deadlines::write`](super::Deadlines::write).
    pub fn send(&mut self, event: &Event) -> io::Result<()> {
        let text = event.to_text()?;
        self.response.write_all(text.as_bytes())?;
        self.response.flush()
    }

    /// Sends a comment, which no listener sees.
    ///
    /// # Errors
    /// As a write to the client.
    pub fn comment(&mut self, text: &str) -> io::Result<()> {
        let mut said = String::new();
        lines(&mut said, ": ", text);
        said.push('\n');
        self.response.write_all(said.as_bytes())?;
        self.response.flush()
    }

    /// Waits for what is to be sent next by calling `wait` with the time it may
    /// take, and sends an empty comment each time that this was not enough: so
    /// proxies see that the stream lives, and a client that is gone is noticed,
    /// with the second comment at the latest.
    ///
    /// `None` is the end: the server drains (the client will connect again, to
    /// whoever serves then), or `wait` says that nothing will come
    /// ([`WaitError::Disconnected`]), or the request was a `HEAD`. While it
    /// waits the request counts as idle, as in
    /// [`Context::idle`](crate::Context::idle).
    ///
    /// # Errors
    /// What else `wait` fails with, or a write to the client.
    pub fn next<T, E: Into<io::Error>>(&mut self, wait: impl Fn(Duration) -> Result<T, E>) -> io::Result<Option<T>> {
        if self.response.stage == Stage::Bodiless {
            return Ok(None);
        }
        loop {
            let waited = self.response.context.idle(|| wait(self.keep_alive));
            let err = match waited {
                Ok(value) => return Ok(Some(value)),
                Err(err) => err.into(),
            };
            match WaitError::of(&err) {
                Some(WaitError::Draining | WaitError::Disconnected) => return Ok(None),
                // Of whatever it was: a deadline around all of this ends the write.
                Some(WaitError::Deadline) => self.comment("")?,
                _ => return Err(err),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_framed() {
        for (event, wanted) in [
            (Event::new("a"), "data: a\n\n"),
            (Event::new(""), "data: \n\n"),
            (
                Event::new("a\nb\r\nc\rd\n"),
                "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n",
            ),
            (
                Event::new(" x").id("7").kind("news").retry(Duration::from_millis(1500)),
                "event: news\nid: 7\nretry: 1500\ndata:  x\n\n",
            ),
        ] {
            assert_eq!(event.to_text().unwrap(), wanted);
        }
    }

    #[test]
    fn no_field_has_two_lines() {
        for bad in ["a\nb", "a\rdata: b", "a\0"] {
            for event in [Event::new("").id(bad), Event::new("").kind(bad)] {
                let err = event.to_text().unwrap_err().to_string();
                assert!(err.contains(&format!("{bad:?}")), "{err}");
            }
        }
    }
}
