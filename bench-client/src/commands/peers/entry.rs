//! The peers there may be, and how each is built.

use std::ffi::OsString;
use std::path::Path;

use greenserve::runtime::Engine;

use super::certificate::{CHAIN, Certificate, KEY};
use super::contestant::Contestant;
use super::toolchains::{example, go, nginx, python, rust};

/// Ours; the first of the contestants, and the one that ratios are to.
pub(super) const OURS: &str = "greenserve";

/// A peer's source.
#[derive(Debug)]
pub(super) struct Entry {
    /// What it is called.
    pub(super) name: &'static str,
    kind: Kind,
    /// The binary that times its scheduler, where there is one.
    timer: Option<&'static str>,
    /// What tells it from another peer of the same source.
    options: &'static [&'static str],
}

#[derive(Debug)]
enum Kind {
    /// The server of this program, on an engine.
    Serve(Engine),
    /// An example of the library, as its users write programs, with the feature
    /// it needs, on an engine.
    Example(&'static str, Option<&'static str>, Engine),
    /// A binary of the package in `rust`, and the crate whose version matters.
    Rust(&'static str, Option<&'static str>),
    /// A package of the module in `go`, and the program it becomes.
    Go(&'static str, &'static str),
    /// A script in `python`, and the module whose version matters.
    Python(&'static str, Option<&'static str>),
    /// The one of this machine, as the script in `nginx` starts it.
    Nginx,
}

/// Servers of echoes.
pub(super) const ECHO: &[Entry] = &[
    Entry::new(OURS, Kind::Serve(Engine::Pinned)),
    Entry::new("greenserve-may", Kind::Serve(Engine::May)),
    Entry::new("echo", Kind::Example("echo", None, Engine::Pinned)),
    Entry::new("echo-may", Kind::Example("echo", None, Engine::May)),
    Entry::new("hand", Kind::Example("gevent_echo", None, Engine::Pinned)),
    Entry::new("hand-may", Kind::Example("gevent_echo", None, Engine::May)),
    Entry::new("stream", Kind::Example("stream_echo", None, Engine::Pinned)),
    Entry::new("stream-may", Kind::Example("stream_echo", None, Engine::May)),
    Entry::new("epoll", Kind::Rust("peer-epoll", Some("mio"))),
    Entry::new("tokio", Kind::Rust("peer-tokio", Some("tokio"))).timed_by("tasks-tokio"),
    Entry::new("tokio-multi", Kind::Rust("peer-tokio", Some("tokio")))
        .timed_by("tasks-tokio")
        .with(&["--flavor", "multi"]),
    Entry::new("may", Kind::Rust("peer-may", Some("may"))).timed_by("tasks-may"),
    Entry::new("go", Kind::Go(".", "peer-go")).timed_by("tasks-go"),
    Entry::new("threads", Kind::Rust("peer-threads", None)),
    Entry::new("gevent", Kind::Python("gevent_echo.py", Some("gevent"))),
    Entry::new("socketserver", Kind::Python("socketserver_echo.py", None)),
];

/// Servers of HTTP.
pub(super) const HTTP: &[Entry] = &[
    Entry::new(OURS, Kind::Example("http_hello", Some("http"), Engine::Pinned)),
    Entry::new("greenserve-may", Kind::Example("http_hello", Some("http"), Engine::May)),
    Entry::new("epoll", Kind::Rust("peer-epoll", Some("mio"))).with(&["--serve", "http"]),
    Entry::new("hyper", Kind::Rust("peer-hyper", Some("hyper"))),
    Entry::new("may_minihttp", Kind::Example("minihttp", Some("minihttp"), Engine::May)),
    Entry::new("go", Kind::Go("./http", "peer-go-http")),
    Entry::new("nginx", Kind::Nginx),
];

/// The certificate, as all but nginx are told of it.
const CERTIFIED: &[&str] = &["--chain", CHAIN, "--key", KEY];
const SECURE: Option<&str> = Some("http,tls");

/// Servers of HTTPS, each with the same certificate.
pub(super) const HTTPS: &[Entry] = &[
    Entry::new(OURS, Kind::Example("https_hello", SECURE, Engine::Pinned)).with(CERTIFIED),
    Entry::new("greenserve-may", Kind::Example("https_hello", SECURE, Engine::May)).with(CERTIFIED),
    Entry::new("hyper", Kind::Rust("peer-hyper", Some("rustls"))).with(CERTIFIED),
    Entry::new("go", Kind::Go("./http", "peer-go-http")).with(CERTIFIED),
    Entry::new("nginx", Kind::Nginx).with(&[CHAIN, KEY]),
];

impl Entry {
    const fn new(name: &'static str, kind: Kind) -> Entry {
        Entry {
            name,
            kind,
            timer: None,
            options: &[],
        }
    }

    const fn timed_by(self, binary: &'static str) -> Entry {
        Entry {
            timer: Some(binary),
            name: self.name,
            kind: self.kind,
            options: self.options,
        }
    }

    const fn with(self, options: &'static [&'static str]) -> Entry {
        Entry {
            options,
            name: self.name,
            kind: self.kind,
            timer: self.timer,
        }
    }

    /// Built, and told of the `certificate` if there is one; or why it cannot be.
    pub(super) fn contestant(&self, sources: &Path, certificate: Option<&Certificate>) -> Result<Contestant, String> {
        let options = self.options.iter().map(|option| match certificate {
            Some(certificate) => certificate.put_in(option),
            None => OsString::from(option),
        });
        let options: Vec<_> = options.collect();
        let built = |server, timer| Contestant::built(self.name, server, timer, &options);
        match self.kind {
            Kind::Serve(engine) => Ok(Contestant::serve(self.name, engine)),
            Kind::Example(program, feature, engine) => {
                let server = example(&sources.join("../.."), program, feature)?;
                Ok(built(server, None).on(engine))
            }
            Kind::Rust(binary, library) => {
                let package = sources.join("rust");
                let timer = self.timer.map(|timer| rust(&package, timer, library)).transpose()?;
                Ok(built(rust(&package, binary, library)?, timer))
            }
            Kind::Go(package, program) => {
                let folder = sources.join("go");
                let timer = self.timer.map(|timer| go(&folder, "./tasks", timer)).transpose()?;
                Ok(built(go(&folder, package, program)?, timer))
            }
            Kind::Python(script, module) => Ok(built(python(&sources.join("python").join(script), module)?, None)),
            Kind::Nginx => Ok(built(nginx(&sources.join("nginx/serve.sh"))?, None).told()),
        }
    }
}
