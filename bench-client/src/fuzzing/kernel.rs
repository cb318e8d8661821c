//! What the kernel tells of processes and sockets, and a server of itself.

use std::net::SocketAddr;
use std::path::Path;

use crate::machine::account::{Schedule, Stat, field, size};
use crate::machine::child::outputs::read_endpoint;
use crate::machine::host::Reading;
use crate::machine::listeners::{LISTENING, of_address, of_path};
use crate::plan::target::Endpoint;

/// No text is too much. A byte that is no text is what `String::from_utf8_lossy`
/// makes of it.
pub fn kernel(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    process(text);
    machine(text);
    sockets(text);
    text.lines().for_each(server);
}

fn process(text: &str) {
    for line in text.lines() {
        if let Some(stat) = Stat::parse(line) {
            assert!(stat.user(true) >= stat.user(false) && stat.system(true) >= stat.system(false));
            let _ = (stat.waited_for(), stat.ended());
        }
        let _ = Schedule::parse(line);
    }
    for name in ["voluntary_ctxt_switches", "Cpus_allowed_list"] {
        assert!(field(text, name).is_none_or(|value| text.contains(value)));
    }
    let _ = (size(text, "Rss:"), size(text, "Pss:"), size(text, "VmPTE:"));
}

fn machine(text: &str) {
    let reading = Reading::parse(text, text, text);
    let nothing = Reading::default();
    let _ = (reading.since(&nothing), nothing.since(&reading));
    let host = reading.since(&reading);
    for seconds in [host.steal_s, host.softirq_s] {
        assert!(seconds.is_none_or(|seconds| seconds == 0.0));
    }
    assert!(reading.steal_share(1.0, 2).is_none_or(f64::is_finite));
}

fn sockets(text: &str) {
    let tables = [text.to_owned(), text.to_owned()];
    for target in ["127.0.0.1:8080", "[::1]:8080"].map(str::parse::<SocketAddr>) {
        let Ok(target) = target else { continue };
        for listener in of_address(target, LISTENING, &tables) {
            let is_its = |word: &str| word.parse() == Ok(listener.inode);
            assert!(text.split_whitespace().any(is_its), "{listener:?}");
        }
    }
    let _ = of_path(Path::new("/run/a b"), text, |_, _| true);
}

/// A line of a server's output; the rest of the line is where it listens.
fn server(line: &str) {
    match read_endpoint(line) {
        Some(Endpoint::Ip(address)) => assert!(!address.ip().is_unspecified()),
        Some(Endpoint::Path(path)) => assert!(line.contains(path.to_str().unwrap_or("listening on"))),
        None => {}
    }
}
