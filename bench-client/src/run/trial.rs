//! One server's turn: started, measured, stopped; or only measured.

use std::net::SocketAddr;

use crate::base::failure::Failure;
use crate::machine::account::{Account, AccountOptions};
use crate::machine::child::Server;
use crate::machine::invocation::ServerCommand;
use crate::machine::limits;
use crate::machine::listeners::{self, Started};
use crate::plan::Plan;
use crate::plan::places::Places;
use crate::plan::target::Endpoint;
use crate::run::load;
use crate::run::outcome::Outcome;
use crate::view::watch::Watch;

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
    let plan = plan(server.address()?);
    measure(&mut server, plan, watch)
}

/// As [`run`], on one worker, of a server that may listen anywhere, which may
/// not suit the plan.
///
/// # Errors
/// As [`run`], what `plan` fails with, and [`Failure::Usage`] when it is a plan
/// of another server.
pub(crate) fn spawned(
    command: &ServerCommand,
    places: Places,
    plan: impl FnOnce(&Endpoint) -> Result<Plan, Failure>,
    watch: &mut Watch,
) -> Result<Outcome, Failure> {
    let mut server = Server::start(command, 1, places.server, watch)?;
    let plan = plan(server.endpoint())?;
    limits::check(&plan)?;
    measure(&mut server, plan, watch)
}

/// Measures a server that runs already, and looks for whoever listens there.
///
/// # Errors
/// When more than one server listens, or nothing could be measured.
pub(crate) fn running(plan: Plan, account: &AccountOptions, watch: &mut Watch) -> Result<Outcome, Failure> {
    limits::check(&plan)?;
    let (server, remarks) = listeners::choose(&plan.site(), account)?;
    let outcome = load::run(plan, server, watch)?;
    let gone = server.filter(|server| !server.is_alive());
    Ok(Outcome {
        server_end: gone.map(|server| format!("process {} is gone", server.pid())),
        remarks,
        ..outcome
    })
}

fn measure(server: &mut Server, plan: Plan, watch: &mut Watch) -> Result<Outcome, Failure> {
    let (account, remark) = account(server, &plan)?;
    let outcome = load::run(plan, account, watch)?;
    Ok(Outcome {
        server_end: server.end(),
        remarks: remark.into_iter().collect(),
        ..outcome
    })
}

/// The books of who listens where `plan` connects to, if that is `server`; why
/// there are none, if it is only said to be.
fn account(server: &Server, plan: &Plan) -> Result<(Option<Account>, Option<String>), Failure> {
    match listeners::started(&plan.site(), server.pid())? {
        Started::Server(pid) => Ok((Some(Account::of(pid)?), None)),
        Started::Nobody(reason) if plan.endpoint == *server.endpoint() => {
            Ok((None, Some(format!("there is no account of the server: {reason}"))))
        }
        Started::Nobody(reason) => Err(Failure::Usage(format!(
            "{} is not the server that was started, which listens on {}: {reason}; \
             write {{address}}, {{port}} or {{path}} in the target",
            plan.target(),
            server.endpoint()
        ))),
    }
}
