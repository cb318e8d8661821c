//! HTTP as a handler of connections.

use std::fmt;

use ::http::HeaderValue;

use super::access_log::AccessLog;
use super::connection::Connection;
use super::control::Control;
use super::deadlines::Deadlines;
use super::handler::Handler;
use super::limits::Limits;
use super::settings::Settings;
use crate::handler::{self, Context, Failure, Transport};

/// Makes a handler of connections, for any stream server, of one that answers
/// HTTP requests.
///
/// ```
/// use greenserve::TcpServer;
/// use greenserve::http::{self, Request, Response};
///
/// fn hello(_: &mut Request, response: &mut Response) -> http::Result {
///     response.send("Hello, world!")
/// }
///
/// let server = TcpServer::bind("127.0.0.1:0", http::serve(hello))?;
/// # Ok::<(), greenserve::Error>(())
/// ```
pub fn serve<H: Handler>(handler: H) -> Http<H> {
    Http {
        handler,
        settings: Settings::default(),
    }
}

/// A handler of connections that speaks HTTP/1.1 and HTTP/1.0, made by
/// [`serve`].
#[must_use = "it serves nothing until a server is given it"]
pub struct Http<H> {
    handler: H,
    settings: Settings,
}

impl<H: Handler> Http<H> {
    /// How much a client may send; [`Limits::new`] otherwise.
    pub fn limits(self, limits: Limits) -> Http<H> {
        self.settings.control.set_limits(limits);
        self
    }

    /// How long a client may take; [`Deadlines::new`] otherwise.
    pub fn deadlines(self, deadlines: Deadlines) -> Http<H> {
        self.settings.control.put_deadlines(deadlines);
        self
    }

    /// What changes limits and deadlines while the server runs.
    pub fn control(&self) -> Control {
        self.settings.control.clone()
    }

    /// Has a line written for each answer. None is otherwise.
    pub fn access_log(mut self, log: AccessLog) -> Http<H> {
        self.settings.access_log = Some(log);
        self
    }

    /// Sends this as `Server` with each answer. Nothing is sent otherwise. One
    /// from a configuration is made by [`header_value`](super::header_value).
    pub fn server_name(mut self, name: HeaderValue) -> Http<H> {
        self.settings.server = Some(name);
        self
    }
}

impl<T: Transport, H: Handler> handler::Handler<T> for Http<H> {
    fn handle(&self, transport: &mut T, context: &Context) -> Result<(), Failure> {
        Connection {
            transport,
            context,
            settings: &self.settings,
            in_force: self.settings.control.in_force(),
            handler: &self.handler,
            served: 0,
            empty_lines: 0,
        }
        .serve()
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<H>()
    }
}

impl<H> fmt::Debug for Http<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("handler", &std::any::type_name::<H>())
            .field("settings", &self.settings)
            .finish()
    }
}
