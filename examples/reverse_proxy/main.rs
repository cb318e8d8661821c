//! Passes HTTP requests on to another server, over connections that are kept.
//!
//! Whatever a request's target says, it goes to that server and to no other.
//! Both bodies go through as they come, so a large one takes no memory. The
//! agent of ureq has the pool of connections and every limit of time; while one
//! of them waits, its coroutine does and nobody else.
//!
//! ureq sends all of a body before it reads the answer: one that comes earlier
//! may be lost, and is a 502 or a 504 then, unless the client waits for
//! `100 Continue` and the server closes with its answer.
//!
//! Run with: cargo run --features http --example http_hello -- --listen 127.0.0.1:8081, and beside it
//!           cargo run --features http,ureq --example reverse_proxy -- --to http://127.0.0.1:8081
//! Try with: curl -v http://127.0.0.1:8080/

mod answer;
#[path = "../common/mod.rs"]
mod common;
mod fields;
mod here;

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use greenserve::http::{self, Refusal, Request, Response, StatusCode, header};
use greenserve::{Error, Result, TcpServer};
use ureq::config::{AutoHeaderValue, Config};
use ureq::http::Uri;
use ureq::http::uri::{PathAndQuery, Scheme};
use ureq::{Agent, Body, SendBody};

/// How long a body may make no progress, either way.
const STILL: Duration = Duration::from_secs(30);

#[derive(Debug, Parser)]
struct Settings {
    #[command(flatten)]
    options: common::Options,
    /// Where to pass requests on to, without a path.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8081")]
    to: String,
    /// How long that server may take to accept, and to begin its answer, in
    /// seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    patience: u64,
}

struct Proxy {
    agent: Agent,
    /// With no path but `/`.
    to: Uri,
}

impl Proxy {
    fn new(to: &str, patience: Duration) -> Result<Proxy> {
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(patience))
            .timeout_recv_response(Some(patience))
            .timeout_per_read(Some(STILL))
            .timeout_per_write(Some(STILL))
            .max_idle_connections_per_host(64)
            .allow_non_standard_methods(true)
            // What the client asks for is passed on, and nothing else.
            .user_agent(AutoHeaderValue::None)
            .accept(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None)
            .build();
        Ok(Proxy {
            agent: greenserve::ureq::agent(config),
            to: base(to)?,
        })
    }

    fn pass_on(&self, request: &mut Request, response: &mut Response) -> http::Result {
        if here::answer(request, response)? {
            return Ok(());
        }
        let onward = self.onward(request)?;
        // It takes no memory, however long it is: how much is too much is for
        // the other server to say.
        request.body().set_limit(u64::MAX);
        let answer = match request.body().remaining() {
            Some(0) => self.run(onward, SendBody::none()),
            _ => self.run(onward, SendBody::from_reader(request.body())),
        };
        let (mut head, body) = answer?.into_parts();
        answer::settle(&mut head).map_err(|fault| self.bad_gateway(&fault))?;
        response.set_status(head.status);
        fields::copy(&head.headers, response.headers_mut());
        fields::append_via(response.headers_mut(), head.version);
        self.pass_back(body, response)
    }

    /// Each part at once: whoever asks may wait for this one before the other
    /// server sends the next.
    fn pass_back(&self, mut body: Body, response: &mut Response) -> http::Result {
        let mut left = body.content_length();
        if left.is_none() {
            // A stream, whose first part may take its time.
            response.flush()?;
        }
        let mut reader = body.as_reader();
        let mut part = [0; 8192];
        loop {
            let count = reader.read(&mut part).map_err(|err| self.refusal(&err.into()))?;
            if count == 0 {
                return Ok(());
            }
            response.write_all(&part[..count])?;
            left = left.map(|left| left.saturating_sub(count as u64));
            // The last part goes with the end: who has it all may ask again at
            // once, and then the connection is to be back in the pool.
            if left != Some(0) {
                response.flush()?;
            }
        }
    }

    /// The request as the other server gets it, without its body.
    fn onward(&self, request: &Request) -> Result<ureq::http::Request<()>, greenserve::Failure> {
        let mut onward = ureq::http::Request::builder()
            .method(request.method())
            .uri(self.target(request)?)
            .body(())?;
        let fields = onward.headers_mut();
        fields::copy(request.headers(), fields);
        // The other server has a name of its own, and believes what it is told
        // of this one's.
        fields.remove(header::HOST);
        fields.remove("x-forwarded-host");
        if let Some(authority) = request.authority() {
            fields.insert("x-forwarded-host", authority.parse()?);
        }
        if let Some(ip) = request.peer().ip() {
            fields.append("x-forwarded-for", ip.to_string().parse()?);
        }
        if let Some(left) = here::max_forwards(request) {
            fields.insert(header::MAX_FORWARDS, left.saturating_sub(1).into());
        }
        fields::append_via(fields, request.version());
        Ok(onward)
    }

    /// Made of parts, not of a text: there a path that does not begin with `/`
    /// would be one of the host's name.
    fn target(&self, request: &Request) -> Result<Uri, greenserve::Failure> {
        let mut parts = self.to.clone().into_parts();
        let path = match request.query() {
            Some(query) => PathAndQuery::try_from(format!("{}?{query}", request.path()))?,
            None => PathAndQuery::try_from(request.path())?,
        };
        parts.path_and_query = Some(path);
        Ok(Uri::from_parts(parts)?)
    }

    fn run(&self, onward: ureq::http::Request<()>, body: SendBody<'_>) -> Result<Answer, greenserve::Failure> {
        match self.agent.run(onward.map(|()| body)) {
            Err(ureq::Error::Io(err)) if is_of_the_client(&err) => Err(err.into()),
            Err(err) => Err(self.refusal(&err).into()),
            Ok(answer) => Ok(answer),
        }
    }

    fn refusal(&self, err: &ureq::Error) -> Refusal {
        if let ureq::Error::Timeout(_) = err {
            log::warn!("{}: {err}", self.to);
            return Refusal::new(StatusCode::GATEWAY_TIMEOUT, "the server behind this proxy is too slow");
        }
        self.bad_gateway(err)
    }

    fn bad_gateway(&self, fault: &dyn Display) -> Refusal {
        log::warn!("{}: {fault}", self.to);
        Refusal::new(StatusCode::BAD_GATEWAY, "the server behind this proxy does not answer")
    }
}

/// What the library refuses of a client's body comes back through ureq, as the
/// error of a read. With its own status it tells the client what was wrong.
fn is_of_the_client(err: &io::Error) -> bool {
    matches!(err.get_ref(), Some(inside) if inside.is::<Refusal>())
}

fn base(url: &str) -> Result<Uri> {
    let uri = url.parse().ok().filter(|uri: &Uri| {
        let host_alone = uri
            .authority()
            .is_some_and(|authority| !authority.as_str().contains('@'));
        uri.scheme() == Some(&Scheme::HTTP) && host_alone && uri.path() == "/" && uri.query().is_none()
    });
    uri.ok_or_else(|| Error::InvalidOption {
        option: "--to",
        value: url.to_owned(),
        reason: "it must be http://HOST:PORT, without a path".to_owned(),
    })
}

type Answer = ureq::http::Response<Body>;

fn main() -> ExitCode {
    let Settings { options, to, patience } = Settings::parse();
    common::start(&options, "127.0.0.1:8080", |address| {
        let proxy = Proxy::new(&to, Duration::from_secs(patience))?;
        let handler = move |request: &mut Request, response: &mut Response| proxy.pass_on(request, response);
        common::serve(TcpServer::bind(address, http::serve(handler))?, &options)
    })
}
