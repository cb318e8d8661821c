//! What the server is asked for.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use greenserve::net::Address;

use super::certificate::CertificateOptions;
use super::dose::{self, Dose, Dosed};
use super::pace::{self, Delay, Stall};
use crate::base::failure::Failure;
use crate::base::quantity;
use crate::plan::model::Model;
use crate::plan::protocol::Protocol;

/// The largest message that is taken in whole before it is answered: the
/// clients send no more than that ahead of their answers.
const LARGEST: usize = 64 * 1024;

/// `bench-client serve`: the reference server.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServeOptions {
    /// The protocol to speak.
    #[arg(value_enum, default_value = "tcp")]
    pub(crate) protocol: Protocol,
    /// What runs the handler. By default a coroutine; for datagrams the accept
    /// loop, which keeps their order, unless one has to wait.
    #[arg(long, value_enum)]
    model: Option<Model>,
    /// Where to listen: HOST:PORT, with port 0 for any free one, or
    /// unix:/PATH. Port 0 of 127.0.0.1 by default, or a temporary file.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<Address>,
    /// Worker threads of the coroutine model.
    #[arg(long, default_value = "1", value_parser = quantity::count)]
    pub(crate) workers: u32,
    /// Bytes in a message, for echoes over streams: what is counted, and what
    /// faults befall. Without it a message is what one read brings.
    #[arg(long, value_parser = message_size)]
    pub(crate) size: Option<usize>,
    /// Exit when standard input ends.
    #[arg(long)]
    pub(crate) die_with_parent: bool,
    #[command(flatten)]
    pub(crate) certificate: CertificateOptions,
    #[command(flatten)]
    pub(crate) faults: FaultOptions,
}

/// What the server does wrong. A HOW_OFTEN is a count, as 7, for exactly so
/// many answers in the life of the server, or a probability, as 1e-4.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Faults")]
pub(crate) struct FaultOptions {
    /// Flip a byte of the answer.
    #[arg(long, value_name = "HOW_OFTEN", value_parser = dose::dose)]
    pub(crate) corrupt: Option<Dose>,
    /// Answer two clients with each other's answer; counts answers, so that a
    /// count is even. An answer waits 1 s for another one.
    #[arg(long, value_name = "HOW_OFTEN", value_parser = dose::dose)]
    pub(crate) swap: Option<Dose>,
    /// Send half of the answer, then close; of a datagram, half.
    #[arg(long, value_name = "HOW_OFTEN", value_parser = dose::dose)]
    pub(crate) short: Option<Dose>,
    /// Close instead of answering.
    #[arg(long, value_name = "HOW_OFTEN", value_parser = dose::dose)]
    pub(crate) close: Option<Dose>,
    /// Reset the connection instead of answering.
    #[arg(long, value_name = "HOW_OFTEN", value_parser = dose::dose)]
    pub(crate) reset: Option<Dose>,
    /// Reset every connection instead of its answer after N.
    #[arg(long, value_name = "N")]
    pub(crate) reset_after: Option<u64>,
    /// Stop all answers: 1s@5s for 1 s, 5 s after the first connection.
    #[arg(long, value_name = "LENGTH@BEGIN", value_parser = pace::stall)]
    pub(crate) stall: Option<Stall>,
    /// Take this long for every answer: 5ms, uniform:1ms..5ms, exp:5ms.
    #[arg(long, value_parser = pace::delay)]
    pub(crate) delay: Option<Delay>,
    /// Send every byte of an answer by itself; clients must bear it.
    #[arg(long)]
    pub(crate) byte_by_byte: bool,
    /// Accept all connections, but answer only the first N.
    #[arg(long, value_name = "N")]
    pub(crate) serve_only: Option<u64>,
    /// Do not answer a datagram.
    #[arg(long, value_name = "HOW_OFTEN", value_parser = dose::dose)]
    pub(crate) drop: Option<Dose>,
    /// Answer a datagram twice.
    #[arg(long, value_name = "HOW_OFTEN", value_parser = dose::dose)]
    pub(crate) duplicate: Option<Dose>,
    /// Answer a datagram after the client's next one; for clients that send
    /// more than one at a time. At the latest after about 1 s.
    #[arg(long, value_name = "HOW_OFTEN", value_parser = dose::dose)]
    pub(crate) reorder: Option<Dose>,
    /// Answer a datagram after so long: 300ms*7.
    #[arg(long, value_name = "DURATION*HOW_OFTEN", value_parser = dose::dosed_duration)]
    pub(crate) late: Option<Dosed<Duration>>,
    /// Answer a request with this status: 503*7.
    #[arg(long, value_name = "STATUS*HOW_OFTEN", value_parser = dose::dosed_status)]
    pub(crate) status: Option<Dosed<u16>>,
    /// Answer a request with something that is not HTTP, a message with something
    /// that is no frame of a WebSocket.
    #[arg(long, value_name = "HOW_OFTEN", value_parser = dose::dose)]
    pub(crate) bad_response: Option<Dose>,
    /// Correct answers before the first fault.
    #[arg(long, value_name = "N", default_value = "0")]
    pub(crate) after: u64,
    /// Seed of the probabilities.
    #[arg(long, default_value = "42")]
    pub(crate) seed: u64,
}

