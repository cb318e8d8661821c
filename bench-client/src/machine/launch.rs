//! The step between this program and a server it starts: binds itself to a
//! processor, asks to die with its parent, and becomes the server.
//!
//! Doing this in the child before exec would take unsafe code; a program of
//! its own needs none, and the process number stays the same.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

use crate::base::failure::Failure;
use crate::machine::pinning;

/// `bench-client launch`: used by this program alone.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LaunchOptions {
    /// The process to die with.
    #[arg(long)]
    parent: i32,
    /// A processor to run on; any if there is none.
    #[arg(long)]
    cpu: Vec<usize>,
    /// What to become.
    #[arg(last = true, required = true, num_args = 1..)]
    command: Vec<OsString>,
}

/// Becomes the server; returns only if it cannot.
pub(crate) fn launch(options: &LaunchOptions) -> Failure {
    match prepare(options) {
        Ok(()) => become_server(&options.command),
        Err(failure) => failure,
    }
}

fn prepare(options: &LaunchOptions) -> Result<(), Failure> {
    set_pdeathsig(Signal::SIGTERM).map_err(|errno| Failure::system("ask to die with the parent", errno))?;
    // It may have died before it was asked about.
    if getppid().as_raw() != options.parent {
        return Err(Failure::Interrupted);
    }
    match options.cpu[..] {
        [] => Ok(()),
        ref cpus => pinning::pin_to(cpus),
    }
}

fn become_server(command: &[OsString]) -> Failure {
    let err = match command.split_first() {
        Some((program, args)) => Command::new(program).args(args).exec(),
        None => io::Error::from(io::ErrorKind::InvalidInput),
    };
    Failure::Server {
        name: command
            .first()
            .map_or_else(String::new, |program| program.display().to_string()),
        reason: err.to_string(),
    }
}
