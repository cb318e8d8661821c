//! Messages as they come, in one frame or in fragments, with control frames
//! between them (RFC 6455, sections 5.4 and 5.5).

use std::ops::Range;

use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::frame::{self, Head, bad};
use crate::base::taxonomy::{ErrorClass, Fault};
use crate::plan::sizes::LARGEST;

/// What is known of the message that is coming in: no frame is read twice.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Where the next frame begins.
    next: usize,
    /// What has come of a message in fragments.
    fragments: Option<Fragments>,
    /// What pings brought that nobody has answered yet.
    pings: Vec<Vec<u8>>,
    /// What to answer a close frame with, once one has come.
    close: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Fragments {
    is_text: bool,
    body: Vec<u8>,
}

/// A complete message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Whether it is text, or else binary.
    pub(crate) is_text: bool,
    /// Bytes of it, with what frames it and the control frames before its end.
    pub(crate) consumed: usize,
    body: Body,
}

#[derive(Debug, PartialEq, Eq)]
enum Body {
    /// It stands there in one piece.
    Whole(Range<usize>),
    /// Put together of its fragments.
    Fragments(Vec<u8>),
}

impl Message {
    /// What it says; `inbox` holds the bytes that it was read from.
    pub(crate) fn body<'a>(&'a self, inbox: &'a [u8]) -> &'a [u8] {
        match &self.body {
            Body::Whole(place) => &inbox[place.clone()],
            Body::Fragments(bytes) => bytes,
        }
    }
}

impl Reader {
    /// The message that `inbox` begins with, once all of it is there. Control
    /// frames are taken along the way.
    ///
    /// # Errors
    /// What breaks RFC 6455, or is longer than a message may be; a close frame,
    /// with its code and reason.
    pub(crate) fn message(&mut self, inbox: &[u8]) -> Result<Option<Message>, Fault> {
        while let Some(head) = frame::head(&inbox[self.next..])? {
            self.check_order(&head)?;
            let begin = self.next + head.length;
            let place = begin..begin + head.payload;
            let Some(payload) = inbox.get(place.clone()) else {
                break;
            };
            self.next = place.end;
            if let Some((is_text, body)) = self.take(&head, place, payload)? {
                let consumed = std::mem::take(&mut self.next);
                return Ok(Some(Message {
                    is_text,
                    consumed,
                    body,
                }));
            }
        }
        // Frames may be as long as what they frame, but not without an end.
        match inbox.len() > 2 * LARGEST {
            true => Err(too_long()),
            false => Ok(None),
        }
    }

    /// Bytes that need not be kept: the control frames that were taken while no
    /// message had begun.
    pub(crate) fn settled(&mut self) -> usize {
        match &self.fragments {
            Some(_) => 0,
            None => std::mem::take(&mut self.next),
        }
    }

