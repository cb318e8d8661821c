//! What is left of an attack when all clients have gone: nothing.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::attackers::Attack;
use crate::citizen::Citizen;
use crate::holdings::{Holdings, PATIENCE};
use crate::program::Program;
use crate::target::Target;
use crate::{ROOM, STRICT, alone, attack_time, hardened_at};

/// How it is seen what a server has.
struct Sight {
    look: fn(&mut Program) -> Holdings,
    /// What there is of each client.
    client: &'static str,
}

impl Sight {
    /// What the server has once a first client has come and gone: some of it is
    /// made for the first, and stays.
    fn at_rest(&self, server: &mut Program, target: &Target) -> Holdings {
        Citizen::connect(target).measure(Duration::from_millis(100));
        let begin = Instant::now();
        loop {
            let now = (self.look)(server);
            if !now.has(self.client) {
                // Its coroutine ends a moment after that.
                return (self.look)(server);
            }
            assert!(begin.elapsed() < PATIENCE, "{now}");
        }
    }

    /// Attacks with `silent` connections at once that say nothing; returns when
    /// all clients have gone and the server has no more than it had at rest.
    fn attacked(&self, server: &mut Program, target: &Target, silent: usize) {
        let before = self.at_rest(server, target);
        let mut citizen = Citizen::connect(target);
        let attack = Attack::begin(target, silent);
        citizen.measure(attack_time() / 2);
        let midway = (self.look)(server);
        let tally = attack.end();
        drop(citizen);
        println!("{tally}before {before}\nmidway {midway}");
        assert!(tally.everybody_attacked(), "{tally}");
        assert_ne!(midway.beyond(&before), [""; 0], "nobody was seen");
        println!("after {}", Holdings::settled(server, self.look, &before));
    }
}

/// In order.
fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn of_clients_of_a_unix_socket_nothing_is_left_and_of_the_server_no_file() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let address = format!("unix:{}/echo", directory.path().display());
    let (mut server, target) = hardened_at(&address, &[&ROOM[..], &STRICT].concat());
    let there = files(directory.path());
    assert_eq!(there, ["echo"]);
    let sight = Sight {
        look: Holdings::of_server,
        client: "in flight",
    };
    sight.attacked(&mut server, &target, 1_000);
    assert_eq!(files(directory.path()), there);
    server.end_well();
    assert_eq!(files(directory.path()), [""; 0]);
}

#[test]
fn of_a_server_of_processes_no_child_is_left() {
    let _alone = alone();
    let (mut server, target) = hardened_at("127.0.0.1:0", &[&["--model", "fork"], &STRICT[..]].concat());
    let sight = Sight {
        look: Holdings::of_process,
        client: "children",
    };
    sight.attacked(&mut server, &target, 100);
    server.end_well();
}

#[test]
fn of_a_server_of_threads_no_thread_is_left() {
    let _alone = alone();
    let (mut server, target) = hardened_at("127.0.0.1:0", &[&["--model", "thread"], &ROOM[..], &STRICT].concat());
    let sight = Sight {
        look: Holdings::of_server,
        client: "in flight",
    };
    sight.attacked(&mut server, &target, 200);
    server.end_well();
}
