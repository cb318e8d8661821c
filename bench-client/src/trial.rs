//! One server's turn: started, measured, stopped.

use std::net::SocketAddr;

use crate::child::{Server, ServerCommand};
use crate::failure::Failure;
use crate::job::Plan;
use crate::load;
use crate::outcome::Outcome;
use crate::pinning::Places;
use crate::watch::Watch;

/// Starts a server and carries out against it what `plan` makes of its address.
///
/// # Errors
/// When the server does not start, or nothing could be measured.
pub(crate) fn run(
    command: &ServerCommand,
    workers: usize,
    places: Places,
    plan: impl FnOnce(SocketAddr) -> Plan,
    watch: &mut Watch,
) -> Result<Outcome, Failure> {
    let mut server = Server::start(command, workers, places.server, watch)?;
    let outcome = load::run(plan(server.address()), Some(server.account()?), watch)?;
    Ok(Outcome {
        server_end: server.ended().map(|status| status.to_string()),
        ..outcome
    })
}
