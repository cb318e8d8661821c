//! What a run takes of the machine, checked before the first connection.

use std::fs;

use greenserve::runtime;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::base::failure::Failure;
use crate::machine::account::size;
use crate::plan::Plan;

/// Descriptors this process, or a server, needs beside its connections.
const BESIDE: u64 = 64;

/// Bytes that a client keeps of a message until it is answered, beside its own.
const IN_FLIGHT: u64 = 24;

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

/// Something a run takes, and how much of it there is.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    /// What it is.
    pub(crate) what: &'static str,
    /// How to have more.
    pub(crate) remedy: &'static str,
    /// How much the run takes.
    pub(crate) needed: u64,
    /// How much there is.
    pub(crate) limit: u64,
}

impl Need {
    /// Whether there is enough.
    pub(crate) fn is_met(&self) -> bool {
        self.needed <= self.limit
    }

    fn require(&self, clients: u32) -> Result<(), Failure> {
        if self.is_met() {
            return Ok(());
        }
        Err(Failure::Limit {
            clients,
            needed: self.needed,
            what: self.what,
            limit: self.limit,
            remedy: self.remedy,
        })
    }
}

/// Fails if this process cannot carry out `plan`.
///
/// # Errors
/// [`Failure::Limit`], with what is needed and what there is; and when there
/// are no such addresses to connect from.
pub(crate) fn check(plan: &Plan) -> Result<(), Failure> {
    if let Some(sources) = &plan.sources {
        sources.check(&plan.endpoint)?;
    }
    needs(plan)?.iter().try_for_each(|need| need.require(plan.clients))
}

/// Fails if this process cannot have `clients` clients, wherever they connect.
///
/// # Errors
/// [`Failure::Limit`].
pub(crate) fn check_machine(clients: u32) -> Result<(), Failure> {
    let needs = [open_files(clients)?, coroutines(clients)];
    needs.iter().try_for_each(|need| need.require(clients))
}

/// All that `plan` takes and that there is a limit of.
///
/// # Errors
/// When the system does not tell its limits.
pub(crate) fn needs(plan: &Plan) -> Result<Vec<Need>, Failure> {
    let mut needs = vec![open_files(plan.clients)?, coroutines(plan.clients)];
    needs.extend(ports(plan).map(|limit| Need {
        what: "ports",
        remedy: "give more addresses to connect from with --source",
        needed: u64::from(plan.clients),
        limit,
    }));
    needs.extend(memory(plan));
    Ok(needs)
}

/// What every client keeps of the messages on their way, at least. A schedule
/// need not fill the windows, so that an open loop is not refused.
fn memory(plan: &Plan) -> Option<Need> {
    if plan.pace.is_open() || plan.request.is_some() || plan.protocol.is_datagram() {
        return None;
    }
    let message = plan.sizes.smallest() as u64 + IN_FLIGHT;
    let bytes = message
        .saturating_mul(u64::from(plan.clients))
        .saturating_mul(u64::from(plan.depth));
    Some(Need {
        what: "MiB of memory",
        remedy: "give a smaller --depth or --size",
        needed: bytes.div_ceil(1 << 20),
        limit: available_memory()? >> 20,
    })
}

/// Bytes that can be had without swapping, as the kernel estimates them.
fn available_memory() -> Option<u64> {
    size(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")
}

fn open_files(clients: u32) -> Result<Need, Failure> {
    Ok(Need {
        what: "open files",
        remedy: "raise the hard limit (ulimit -Hn, or LimitNOFILE)",
        needed: u64::from(clients) + BESIDE,
        limit: raise_open_files()?,
    })
}

fn coroutines(clients: u32) -> Need {
    Need {
        what: "coroutines",
        remedy: "raise the sysctl vm.max_map_count, of which each takes two",
        needed: u64::from(clients),
        limit: runtime::capacity().coroutines as u64,
    }
}

/// The ports that `plan` may connect from: from one address to one server there
/// is one connection a port.
pub(crate) fn ports(plan: &Plan) -> Option<u64> {
    let sources = plan.sources.map_or(1, |sources| sources.count());
    Some(ephemeral_ports()? * u64::from(sources))
}

fn ephemeral_ports() -> Option<u64> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = text.split_whitespace().map(str::parse::<u64>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    Some((last + 1).saturating_sub(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_beyond_the_limits_is_refused_with_the_number_needed() {
        let refused = |need: Need| need.require(need.needed as u32).unwrap_err().to_string();
        let message = refused(open_files(u32::MAX).unwrap());
        assert!(message.contains("4294967359 open files"), "{message}");
        let message = refused(coroutines(u32::MAX));
        assert!(message.contains("vm.max_map_count"), "{message}");
        assert!(check_machine(1).is_ok());
    }

    #[test]
    fn what_is_enough_is_not_refused() {
        let mut need = coroutines(1);
        need.limit = need.needed;
        assert!(need.require(1).is_ok());
        need.needed += 1;
        assert!(need.require(1).is_err());
    }

    #[test]
    fn a_port_has_its_range() {
        assert!(ephemeral_ports().unwrap() > 1_000);
    }
}
