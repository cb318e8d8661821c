//! What the kernel counts for the whole machine.

use std::fs;

use crate::machine::account::of_ticks;
use crate::saved::Host;

/// The kernel's counters at one moment; `None` for what it does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    listen_overflows: Option<u64>,
    listen_drops: Option<u64>,
    syn_retransmits: Option<u64>,
    tcp_timeouts: Option<u64>,
    udp_receive_buffer_errors: Option<u64>,
    udp_in_errors: Option<u64>,
    /// In clock ticks.
    steal: Option<u64>,
    softirq: Option<u64>,
}

impl Reading {
    /// Now.
    pub(crate) fn now() -> Reading {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Reading::parse(&read("/proc/net/netstat"), &read("/proc/net/snmp"), &read("/proc/stat"))
    }

    /// Out of the text of `/proc/net/netstat`, `/proc/net/snmp` and `/proc/stat`.
    pub(crate) fn parse(netstat: &str, snmp: &str, stat: &str) -> Reading {
        let tcp = |name| counter(netstat, "TcpExt:", name);
        let udp = |name| counter(snmp, "Udp:", name);
        Reading {
            listen_overflows: tcp("ListenOverflows"),
            listen_drops: tcp("ListenDrops"),
            syn_retransmits: tcp("TCPSynRetrans"),
            tcp_timeouts: tcp("TCPTimeouts"),
            udp_receive_buffer_errors: udp("RcvbufErrors"),
            udp_in_errors: udp("InErrors"),
            softirq: processor_time(stat, 6),
            steal: processor_time(stat, 7),
        }
    }

    /// What was counted since `before`.
    pub(crate) fn since(&self, before: &Reading) -> Host {
        let counted = |figure: fn(&Reading) -> Option<u64>| Some(figure(self)?.saturating_sub(figure(before)?));
        let seconds = |figure| counted(figure).map(|count| of_ticks(count).as_secs_f64());
        Host {
            listen_overflows: counted(|reading| reading.listen_overflows),
            listen_drops: counted(|reading| reading.listen_drops),
            syn_retransmits: counted(|reading| reading.syn_retransmits),
            tcp_timeouts: counted(|reading| reading.tcp_timeouts),
            udp_receive_buffer_errors: counted(|reading| reading.udp_receive_buffer_errors),
            udp_in_errors: counted(|reading| reading.udp_in_errors),
            steal_s: seconds(|reading| reading.steal),
            softirq_s: seconds(|reading| reading.softirq),
        }
    }

    /// The part of the time since the machine was started that another one on
    /// the same host took, of `processors` processors.
    pub(crate) fn steal_share(&self, uptime_s: f64, processors: usize) -> Option<f64> {
        let stolen = of_ticks(self.steal?).as_secs_f64();
        (uptime_s > 0.0 && processors > 0).then(|| stolen / uptime_s / processors as f64)
    }
}

/// The counter `name` of `group`: the kernel writes a line of names and then a
/// line of figures, both beginning with the group.
fn counter(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(group));
    let (names, figures) = (lines.next()?, lines.next()?);
    let place = names.split_whitespace().position(|found| found == name)?;
    figures.split_whitespace().nth(place)?.parse().ok()
}

/// The figure at `place` of the line of all processors.
fn processor_time(text: &str, place: usize) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    line.split_whitespace().nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NETSTAT: &str = "TcpExt: TW ListenOverflows ListenDrops TCPTimeouts TCPSynRetrans\n\
        TcpExt: 7 1 2 3 4\nIpExt: InNoRoutes\nIpExt: 9\n";
    const SNMP: &str = "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors\nUdp: 1 2 30 4 20\n\
        UdpLite: InDatagrams NoPorts InErrors\nUdpLite: 5 6 7\n";
    const STAT: &str = "cpu  1 2 3 4 5 6 700 800 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";

    #[test]
    fn each_figure_is_found_under_its_name() {
        let reading = Reading::parse(NETSTAT, SNMP, STAT);
        assert_eq!((reading.listen_overflows, reading.listen_drops), (Some(1), Some(2)));
        assert_eq!((reading.tcp_timeouts, reading.syn_retransmits), (Some(3), Some(4)));
        assert_eq!(
            (reading.udp_in_errors, reading.udp_receive_buffer_errors),
            (Some(30), Some(20))
        );
        assert_eq!((reading.softirq, reading.steal), (Some(700), Some(800)));
    }

    #[test]
    fn a_difference_is_of_what_both_have() {
        let before = Reading::parse("", SNMP, STAT);
        let host = Reading::parse(NETSTAT, &SNMP.replace("30", "35"), STAT).since(&before);
        assert_eq!((host.listen_drops, host.udp_in_errors), (None, Some(5)));
        assert_eq!(host.steal_s, Some(0.0));
    }

    #[test]
    fn this_kernel_counts() {
        let reading = Reading::now();
        assert!(
            reading.listen_overflows.is_some() && reading.softirq.is_some(),
            "{reading:?}"
        );
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in "(TcpExt: |Udp: |cpu  |[a-zA-Z]{1,5} |[0-9]{1,25} |\n|.){0,60}") {
            let reading = Reading::parse(&text, &text, &text);
            let _ = (reading.since(&reading), reading.since(&Reading::default()), reading.steal_share(1.0, 2));
        }
    }
}
