//! greenserve
mod concurrency;
mod error;
mod family;
mod handler;
mod hooks;
mod lifecycle;
pub mod net;
pub mod runtime;
mod server;
pub mod sync;
pub mod testing;

pub use concurrency::{Coroutine, Fork, Inline, Model, Thread};
pub use error::{Error, Result, WaitError};
pub use family::{Datagram, DatagramListener, Family, Request, Tcp, Udp, Unix, UnixDatagrams};
pub use handler::{
    Context, DatagramHandler, DatagramOptions, DatagramRequest, Each, EachDatagram, EachStream, Failure, Handler,
    HandlerError, RequestHandler, StreamHandler, StreamOptions, StreamRequest, WithContext, Writer, each,
    each_datagram, each_stream, with_context,
};
pub use hooks::Hooks;
pub use lifecycle::{Connection, ConnectionState, DrainReport, Phase, ServerHandle};
pub use server::{Builder, Running, Server};

/// A TCP server on coroutines.
pub type TcpServer<M = Coroutine> = Server<Tcp, M>;
/// UDP.
pub type UdpServer<M = Coroutine> = Server<Udp, M>;
/// Unix.
pub type UnixServer<M = Coroutine> = Server<Unix, M>;
/// Unix datagrams.
pub type UnixDatagramServer<M = Coroutine> = Server<UnixDatagrams, M>;
