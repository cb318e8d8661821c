//! Passes HTTP requests on to another server, over connections that are kept.
//!
//! Both bodies go through as they come, so a large one takes no memory. The
//! agent of ureq has the pool of connections and every limit of time; while one
//! of them waits, its coroutine does and nobody else.
//!
//! Run with: cargo run --features http --example http_hello -- --listen 127.0.0.1:8081, and beside it
//!           cargo run --features http,ureq --example reverse_proxy -- --to http://127.0.0.1:8081
//! Try with: curl -v http://127.0.0.1:8080/

mod common;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use greenserve::TcpServer;
use greenserve::http::{self, HeaderMap, HeaderName, Method, Refusal, Request, Response, StatusCode, header};
use ureq::config::{AutoHeaderValue, Config};
use ureq::{Agent, Error, SendBody};

/// How long the other server may take to accept, and to begin its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a body may make no progress, either way.
const STILL: Duration = Duration::from_secs(30);

/// Fields that concern one connection and go no further: RFC 9110, 7.6.1.
const OF_A_CONNECTION: [HeaderName; 7] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];

#[derive(Debug, Parser)]
struct Settings {
    #[command(flatten)]
    options: common::Options,
    /// Where to pass requests on to, without a path.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8081")]
    to: String,
}

struct Proxy {
    agent: Agent,
    to: String,
}

impl Proxy {
    fn new(to: &str) -> Proxy {
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(STILL))
            .timeout_per_write(Some(STILL))
            .max_idle_connections_per_host(64)
            // What the client asks for is passed on, and nothing else.
            .user_agent(AutoHeaderValue::None)
            .accept(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None)
            .build();
        Proxy {
            agent: greenserve::ureq::agent(config),
            to: to.trim_end_matches('/').to_owned(),
        }
    }

    fn pass_on(&self, request: &mut Request, response: &mut Response) -> http::Result {
        if *request.method() == Method::CONNECT {
            return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "this proxy makes no tunnels").into());
        }
        let onward = self.onward(request)?;
        let answer = match request.body().remaining() {
            Some(0) => self.run(onward, SendBody::none()),
            _ => self.run(onward, SendBody::from_reader(request.body())),
        };
        let (head, mut body) = answer?.into_parts();
        response.set_status(head.status);
        copy_fields(&head.headers, response.headers_mut());
        response.headers_mut().append(header::VIA, VIA.parse()?);
        io::copy(&mut body.as_reader(), response)?;
        Ok(())
    }

    /// The request as the other server gets it, without its body.
    fn onward(&self, request: &Request) -> Result<ureq::http::Request<()>, greenserve::Failure> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let mut onward = ureq::http::Request::builder()
            .method(request.method())
            .uri(format!("{}{path}", self.to))
            .body(())?;
        let fields = onward.headers_mut();
        copy_fields(request.headers(), fields);
        // The other server has a name of its own.
        let host = fields.remove(header::HOST);
        fields.extend(host.map(|host| (HeaderName::from_static("x-forwarded-host"), host)));
        if let Some(ip) = request.peer().ip() {
            fields.append("x-forwarded-for", ip.to_string().parse()?);
        }
        fields.append(header::VIA, VIA.parse()?);
        Ok(onward)
    }

    fn run(&self, onward: ureq::http::Request<()>, body: SendBody<'_>) -> Result<Answer, Refusal> {
        let answer = self.agent.run(onward.map(|()| body));
        answer.map_err(|err| {
            log::warn!("{}: {err}", self.to);
            match err {
                Error::Timeout(_) => {
                    Refusal::new(StatusCode::GATEWAY_TIMEOUT, "the server behind this proxy is too slow")
                }
                _ => Refusal::new(StatusCode::BAD_GATEWAY, "the server behind this proxy does not answer"),
            }
        })
    }
}

type Answer = ureq::http::Response<ureq::Body>;

const VIA: &str = "1.1 greenserve";

/// All that is not of the connection it came over.
fn copy_fields(from: &HeaderMap, to: &mut HeaderMap) {
    let named: Vec<_> = from
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.to_str())
        .collect();
    let is_named = |name: &HeaderName| {
        let mut options = named.iter().flat_map(|options| options.split(','));
        options.any(|option| option.trim().eq_ignore_ascii_case(name.as_str()))
    };
    for (name, value) in from {
        if !OF_A_CONNECTION.contains(name) && name != "keep-alive" && !is_named(name) {
            to.append(name, value.clone());
        }
    }
}

fn main() -> ExitCode {
    let Settings { options, to } = Settings::parse();
    common::start(&options, "127.0.0.1:8080", |address| {
        let proxy = Proxy::new(&to);
        let handler = move |request: &mut Request, response: &mut Response| proxy.pass_on(request, response);
        common::serve(TcpServer::bind(address, http::serve(handler))?, &options)
    })
}