/// Where a fault is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Streams,
    Tcp,
    Datagrams,
    Http,
    Requests,
}

impl Scope {
    fn covers(self, protocol: Protocol) -> bool {
        match self {
            Scope::Streams => !protocol.is_datagram(),
            Scope::Tcp => protocol.is_tcp(),
            Scope::Datagrams => protocol.is_datagram(),
            Scope::Http => protocol.is_http(),
            Scope::Requests => protocol.has_requests(),
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Scope::Streams => "tcp, unix, http, https, ws and wss",
            Scope::Tcp => "tcp, http, https, ws and wss",
            Scope::Datagrams => "udp and unixgram",
            Scope::Http => "http and https",
            Scope::Requests => "http, https, ws and wss",
        }
    }
}

impl FaultOptions {
    /// True when something is asked for that is not a plain echo.
    pub(crate) fn any(&self) -> bool {
        let anywhere = [self.corrupt, self.swap, self.short];
        anywhere.iter().any(Option::is_some)
            || self.stall.is_some()
            || self.delay.is_some()
            || self.scoped().iter().any(|(_, given, _)| *given)
    }

    /// The options that some protocols do not have, and whether they are given.
    fn scoped(&self) -> [(&'static str, bool, Scope); 11] {
        [
            ("--close", self.close.is_some(), Scope::Streams),
            ("--byte-by-byte", self.byte_by_byte, Scope::Streams),
            ("--serve-only", self.serve_only.is_some(), Scope::Streams),
            ("--reset", self.reset.is_some(), Scope::Tcp),
            ("--reset-after", self.reset_after.is_some(), Scope::Tcp),
            ("--drop", self.drop.is_some(), Scope::Datagrams),
            ("--duplicate", self.duplicate.is_some(), Scope::Datagrams),
            ("--reorder", self.reorder.is_some(), Scope::Datagrams),
            ("--late", self.late.is_some(), Scope::Datagrams),
            ("--status", self.status.is_some(), Scope::Http),
            ("--bad-response", self.bad_response.is_some(), Scope::Requests),
        ]
    }

    /// The options for which one client has to wait while others are served.
    fn waiting(&self) -> [(&'static str, bool); 3] {
        [
            ("--swap", self.swap.is_some()),
            ("--serve-only", self.serve_only.is_some()),
            ("--late", self.late.is_some()),
        ]
    }
}

impl ServeOptions {
    /// What runs the handler.
    pub(crate) fn model(&self) -> Model {
        let waits = self.faults.delay.is_some() || self.faults.waiting().iter().any(|(_, given)| *given);
        let default = match self.protocol.is_datagram() && !waits {
            true => Model::Inline,
            false => Model::Coroutine,
        };
        self.model.unwrap_or(default)
    }

    /// Fails if the options contradict each other.
    ///
    /// # Errors
    /// [`Failure::Usage`], with the remedy.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.check_address()?;
        self.check_size()?;
        self.check_scopes()?;
        self.check_certificate()?;
        self.check_model()?;
        match self.faults.swap {
            Some(Dose::Times(count)) if count % 2 == 1 => Err(Failure::Usage(format!(
                "--swap {count} is odd, but answers are swapped in pairs; give an even count"
            ))),
            _ => Ok(()),
        }
    }

    fn check_address(&self) -> Result<(), Failure> {
        let protocol = self.protocol;
        let Some(listen) = &self.listen else { return Ok(()) };
        if matches!(listen, Address::Fd(_)) || listen.is_unix() == protocol.has_path() {
            return Ok(());
        }
        let form = if protocol.has_path() { "unix:/PATH" } else { "HOST:PORT" };
        Err(Failure::Usage(format!(
            "{} does not listen on {listen}; write --listen {form}",
            protocol.id()
        )))
    }

    fn check_size(&self) -> Result<(), Failure> {
        let sized = matches!(self.protocol, Protocol::Tcp | Protocol::Unix);
        match self.size {
            Some(_) if !sized => Err(Failure::Usage(format!(
                "--size is for tcp and unix; a message of {} has an end of its own",
                self.protocol.id()
            ))),
            _ => Ok(()),
        }
    }

    fn check_scopes(&self) -> Result<(), Failure> {
        let misplaced = |(_, given, scope): &(_, bool, Scope)| *given && !scope.covers(self.protocol);
        match self.faults.scoped().iter().find(|option| misplaced(option)) {
            Some((name, _, scope)) => Err(Failure::Usage(format!(
                "{name} is for {}, and this serves {}",
                scope.describe(),
                self.protocol.id()
            ))),
            None => Ok(()),
        }
    }

    fn check_certificate(&self) -> Result<(), Failure> {
        match self.certificate.cert.is_some() && !self.protocol.is_tls() {
            true => Err(Failure::Usage(format!(
                "--cert and --key are for https and wss, and this serves {}",
                self.protocol.id()
            ))),
            false => Ok(()),
        }
    }

    fn check_model(&self) -> Result<(), Failure> {
        match self.faults.waiting().iter().find(|(_, given)| *given) {
            Some((name, _)) if self.model() == Model::Inline => Err(Failure::Usage(format!(
                "{name} has one client wait for another, and --model inline serves one at a time; \
                 use coroutine or thread"
            ))),
            _ => Ok(()),
        }
    }
}

fn message_size(text: &str) -> Result<usize, String> {
    match quantity::bytes(text)? {
        0 => Err("a message has at least 1 byte".to_owned()),
        size if size > LARGEST => Err(format!(
            "{text:?} is too large; a message that is answered as a whole has at most {LARGEST} bytes"
        )),
        size => Ok(size),
    }
}

impl Protocol {
    /// Where it listens unless told: any free port of 127.0.0.1, or a file
    /// among the temporary ones that no other process uses.
    pub(crate) fn default_address(self) -> Address {
        match self.has_path() {
            true => Address::Unix(self.default_path()),
            false => Address::Ip(([127, 0, 0, 1], 0).into()),
        }
    }

