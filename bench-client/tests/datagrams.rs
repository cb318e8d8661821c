//! No datagram is forgotten and none is counted twice, by the client's own
//! count and by the server's.

mod program;
mod reference;

use program::{Run, measure};
use reference::Reference;

const CLIENTS: u64 = 5;
/// Messages of the schedule, all of them in the measured time.
const SCHEDULED: u64 = 500;

/// With an open loop: its schedule says how many there are. Some may be on their
/// way while others are lost, so that nothing waits for those.
fn scheduled(target: &str) -> Run {
    let load = [
        "-c", "5", "--depth", "8", "--rate", "200", "-d", "2500ms", "--warmup", "0s",
    ];
    let options = ["--timeout", "1s", "--allow-client-limited"];
    measure(&[&["run", target], &load[..], &options].concat()).only()
}

fn each_is_accounted_for(protocol: &str) {
    let server = Reference::start(&format!("{protocol} --drop 7 --late 1300ms*7 --after 20"));
    let run = scheduled(&server.target(protocol));
    let of = |class: &str| {
        run.errors()
            .iter()
            .find(|error| error.0 == class)
            .map_or(0, |error| error.1)
    };
    let (answers, lost, late, unfinished) = (run.count("answers"), of("lost"), of("late"), run.count("unfinished"));
    let classes: Vec<_> = run.errors().iter().map(|error| error.0).collect();
    assert_eq!(classes, ["lost", "late"], "{}", run.text());
    assert_eq!(answers + lost + late + unfinished, SCHEDULED, "{}", run.text());
    let counts = server.counts();
    let made = |fault: &str| counts["faults"][fault].as_u64().expect("a count");
    assert_eq!((made("drop"), made("late")), (7, 7));
    // A machine that is busy may add to them.
    assert!(lost >= 7 && lost + late >= 14, "{}", run.text());
    let received = counts["answers"].as_u64().expect("a count") + made("drop") + made("late");
    // The first of each client came before the schedule's first, and until
    // everybody knows that the time is over some more are sent.
    let counted = CLIENTS + answers + lost + late;
    assert!(
        (counted..counted + 20).contains(&received),
        "{counted} of {counts}: {}",
        run.text()
    );
}

#[test]
fn each_udp_datagram_is_accounted_for() {
    each_is_accounted_for("udp");
}

#[test]
fn each_unix_datagram_is_accounted_for() {
    each_is_accounted_for("unixgram");
}
