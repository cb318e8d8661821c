//! How much of the processor time that they could have had the two ends used.

use std::collections::BTreeSet;

use crate::base::format;
use crate::saved::{Run, Usage};

/// The part from which on the server counts as saturated.
const SERVER_BUSY: f64 = 0.9;
/// The part from which on the client does.
const CLIENT_BUSY: f64 = 0.95;

/// Server and client, as far as there are accounts of them.
#[derive(Debug)]
pub(super) struct Ends {
    server: Option<End>,
    client: Option<End>,
}

#[derive(Debug)]
struct End {
    /// In processors.
    used: f64,
    busiest_thread: f64,
    /// Those it may use; empty when they are not known.
    cpus: BTreeSet<usize>,
}

impl Ends {
    pub(super) fn of(run: &Run) -> Ends {
        Ends {
            server: run.server.as_ref().map(End::of),
            client: run.client.as_ref().map(End::of),
        }
    }

    /// Whether the server had no processor time left; false if nobody knows.
    pub(super) fn server_is_busy(&self) -> bool {
        let saturation = self
            .server
            .as_ref()
            .map(|server| server.saturation(self.client.as_ref()));
        saturation.is_some_and(|part| part >= SERVER_BUSY)
    }

    /// Whether the client had none left.
    pub(super) fn client_is_busy(&self) -> bool {
        let saturation = self
            .client
            .as_ref()
            .map(|client| client.saturation(self.server.as_ref()));
        saturation.is_some_and(|part| part >= CLIENT_BUSY)
    }

    /// That the figures are of the client's processor time, if they are.
    pub(super) fn shortage(&self) -> Option<String> {
        let (server, client) = (self.server.as_ref()?, self.client.as_ref()?);
        if let (Some(cpu), true) = (client.only_cpu(), client.cpus == server.cpus) {
            return Some(format!(
                "contended: client and server may use CPU {cpu} only, and each took from the other; \
                 bind them to different processors (taskset -c)"
            ));
        }
        (self.client_is_busy() && !self.server_is_busy()).then(|| {
            format!(
                "client-limited: the client used {} of its processor time and the server {}; \
                 give the client more --workers and processors, or accept it with --allow-client-limited",
                format::percent(client.saturation(Some(server))),
                format::percent(server.saturation(Some(client)))
            )
        })
    }

    /// That it cannot be told whose the figures are.
    pub(super) fn doubt(&self) -> Option<String> {
        (self.server.is_none() && self.client_is_busy()).then(|| {
            "the client had no processor time left, and there is no account of the server: \
             the rate may be the client's own (--server-pid, --workers)"
                .to_owned()
        })
    }
}

impl End {
    fn of(usage: &Usage) -> End {
        End {
            used: usage.cpu_share,
            busiest_thread: usage.busiest_thread_share.unwrap_or_default(),
            cpus: usage.allowed_cpus.as_deref().map(cpus).unwrap_or_default(),
        }
    }

    /// The part used of what there was to use. A thread runs on one processor
    /// at a time: a process whose one working thread always runs has no more to
    /// give, however many processors it may use. And what `other` took of the
    /// processors that both may use was not there.
    fn saturation(&self, other: Option<&End>) -> f64 {
        let taken = other.map_or(0.0, |other| {
            let elsewhere = other.cpus.difference(&self.cpus).count();
            (other.used - elsewhere as f64).max(0.0)
        });
        let all = self.cpus.len().max(1) as f64;
        // What is left is at least what was used, whatever the clocks say.
        let left = (all - taken).max(self.used).max(f64::MIN_POSITIVE);
        self.busiest_thread.max(self.used / left).min(1.0)
    }

    fn only_cpu(&self) -> Option<usize> {
        match self.cpus.len() {
            1 => self.cpus.first().copied(),
            _ => None,
        }
    }
}

/// The processors of a list as the kernel writes it: `0-3,8`.
fn cpus(list: &str) -> BTreeSet<usize> {
    /// More than any machine has, and few enough to list.
    const LIMIT: usize = 1 << 16;
    list.split(',')
        .filter_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.trim().parse().ok()?..=last.trim().parse::<usize>().ok()?.min(LIMIT))
        })
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn end(used: f64, busiest_thread: f64, list: &str) -> End {
        End {
            used,
            busiest_thread,
            cpus: cpus(list),
        }
    }

    #[test]
    fn lists_of_processors_have_ranges() {
        assert_eq!(cpus("0-2,5"), BTreeSet::from([0, 1, 2, 5]));
        assert_eq!(cpus(""), BTreeSet::new());
    }

    #[test]
    fn what_the_other_took_of_shared_processors_was_not_there() {
        let client = end(1.0, 0.2, "0-1");
        assert_eq!(end(0.95, 0.1, "0-1").saturation(Some(&client)), 0.95);
        assert_eq!(end(0.95, 0.1, "0-1").saturation(None), 0.475);
        assert_eq!(end(0.5, 0.1, "0").saturation(Some(&client)), 0.5);
    }

    #[test]
    fn one_working_thread_saturates_its_process() {
        assert_eq!(end(0.97, 0.96, "0-7").saturation(None), 0.96);
    }

    proptest! {
        #[test]
        fn no_list_is_too_much(list in "[-0-9, a]{0,40}", used in any::<f64>(), busiest in 0.0..2.0) {
            let part = end(used, busiest, &list).saturation(Some(&end(used, busiest, "0-3")));
            prop_assert!(part.is_nan() || part <= 1.0);
        }
    }
}
