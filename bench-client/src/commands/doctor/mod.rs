//! What stands in the way of a measurement, looked for without making one.

mod finding;
mod kernel;
mod machine;

use std::time::Duration;

use crate::base::failure::{Failure, Status};
use crate::base::format;
use crate::commands::doctor::finding::{Finding, Level};
use crate::machine::account::family::named;
use crate::machine::limits::{self, Need};
use crate::machine::listeners::{self, Found};
use crate::plan::Plan;
use crate::plan::protocol::Protocol;
use crate::plan::site::Site;
use crate::plan::target::Target;
use crate::run::options::{LoadOptions, Phases};
use crate::view::stdout;

pub(crate) const SUBJECT: &str = "target";

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
    let mut findings = limits(&plan)?;
    findings.extend(kernel::examine(&plan));
    findings.extend(machine::examine(options.load.client.workers));
    if options.target.is_some() {
        findings.push(server(&plan));
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

/// What the run takes of the machine, beside what there is.
fn limits(plan: &Plan) -> Result<Vec<Finding>, Failure> {
    let needs = limits::needs(plan)?;
    Ok(needs.iter().map(enough).collect())
}

fn enough(need: &Need) -> Finding {
    let show = |number: u64| format::thousands(number as f64);
    let text = format!("{} needed, {} available", show(need.needed), show(need.limit));
    let finding = Finding::ok(need.what, text);
    match need.is_met() {
        true => finding,
        false => finding.but(Level::Problem, need.remedy),
    }
}

/// The server that is to be measured.
fn server(plan: &Plan) -> Finding {
    let site = plan.site();
    match listeners::find(&site, None) {
        Err(failure) => Finding {
            level: Level::Problem,
            subject: SUBJECT,
            text: failure.to_string(),
        },
        Ok(found) => listening(&site, &found),
    }
}

fn listening(site: &Site, found: &Found) -> Finding {
    let at = format!("at {site}");
    let finding = |text: String| Finding::ok(SUBJECT, text);
    match (found.sockets, found.server) {
        (Some(0), _) => finding(format!("nobody listens {at}")).but(Level::Problem, "start the server"),
        (Some(_), Some(pid)) => {
            let listens = finding(format!("process {} listens {at}", named(pid)));
            listens.warn_if(!found.remarks.is_empty(), &found.remarks.join("; "))
        }
        (Some(_), None) => finding(format!("a process of another user listens {at}")).but(
            Level::Warning,
            "run as that user to have its account, or the bottleneck stays unknown",
        ),
        (None, _) => finding(format!("{site} is another machine: there is no account of the server")),
    }
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

    #[test]
    fn more_than_there_is_is_a_problem() {
        let mut need = Need {
            what: "ports",
            remedy: "give more",
            needed: 5_000,
            limit: 5_000,
        };
        assert_eq!(enough(&need).level, Level::Ok);
        need.needed += 1;
        let problem = enough(&need);
        assert_eq!(problem.level, Level::Problem);
        assert_eq!(problem.text, "5,001 needed, 5,000 available; give more");
    }

    #[test]
    fn each_server_has_its_finding() {
        let site = Site::Tcp(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
        for (sockets, server, level, text) in [
            (Some(0), None, Level::Problem, "nobody listens"),
            (Some(1), Some(1), Level::Ok, "process 1"),
            (Some(1), None, Level::Warning, "another user"),
            (None, None, Level::Ok, "another machine"),
        ] {
            let found = Found {
                sockets,
                server,
                remarks: Vec::new(),
            };
            let finding = listening(&site, &found);
            assert_eq!(finding.level, level, "{finding}");
            assert!(finding.text.contains(text), "{finding}");
        }
    }
}
