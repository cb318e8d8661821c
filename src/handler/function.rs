//! Closures as handlers.

use super::{Context, Failure, Handler};

impl<F, R, E> Handler<R> for F
where
    F: Fn(&mut R) -> Result<(), E> + Send + Sync + 'static,
    E: Into<Failure>,
{
    fn handle(&self, request: &mut R, _context: &Context) -> Result<(), Failure> {
        self(request).map_err(Into::into)
    }
}

/// Makes a handler of a closure that wants the [`Context`] too.
///
/// ```
/// use greenserve::{Context, TcpServer, net::TcpStream, with_context};
/// use std::io::{self, Write};
///
/// let server = TcpServer::bind(
///     "127.0.0.1:0",
///     with_context(|client: &mut TcpStream, context: &Context| -> io::Result<()> {
///         writeln!(client, "you are {}", context.client_address())
///     }),
/// )?;
/// # Ok::<(), greenserve::Error>(())
/// ```
pub fn with_context<F>(function: F) -> WithContext<F> {
    WithContext(function)
}

/// A handler made by [`with_context`].
#[derive(Clone, Copy, Debug)]
pub struct WithContext<F>(F);

impl<F, R, E> Handler<R> for WithContext<F>
where
    F: Fn(&mut R, &Context) -> Result<(), E> + Send + Sync + 'static,
    E: Into<Failure>,
{
    fn handle(&self, request: &mut R, context: &Context) -> Result<(), Failure> {
        (self.0)(request, context).map_err(Into::into)
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<F>()
    }
}
