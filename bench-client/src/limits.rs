//! What a run takes of the machine, checked before the first connection.

use std::fs;

use greenserve::runtime;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::failure::Failure;
use crate::job::Plan;

/// Descriptors this process, or a server, needs beside its connections.
const BESIDE: u64 = 64;

/// Raises the soft limit of open files to the hard one, here and in every
/// process started from here on. Returns what it is then.
///
/// # Errors
/// When the system does not tell the limit.
pub(crate) fn raise_open_files() -> Result<u64, Failure> {
    let failed = |errno| Failure::system("read and raise RLIMIT_NOFILE", std::io::Error::from(errno));
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(failed)?;
    }
    Ok(hard)
}

/// Fails if this process cannot carry out `plan`.
///
/// # Errors
/// [`Failure::Limit`], with what is needed and what there is.
pub(crate) fn check(plan: &Plan) -> Result<(), Failure> {
    check_machine(plan.clients)?;
    check_ports(plan.clients, plan.sources.map_or(1, |sources| sources.count()))
}

/// Fails if this process cannot have `clients` clients, wherever they connect.
///
/// # Errors
/// [`Failure::Limit`].
pub(crate) fn check_machine(clients: u32) -> Result<(), Failure> {
    check_open_files(clients)?;
    check_coroutines(clients)
}

fn check_open_files(clients: u32) -> Result<(), Failure> {
    require(
        clients,
        ("open files", "raise the hard limit (ulimit -Hn, or LimitNOFILE)"),
        u64::from(clients) + BESIDE,
        raise_open_files()?,
    )
}

fn check_coroutines(clients: u32) -> Result<(), Failure> {
    require(
        clients,
        (
            "coroutines",
            "raise the sysctl vm.max_map_count, of which each takes two",
        ),
        u64::from(clients),
        runtime::capacity().coroutines as u64,
    )
}

/// From one address to one server there is one connection a port.
fn check_ports(clients: u32, sources: u32) -> Result<(), Failure> {
    let Some(ports) = ephemeral_ports() else {
        return Ok(());
    };
    require(
        clients,
        ("ports", "give more addresses to connect from with --source"),
        u64::from(clients),
        ports * u64::from(sources),
    )
}

fn ephemeral_ports() -> Option<u64> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = text.split_whitespace().map(str::parse::<u64>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    Some((last + 1).saturating_sub(first))
}

fn require(clients: u32, (what, remedy): (&'static str, &'static str), needed: u64, limit: u64) -> Result<(), Failure> {
    if needed <= limit {
        return Ok(());
    }
    Err(Failure::Limit {
        clients,
        needed,
        what,
        limit,
        remedy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_beyond_the_limits_is_refused_with_the_number_needed() {
        let message = check_open_files(u32::MAX).unwrap_err().to_string();
        assert!(message.contains("4294967359 open files"), "{message}");
        let message = check_ports(70_000, 1).unwrap_err().to_string();
        assert!(message.contains("70000 ports"), "{message}");
        assert!(check_ports(70_000, 62).is_ok());
        assert!(check_machine(1).is_ok());
    }
}
