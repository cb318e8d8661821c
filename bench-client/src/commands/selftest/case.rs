//! What is tried: one line each.

use crate::base::failure::Status;

/// One fault of the server, and what the client has to say about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// The words behind `serve`; K stands for the number of faults.
    server: &'static str,
    /// More words behind `run`.
    pub(crate) client: &'static str,
    /// The classes of errors in the order of reports, and how many of each.
    expected: &'static [(&'static str, Number)],
    /// How the client ends.
    pub(crate) status: Status,
    /// How long the clients work, at least or exactly.
    seconds: f64,
    exactly: bool,
}

/// How many errors of a class.
#[derive(Clone, Copy, Debug)]
enum Number {
    /// As many as the server made.
    K,
    /// So many for each one that the server made.
    KTimes(u64),
    /// Always as many.
    Always(u64),
}

use Number::{Always, K, KTimes};

/// A server whose faults are reported as errors.
const fn wrong(server: &'static str, client: &'static str, expected: &'static [(&'static str, Number)]) -> Case {
    Case {
        server,
        client,
        expected,
        status: Status::Errors,
        seconds: 0.0,
        exactly: false,
    }
}

/// A server with nothing wrong.
const fn right(server: &'static str, client: &'static str) -> Case {
    Case {
        status: Status::Fine,
        ..wrong(server, client, &[])
    }
}

impl Case {
    /// Where the clients have to work longer to see it.
    const fn at_least(self, seconds: f64) -> Case {
        Case { seconds, ..self }
    }

    /// Where they would see it again if they worked longer.
    const fn exactly(self, seconds: f64) -> Case {
        Case {
            seconds,
            exactly: true,
            ..self
        }
    }

    /// Where not every client gets an answer, so that the run is not valid.
    const fn invalid(self) -> Case {
        Case {
            status: Status::Invalid,
            ..self
        }
    }

    /// The words behind `serve`, with `count` faults.
    pub(crate) fn server(&self, count: u64) -> String {
        self.server.replace('K', &count.to_string())
    }

    /// How long the clients work if they usually do for `seconds`.
    pub(crate) fn seconds(&self, seconds: f64) -> f64 {
        if self.exactly {
            self.seconds
        } else {
            self.seconds.max(seconds)
        }
    }

    /// How many faults the server makes if K is `count`; `None` where it
    /// depends on the clients.
    pub(crate) fn faults(&self, count: u64) -> Option<u64> {
        self.server.contains('K').then_some(count)
    }

    /// The errors to be found if K is `count`.
    pub(crate) fn expected(&self, count: u64) -> Vec<(String, u64)> {
        let often = |number: &Number| match number {
            K => count,
            KTimes(number) => count * number,
            Always(number) => *number,
        };
        let expected = self.expected.iter();
        expected
            .map(|(class, number)| ((*class).to_owned(), often(number)))
            .collect()
    }
}

