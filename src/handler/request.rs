//! Types as handlers: a new instance a request.

use super::phases::handle_then_finish;
use super::{Context, Failure, Handler};

/// A handler with state for one request: `BaseRequestHandler` of Python.
///
/// `setup`, `handle` and `finish` are called in this order. `finish` runs
/// whatever became of `handle`, also after a panic; it does not run when
/// `setup` failed.
///
/// ```
/// use greenserve::{Context, Failure, RequestHandler, TcpServer, each, net::TcpStream};
/// use std::io::{Read, Write};
///
/// #[derive(Default)]
/// struct Upper {
///     served: usize,
/// }
///
/// impl RequestHandler<TcpStream> for Upper {
///     fn handle(&mut self, client: &mut TcpStream, _: &Context) -> Result<(), Failure> {
///         let mut buffer = [0; 1024];
///         loop {
///             let count = client.read(&mut buffer)?;
///             if count == 0 {
///                 return Ok(());
///             }
///             self.served += count;
///             client.write_all(&buffer[..count].to_ascii_uppercase())?;
///         }
///     }
/// }
///
/// let server = TcpServer::bind("127.0.0.1:0", each(Upper::default))?;
/// # Ok::<(), greenserve::Error>(())
/// ```
pub trait RequestHandler<R> {
    /// Prepares; does nothing by default.
    ///
    /// # Errors
    /// Whatever makes the request a failed one; neither `handle` nor `finish`
    /// is called then.
    fn setup(&mut self, request: &mut R, context: &Context) -> Result<(), Failure> {
        let _ = (request, context);
        Ok(())
    }

    /// Serves the request.
    ///
    /// # Errors
    /// Whatever makes the request a failed one.
    fn handle(&mut self, request: &mut R, context: &Context) -> Result<(), Failure>;

    /// Cleans up; does nothing by default.
    ///
    /// # Errors
    /// Whatever makes the request a failed one.
    fn finish(&mut self, request: &mut R, context: &Context) -> Result<(), Failure> {
        let _ = (request, context);
        Ok(())
    }
}

/// A handler that makes a new `H` for each request with `make`.
pub fn each<M>(make: M) -> Each<M> {
    Each(make)
}

/// A handler made by [`each`].
#[derive(Clone, Copy, Debug)]
pub struct Each<M>(M);

impl<M, H, R> Handler<R> for Each<M>
where
    M: Fn() -> H + Send + Sync + 'static,
    H: RequestHandler<R>,
{
    fn handle(&self, request: &mut R, context: &Context) -> Result<(), Failure> {
        let mut handler = (self.0)();
        handler.setup(request, context)?;
        handle_then_finish(
            &mut (handler, request),
            |(handler, request)| handler.handle(request, context),
            |(handler, request)| handler.finish(request, context),
        )
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<H>()
    }
}
