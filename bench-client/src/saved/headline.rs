//! A load in words.

use std::time::Duration;

use crate::base::format;
use crate::saved::Workload;

impl Workload {
    /// What was done, in one line.
    pub(crate) fn headline(&self) -> String {
        let clients = match self.clients {
            1 => "1 client".to_owned(),
            clients => format!("{} clients", format::thousands(f64::from(clients))),
        };
        if self.idle {
            return format!("{}, {clients}, idle, {}", self.protocol, self.length());
        }
        let depth = match self.depth {
            1 => String::new(),
            depth => format!(" x depth {depth}"),
        };
        format!(
            "{}{}, {}, {clients}{depth}, {}, {}, seed {}, {} after {} s warm-up",
            self.exchange(),
            self.handshakes(),
            self.loop_(),
            self.sent(),
            self.checked(),
            self.seed,
            self.length(),
            short(self.warmup_s),
        )
    }

    /// What is counted.
    pub(crate) fn units(&self) -> &'static str {
        match self.churn.as_str() {
            _ if matches!(self.protocol.as_str(), "http" | "https") => "requests",
            "per-request" => "connections",
            _ => "echoes",
        }
    }

    /// One of what is counted.
    pub(crate) fn unit(&self) -> &'static str {
        match self.units() {
            "requests" => "request",
            "connections" => "connection",
            _ => "echo",
        }
    }

    /// The name of the times that stand for the server's.
    pub(crate) fn time(&self) -> &'static str {
        match self.mode.as_str() {
            "open" => "response time",
            _ => self.service_time(),
        }
    }

    /// The name of the times from sending to the answer.
    pub(crate) fn service_time(&self) -> &'static str {
        match self.churn.as_str() {
            "per-request" => "connect, echo",
            _ => "service time",
        }
    }

    /// What must be known of those times.
    pub(crate) fn time_remark(&self) -> &'static str {
        match self.mode.as_str() {
            "open" => "from the scheduled instant",
            _ => "closed loop: stalls are under-counted",
        }
    }

    /// What a message or a request's body is.
    fn sent(&self) -> String {
        match self.request_body.as_deref() {
            Some("none") => "no body sent".to_owned(),
            Some("file") => "a file sent".to_owned(),
            Some(_) => format!("{} B sent", self.size),
            None => format!("{} B", self.size),
        }
    }

    /// How far answers are looked at.
    fn checked(&self) -> String {
        let full = self.verify == "full";
        match self.expected_body.as_deref() {
            None => format!("verify={}", self.verify),
            Some("none") => "status verified, bodies not".to_owned(),
            Some("file") if full => "bodies verified against a file".to_owned(),
            Some("file") => "status and length verified".to_owned(),
            Some(_) => format!("echoed bodies, verify={}", self.verify),
        }
    }

    fn exchange(&self) -> String {
        let protocol = &self.protocol;
        match (self.request.as_deref(), self.churn.as_str()) {
            (Some(request), "never") => format!("{protocol} {request}"),
            (Some(request), churn) => format!("{protocol} {request}, connections {churn}"),
            (None, "never") => format!("{protocol} echo{}", self.opened_at()),
            (None, "per-request") => format!("{protocol} connect, echo, close{}", self.opened_at()),
            (None, churn) => format!("{protocol} echo{}, connections {churn}", self.opened_at()),
        }
    }

    /// How WebSockets are opened, if in another way than the usual.
    fn opened_at(&self) -> String {
        match self.websocket.as_deref() {
            None | Some("/") => String::new(),
            Some(opening) => format!(" at {opening}"),
        }
    }

    /// How sessions of TLS begin.
    fn handshakes(&self) -> &'static str {
        match self.tls_resumption {
            None => "",
            Some(true) => ", TLS sessions resumed",
            Some(false) => ", whole TLS handshakes",
        }
    }

    /// What decides when messages are sent.
    fn loop_(&self) -> String {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| format::NONE.to_owned());
        match (self.mode.as_str(), &self.think) {
            ("open", _) => format!(
                "open loop at {}/s, {} arrivals",
                or_none(&self.rate),
                or_none(&self.arrivals)
            ),
            (_, Some(think)) => format!("closed loop with pauses of {think}"),
            _ => "closed loop".to_owned(),
        }
    }

    fn length(&self) -> String {
        match (self.requests, self.duration_s) {
            (Some(requests), _) => format!("{} answers", format::thousands(requests as f64)),
            (None, Some(seconds)) if self.idle => format!("held for {} s", short(seconds)),
            (None, Some(seconds)) => format!("{} s", short(seconds)),
            (None, None) => "no end".to_owned(),
        }
    }
}

fn short(seconds: f64) -> String {
    format::seconds(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use crate::saved::Run;

    fn http(request_body: &str, expected_body: &str, verify: &str) -> String {
        let mut workload = Run::example("a", 1.0).workload;
        workload.protocol = "http".to_owned();
        workload.request = Some("GET /".to_owned());
        workload.request_body = Some(request_body.to_owned());
        workload.expected_body = Some(expected_body.to_owned());
        workload.verify = verify.to_owned();
        workload.headline()
    }

    #[test]
    fn a_headline_says_what_was_sent_and_checked_over_http() {
        for (sent, expected, verify, words) in [
            (
                "none",
                "none",
                "full",
                "no body sent, status verified, bodies not, seed",
            ),
            ("file", "none", "full", "a file sent, status verified, bodies not, seed"),
            (
                "none",
                "file",
                "full",
                "no body sent, bodies verified against a file, seed",
            ),
            ("none", "file", "len", "no body sent, status and length verified, seed"),
            (
                "message",
                "message",
                "full",
                "64 B sent, echoed bodies, verify=full, seed",
            ),
        ] {
            let headline = http(sent, expected, verify);
            assert!(headline.contains(words), "{headline}");
        }
        assert!(!http("none", "none", "full").contains("64 B"));
    }
}
