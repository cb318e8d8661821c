//! A server of WebSockets with its clients.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use greenserve::testing::TestServer;
use greenserve::websocket::{self, Config, Ended, WebSocket, WebSockets};
use greenserve::{Builder, DrainReport, Model, Overdue, ServerHandle, Tcp, TcpServer, Thread, http};
use tungstenite::protocol::WebSocketConfig;

use crate::common::{PATIENCE, client, ip, missed, wait_until};
use crate::raw::Raw;

/// The two models whose waits differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum In {
    Coroutines,
    Threads,
}

/// Runs `check` in both.
pub(crate) fn in_both(check: impl Fn(In)) {
    check(In::Coroutines);
    check(In::Threads);
}

trait Serving: Send {
    fn handle(&self) -> &ServerHandle;
    fn stop(self: Box<Self>) -> DrainReport;
}

impl<M: Model> Serving for TestServer<Tcp, M> {
    fn handle(&self) -> &ServerHandle {
        TestServer::handle(self)
    }

    fn stop(self: Box<Self>) -> DrainReport {
        TestServer::stop(*self).unwrap()
    }
}

/// How a handler has ended: its error, and what it was told of the
/// conversation's end.
pub(crate) type Outcome = (Option<String>, Option<Ended>);

pub(crate) struct Scene {
    server: Box<dyn Serving>,
    pub(crate) address: SocketAddr,
    outcomes: Receiver<Outcome>,
}

pub(crate) type Talker = tungstenite::WebSocket<TcpStream>;

/// `handler`, and what became of it.
pub(crate) fn watched(
    config: Config,
    handler: impl Fn(&mut WebSocket<'_>) -> io::Result<()> + Send + Sync + 'static,
) -> (
    WebSockets<impl Fn(&mut WebSocket<'_>) -> io::Result<()> + Send + Sync + 'static>,
    Receiver<Outcome>,
) {
    let (told, outcomes) = channel();
    let told = Mutex::new(told);
    let handler = move |socket: &mut WebSocket<'_>| {
        let ended = handler(socket);
        let error = ended.as_ref().err().map(ToString::to_string);
        // The test may have seen enough.
        let _ = told.lock().unwrap().send((error, socket.ended().cloned()));
        ended
    };
    (websocket::serve(handler).config(config), outcomes)
}

impl Scene {
    pub(crate) fn new(
        model: In,
        config: Config,
        handler: impl Fn(&mut WebSocket<'_>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Scene {
        let (handler, outcomes) = watched(config, handler);
        let builder = TcpServer::builder(http::serve(handler));
        let (server, address): (Box<dyn Serving>, _) = match model {
            In::Coroutines => started(builder),
            In::Threads => started(builder.model(Thread::new())),
        };
        Scene {
            server,
            address,
            outcomes,
        }
    }

    pub(crate) fn echo(model: In, config: Config) -> Scene {
        Scene::new(model, config, echo)
    }

    pub(crate) fn handle(&self) -> &ServerHandle {
        self.server.handle()
    }

    /// The deadlines that were missed by clients that are gone now.
    pub(crate) fn missed(&self) -> Vec<(Overdue, u64)> {
        wait_until("nobody is left", || self.handle().in_flight() == 0);
        missed(self.handle())
    }

    /// Drains.
    pub(crate) fn stop(self) -> DrainReport {
        self.server.stop()
    }

    /// A client that keeps to the rules.
    pub(crate) fn connect(&self) -> Talker {
        let limits = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let url = format!("ws://{}/", self.address);
        let opened = tungstenite::client::client_with_config(url, client(self.address), Some(limits));
        opened.unwrap().0
    }

    /// One that need not.
    pub(crate) fn raw(&self) -> Raw {
        Raw::open(client(self.address))
    }

    /// How the next handler that ends has ended.
    pub(crate) fn outcome(&self) -> Outcome {
        self.outcomes.recv_timeout(PATIENCE).unwrap()
    }

    /// As [`outcome`](Scene::outcome), of one without an error.
    pub(crate) fn ended(&self) -> Ended {
        let (error, ended) = self.outcome();
        assert_eq!(error, None);
        ended.unwrap()
    }
}

fn started<M: Model>(builder: Builder<Tcp, M>) -> (Box<dyn Serving>, SocketAddr) {
    let server = TestServer::build(builder).unwrap();
    let address = ip(server.address());
    (Box::new(server), address)
}

pub(crate) fn echo(socket: &mut WebSocket<'_>) -> io::Result<()> {
    while let Some(message) = socket.recv()? {
        socket.send(message)?;
    }
    Ok(())
}

/// As [`echo`], with the writer in between.
pub(crate) fn echo_by_sender(socket: &mut WebSocket<'_>) -> io::Result<()> {
    let sender = socket.sender()?;
    while let Some(message) = socket.recv()? {
        sender.send(message)?;
    }
    Ok(())
}
