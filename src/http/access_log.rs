//! A line for each answer.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::{Method, StatusCode, Version};

use super::refusal::Refusal;
use super::request::Request;
use super::response::Response;
use super::secrets::masked;
use crate::handler::Context;

/// Of the lines that go to the log.
const TARGET: &str = "greenserve::access";

/// Writes a line for each answer, through [`log`] with the target
/// `greenserve::access` at level info, or to a function.
///
/// Values of a query whose names look like secrets are masked, and the user and
/// password of a URL; no headers are written but `Referer` and `User-Agent` by
/// [`combined`](AccessLog::combined), masked alike. What a client could forge lines with is escaped. The bytes are
/// those of the body, before any compression: none where none is sent, as behind
/// a `HEAD`.
///
/// ```
/// use greenserve::http::{self, AccessLog, Request, Response};
///
/// fn hello(_: &mut Request, response: &mut Response) -> http::Result {
///     response.send("hello")
/// }
/// let server = http::serve(hello).access_log(AccessLog::common());
/// # let _ = server;
/// ```
#[derive(Clone)]
pub struct AccessLog {
    form: Form,
    sink: Option<Sink>,
}

type Sink = Arc<dyn Fn(&str) + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Common,
    Combined,
    Json,
}

/// What is told of one answer.
struct Entry<'a> {
    peer: String,
    method: &'a str,
    target: String,
    version: &'static str,
    status: u16,
    bytes: u64,
    took: Option<Duration>,
    referer: String,
    agent: String,
}

impl AccessLog {
    /// The common log format of NCSA and Apache, with the time in UTC.
    pub fn common() -> AccessLog {
        AccessLog::new(Form::Common)
    }

    /// The common format with `Referer` and `User-Agent` behind it, as Apache
    /// and nginx call it.
    pub fn combined() -> AccessLog {
        AccessLog::new(Form::Combined)
    }

    /// A JSON object a line: `time` (seconds since 1970), `peer`, `method`,
    /// `target`, `version`, `status`, `bytes`, `seconds`, `referer`,
    /// `user_agent`.
    pub fn json() -> AccessLog {
        AccessLog::new(Form::Json)
    }

    fn new(form: Form) -> AccessLog {
        AccessLog { form, sink: None }
    }

    /// Gives each line, without a line end, to `sink` instead of [`log`]. It is
    /// called where the request is served, so it should not block.
    pub fn to(mut self, sink: impl Fn(&str) + Send + Sync + 'static) -> AccessLog {
        self.sink = Some(Arc::new(sink));
        self
    }

    /// Whether anybody would read a line.
    pub(super) fn is_read(&self) -> bool {
        self.sink.is_some() || log::log_enabled!(target: TARGET, log::Level::Info)
    }

    pub(super) fn record(&self, request: &Request<'_>, response: &Response<'_>, took: Duration) {
        let header = |name| request.header(name).map(masked).unwrap_or_default();
        self.say(&Entry {
            peer: host(request.context()),
            method: request.method().as_str(),
            target: masked(request.target()),
            version: match request.version() {
                Version::HTTP_10 => "HTTP/1.0",
                _ => "HTTP/1.1",
            },
            status: response.status().as_u16(),
            bytes: sent(request, response),
            took: Some(took),
            referer: header("referer"),
            agent: header("user-agent"),
        });
    }

    /// For what was no request.
    pub(super) fn record_refused(&self, context: &Context, refusal: &Refusal, bytes: usize) {
        self.say(&Entry {
            peer: host(context),
            method: "-",
            target: "-".to_owned(),
            version: "-",
            status: refusal.status().as_u16(),
            bytes: bytes as u64,
            took: None,
            referer: String::new(),
            agent: String::new(),
        });
    }

    fn say(&self, entry: &Entry<'_>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = match self.form {
            Form::Common => common(entry, now),
            Form::Combined => combined(entry, now),
            Form::Json => json(entry, now),
        };
        match &self.sink {
            Some(sink) => sink(&line),
            None => log::info!(target: TARGET, "{line}"),
        }
    }
}

impl std::fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccessLog({:?})", self.form)
    }
}

/// What a body without a client to take it had is not sent.
fn sent(request: &Request<'_>, response: &Response<'_>) -> u64 {
    match (request.method(), response.status()) {
        (&Method::HEAD, _) => 0,
        (_, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED) => 0,
        _ => response.written(),
    }
}

fn host(context: &Context) -> String {
    let peer = context.client_address();
    peer.ip().map_or_else(|| peer.to_string(), |ip| ip.to_string())
}

fn common(entry: &Entry<'_>, now: Duration) -> String {
    format!(
        "{} - - [{}] \"{} {} {}\" {} {}",
        entry.peer,
        clf_time(now),
        entry.method,
        quoted(&entry.target),
        entry.version,
        entry.status,
        entry.bytes
    )
}

fn combined(entry: &Entry<'_>, now: Duration) -> String {
    let or_dash = |text: &str| match text {
        "" => "-".to_owned(),
        text => quoted(text),
    };
    let (referer, agent) = (or_dash(&entry.referer), or_dash(&entry.agent));
    format!("{} \"{referer}\" \"{agent}\"", common(entry, now))
}

fn json(entry: &Entry<'_>, now: Duration) -> String {
    let mut line = format!("{{\"time\":{}.{:03}", now.as_secs(), now.subsec_millis());
    let texts = [
        ("peer", entry.peer.as_str()),
        ("method", entry.method),
        ("target", &entry.target),
        ("version", entry.version),
        ("referer", &entry.referer),
        ("user_agent", &entry.agent),
    ];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        // Writing to a string does not fail.
        let _ = write!(line, ",\"{name}\":\"{}\"", quoted(text));
    }
    let _ = write!(line, ",\"status\":{},\"bytes\":{}", entry.status, entry.bytes);
    if let Some(took) = entry.took {
        let _ = write!(line, ",\"seconds\":{:.6}", took.as_secs_f64());
    }
    line.push('}');
    line
}

/// Without what would end a quoted text or a line, as JSON escapes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted
}

/// `28/Nov/2026:21:38:34 +0000`, of the same date as HTTP writes it.
fn clf_time(now: Duration) -> String {
    let date = httpdate::fmt_http_date(UNIX_EPOCH + now);
    let mut parts = date.split(' ').skip(1);
    let mut next = || parts.next().unwrap_or_default();
    format!("{}/{}/{}:{} +0000", next(), next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(target: &str) -> Entry<'_> {
        Entry {
            peer: "192.0.2.1".to_owned(),
            method: "GET",
            target: masked(target),
            version: "HTTP/1.1",
            status: 200,
            bytes: 13,
            took: Some(Duration::from_millis(5)),
            referer: String::new(),
            agent: "a\"\n".to_owned(),
        }
    }

    const NOW: Duration = Duration::from_millis(784_111_777_500);

    #[test]
    fn lines() {
        assert_eq!(
            common(&entry("/a?b=c"), NOW),
            "192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b=c HTTP/1.1\" 200 13"
        );
        assert!(combined(&entry("/"), NOW).ends_with(" 13 \"-\" \"a\\\"\\u000a\""));
        assert_eq!(
            json(&entry("/a"), NOW),
            "{\"time\":784111777.500,\"peer\":\"192.0.2.1\",\"method\":\"GET\",\"target\":\"/a\",\"version\":\"HTTP/1.1\",\
             \"user_agent\":\"a\\\"\\u000a\",\"status\":200,\"bytes\":13,\"seconds\":0.005000}"
        );
    }
}
