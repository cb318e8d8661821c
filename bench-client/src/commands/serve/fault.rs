//! What can be wrong with one answer.

use std::time::Duration;

use super::dose::{Dose, Supply};
use super::options::FaultOptions;

/// What is wrong with one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A byte of it is another one.
    Corrupt,
    /// It goes to another client, whose answer goes to this one.
    Swap,
    /// It ends in the middle.
    Short,
    /// The connection is closed instead.
    Close,
    /// The connection is reset instead.
    Reset,
    /// It is not sent.
    Drop,
    /// It is sent twice.
    Duplicate,
    /// It is sent after the next one.
    Reorder,
    /// It is sent so much later.
    Late(Duration),
    /// It says that there was an error.
    Status(u16),
    /// It is no HTTP, and no frame of a WebSocket.
    BadResponse,
}

impl Fault {
    /// Its name in the counts, which is that of its option.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Fault::Corrupt => "corrupt",
            Fault::Swap => "swap",
            Fault::Short => "short",
            Fault::Close => "close",
            Fault::Reset => "reset",
            Fault::Drop => "drop",
            Fault::Duplicate => "duplicate",
            Fault::Reorder => "reorder",
            Fault::Late(_) => "late",
            Fault::Status(_) => "status",
            Fault::BadResponse => "bad_response",
        }
    }

    /// Those that are asked for, in the order in which they are tried.
    pub(crate) fn asked(options: &FaultOptions) -> Vec<(Fault, Supply)> {
        let plain: [(Fault, Option<Dose>); 9] = [
            (Fault::Corrupt, options.corrupt),
            (Fault::Swap, options.swap),
            (Fault::Short, options.short),
            (Fault::Close, options.close),
            (Fault::Reset, options.reset),
            (Fault::Drop, options.drop),
            (Fault::Duplicate, options.duplicate),
            (Fault::Reorder, options.reorder),
            (Fault::BadResponse, options.bad_response),
        ];
        let late = options.late.map(|late| (Fault::Late(late.what), late.dose));
        let status = options.status.map(|status| (Fault::Status(status.what), status.dose));
        let plain = plain.into_iter().filter_map(|(fault, dose)| Some((fault, dose?)));
        plain
            .chain(late)
            .chain(status)
            .map(|(fault, dose)| (fault, Supply::of(dose)))
            .collect()
    }
}
