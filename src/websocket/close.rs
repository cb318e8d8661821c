//! How a conversation ends.

use std::io;

use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;

/// The longest reason in bytes: RFC 6455, 5.5 allows for 125 with the code.
const LONGEST_REASON: usize = 123;

/// What a Close frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// A number of RFC 6455, 7.4; 1005 when the frame had none.
    pub code: u16,
    /// A text for whoever looks for errors, often empty.
    pub reason: String,
}

/// How a conversation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Whether the client said it first.
    pub by_client: bool,
    /// What was said.
    pub close: Close,
}

impl Close {
    pub(super) const NORMAL: u16 = 1000;
    pub(super) const AWAY: u16 = 1001;
    pub(super) const PROTOCOL: u16 = 1002;
    const NO_STATUS: u16 = 1005;
    pub(super) const INVALID_TEXT: u16 = 1007;
    pub(super) const POLICY: u16 = 1008;
    pub(super) const TOO_BIG: u16 = 1009;
    pub(super) const FAILED: u16 = 1011;
    pub(super) const TRY_LATER: u16 = 1013;

    /// One of the library's own; the reason is short.
    pub(super) fn ours(code: u16, reason: impl Into<String>) -> Close {
        Close {
            code,
            reason: reason.into(),
        }
    }

    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when the code may not be sent, or the
    /// reason is too long.
    pub(super) fn checked(code: u16, reason: &str) -> io::Result<Close> {
        let refused = |text: String| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        if !CloseCode::from(code).is_allowed() {
            return refused(format!(
                "{code} cannot be sent as the code of a Close; 1000 is the normal one, 3000 to 4999 are free"
            ));
        }
        match reason.len() {
            0..=LONGEST_REASON => Ok(Close::ours(code, reason)),
            length => refused(format!(
                "the reason of a Close has {length} bytes, {LONGEST_REASON} is the most"
            )),
        }
    }

    pub(super) fn received(frame: Option<CloseFrame>) -> Close {
        match frame {
            Some(frame) => Close::ours(frame.code.into(), frame.reason.as_str()),
            None => Close::ours(Close::NO_STATUS, ""),
        }
    }

    pub(super) fn to_frame(&self) -> CloseFrame {
        CloseFrame {
            code: self.code.into(),
            reason: self.reason.as_str().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_sent_is_refused_by_name() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
            let err = Close::checked(code, "").unwrap_err();
            assert_eq!(err.kind(), io::ErrorKind::InvalidInput);
            assert!(err.to_string().contains(&code.to_string()), "{err}");
        }
        for code in [1000, 1001, 1008, 1011, 1013, 3000, 4999] {
            assert_eq!(Close::checked(code, "why").unwrap(), Close::ours(code, "why"));
        }
        assert!(Close::checked(1000, &"x".repeat(123)).is_ok());
        assert!(
            Close::checked(1000, &"x".repeat(124))
                .unwrap_err()
                .to_string()
                .contains("124")
        );
    }
}
