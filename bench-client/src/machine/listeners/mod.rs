//! Who listens on the target, looked up before the first connection.
//!
//! A server that sets `SO_REUSEPORT` starts even though an old one still
//! listens: the kernel then spreads the clients over both, and what is measured
//! is neither.

mod owners;
mod sockets;
mod started;

use crate::base::failure::Failure;
use crate::machine::account::family::{Processes, named};
use crate::machine::account::{Account, AccountOptions};
use crate::plan::site::Site;
use owners::shared;
#[cfg(any(test, fuzzing))]
pub(crate) use sockets::{LISTENING, of_address, of_path};
use sockets::{Listener, is_ours};
pub(crate) use started::{Started, started};

/// What there is to know about who listens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// How many sockets take clients; `None` when the target is another machine.
    pub(crate) sockets: Option<usize>,
    /// The process that listens; of several that share the socket, the first.
    pub(crate) server: Option<i32>,
    /// What a reader of the figures should know.
    pub(crate) remarks: Vec<String>,
}

/// The account to keep beside the clients', and what is to be said about it.
///
/// # Errors
/// [`Failure::SharedPort`] when several servers listen; [`Failure::Account`]
/// when the process that was asked for is not to be seen.
pub(crate) fn choose(site: &Site, options: &AccountOptions) -> Result<(Option<Account>, Vec<String>), Failure> {
    let found = find(site, options.server_pid)?;
    let account = match options.server_pid {
        Some(pid) => Some(Account::of(pid)?),
        None if options.no_server_account => None,
        // Found, but another user's: that is no reason not to measure.
        None => found.server.and_then(|pid| Account::of(pid).ok()),
    };
    let mut remarks = found.remarks;
    if account.is_none() {
        remarks.push(match options.no_server_account {
            true => "there is no account of the server: --no-server-account declined it".to_owned(),
            false => format!(
                "there is no account of the server: no process that is ours to see listens on {site}; \
                 give --server-pid if it runs here"
            ),
        });
    }
    Ok((account, remarks))
}

/// Looks up who listens on `site`. Several servers are accepted if all of
/// them are of the family of process `known`.
///
/// # Errors
/// [`Failure::SharedPort`].
pub(crate) fn find(site: &Site, known: Option<i32>) -> Result<Found, Failure> {
    if !site.ip().is_none_or(is_ours) {
        return Ok(Found::default());
    }
    let listeners = sockets::listening(site);
    let owners = owners::of(&listeners);
    let processes = Processes::now();
    let family = known.map(|pid| processes.family(pid)).unwrap_or_default();
    match servers(&listeners, &owners, &processes, &family)[..] {
        [] => Ok(Found {
            sockets: Some(0),
            ..Found::default()
        }),
        [server] => Ok(Found {
            sockets: Some(listeners.len()),
            server,
            remarks: remarks(site, &listeners, &owners, server),
        }),
        ref servers => Err(shared(site, servers)),
    }
}

/// The first process of each server; `None` for those that are not ours to see.
fn servers(listeners: &[Listener], owners: &[Vec<i32>], processes: &Processes, family: &[i32]) -> Vec<Option<i32>> {
    let all = owners.concat();
    let mut servers: Vec<Option<i32>> = Vec::new();
    for (_, owners) in listeners.iter().zip(owners) {
        let mut eldest: Vec<_> = owners.iter().map(|pid| processes.eldest(*pid, &all)).collect();
        eldest.sort_unstable();
        let server = match eldest.first() {
            Some(pid) if family.contains(pid) => family.first().copied(),
            first => first.copied(),
        };
        // Two that cannot be seen are two: they may be anybody's.
        if server.is_none() || !servers.contains(&server) {
            servers.push(server);
        }
    }
    servers
}

fn remarks(site: &Site, listeners: &[Listener], owners: &[Vec<i32>], server: Option<i32>) -> Vec<String> {
    let Some(server) = server else {
        return Vec::new();
    };
    let mut remarks = Vec::new();
    if listeners.len() > 1 {
        remarks.push(format!(
            "process {} listens on {site} with {} sockets: the kernel spreads the clients over them",
            named(server),
            listeners.len()
        ));
    }
    let sharing = owners.iter().map(Vec::len).max().unwrap_or_default();
    if sharing > 1 {
        remarks.push(format!(
            "{sharing} processes share the socket; the account is of process {} and of those it started",
            named(server)
        ));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddr, TcpListener, UdpSocket};
    use std::os::unix::net::{UnixDatagram, UnixListener};

    const ANYBODY: AccountOptions = AccountOptions {
        server_pid: None,
        no_server_account: false,
    };

    fn own() -> i32 {
        std::process::id() as i32
    }

    #[test]
    fn the_listener_of_every_protocol_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (stream, datagram) = (folder.path().join("a b"), folder.path().join("d"));
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let any = TcpListener::bind("0.0.0.0:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let _unix = UnixListener::bind(&stream).unwrap();
        let _unixgram = UnixDatagram::bind(&datagram).unwrap();
        for site in [
            Site::Tcp(tcp.local_addr().unwrap()),
            Site::Tcp(SocketAddr::from(([127, 0, 0, 1], any.local_addr().unwrap().port()))),
            Site::Udp(udp.local_addr().unwrap()),
            Site::Unix(stream),
            Site::Unixgram(datagram),
        ] {
            let found = find(&site, None).unwrap();
            assert_eq!(found.server, Some(own()), "{site}");
            assert!(found.remarks.is_empty(), "{:?}", found.remarks);
        }
    }

    #[test]
    fn one_process_with_two_sockets_is_one_server() {
        let [one, other] = [0, 1].map(|_| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::ReusePort, &true).unwrap();
            socket
        });
        one.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let address = one.local_addr().unwrap();
        other.bind(&address).unwrap();
        one.listen(1).unwrap();
        other.listen(1).unwrap();
        let found = find(&Site::Tcp(address.as_socket().unwrap()), None).unwrap();
        assert_eq!(found.server, Some(own()));
        assert!(found.remarks[0].contains("2 sockets"), "{:?}", found.remarks);
    }

    #[test]
    fn nobody_and_another_machine_have_no_account() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for address in [free, SocketAddr::from(([192, 0, 2, 1], 80))] {
            let (account, remarks) = choose(&Site::Tcp(address), &ANYBODY).unwrap();
            assert!(
                account.is_none() && remarks[0].contains("give --server-pid"),
                "{remarks:?}"
            );
        }
    }

    #[test]
    fn an_account_may_be_declined() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let site = Site::Tcp(listener.local_addr().unwrap());
        assert!(choose(&site, &ANYBODY).unwrap().0.is_some());
        let none = AccountOptions {
            no_server_account: true,
            ..ANYBODY
        };
        let (account, remarks) = choose(&site, &none).unwrap();
        assert!(account.is_none() && remarks[0].contains("declined"), "{remarks:?}");
    }

    #[test]
    fn servers_that_are_not_kin_are_several() {
        let listeners = [Listener { inode: 1 }, Listener { inode: 2 }];
        let count =
            |owners: &[Vec<i32>], family: &[i32]| servers(&listeners, owners, &Processes::default(), family).len();
        assert_eq!(count(&[vec![10], vec![20]], &[]), 2);
        assert_eq!(count(&[vec![], vec![]], &[]), 2);
        assert_eq!(count(&[vec![10], vec![]], &[]), 2);
        assert_eq!(count(&[vec![10, 20], vec![10, 20]], &[]), 1);
        assert_eq!(count(&[vec![10], vec![20]], &[5, 10, 20]), 1);
    }
}
