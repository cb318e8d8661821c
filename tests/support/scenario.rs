//! One request through a server whose every step is noted, with what must be
//! noted.

use std::time::Duration;

use greenserve::net::TcpStream;
use greenserve::{Builder, Each, Inline, Model, Server, Tcp, TcpServer, each};

use super::stages::{Fault, Steps};
use super::trace::Trace;
use super::{LIMIT, connect, is_closed, wait_until};

/// A fault and the steps that follow from it.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub fault: Fault,
    /// What happens in the accept loop.
    pub accepting: &'static [&'static str],
    /// What happens where the handler runs.
    pub handling: &'static [&'static str],
}

const WELCOME: &[&str] = &["get_request", "verify_request", "process_request"];

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "success",
        fault: Fault::Nowhere,
        accepting: WELCOME,
        handling: &[
            "finish_request",
            "setup",
            "handle",
            "finish",
            "shutdown_request",
            "close_request",
        ],
    },
    Scenario {
        name: "handle_error",
        fault: Fault::Error("handle"),
        accepting: WELCOME,
        handling: &[
            "finish_request",
            "setup",
            "handle",
            "finish",
            "handle_error",
            "because the handler failed: handle fails on purpose",
            "shutdown_request",
            "close_request",
        ],
    },
    Scenario {
        name: "handle_panic",
        fault: Fault::Panic("handle"),
        accepting: WELCOME,
        handling: &[
            "finish_request",
            "setup",
            "handle",
            "finish",
            "handle_error",
            "because the handler panicked: handle panics on purpose",
            "shutdown_request",
            "close_request",
        ],
    },
    Scenario {
        name: "setup_error",
        fault: Fault::Error("setup"),
        accepting: WELCOME,
        handling: &[
            "finish_request",
            "setup",
            "handle_error",
            "because the handler failed: setup fails on purpose",
            "shutdown_request",
            "close_request",
        ],
    },
    Scenario {
        name: "setup_panic",
        fault: Fault::Panic("setup"),
        accepting: WELCOME,
        handling: &[
            "finish_request",
            "setup",
            "handle_error",
            "because the handler panicked: setup panics on purpose",
            "shutdown_request",
            "close_request",
        ],
    },
    Scenario {
        name: "finish_error",
        fault: Fault::Error("finish"),
        accepting: WELCOME,
        handling: &[
            "finish_request",
            "setup",
            "handle",
            "finish",
            "handle_error",
            "because the handler failed: finish fails on purpose",
            "shutdown_request",
            "close_request",
        ],
    },
    Scenario {
        name: "finish_panic",
        fault: Fault::Panic("finish"),
        accepting: WELCOME,
        handling: &[
            "finish_request",
            "setup",
            "handle",
            "finish",
            "handle_error",
            "because the handler panicked: finish panics on purpose",
            "shutdown_request",
            "close_request",
        ],
    },
    Scenario {
        name: "finish_request_panic",
        fault: Fault::Panic("finish_request"),
        accepting: WELCOME,
        handling: &[
            "finish_request",
            "handle_error",
            "because the handler panicked: finish_request panics on purpose",
            "shutdown_request",
            "close_request",
        ],
    },
    Scenario {
        name: "unwelcome",
        fault: Fault::Unwelcome,
        accepting: &["get_request", "verify_request", "shutdown_request", "close_request"],
        handling: &[],
    },
    Scenario {
        name: "verify_error",
        fault: Fault::Error("verify_request"),
        accepting: &[
            "get_request",
            "verify_request",
            "handle_error",
            "because the handler failed: verify_request fails on purpose",
            "shutdown_request",
            "close_request",
        ],
        handling: &[],
    },
    Scenario {
        name: "verify_panic",
        fault: Fault::Panic("verify_request"),
        accepting: &[
            "get_request",
            "verify_request",
            "handle_error",
            "because the handler panicked: verify_request panics on purpose",
            "shutdown_request",
            "close_request",
        ],
        handling: &[],
    },
    Scenario {
        name: "process_error",
        fault: Fault::Error("process_request"),
        accepting: &[
            "get_request",
            "verify_request",
            "process_request",
            "handle_error",
            "because the handler failed: process_request fails on purpose",
            "shutdown_request",
            "close_request",
        ],
        handling: &[],
    },
    Scenario {
        name: "panic_over_error",
        fault: Fault::PanicOverError,
        accepting: WELCOME,
        handling: &[
            "finish_request",
            "setup",
            "handle",
            "finish",
            "handle_error",
            "because the handler failed: handle fails on purpose",
            "shutdown_request",
            "close_request",
        ],
    },
];

pub fn named(name: &str) -> Scenario {
    *SCENARIOS.iter().find(|scenario| scenario.name == name).unwrap()
}

/// What a server that was bound, served one request and closed has noted.
pub fn whole(steps: &[&'static str]) -> Vec<&'static str> {
    [&["server_bind", "server_activate"], steps, &["server_close"]].concat()
}

/// A server all of whose steps are noted.
pub fn noted(trace: &Trace, fault: Fault) -> Builder<Tcp> {
    let steps = Steps::new(trace.clone(), fault);
    TcpServer::builder(handler(steps.clone())).hooks(steps)
}

fn handler(steps: Steps) -> Each<impl Fn() -> Steps + Send + Sync + 'static> {
    each(move || steps.clone())
}

/// Serves one client, in this process, and returns what was noted.
pub fn serve_one<M: Model>(fault: Fault, model: M) -> Vec<String> {
    let (trace, notes) = Trace::new();
    let mut server = noted(&trace, fault).model(model).bind("127.0.0.1:0").unwrap();
    drop(trace);
    let client = connect(&server.address().unwrap());
    server.handle_request().unwrap();
    assert!(is_closed(&client));
    let handle = server.handle();
    wait_until("nothing is in flight", || handle.in_flight() == 0);
    assert!(server.stop(LIMIT).is_clean());
    notes.rest()
}

/// Lets the timeout of a server pass and returns what was noted.
pub fn serve_none<M: Model>(model: M) -> Vec<String> {
    let (trace, notes) = Trace::new();
    let limit = Some(Duration::from_millis(20));
    let builder = noted(&trace, Fault::Nowhere).model(model).timeout(limit);
    drop(trace);
    builder.bind("127.0.0.1:0").unwrap().handle_request().unwrap();
    notes.rest()
}

/// For servers that nobody is to connect to.
pub fn idle() -> Server<Tcp, Inline> {
    TcpServer::builder(|_: &mut TcpStream| std::io::Result::Ok(()))
        .inline()
        .bind("127.0.0.1:0")
        .unwrap()
}
