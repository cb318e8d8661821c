//! The errors of this crate: [`Error`] for what is refused, [`WaitError`] for
//! waits that ended early.
//!
//! Other public errors stand beside what they belong to, because they hand
//! something back or describe one thing only:
//! [`HandlerError`](crate::HandlerError),
//! [`JoinError`](crate::runtime::JoinError),
//! [`Panic`](crate::runtime::Panic),
//! [`UnknownEngine`](crate::runtime::UnknownEngine),
//! [`Unfinished`](crate::net::Unfinished),
//! [`FirstFailure`](crate::sync::FirstFailure),
//! [`SendError`](crate::sync::SendError),
//! [`TrySendError`](crate::sync::TrySendError),
//! [`TaskDoneError`](crate::sync::TaskDoneError) and
//! [`TrySpawnError`](crate::sync::TrySpawnError); with the features of their
//! modules also `http::Refusal`, `tls::HandshakeError` and
//! `websocket::SendError`.
//!
//! What a handler fails with is the handler's own business and goes to
//! [`Hooks::handle_error`](crate::Hooks::handle_error); the errors here are
//! about starting, limiting and stopping. Each names the value, the limit and
//! what to do about it, so that its text can be shown to a user as it is.

mod reason;
mod system;
mod wait;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use self::system::remedy;
pub use reason::KillReason;
pub use wait::WaitError;

/// The result of everything in this crate that can be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a server or the runtime could not do what was asked.
///
/// Reads and writes on sockets return [`io::Error`], as std's do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address that no rule of [`Address`](crate::net::Address) can read.
    #[error(
        "malformed address {value:?}: {reason}; write HOST:PORT, :PORT, [IPV6]:PORT, unix:/PATH, unix-abstract:NAME, fd:NUMBER or systemd:NAME"
    )]
    MalformedAddress {
        /// The text as it was given.
        value: String,
        /// What about it could not be read.
        reason: String,
    },

    /// An address of a kind that this family cannot listen on or connect to.
    #[error("address {address} is not one a {family} server can use; it takes {expected}")]
    WrongFamily {
        /// The address as it was given.
        address: String,
        /// The family that was asked: `tcp`, `udp`, `unix` or `unixgram`.
        family: &'static str,
        /// The form that family takes.
        expected: &'static str,
    },

    /// A Unix socket path that does not fit into `sockaddr_un` (see `unix(7)`).
    #[error(
        "Unix socket path {path:?} has {length} bytes but the system allows {limit}; choose a shorter directory or a relative path"
    )]
    PathTooLong {
        /// The path as it was given.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
        /// The longest path that fits.
        limit: usize,
    },

    /// A host name that could not be turned into an address.
    #[error("cannot resolve host {host:?}: {source}; check the spelling and the resolver's settings")]
    Resolve {
        /// The name as it was given.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },

    /// The address could not be bound or listened on.
    #[error("cannot {action} {address}: {source}{}", remedy(.source))]
    Listen {
        /// `bind`, `listen on`, `open a socket for` or `adopt`.
        action: &'static str,
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },

    /// An option whose value makes no sense, refused before anything started.
    #[error("{option} cannot be {value}: {reason}")]
    InvalidOption {
        /// The option's name as the documentation writes it.
        option: &'static str,
        /// The value that was given.
        value: String,
        /// Why it is refused and what is allowed.
        reason: String,
    },

    /// A certificate, a private key or a list of trusted certificates that TLS
    /// cannot use.
    #[error("cannot use the {what} {file}: {reason}")]
    Certificate {
        /// What it should be: `certificate`, `private key`, `trusted
        /// certificates` or `revocation list`.
        what: &'static str,
        /// The file, quoted, or `given as a text`.
        file: Box<str>,
        /// What is wrong with it, and what to do about it.
        reason: Box<str>,
    },

    /// The runtime runs already, so its settings can no longer change.
    #[error(
        "the coroutine runtime has already started, so {setting} cannot be changed; configure it before the first coroutine or socket wait"
    )]
    RuntimeStarted {
        /// The setting that was to be changed.
        setting: &'static str,
    },

    /// The runtime could not be started at all.
    #[error("the coroutine runtime cannot start: {reason}")]
    RuntimeStart {
        /// What failed.
        reason: String,
    },

    /// What is not `Send` was to run beside a caller that has no thread for good.
    #[error(
        "a local coroutine needs a caller that stays on its thread: this one is a plain thread, or a coroutine of the \
         engine `may` with several workers; call spawn_local in a coroutine of the engine `pinned`"
    )]
    NotLocal,

    /// A request was killed before its handler began.
    #[error("the request was killed before its handler began")]
    KilledEarly,

    /// As many coroutines live as this process can hold.
    #[error(
        "{live} coroutines live and this process can hold {limit} ({cause}); raise that limit, or wait until some end"
    )]
    Capacity {
        /// How many live now.
        live: usize,
        /// The ceiling.
        limit: usize,
        /// Which system limit the ceiling comes from.
        cause: String,
    },

    /// `fork` was asked for in a process where it is not safe.
    #[error("cannot fork: {reason}; a forking server must be served before anything starts a thread or a coroutine")]
    ForkUnsafe {
        /// What runs already.
        reason: String,
    },

    /// The listener failed in a way that waiting cannot mend.
    #[error("accepting on {address} failed for good: {source}")]
    Accept {
        /// The listener's address.
        address: String,
        /// What the system said.
        source: io::Error,
    },

    /// The server is in a phase in which this cannot be done.
    #[error("cannot {action}: the server is {phase}")]
    Phase {
        /// What was asked.
        action: &'static str,
        /// The phase the server is in.
        phase: &'static str,
    },

    /// Waiting was given a limit and the limit passed.
    #[error("{what} did not end within {after:?}")]
    Elapsed {
        /// What was waited for.
        what: String,
        /// The limit.
        after: Duration,
    },

    /// A supervisor gave up, or does not fit its workers.
    #[error("{reason}")]
    Supervise {
        /// What is wrong, and what to do about it.
        reason: String,
        /// The status to end with: 4 for one that gave up, 1 otherwise.
        status: u8,
    },

    /// An operation of the system failed with nothing more to say than its text.
    #[error("cannot {action}: {source}")]
    System {
        /// What was attempted.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// True when the caller gave something wrong, rather than the machine
    /// being in a state that refuses it: programs end with status 2.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Error::MalformedAddress { .. }
                | Error::WrongFamily { .. }
                | Error::PathTooLong { .. }
                | Error::InvalidOption { .. }
                | Error::Certificate { .. }
        )
    }

    /// The status a program should end with: 2 for a usage error, 4 for a
    /// supervisor that gave up, 1 otherwise.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Error::Supervise { status, .. } => *status,
            err => 1 + u8::from(err.is_usage()),
        })
    }
}
