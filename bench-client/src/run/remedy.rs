//! What to do about a server that gave nobody a right answer.

use crate::base::tally::Tallied;
use crate::base::taxonomy::ErrorClass;
use crate::plan::protocol::Protocol;

/// Each class that was met, on a line of its own where there are several: how
/// often, the first of them, the remedy.
pub(crate) fn explain(met: &[(ErrorClass, Tallied)], protocol: Protocol) -> String {
    let line = |(class, tallied): &(ErrorClass, Tallied)| {
        let first = tallied.first.as_ref().map_or("", |first| first.detail.as_str());
        format!(
            "{} {}, the first: {first}; {}",
            tallied.count,
            class.id(),
            remedy(*class, protocol)
        )
    };
    match met {
        [] => "; nothing went wrong until it was stopped, so give it more time".to_owned(),
        [only] => format!(": {}", line(only)),
        several => several.iter().map(|met| format!("\n  {}", line(met))).collect(),
    }
}

fn remedy(class: ErrorClass, protocol: Protocol) -> &'static str {
    match class {
        ErrorClass::Refused if protocol.has_path() => "nobody listens on it: start the server, or correct the path",
        ErrorClass::Refused => "nobody listens there: start the server, or correct the address",
        ErrorClass::Timeout => "check the address and the firewall, or wait longer with --connect-timeout",
        ErrorClass::Unreachable => "there is no way to that network: correct the address",
        ErrorClass::Certificate => {
            "name its root with --ca, connect to the name that it is for, or measure whoever answers with --insecure"
        }
        ErrorClass::Tls => "see whether that port speaks TLS 1.2 or 1.3, or correct the scheme or the port",
        ErrorClass::Emfile => "raise the limit of open files (ulimit -n)",
        ErrorClass::AddrNotAvail => "give more addresses of this machine with --source",
        ErrorClass::Enomem => "the client has no memory left: give fewer --clients or a smaller --depth or --size",
        ErrorClass::ReadTimeout | ErrorClass::WriteTimeout | ErrorClass::Lost => {
            "somebody listens there and does not answer: see whether it is an echo server, or wait longer with --timeout"
        }
        ErrorClass::BadResponse => "what answers there does not speak HTTP/1.1: correct the scheme or the port",
        ErrorClass::BadHandshake => "what answers there opens no WebSocket: correct the path or the port",
        ErrorClass::BadFrame => "the server breaks RFC 6455: see what it logs, and whether it is one of WebSockets",
        ErrorClass::Status4xx => {
            "a server answers there, and not to this request: correct the path, --method or --header"
        }
        ErrorClass::Status5xx => "a server answers there and fails: see what it logs",
        ErrorClass::Length if protocol.is_websocket() => {
            "a server answers there with other messages: see whether it is an echo server, or correct the path"
        }
        ErrorClass::Length => "a server answers there with another body than --expect says",
        ErrorClass::Other if protocol.has_path() => {
            "see whether it is there, yours to connect to, and of the right kind: \
             unix:// is for stream sockets, unixgram:// for datagram sockets"
        }
        ErrorClass::Other => "see whether client and server can use that address",
        _ => "something else answers there: see whether it is an echo server that speaks this protocol",
    }
}
