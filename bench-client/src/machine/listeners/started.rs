//! Who listens on the target of a server that was started for it.

use super::owners::{self, shared};
use super::sockets::{self, is_ours};
use crate::base::failure::Failure;
use crate::machine::account::family::{Processes, named};
use crate::plan::site::Site;

/// Whom the account of a started server is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Started {
    /// Of this process, which the one that was started is or led to.
    Server(i32),
    /// Of nobody, for this reason.
    Nobody(String),
}

/// Looks up who of those that process `leader` led to listens on `site`: what
/// was started may be a shell or another program that starts the server.
///
/// # Errors
/// [`Failure::SharedPort`] when somebody else listens there too.
pub(crate) fn started(site: &Site, leader: i32) -> Result<Started, Failure> {
    let listeners = match site.ip().is_none_or(is_ours) {
        true => sockets::listening(site),
        false => Vec::new(),
    };
    let processes = Processes::now();
    choose(site, leader, &owners::of(&listeners), &processes)
}

fn choose(site: &Site, leader: i32, owners: &[Vec<i32>], processes: &Processes) -> Result<Started, Failure> {
    let kin = processes.kin(leader);
    let (mut servers, mut strangers) = (Vec::new(), Vec::new());
    for owners in owners {
        let own = owners.iter().filter(|pid| kin.contains(pid));
        match own.map(|pid| processes.first_of_program(*pid, &kin)).min() {
            Some(server) => servers.push(server),
            None => strangers.extend(owners.first()),
        }
    }
    servers.sort_unstable();
    servers.dedup();
    match (&servers[..], strangers.is_empty()) {
        ([server], true) => Ok(Started::Server(*server)),
        ([], _) => Ok(Started::Nobody(nobody(site, leader, &strangers))),
        (_, true) => Ok(Started::Nobody(several(site, &servers))),
        (_, false) => {
            let all = servers.iter().chain(&strangers).copied().map(Some);
            Err(shared(site, &all.collect::<Vec<_>>()))
        }
    }
}

fn nobody(site: &Site, leader: i32, strangers: &[i32]) -> String {
    let leader = named(leader);
    match strangers {
        [] => format!("of what process {leader} led to, nobody is to be seen that listens on {site}"),
        strangers => format!(
            "process {} listens on {site}, which neither descends from process {leader} nor is in its process group",
            names(strangers)
        ),
    }
}

fn several(site: &Site, servers: &[i32]) -> String {
    format!(
        "processes {} listen on {site}, and none started the others",
        names(servers)
    )
}

fn names(pids: &[i32]) -> String {
    pids.iter().map(|pid| named(*pid)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn own() -> i32 {
        std::process::id() as i32
    }

    #[test]
    fn a_stranger_is_not_taken_for_the_server() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let site = Site::Tcp(listener.local_addr().unwrap());
        assert_eq!(started(&site, own()).unwrap(), Started::Server(own()));
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // It is in our group, and we are not in its.
        let found = started(&site, child.id() as i32).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let Started::Nobody(reason) = found else {
            panic!("{found:?}")
        };
        assert!(reason.contains(&format!("process {}", named(own()))), "{reason}");
        let elsewhere = Site::Tcp("192.0.2.1:80".parse().unwrap());
        assert!(matches!(started(&elsewhere, own()).unwrap(), Started::Nobody(_)));
    }

    #[test]
    fn a_second_listener_is_told_from_a_second_server() {
        let site = Site::Tcp("127.0.0.1:80".parse().unwrap());
        let find = |owners: &[Vec<i32>]| choose(&site, -2, owners, &Processes::default());
        assert_eq!(find(&[vec![-2], vec![-2]]).unwrap(), Started::Server(-2));
        assert!(matches!(
            find(&[vec![-2], vec![-3]]),
            Err(Failure::SharedPort { count: 2, .. })
        ));
        assert!(matches!(find(&[vec![]]).unwrap(), Started::Nobody(_)));
        // Unseen, and so not known to be a stranger's.
        assert_eq!(find(&[vec![-2], vec![]]).unwrap(), Started::Server(-2));
    }
}