/// Every case. The clients are twenty. Where they wait for an answer that never
/// comes, `--timeout` is short and the run longer than that, or they would be
/// clients without any answer. With `--depth 8` a connection that the server ends
/// takes eight messages with it, since a client sends what it may before it reads.
#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    right("tcp --size 64", ""),
    right("tcp --size 64", "--depth 8"),
    right("tcp --size 64", "--churn per-request"),
    right("tcp --size 64 --byte-by-byte", ""),
    right("tcp --size 64 --delay exp:1ms", ""),
    right("tcp --size 64 --stall 200ms@100ms", ""),
    wrong("tcp --size 64 --corrupt K", "", &[("corrupt", K)]),
    wrong("tcp --size 64 --swap K", "", &[("misrouted", K)]),
    wrong("tcp --size 64 --short K", "", &[("short", K)]),
    wrong("tcp --size 64 --close K", "", &[("closed_early", K)]),
    wrong("tcp --size 64 --reset K", "", &[("reset", K)]),
    wrong("tcp --size 64 --stall 1h@1500ms", "--timeout 3s", &[("read_timeout", Always(20))]).exactly(2.0),
    wrong("tcp --size 64 --serve-only 10", "--timeout 1s", &[("read_timeout", Always(10))]).invalid(),
    wrong("tcp --size 64 --corrupt K", "--depth 8", &[("corrupt", K)]),
    wrong("tcp --size 64 --swap K", "--depth 8", &[("misrouted", K)]),
    wrong("tcp --size 64 --short K", "--depth 8", &[("closed_early", KTimes(7)), ("short", K)]),
    wrong("tcp --size 64 --close K", "--depth 8", &[("closed_early", KTimes(8))]),
    wrong("tcp --size 64 --reset K", "--depth 8", &[("reset", KTimes(8))]),
    right("unix --size 64", ""),
    wrong("unix --size 64 --corrupt K", "", &[("corrupt", K)]),
    wrong("unix --size 64 --swap K", "", &[("misrouted", K)]),
    wrong("unix --size 64 --short K", "", &[("short", K)]),
    wrong("unix --size 64 --close K", "", &[("closed_early", K)]),
    right("udp", "--depth 4"),
    wrong("udp --corrupt K", "", &[("corrupt", K)]),
    wrong("udp --swap K", "--timeout 1s", &[("misrouted", K), ("lost", K)]).at_least(2.5),
    wrong("udp --short K", "", &[("truncated", K)]),
    wrong("udp --drop K", "--timeout 1s", &[("lost", K)]).at_least(2.5),
    wrong("udp --duplicate K", "", &[("duplicate", K)]),
    wrong("udp --reorder K", "--depth 4", &[("reordered", K)]),
    wrong("udp --late 1500ms*K", "--timeout 1s", &[("late", K)]).at_least(3.0),
    right("unixgram", ""),
    wrong("unixgram --corrupt K", "", &[("corrupt", K)]),
    wrong("unixgram --drop K", "--timeout 1s", &[("lost", K)]).at_least(2.5),
    wrong("unixgram --duplicate K", "", &[("duplicate", K)]),
    right("http", "--expect echo"),
    wrong("http --corrupt K", "--expect echo", &[("corrupt", K)]),
    wrong("http --swap K", "--expect echo", &[("misrouted", K)]),
    wrong("http --short K", "--expect echo", &[("short", K)]),
    wrong("http --close K", "--expect echo", &[("closed_early", K)]),
    wrong("http --reset K", "--expect echo", &[("reset", K)]),
    wrong("http --status 404*K", "--expect echo", &[("status_4xx", K)]),
    wrong("http --status 503*K", "--expect echo", &[("status_5xx", K)]),
    wrong("http --bad-response K", "--expect echo", &[("bad_response", K)]),
    wrong("http --corrupt K", "--expect echo --depth 8", &[("corrupt", K)]),
    wrong("http --swap K", "--expect echo --depth 8", &[("misrouted", K)]),
    wrong("http --short K", "--expect echo --depth 8", &[("closed_early", KTimes(7)), ("short", K)]),
    wrong("http --close K", "--expect echo --depth 8", &[("closed_early", KTimes(8))]),
    wrong("http --reset K", "--expect echo --depth 8", &[("reset", KTimes(8))]),
    wrong("http --status 404*K", "--expect echo --depth 8", &[("status_4xx", K)]),
    wrong("http --status 503*K", "--expect echo --depth 8", &[("status_5xx", K)]),
    wrong("http --bad-response K", "--expect echo --depth 8", &[("bad_response", K)]),
    right("ws", ""),
    right("ws", "--text --depth 8"),
    wrong("ws --corrupt K", "", &[("corrupt", K)]),
    wrong("ws --swap K", "--depth 8 --text", &[("misrouted", K)]),
    wrong("ws --short K", "", &[("short", K)]),
    wrong("ws --close K", "", &[("closed_early", K)]),
    wrong("ws --reset K", "", &[("reset", K)]),
    wrong("ws --bad-response K", "", &[("bad_frame", K)]),
    wrong("ws --short K", "--depth 8", &[("closed_early", KTimes(7)), ("short", K)]),
    wrong("wss --corrupt K", "--insecure", &[("corrupt", K)]),
    right("https", "--insecure --expect echo --churn per-request"),
    wrong("https --corrupt K", "--insecure --expect echo", &[("corrupt", K)]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::taxonomy::ErrorClass;

    #[test]
    fn what_is_expected_is_in_the_taxonomy_and_in_its_order() {
        for case in CASES {
            let place = |(class, _): &(String, u64)| ErrorClass::ALL.iter().position(|known| known.id() == class);
            let places: Option<Vec<_>> = case.expected(8).iter().map(place).collect();
            assert!(places.is_some_and(|places| places.is_sorted()), "{case:?}");
        }
    }
}