    /// What the pings brought that have come since this was last asked.
    pub(crate) fn pings(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.pings)
    }

    /// What the answer to a close frame says, if one has come.
    pub(crate) fn close(&self) -> Option<&[u8]> {
        self.close.as_deref()
    }

    /// Fragments of two messages do not mix (section 5.4).
    fn check_order(&self, head: &Head) -> Result<(), Fault> {
        match (head.opcode, &self.fragments) {
            (OpCode::Data(Data::Continue), None) => {
                Err(bad("a frame goes on with a message that none began".to_owned()))
            }
            (OpCode::Data(Data::Text | Data::Binary), Some(_)) => {
                Err(bad("a message begins in the middle of another one".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Takes a frame, which stands at `place`; the message that ends with it.
    fn take(&mut self, head: &Head, place: Range<usize>, payload: &[u8]) -> Result<Option<(bool, Body)>, Fault> {
        match head.opcode {
            OpCode::Control(kind) => self.take_control(kind, payload).map(|()| None),
            OpCode::Data(kind) if head.is_final && self.fragments.is_none() => {
                Ok(Some((kind == Data::Text, Body::Whole(place))))
            }
            OpCode::Data(kind) => self.take_fragment(kind, payload, head.is_final),
        }
    }

    fn take_fragment(&mut self, kind: Data, payload: &[u8], is_final: bool) -> Result<Option<(bool, Body)>, Fault> {
        let mut fragments = self.fragments.take().unwrap_or_else(|| Fragments {
            is_text: kind == Data::Text,
            body: Vec::new(),
        });
        if payload.len() > LARGEST - fragments.body.len() {
            return Err(too_long());
        }
        fragments.body.extend_from_slice(payload);
        if is_final {
            return Ok(Some((fragments.is_text, Body::Fragments(fragments.body))));
        }
        self.fragments = Some(fragments);
        Ok(None)
    }

    fn take_control(&mut self, kind: Control, payload: &[u8]) -> Result<(), Fault> {
        match kind {
            Control::Ping => self.pings.push(payload.to_vec()),
            Control::Close => {
                let goodbye = Goodbye::read(payload)?;
                // The code again, as is usual (section 5.5.1).
                self.close = Some(payload.get(..2).unwrap_or_default().to_vec());
                return Err(goodbye.fault());
            }
            // Nobody asked for it, which is allowed (section 5.5.3).
            _ => {}
        }
        Ok(())
    }
}

/// What a close frame says (section 5.5.1).
struct Goodbye<'a> {
    code: Option<u16>,
    reason: &'a str,
}

impl Goodbye<'_> {
    fn read(payload: &[u8]) -> Result<Goodbye<'_>, Fault> {
        let Some((code, reason)) = payload.split_first_chunk::<2>() else {
            return match payload.len() {
                0 => Ok(Goodbye { code: None, reason: "" }),
                _ => Err(bad("a close frame of 1 byte, where a code takes 2".to_owned())),
            };
        };
        let code = u16::from_be_bytes(*code);
        if !CloseCode::from(code).is_allowed() {
            return Err(bad(format!("a close frame with the code {code}, which none may have")));
        }
        match std::str::from_utf8(reason) {
            Ok(reason) => Ok(Goodbye {
                code: Some(code),
                reason,
            }),
            Err(_) => Err(bad(format!(
                "a close frame with the code {code}, whose reason is no UTF-8"
            ))),
        }
    }

    /// The server has ended the connection, in its own words.
    fn fault(&self) -> Fault {
        let detail = match (self.code, self.reason) {
            (None, _) => "the server closed, with a close frame without a code".to_owned(),
            (Some(code), "") => format!("the server closed with the code {code}{}", meaning(code)),
            (Some(code), reason) => format!(
                "the server closed with the code {code}{} and said {reason:?}",
                meaning(code)
            ),
        };
        Fault {
            class: ErrorClass::ClosedEarly,
            detail,
        }
    }
}

/// Of RFC 6455, section 7.4.1, and the registry of the IANA.
fn meaning(code: u16) -> &'static str {
    match code {
        1000 => " (normal)",
        1001 => " (going away)",
        1002 => " (protocol error)",
        1003 => " (data it does not take)",
        1007 => " (data unlike its kind)",
        1008 => " (against its policy)",
        1009 => " (too long a message)",
        1011 => " (an error of its own)",
        1012 => " (restarting)",
        1013 => " (try again later)",
        _ => "",
    }
}

