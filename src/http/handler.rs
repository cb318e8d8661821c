//! What answers requests.

use super::request::Request;
use super::response::Response;
use crate::handler::Failure;

/// What a handler returns: any error ends up here with `?`.
pub type Result<T = ()> = std::result::Result<T, Failure>;

/// Answers requests, one call each.
///
/// Implemented for functions and closures over [`Request`] and [`Response`],
/// by [`Router`](super::Router), and by what [`around`] makes of two.
///
/// # Errors
/// A handler that fails before its answer has begun to leave has the client
/// told 500, once; the error's text goes to the log and never to the client. A
/// later failure cuts the connection. A panic is a failure too. An error that
/// is a [`Refusal`](super::Refusal), or has one as its source, is an answer of
/// its own.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    ///
    /// # Errors
    /// Whatever makes the request a failed one.
    fn handle(&self, request: &mut Request<'_>, response: &mut Response<'_>) -> Result;
}

impl<F, E> Handler for F
where
    F: Fn(&mut Request<'_>, &mut Response<'_>) -> std::result::Result<(), E> + Send + Sync + 'static,
    E: Into<Failure>,
{
    fn handle(&self, request: &mut Request<'_>, response: &mut Response<'_>) -> Result {
        self(request, response).map_err(Into::into)
    }
}

/// What stands around handlers, put there by [`around`].
///
/// Implemented for functions and closures over [`Request`], [`Response`] and
/// the handler that comes next.
///
/// # Errors
/// As a [`Handler`].
pub trait Middleware: Send + Sync + 'static {
    /// Answers one request, by calling `next` or without.
    ///
    /// # Errors
    /// Whatever makes the request a failed one.
    fn handle(&self, request: &mut Request<'_>, response: &mut Response<'_>, next: &dyn Handler) -> Result;
}

impl<F> Middleware for F
where
    F: Fn(&mut Request<'_>, &mut Response<'_>, &dyn Handler) -> Result + Send + Sync + 'static,
{
    fn handle(&self, request: &mut Request<'_>, response: &mut Response<'_>, next: &dyn Handler) -> Result {
        self(request, response, next)
    }
}

/// Puts `middleware` around `handler`: it is called in its place, and calls it
/// if it likes.
///
/// ```
/// use greenserve::http::{self, Handler, Refusal, Request, Response, StatusCode};
///
/// fn members_only(request: &mut Request, response: &mut Response, next: &dyn Handler) -> http::Result {
///     match request.header("authorization") {
///         Some("Bearer secret") => next.handle(request, response),
///         _ => Err(Refusal::new(StatusCode::UNAUTHORIZED, "who are you?").into()),
///     }
/// }
///
/// fn hello(_: &mut Request, response: &mut Response) -> http::Result {
///     response.send("Hello, member!")
/// }
///
/// let server = http::serve(http::around(members_only, hello));
/// # let _ = server;
/// ```
pub fn around<M: Middleware, H: Handler>(middleware: M, handler: H) -> Around<M, H> {
    Around { middleware, handler }
}

/// A handler made by [`around`].
#[derive(Clone, Copy, Debug)]
pub struct Around<M, H> {
    middleware: M,
    handler: H,
}

impl<M: Middleware, H: Handler> Handler for Around<M, H> {
    fn handle(&self, request: &mut Request<'_>, response: &mut Response<'_>) -> Result {
        self.middleware.handle(request, response, &self.handler)
    }
}
