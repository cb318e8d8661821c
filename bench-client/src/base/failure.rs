//! Why there is no measurement, and the status the program ends with.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use greenserve::runtime::JoinError;

/// What the exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Status {
    /// Everything was measured and nothing was wrong.
    Fine = 0,
    /// It could not start.
    NotStarted = 1,
    /// The command line is wrong.
    Usage = 2,
    /// It was measured, and the server made errors, did not keep a gate, or is
    /// worse than what it was compared with.
    Errors = 3,
    /// A run is invalid, its figures say nothing about the server: the client was
    /// at its limits, or not every client could connect.
    Invalid = 4,
    /// It was interrupted; the report is of what was measured until then.
    Interrupted = 130,
    /// Nobody reads its output any more: what a shell shows of a program that
    /// SIGPIPE ended.
    Unread = 141,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status as u8)
    }
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Options that contradict each other or the machine.
    #[error("{0}")]
    Usage(String),

    /// The target's name means nothing to the resolver.
    #[error("cannot resolve {target}: {source}; check the spelling, or give an IP address")]
    Resolve {
        /// The target as it was given.
        target: String,
        /// What the resolver said.
        source: io::Error,
    },

    /// The system will not give this process what the run takes.
    #[error(
        "{clients} clients need {needed} {what}, and this process may have {limit}; {remedy}, or ask for fewer with --clients"
    )]
    Limit {
        /// Clients asked for.
        clients: u32,
        /// How many of `what` they take.
        needed: u64,
        /// What they take.
        what: &'static str,
        /// How many there are.
        limit: u64,
        /// How to have more.
        remedy: &'static str,
    },

    /// The server under test did not come up.
    #[error("server {name} did not start: {reason}")]
    Server {
        /// What the report calls it.
        name: String,
        /// What happened instead.
        reason: String,
    },

    /// No client got as far as its first echo.
    #[error("none of {clients} clients got a right answer from {target}{detail}")]
    NobodyConnected {
        /// Clients asked for.
        clients: u32,
        /// Where they were to connect.
        target: String,
        /// The errors they met, and what to do about each.
        detail: String,
    },

    /// The process to be accounted for is not there, or not ours.
    #[error("cannot read the account of process {pid}: {source}; it must run on this machine, as this user")]
    Account {
        /// The process.
        pid: i32,
        /// What the system said.
        source: io::Error,
    },

    /// Clients would be spread over several servers.
    #[error(
        "{count} servers listen on {target}, processes {servers}: the kernel spreads the clients over them, and what is measured is neither; stop all but one (kill {pids}), or name the first process of all with --server-pid"
    )]
    SharedPort {
        /// Where they listen.
        target: String,
        /// How many.
        count: usize,
        /// Which, with their names.
        servers: String,
        /// Their numbers.
        pids: String,
    },

    /// Whoever read standard output has gone.
    #[error("nobody reads standard output any more")]
    Unread,

    /// Standard output took no more.
    #[error("cannot write to standard output: {0}; send it elsewhere, or write the report to a file with --json FILE")]
    Stdout(io::Error),

    /// A report could not be written.
    #[error("cannot write {}: {source}; name a file in a folder that you may write to, or - for standard output", path.display())]
    Report {
        /// Where it was to go.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A saved report could not be used.
    #[error("cannot use {} as a report: {reason}", path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },

    /// A calibration could not be used.
    #[error("cannot use {} as a calibration: {reason}", path.display())]
    Calibration {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },

    /// A calibration that was made could not be kept.
    #[error(
        "the ceilings were not saved: cannot write {}: {source}; name another place with --save FILE, or leave it out with --no-save", path.display()
    )]
    Unsaved {
        /// Where it was to go.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A measurement that is not to be believed, and so not to be used.
    #[error("{0}")]
    Invalid(String),

    /// A client ended in a way no client should.
    #[error("{0}; this is a bug in bench-client or in greenserve")]
    Panicked(JoinError),

    /// The coroutine runtime refused.
    #[error(transparent)]
    Runtime(#[from] greenserve::Error),

    /// Something of the system that should not fail.
    #[error("cannot {action}: {source}")]
    System {
        /// What was attempted.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },

    /// Asked to stop before there was anything to report.
    #[error("interrupted before anything was measured")]
    Interrupted,
}

impl From<JoinError> for Failure {
    /// Clients are killed because somebody interrupts the run, at times before
    /// they have begun.
    fn from(err: JoinError) -> Failure {
        match err {
            JoinError::Killed => Failure::Interrupted,
            other => Failure::Panicked(other),
        }
    }
}

impl Failure {
    /// The status to end with.
    pub(crate) fn status(&self) -> Status {
        match self {
            Failure::Usage(_) => Status::Usage,
            Failure::Invalid(_) => Status::Invalid,
            Failure::Interrupted => Status::Interrupted,
            Failure::Unread => Status::Unread,
            Failure::SharedPort { .. } => Status::Invalid,
            _ => Status::NotStarted,
        }
    }

    /// An error of the system while doing `action`.
    pub(crate) fn system(action: &'static str, source: impl Into<io::Error>) -> Failure {
        Failure::System {
            action,
            source: source.into(),
        }
    }
}
