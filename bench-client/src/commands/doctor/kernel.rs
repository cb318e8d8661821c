//! The settings of the kernel's network.

use std::fs;

use super::finding::{Finding, figure};
use crate::base::format;
use crate::machine::limits;
use crate::plan::Plan;

/// Room that the buffers of a UDP socket should have, in bytes.
const UDP_BUFFER: u64 = 1 << 20;
/// Clients that connect at the same time, of however many.
const AT_ONCE: u64 = 512;
/// The part of a table from which on it counts as nearly full.
const FULL: f64 = 0.8;

pub(super) fn examine(plan: &Plan) -> Vec<Finding> {
    let waiting = AT_ONCE.min(u64::from(plan.clients));
    let settings = [
        queue("accept queue", "net/core/somaxconn", waiting),
        queue("SYN queue", "net/ipv4/tcp_max_syn_backlog", waiting),
        receive_buffer(),
        datagram_queue(),
        reuse(),
        time_wait(plan),
        connection_tracking(plan.clients),
    ];
    settings.into_iter().flatten().collect()
}

fn sysctl(name: &str) -> Option<u64> {
    figure(&format!("/proc/sys/{name}"))
}

fn queue(subject: &'static str, name: &str, waiting: u64) -> Option<Finding> {
    let setting = sysctl(name)?;
    let name = name.replace('/', ".");
    let finding = Finding::ok(subject, format!("{name} = {setting}"));
    Some(finding.warn_if(
        setting < waiting,
        &format!("{waiting} clients connect at a time: set it to {waiting} or more, or some wait 1 s"),
    ))
}

fn receive_buffer() -> Option<Finding> {
    let bytes = sysctl("net/core/rmem_max")?;
    let finding = Finding::ok("UDP buffer", format!("net.core.rmem_max = {bytes}"));
    Some(finding.warn_if(
        bytes < UDP_BUFFER,
        &format!("set it to {UDP_BUFFER} or more before measuring UDP, or datagrams are lost on this machine"),
    ))
}

fn datagram_queue() -> Option<Finding> {
    let length = sysctl("net/unix/max_dgram_qlen")?;
    Some(Finding::ok(
        "Unix datagrams",
        format!("net.unix.max_dgram_qlen = {length}: senders beyond it wait, nothing is lost"),
    ))
}

/// 0 never, 1 always, 2 on loopback: after 1 s a port is used again.
fn reuse() -> Option<Finding> {
    let setting = sysctl("net/ipv4/tcp_tw_reuse")?;
    let finding = Finding::ok("port reuse", format!("net.ipv4.tcp_tw_reuse = {setting}"));
    Some(finding.warn_if(
        setting == 0,
        "set it to 2 before measuring short connections, or each keeps its port for 60 s",
    ))
}

fn time_wait(plan: &Plan) -> Option<Finding> {
    let text = fs::read_to_string("/proc/net/sockstat").ok()?;
    let waiting = in_time_wait(&text)?;
    let ports = limits::ports(plan)?;
    let show = |number: u64| format::thousands(number as f64);
    let text = format!("{} connections, {} ports available", show(waiting), show(ports));
    let finding = Finding::ok("TIME_WAIT", text);
    Some(finding.warn_if(
        waiting * 2 > ports,
        "wait a minute, or give more addresses to connect from with --source",
    ))
}

/// From the line `TCP: inuse 5 orphan 0 tw 12 alloc 9 mem 3`.
fn in_time_wait(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let mut words = line.split_whitespace().skip_while(|word| *word != "tw");
    words.nth(1)?.parse().ok()
}

fn connection_tracking(clients: u32) -> Option<Finding> {
    let count = sysctl("net/netfilter/nf_conntrack_count")?;
    let limit = sysctl("net/netfilter/nf_conntrack_max")?;
    let text = format!("nf_conntrack_count = {count} of nf_conntrack_max = {limit}");
    let full = (count + u64::from(clients)) as f64 > FULL * limit as f64;
    Some(Finding::ok("conntrack", text).warn_if(
        count > 0 && full,
        "raise net.netfilter.nf_conntrack_max, or packets are dropped without a word",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn connections_in_time_wait_are_counted() {
        let text = "sockets: used 13\nTCP: inuse 1 orphan 0 tw 4711 alloc 1 mem 206\nUDP: inuse 0 mem 0\n";
        assert_eq!(in_time_wait(text), Some(4711));
        assert_eq!(in_time_wait("UDP: tw 3"), None);
        assert_eq!(in_time_wait("TCP: inuse 1 tw"), None);
    }

    #[test]
    fn a_queue_that_is_too_short_is_a_warning() {
        let name = "net/core/somaxconn";
        assert!(!queue("accept queue", name, 0).unwrap().text.contains(';'));
        let long = queue("accept queue", name, u64::MAX).unwrap();
        assert!(
            long.text.contains("net.core.somaxconn") && long.text.contains("clients connect"),
            "{long}"
        );
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in "(TCP:| tw| [0-9]{1,22}|\n|.){0,20}") {
            let _ = in_time_wait(&text);
        }
    }
}