#[cold]
fn too_long() -> Fault {
    bad(format!(
        "a message is longer than {LARGEST} bytes, the most that is taken"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small frames of a server, each by the byte that it begins with.
    fn frames(frames: &[(u8, &str)]) -> Vec<u8> {
        let frame = |(first, text): &(u8, &str)| [&[*first, text.len() as u8], text.as_bytes()].concat();
        frames.iter().flat_map(frame).collect()
    }

    fn read(bytes: &[u8]) -> Result<Option<Message>, Fault> {
        Reader::default().message(bytes)
    }

    #[test]
    fn a_message_is_the_same_in_one_frame_and_in_fragments() {
        for (sent, is_text) in [
            (&[(0x82, "abc")][..], false),
            (&[(0x81, "abc")], true),
            (&[(0x02, "a"), (0x80, "bc")], false),
            (&[(0x01, ""), (0x00, "ab"), (0x00, ""), (0x80, "c")], true),
            (&[(0x02, "a"), (0x89, "ping"), (0x8a, ""), (0x80, "bc")], false),
        ] {
            let mut bytes = frames(sent);
            let length = bytes.len();
            bytes.extend_from_slice(b"next");
            let message = read(&bytes).unwrap().unwrap();
            assert_eq!((message.is_text, message.consumed), (is_text, length), "{sent:?}");
            assert_eq!(message.body(&bytes), b"abc", "{sent:?}");
            for cut in 0..length {
                assert_eq!(read(&bytes[..cut]).unwrap(), None, "{cut} bytes of {sent:?}");
            }
        }
    }

    #[test]
    fn pings_are_kept_in_their_order_and_told_once() {
        let bytes = frames(&[(0x89, "a"), (0x02, "x"), (0x89, "b"), (0x80, "y")]);
        let mut reader = Reader::default();
        for cut in 0..=bytes.len() {
            let message = reader.message(&bytes[..cut]).unwrap();
            assert_eq!(message.is_some(), cut == bytes.len());
        }
        assert_eq!(reader.pings(), [b"a".to_vec(), b"b".to_vec()]);
        assert!(reader.pings().is_empty());
    }

    #[test]
    fn control_frames_settle_where_no_message_has_begun() {
        let bytes = frames(&[(0x89, "a"), (0x8a, "b"), (0x02, "x")]);
        let mut reader = Reader::default();
        assert_eq!(reader.message(&bytes[..7]).unwrap(), None);
        assert_eq!(reader.settled(), 6);
        assert_eq!(reader.message(&bytes[6..]).unwrap(), None);
        assert_eq!(reader.settled(), 0, "a message has begun");
    }

    #[test]
    fn fragments_keep_their_order() {
        for (sent, word) in [
            (&[(0x80, "a")][..], "none began"),
            (&[(0x00, "a")], "none began"),
            (&[(0x02, "a"), (0x82, "b")], "in the middle"),
            (&[(0x01, "a"), (0x01, "b")], "in the middle"),
        ] {
            let fault = read(&frames(sent)).unwrap_err();
            assert_eq!(fault.class, ErrorClass::BadFrame);
            assert!(fault.detail.contains(word), "{sent:?}: {}", fault.detail);
        }
    }

    #[test]
    fn a_close_frame_says_why() {
        for (payload, class, words) in [
            (&b""[..], ErrorClass::ClosedEarly, "without a code"),
            (b"\x03\xe8", ErrorClass::ClosedEarly, "code 1000 (normal)"),
            (
                b"\x03\xe9bye",
                ErrorClass::ClosedEarly,
                "1001 (going away) and said \"bye\"",
            ),
            (b"\x0f\xa0no\n", ErrorClass::ClosedEarly, "4000 and said \"no\\n\""),
            (b"\x03", ErrorClass::BadFrame, "1 byte"),
            (b"\x03\xed", ErrorClass::BadFrame, "1005"),
            (b"\0\0", ErrorClass::BadFrame, "code 0"),
            (b"\x03\xe8\xff", ErrorClass::BadFrame, "UTF-8"),
        ] {
            let bytes = [&[0x88, payload.len() as u8], payload].concat();
            let mut reader = Reader::default();
            let fault = reader.message(&bytes).unwrap_err();
            assert_eq!(fault.class, class, "{payload:?}");
            assert!(fault.detail.contains(words), "{}", fault.detail);
            let answer = (class == ErrorClass::ClosedEarly).then(|| payload.get(..2).unwrap_or_default());
            assert_eq!(reader.close(), answer);
        }
    }

    #[test]
    fn a_message_has_an_end_however_it_is_cut() {
        let mut reader = Reader::default();
        let half = LARGEST / 2 + 1;
        let frame = |first: u8| {
            let mut frame = vec![first, 127];
            frame.extend((half as u64).to_be_bytes());
            frame.resize(frame.len() + half, 0);
            frame
        };
        let bytes = [frame(0x02), frame(0x80)].concat();
        let fault = reader.message(&bytes).unwrap_err();
        assert!(fault.detail.contains("longer than"), "{}", fault.detail);
        let empty = [&[0x02, 0][..], &[0x00, 0].repeat(LARGEST)].concat();
        assert!(read(&empty).is_err(), "fragments of nothing, without an end");
    }
}
