//! The reference server: right and fast, or wrong in known numbers.
//!
//! The library's own servers with one handler each; what differs between
//! models is the word that names one. A server without faults shares nothing
//! between its connections, so that it can be measured; one with faults
//! answers through its [`service`].

mod answer;
mod certificate;
mod connection;
mod datagram;
mod dose;
mod echo;
mod fault;
mod holdback;
mod http;
mod ledger;
mod meeting;
mod options;
mod pace;
mod plain;
mod response;
mod service;
mod stream;
mod websocket;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use greenserve::net::{SocketOptions, Stream, SystemDatagram, SystemStream, TcpStream};
use greenserve::runtime::{self, Config};
use greenserve::tls;
use greenserve::{
    Builder, Context, Datagram, Family, Handler, Server, Tcp, TcpServer, Thread, UdpServer, UnixDatagramServer,
    UnixServer, with_context,
};

#[cfg(any(test, fuzzing))]
pub(crate) use self::{answer::Answer, stream::Requests};
pub(crate) use http::Http;
pub(crate) use options::ServeOptions;

use crate::base::failure::Failure;
use crate::machine::limits;
use crate::plan::model::Model;
use crate::plan::protocol::Protocol;
use crate::plan::tls::TlsLine;
use crate::view::stdout;
use connection::Connection;
use echo::Echo;
use service::Service;
use stream::KeepResets;
use websocket::WebSocket;

const THREAD_STACK: usize = 256 * 1024;
/// The longest datagram there is.
const LARGEST_DATAGRAM: usize = 1 << 16;
/// Asked for at the socket, so that a burst of many clients is not lost; the
/// kernel may grant less (net.core.rmem_max).
const DATAGRAM_ROOM: usize = 4 << 20;

/// Serves until SIGTERM or SIGINT, then prints what it did.
///
/// # Errors
/// When the options contradict each other, or the address cannot be listened
/// on.
pub(crate) fn serve(options: &ServeOptions) -> Result<(), Failure> {
    options.check()?;
    if options.die_with_parent {
        std::thread::spawn(end_with_stdin);
    }
    limits::raise_open_files()?;
    runtime::configure(Config::new().workers(options.workers as usize))?;
    let service = Arc::new(Service::new(&options.faults));
    serve_protocol(options, &service)?;
    report(&service)
}

fn serve_protocol(options: &ServeOptions, service: &Arc<Service>) -> Result<(), Failure> {
    match options.protocol {
        Protocol::Tcp if options.faults.any() => {
            let echo = faulty_echo(options, service);
            serve_in(tcp(echo).hooks(KeepResets), options)
        }
        Protocol::Tcp => {
            let echo = plain_echo(options, service);
            serve_in(tcp(move |client, _| echo(client)), options)
        }
        Protocol::Http => serve_in(tcp(requests::<_, Http>(service)).hooks(KeepResets), options),
        Protocol::Https => serve_in(encrypted(options, requests::<_, Http>(service))?, options),
        Protocol::Ws => serve_in(tcp(requests::<_, WebSocket>(service)).hooks(KeepResets), options),
        Protocol::Wss => serve_in(encrypted(options, requests::<_, WebSocket>(service))?, options),
        Protocol::Unix if options.faults.any() => serve_in(
            UnixServer::builder(with_context(faulty_echo(options, service))),
            options,
        ),
        Protocol::Unix => serve_in(UnixServer::builder(plain_echo(options, service)), options),
        Protocol::Udp => serve_in(roomy(UdpServer::builder(datagrams(service))), options),
        Protocol::Unixgram => serve_in(roomy(UnixDatagramServer::builder(datagrams(service))), options),
    }
}

/// A server over TCP that sends small answers at once.
fn tcp(handler: impl Fn(&mut TcpStream, &Context) -> io::Result<()> + Send + Sync + 'static) -> Builder<Tcp> {
    TcpServer::builder(at_once(with_context(handler)))
}

/// The same under TLS.
fn encrypted(
    options: &ServeOptions,
    handler: impl Fn(&mut TlsLine, &Context) -> io::Result<()> + Send + Sync + 'static,
) -> Result<Builder<Tcp>, Failure> {
    let certificates = certificate::certificates(&options.certificate)?;
    let handler = at_once(tls::serve(certificates, with_context(handler)));
    Ok(TcpServer::builder(handler).hooks(KeepResets))
}

/// `inner`, whose small answers are sent at once.
fn at_once(inner: impl Handler<TcpStream>) -> impl Handler<TcpStream> {
    with_context(move |client: &mut TcpStream, context: &Context| {
        client.set_nodelay(true)?;
        inner.handle(client, context)
    })
}

/// Answers what a connection brings, as `R` reads it.
fn requests<C: Connection, R: stream::Requests + Default>(
    service: &Arc<Service>,
) -> impl Fn(&mut C, &Context) -> io::Result<()> + Send + Sync + 'static {
    let service = Arc::clone(service);
    move |client, context| stream::serve(client, context.connection().id(), R::default(), &service)
}

/// A server that takes every datagram whole and many at a time.
fn roomy<F: Family>(builder: Builder<F>) -> Builder<F> {
    builder
        .max_packet_size(LARGEST_DATAGRAM)
        .socket_options(SocketOptions::new().receive_buffer(DATAGRAM_ROOM))
}

fn plain_echo<S: SystemStream>(
    options: &ServeOptions,
    service: &Arc<Service>,
) -> impl Fn(&mut Stream<S>) -> io::Result<()> + Send + Sync + 'static {
    let (size, service) = (options.size, Arc::clone(service));
    move |client| {
        service.ledger.connection();
        plain::echo(client, size, &service.ledger)
    }
}

fn faulty_echo<S: SystemStream>(
    options: &ServeOptions,
    service: &Arc<Service>,
) -> impl Fn(&mut Stream<S>, &Context) -> io::Result<()> + Send + Sync + 'static {
    let (size, service) = (options.size, Arc::clone(service));
    move |client, context| stream::serve(client, context.connection().id(), Echo::new(size), &service)
}

fn datagrams<S: SystemDatagram>(
    service: &Arc<Service>,
) -> impl Fn(&mut Datagram<S>) -> io::Result<()> + Send + Sync + 'static {
    let service = Arc::clone(service);
    move |datagram| datagram::serve(datagram, &service)
}

fn serve_in<F: Family>(builder: Builder<F>, options: &ServeOptions) -> Result<(), Failure> {
    let address = options.listen.clone();
    let address = address.unwrap_or_else(|| options.protocol.default_address());
    match options.model() {
        Model::Coroutine => run(builder.bind(address)?),
        Model::Thread => run(builder.model(Thread::new().stack_size(THREAD_STACK)).bind(address)?),
        Model::Inline => run(builder.inline().bind(address)?),
    }
}

fn run<F: Family, M: greenserve::Model>(mut server: Server<F, M>) -> Result<(), Failure> {
    // Before the line, since whoever reads it may send a signal at once.
    server.handle_signals()?;
    stdout::print(format!("listening on {}\n", server.address()?))?;
    // The clients belong to whoever measures, who is done with them.
    let report = server.serve_until_signal(Duration::ZERO)?;
    if !report.survivors.is_empty() {
        log::warn!("{report}; what they did is not in the counts");
    }
    Ok(())
}

fn report(service: &Service) -> Result<(), Failure> {
    let counts = serde_json::to_string(&service.ledger.counts());
    let counts = counts.map_err(|err| Failure::system("print the counts", err))?;
    stdout::print(counts + "\n")
}

fn end_with_stdin() {
    // An error is an end as well.
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    std::process::exit(0);
}
