//! The server that is to be measured.

use super::finding::{Finding, Level};
use crate::machine::account::family::named;
use crate::machine::listeners::{self, Found};
use crate::plan::Plan;
use crate::plan::site::Site;

const SUBJECT: &str = "target";

pub(super) fn examine(plan: &Plan) -> Finding {
    let site = plan.site();
    match listeners::find(&site, None) {
        Err(failure) => Finding {
            level: Level::Problem,
            subject: SUBJECT,
            text: failure.to_string(),
        },
        Ok(found) => finding(&site, &found),
    }
}

fn finding(site: &Site, found: &Found) -> Finding {
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
            let finding = finding(&site, &found);
            assert_eq!(finding.level, level, "{finding}");
            assert!(finding.text.contains(text), "{finding}");
        }
    }
}
