//! What stands in the way of a measurement, looked for without making one.

mod finding;
mod kernel;
mod limits;
mod machine;
mod server;

use std::time::Duration;

use crate::base::failure::{Failure, Status};
use crate::commands::doctor::finding::{Finding, Level};
use crate::plan::Plan;
use crate::plan::protocol::Protocol;
use crate::plan::target::Target;
use crate::run::options::{LoadOptions, Phases};
use crate::view::stdout;

/// `bench-client doctor`: whether this machine is fit for a run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DoctorOptions {
    /// The server that is to be measured; without one only the machine is looked at.
    target: Option<Target>,
    #[command(flatten)]
    load: LoadOptions,
}

/// Prints what was found and what to change.
///
/// # Errors
/// When the target's name cannot be resolved, or the system does not tell its
/// limits.
pub(crate) fn doctor(options: &DoctorOptions) -> Result<Status, Failure> {
    let findings = examine(options)?;
    for finding in &findings {
        stdout::print(format!("{finding}\n"))?;
    }
    let worst = findings.iter().map(|finding| finding.level).max();
    Ok(match worst {
        Some(Level::Problem) => Status::Invalid,
        _ => Status::Fine,
    })
}

fn examine(options: &DoctorOptions) -> Result<Vec<Finding>, Failure> {
    let plan = plan(options)?;
    let mut findings = limits::examine(&plan)?;
    findings.extend(kernel::examine(&plan));
    findings.extend(machine::examine(options.load.client.workers));
    if options.target.is_some() {
        findings.push(server::examine(&plan));
    }
    Ok(findings)
}

/// The run there would be. Without a target it is one on this machine.
fn plan(options: &DoctorOptions) -> Result<Plan, Failure> {
    let endpoint = match &options.target {
        Some(target) => target.resolve()?,
        None => std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into(),
    };
    let phases = Phases {
        warmup: Duration::ZERO,
        duration: Duration::ZERO,
    };
    let protocol = options.target.as_ref().map_or(Protocol::Tcp, |target| target.protocol);
    let plan = Plan {
        protocol,
        endpoint,
        ..options.load.plan(&phases)
    };
    Ok(plan.with_sources())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_comes_with_what_to_change() {
        let finding = Finding::ok("steal", "3 %");
        assert_eq!(
            finding.clone().warn_if(false, "move").to_string(),
            "ok       steal             3 %"
        );
        let warning = finding.warn_if(true, "move");
        assert_eq!(warning.to_string(), "warning  steal             3 %; move");
        assert!(Level::Ok < Level::Warning && Level::Warning < Level::Problem);
    }
}
