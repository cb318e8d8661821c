//! A `StreamHandler`'s files over TLS.

use std::io::{self, Read};

use super::io::Operation;
use super::stream::TlsStream;
use crate::handler::sealed::Sealed;
use crate::handler::{Context, EachStream, Failure, Handler, Sending, StreamHandler, Wire};
use crate::net::{Stream, SystemStream};

impl<S: SystemStream> Sealed for TlsStream<S> {}

impl<S: SystemStream> Wire for TlsStream<S> {
    type Connection = TlsStream<S>;
    type System = S;

    fn stream(connection: &TlsStream<S>) -> &Stream<S> {
        connection.connection()
    }

    fn share(connection: &TlsStream<S>) -> TlsStream<S> {
        connection.share()
    }

    fn reading(connection: &TlsStream<S>) -> impl Read {
        Operation::reading(connection)
    }

    fn writing(connection: &TlsStream<S>) -> impl Sending {
        Operation::writing(connection)
    }

    fn wait_for_bytes(
        connection: &TlsStream<S>,
        context: &Context,
        mut look: impl FnMut() -> io::Result<bool>,
    ) -> io::Result<bool> {
        // Bytes on the socket may be no message, and a message may be there
        // without any: the session knows.
        Ok(connection.wait_for_request(context)? && look()?)
    }
}

impl<S: SystemStream> Sending for Operation<'_, S> {
    fn moved(&self) -> usize {
        Operation::moved(self)
    }

    fn unfinished(&self, err: io::Error) -> io::Error {
        Operation::unfinished(self, err)
    }
}

impl<S, M, H> Handler<TlsStream<S>> for EachStream<M>
where
    S: SystemStream,
    M: Fn() -> H + Send + Sync + 'static,
    H: StreamHandler<TlsStream<S>>,
{
    fn handle(&self, client: &mut TlsStream<S>, context: &Context) -> Result<(), Failure> {
        self.serve::<TlsStream<S>, H>(client, context)
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<H>()
    }
}
