//! A run in words.

use std::time::Duration;

use crate::base::format;
use crate::judge::precision::Precision;
use crate::plan::payload::HEADER;
use crate::plan::places::Places;
use crate::plan::sizes::Sizes;
use crate::saved::{Errors, Manifest, Memory, Run, Usage, Workload};

impl Run {
    /// Rate and how exactly it is known, what was offered, and how many bytes
    /// were looked at.
    pub(crate) fn rate_in_words(&self) -> String {
        let precision = Precision::of(&[self]);
        let rate = format::or_none(self.answers_per_s, |rate| {
            format!("{} {precision}", format::thousands(rate))
        });
        let offered = self.offered_per_s.map(format::thousands);
        let offered = offered
            .map(|offered| format!(" of {offered} offered"))
            .unwrap_or_default();
        let bytes = format::mib(self.answered_bytes as f64);
        let how = match (&self.workload.request, self.workload.verify.as_str()) {
            (Some(_), _) => return format!("{rate}{offered}   {bytes} of responses"),
            (None, "full") => "verified",
            (None, "header") if is_headless(&self.workload) => "lengths verified: so short a message has no header",
            (None, "header") => "headers verified",
            (None, _) => "not verified",
        };
        format!("{rate}{offered}   2 x {bytes}, {how}")
    }

    /// How many clients came, how soon, and what each had of it.
    pub(crate) fn connections_in_words(&self) -> String {
        let mut text = format!(
            "{} of {} in {}, first answer p99 {}",
            format::thousands(f64::from(self.connections.connected)),
            format::thousands(f64::from(self.connections.asked)),
            time(self.connections.connecting_s),
            format::or_none(self.connections.first_answer.p99, format::nanoseconds),
        );
        if self.connections.turnover_per_s().is_some() {
            text.push_str(&self.turnover_in_words());
        }
        if let Some(pings) = self.connections.pings.filter(|pings| *pings > 0) {
            let ping = if pings == 1 { "ping" } else { "pings" };
            text.push_str(&format!("; {} {ping} answered", format::thousands(pings as f64)));
        }
        if !self.workload.idle {
            let fairness = &self.fairness;
            text.push_str(&format!(
                "; {} to {} {} each",
                format::thousands(fairness.fewest as f64),
                format::thousands(fairness.most as f64),
                self.workload.units(),
            ));
        }
        text
    }

    /// How many connections the clients used up, and by whose doing.
    fn turnover_in_words(&self) -> String {
        let connections = &self.connections;
        let count = |count: Option<u64>| format::or_none(count, |count| format::thousands(count as f64));
        let mut text = format!(
            "; {} opened, {}/s in the window",
            count(connections.opened),
            format::or_none(connections.opened_per_s, format::thousands),
        );
        if connections.closed_by_server.is_some_and(|closed| closed > 0) {
            text.push_str(&format!("; the server closed {}", count(connections.closed_by_server)));
        }
        text
    }

    /// All that went wrong, in one line: `3 corrupt, 1 reset`.
    pub(crate) fn errors_in_words(&self) -> String {
        let parts: Vec<_> = self.errors.iter().map(Errors::in_words).collect();
        let errors = match parts.is_empty() {
            true => "0".to_owned(),
            false => parts.join(", "),
        };
        match self.unfinished {
            0 => errors,
            unfinished => format!("{errors}   ({unfinished} unfinished at the end)"),
        }
    }

    /// Whether the figures may be believed, and what bounded them.
    pub(crate) fn verdict_in_words(&self) -> String {
        let verdict = &self.verdict;
        let valid = match verdict.valid {
            true => "valid".to_owned(),
            false => format!("INVALID: {}", verdict.reasons.join("; ")),
        };
        match (verdict.bottleneck.as_str(), self.workload.idle) {
            ("", _) | (_, true) => valid,
            (bottleneck, false) => format!("{valid}; bottleneck: {bottleneck}"),
        }
    }

    /// Why the figures are of a part of the window, if they are.
    pub(crate) fn interruption(&self) -> Option<String> {
        self.verdict.interrupted.then(|| match self.window_s {
            Some(window) => format!("PARTIAL, interrupted after {} of measuring", time(window)),
            None => "PARTIAL, interrupted before anything was measured".to_owned(),
        })
    }

    /// What must be known before a figure is believed, each beginning with the
    /// run's name.
    pub(crate) fn remarks(&self) -> Vec<String> {
        self.remarks_as(&self.name)
    }

    /// The same, each beginning with `name`.
    pub(crate) fn remarks_as(&self, name: &str) -> Vec<String> {
        let invalid = self.verdict.reasons.iter().map(|reason| format!("INVALID, {reason}"));
        let samples = self.errors.iter().filter_map(Errors::sample);
        self.interruption()
            .into_iter()
            .chain(invalid)
            .chain(self.verdict.remarks.iter().cloned())
            .chain(samples)
            .map(|remark| format!("{name}: {remark}"))
            .collect()
    }
}

impl Errors {
    fn in_words(&self) -> String {
        format!("{} {}", self.count, self.class)
    }

    /// The first of its kind: `first corrupt: byte 17 is ... (client 3, 0.52 s after the start)`.
    pub(crate) fn sample(&self) -> Option<String> {
        let first = self.first.as_ref()?;
        let client = format::or_none(self.first_client, |client| client.to_string());
        let at = format::or_none(self.first_at_s, |at| format!("{at:.2} s"));
        let class = &self.class;
        Some(format!(
            "first {class}: {first} (client {client}, {at} after the start)"
        ))
    }
}

impl Usage {
    /// The part of a processor, the cost of an answer, and the memory.
    pub(crate) fn in_words(&self, unit: &str) -> String {
        let mut text = format!("{} of a CPU", format::percent(self.cpu_share));
        if let Some(micros) = self.cpu_us_per_answer {
            text.push_str(&format!(", {} µs per {unit}", format::three_digits(micros)));
        }
        if let Some(bytes) = self.resident_bytes {
            text.push_str(&format!(", {} resident", format::mib(bytes as f64)));
        }
        text
    }
}

impl Memory {
    /// Between which numbers of clients the memory was taken.
    pub(crate) fn slope(&self) -> String {
        format!(
            "growth of the server's resident memory from {} to {} clients that had each exchanged one message",
            self.few_clients, self.many_clients
        )
    }
}

impl Manifest {
    /// Where the two sides ran.
    pub(crate) fn places(&self) -> String {
        let places = Places {
            server: self.server_cpu,
            client: self.client_cpu,
        };
        places.to_string()
    }
}

/// A time in seconds, in the unit that suits it.
pub(crate) fn time(seconds: f64) -> String {
    format::duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// Whether every message is too short to have a header.
fn is_headless(workload: &Workload) -> bool {
    let sizes = workload.size.parse::<Sizes>();
    sizes.is_ok_and(|sizes| sizes.largest() < HEADER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_header_is_verified_of_a_message_that_has_none() {
        for (size, words) in [
            ("1", "lengths verified"),
            ("1..23", "lengths verified"),
            ("24", "headers verified"),
        ] {
            let mut run = Run::example("a", 1.0);
            run.workload.verify = "header".to_owned();
            run.workload.size = size.to_owned();
            assert!(run.rate_in_words().contains(words), "{}", run.rate_in_words());
        }
    }
}
