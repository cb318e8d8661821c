//! The machine and the processes on it: what both ends use, who listens, what the
//! limits are, on which processor who runs, and servers as child processes.

pub(crate) mod account;
pub(crate) mod certificate;
pub(crate) mod child;
pub(crate) mod host;
pub(crate) mod identity;
pub(crate) mod invocation;
pub(crate) mod launch;
pub(crate) mod limits;
pub(crate) mod listeners;
pub(crate) mod pinning;
