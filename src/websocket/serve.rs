//! WebSockets as a handler of HTTP.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderValue, StatusCode};

use super::close::Close;
use super::config::Config;
use super::conversation::Conversation;
use super::handshake::{self, Accepted};
use super::line::{Line, Wire};
use super::outgoing::Outgoing;
use super::socket::WebSocket;
use super::writer::Writer;
use crate::error::{Error, Result};
use crate::handler::{Context, Failure, Transport};
use crate::http::{self, Refusal, Request, Response, Upgraded};
use crate::runtime;

/// Makes a handler of HTTP of one that has a conversation with each client.
///
/// A request that opens no WebSocket is refused: 426 with the version that is
/// spoken, 400, 403 or 405. [`WebSockets::config`] changes the settings.
///
/// ```
/// use greenserve::http::{self, Router};
/// use greenserve::websocket::{self, WebSocket};
/// use std::io;
///
/// fn greet(socket: &mut WebSocket) -> io::Result<()> {
///     socket.send("hello")?;
///     socket.close(1000, "that was all")
/// }
///
/// let router = Router::builder().get("/greeting", websocket::serve(greet)).build()?;
/// # let _ = http::serve(router);
/// # Ok::<(), greenserve::Error>(())
/// ```
pub fn serve<H, E>(handler: H) -> WebSockets<H>
where
    H: Fn(&mut WebSocket<'_>) -> std::result::Result<(), E> + Send + Sync + 'static,
    E: Into<Failure>,
{
    WebSockets {
        handler,
        config: Config::default(),
    }
}

/// A handler of HTTP that opens WebSockets, made by [`serve`].
#[must_use = "it serves nothing until HTTP is given it"]
pub struct WebSockets<H> {
    handler: H,
    config: Config,
}

impl<H> WebSockets<H> {
    /// Limits, deadlines, origins and subprotocols; [`Config::new`] otherwise.
    pub fn config(mut self, config: Config) -> WebSockets<H> {
        self.config = config;
        self
    }
}

impl<H, E> http::Handler for WebSockets<H>
where
    H: Fn(&mut WebSocket<'_>) -> std::result::Result<(), E> + Send + Sync + 'static,
    E: Into<Failure>,
{
    fn handle(&self, request: &mut Request<'_>, response: &mut Response<'_>) -> http::Result {
        upgrade(&self.config, request, response, &self.handler)
    }
}

impl<H> fmt::Debug for WebSockets<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSockets")
            .field("handler", &std::any::type_name::<H>())
            .field("config", &self.config)
            .finish()
    }
}

/// Answers a request that opens a WebSocket and has `handler` have the
/// conversation; any other request is refused. What `handler` needs of the
/// request it takes before. Headers that were set are sent with the answer.
///
/// ```
/// use greenserve::http::{self, Request, Response};
/// use greenserve::websocket::{self, Config, WebSocket};
///
/// fn welcome(request: &mut Request, response: &mut Response) -> http::Result {
///     let name = request.query().unwrap_or("stranger").to_owned();
///     websocket::upgrade(&Config::new(), request, response, |socket: &mut WebSocket| {
///         socket.send(format!("hello, {name}"))
///     })
/// }
/// # let _ = http::serve(welcome);
/// ```
///
/// # Errors
/// What `handler` fails with; a [`Refusal`] of the request; as a write.
pub fn upgrade<H, E>(
    config: &Config,
    request: &mut Request<'_>,
    response: &mut Response<'_>,
    handler: H,
) -> http::Result
where
    H: FnOnce(&mut WebSocket<'_>) -> std::result::Result<(), E>,
    E: Into<Failure>,
{
    let accepted = match handshake::check(config, request) {
        Ok(accepted) => accepted,
        Err(refusal) => return refuse(&refusal, response),
    };
    let headers = response.headers_mut();
    headers.insert("sec-websocket-accept", HeaderValue::from_str(&accepted.key)?);
    if let Some(protocol) = &accepted.protocol {
        headers.insert("sec-websocket-protocol", HeaderValue::from_str(protocol)?);
    }
    let context = request.context();
    let upgraded = response.upgrade(request, "websocket")?;
    converse(config, context, &upgraded, accepted, |socket| {
        handler(socket).map_err(Into::into)
    })
}

/// 426 and 405 say what would have been right.
fn refuse(refusal: &Refusal, response: &mut Response<'_>) -> http::Result {
    match refusal.status() {
        StatusCode::UPGRADE_REQUIRED => {
            response.header("upgrade", "websocket")?;
            response.header("sec-websocket-version", "13")?;
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            response.header("allow", "GET")?;
        }
        _ => return Err(refusal.clone().into()),
    }
    response.header("content-type", "text/plain; charset=utf-8")?;
    response.set_status(refusal.status());
    response.send(format!("{}\n", refusal.text()))
}

fn converse(
    config: &Config,
    context: &Context,
    upgraded: &Upgraded<'_>,
    accepted: Accepted,
    handler: impl FnOnce(&mut WebSocket<'_>) -> http::Result,
) -> http::Result {
    let transport = upgraded.transport();
    // Silence is ours to judge, by pings.
    transport.set_deadlines(transport.deadlines().first_byte(None).idle(None).receive_rate(None));
    // Messages are small, and none shall wait until another one is confirmed.
    let _ = transport.set_nodelay(true);
    let outgoing = Arc::new(Outgoing::new(config));
    runtime::scope(|scope| {
        let mut start = || start_writer(scope, transport, &outgoing, context, config.close);
        let wire: &dyn Wire = upgraded;
        let mut socket = WebSocket {
            conversation: Conversation::new(Line::new(wire, context, config, &outgoing)),
            outgoing: Arc::clone(&outgoing),
            subprotocol: accepted.protocol,
            start: &mut start,
        };
        let handled = catch_unwind(AssertUnwindSafe(|| handler(&mut socket)));
        let close = match &handled {
            Ok(Ok(())) => Close::ours(Close::NORMAL, ""),
            _ => Close::ours(Close::FAILED, "the server failed"),
        };
        let concluded = socket.conversation.conclude(close);
        outgoing.abandon();
        match handled {
            // A client that is gone by now has heard all that was to be said.
            Ok(Ok(())) => log_loss(context, concluded),
            Ok(Err(failure)) => return Err(failure),
            Err(payload) => resume_unwind(payload),
        }
        Ok(())
    })
}

fn log_loss(context: &Context, concluded: std::io::Result<()>) {
    if let Err(err) = concluded {
        log::debug!("{}: the end of a WebSocket: {err}", context.connection());
    }
}

fn start_writer<'scope, 'env>(
    scope: &'scope runtime::Scope<'scope, 'env>,
    transport: &'env dyn Transport,
    outgoing: &'env Arc<Outgoing>,
    context: &'env Context,
    close: Duration,
) -> Result<()> {
    let own = match runtime::one_waits_at_a_descriptor() {
        true => Some(transport.second_handle().map_err(|source| Error::System {
            action: "duplicate the connection of a WebSocket",
            source,
        })?),
        false => None,
    };
    let run = move || {
        let transport = own.as_deref().unwrap_or(transport);
        Writer {
            transport,
            outgoing,
            context,
            close,
        }
        .run();
    };
    scope.spawn(run).map(drop)
}