    fn default_path(self) -> PathBuf {
        let name = format!("bench-client-{}.{}", std::process::id(), self.id());
        std::env::temp_dir().join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: ServeOptions,
    }

    fn check(line: &str) -> Result<(), String> {
        let words = std::iter::once("serve").chain(line.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|err| err.to_string())?;
        line.options.check().map_err(|failure| failure.to_string())
    }

    #[test]
    fn what_makes_sense_is_served() {
        for line in [
            "",
            "tcp --corrupt 7 --swap 8 --short 1e-3 --close 1 --reset 1 --reset-after 5 --after 10",
            "tcp --size 64k --stall 1s@5s --delay exp:5ms --byte-by-byte --serve-only 10 --model thread",
            "udp --listen 127.0.0.1:0 --drop 7 --duplicate 7 --reorder 7 --late 300ms*7 --swap 0.1",
            "unix --listen unix:/tmp/x --close 7",
            "http --status 503*7 --bad-response 7 --model inline",
            "ws --corrupt 7 --swap 8 --short 1 --close 1 --reset 1 --bad-response 7 --byte-by-byte",
            "https --cert a.pem --key a.key --reset 7 --status 503*7",
            "wss --cert a.pem --key a.key --reset 7",
            "--die-with-parent --model thread --listen 127.0.0.1:0 --workers 2",
        ] {
            assert_eq!(check(line), Ok(()), "{line}");
        }
    }

    #[test]
    fn contradictions_are_refused_by_name() {
        for (line, named) in [
            ("tcp --swap 7", "--swap 7"),
            ("tcp --drop 7", "--drop"),
            ("tcp --status 503*7", "--status"),
            ("udp --close 7", "--close"),
            ("udp --reset-after 7", "--reset-after"),
            ("unix --reset 7", "--reset"),
            ("unix --listen 127.0.0.1:0", "unix:/PATH"),
            ("tcp --listen unix:/tmp/x", "HOST:PORT"),
            ("http --size 64", "--size"),
            ("ws --size 64", "--size"),
            ("ws --status 503*7", "--status"),
            ("ws --drop 7", "--drop"),
            ("tcp --bad-response 7", "http, https, ws and wss"),
            ("http --cert a.pem --key a.key", "--cert"),
            ("https --cert a.pem", "--key"),
            ("tcp --size 65k", "65k"),
            ("udp --late 1s*1 --model inline", "--late"),
            ("tcp --serve-only 1 --model inline", "--serve-only"),
        ] {
            let message = check(line).unwrap_err();
            assert!(message.contains(named), "{line}: {message}");
        }
    }
}
