//! Frames (RFC 6455, section 5).

use std::io::Cursor;

use tungstenite::error::{Error, ProtocolError};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, OpCode};

use crate::base::random::mix;
use crate::base::taxonomy::{ErrorClass, Fault};
use crate::plan::origin::Origin;
use crate::plan::sizes::LARGEST;

/// Bytes in a control frame at most (section 5.5).
const LONGEST_CONTROL: u64 = 125;
/// Sets masks apart from what else is drawn from a seed.
const MASKS: u64 = 0x5753_6d61_736b_7321;

/// What stands before the payload of a frame from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) opcode: OpCode,
    /// Whether it is the only or the last one of its message.
    pub(super) is_final: bool,
    /// Bytes of the head.
    pub(super) length: usize,
    /// Bytes of the payload.
    pub(super) payload: usize,
}

/// The mask of the message of `origin` in the run of `seed`.
///
/// A mask is to be unpredictable, so that no page makes a browser write what a
/// proxy takes for a request (section 10.3). Here nobody else chooses what is
/// written, and a run can be repeated to the byte.
pub(crate) fn mask(seed: u64, origin: Origin) -> [u8; 4] {
    let connection = mix(seed ^ MASKS ^ u64::from(origin.connection));
    ((mix(connection ^ origin.sequence) >> 32) as u32).to_le_bytes()
}

/// Appends a frame of `length` bytes under `mask`, which `fill` appends unmasked.
pub(crate) fn append(opcode: OpCode, length: usize, mask: [u8; 4], out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let head = FrameHeader {
        opcode,
        mask: Some(mask),
        ..FrameHeader::default()
    };
    // Into memory, which takes all.
    let _ = head.format(length as u64, out);
    let begin = out.len();
    fill(out);
    apply(&mut out[begin..], mask);
}

/// Appends a control frame, whose `payload` is no longer than one may be.
pub(crate) fn control(kind: Control, payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    append(OpCode::Control(kind), payload.len(), mask, out, |out| {
        out.extend_from_slice(payload);
    });
}

/// Masks `bytes`, or takes the mask off again (section 5.3), eight of them at a
/// time.
fn apply(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// The head of the frame that `bytes` begin with, once all of it is there.
///
/// # Errors
/// What a server may not send.
pub(super) fn head(bytes: &[u8]) -> Result<Option<Head>, Fault> {
    let mut cursor = Cursor::new(bytes);
    let Some((header, payload)) = FrameHeader::parse(&mut cursor).map_err(|err| unreadable(&err))? else {
        return Ok(None);
    };
    let length = cursor.position() as usize;
    match offence(&header, payload, length) {
        Some(detail) => Err(bad(detail)),
        None => Ok(Some(Head {
            opcode: header.opcode,
            is_final: header.is_final,
            length,
            payload: payload as usize,
        })),
    }
}

/// What is wrong with a frame of this head, whose length is `length` and that
/// of its payload `payload`.
fn offence(header: &FrameHeader, payload: u64, length: usize) -> Option<String> {
    let is_control = matches!(header.opcode, OpCode::Control(_));
    if header.rsv1 || header.rsv2 || header.rsv3 {
        return Some("a frame has reserved bits, which are for extensions, and none was asked for".to_owned());
    }
    if header.mask.is_some() {
        return Some("the server masked a frame, which is for clients to do".to_owned());
    }
    if is_control && !header.is_final {
        return Some("a control frame is one fragment of several".to_owned());
    }
    if is_control && payload > LONGEST_CONTROL {
        return Some(format!(
            "a control frame of {payload} bytes; it has at most {LONGEST_CONTROL}"
        ));
    }
    if payload > LARGEST as u64 {
        return Some(format!(
            "a frame of {payload} bytes; the most that is taken is {LARGEST}"
        ));
    }
    (length != header.len(payload)).then(|| format!("a length of {payload} is written in more bytes than it takes"))
}

fn unreadable(err: &Error) -> Fault {
    bad(match err {
        Error::Protocol(ProtocolError::InvalidOpcode(code)) => format!("a frame has the reserved opcode {code:#x}"),
        other => format!("a frame cannot be read: {other}"),
    })
}

#[cold]
pub(super) fn bad(detail: String) -> Fault {
    Fault {
        class: ErrorClass::BadFrame,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tungstenite::protocol::frame::coding::Data;

    const BINARY: OpCode = OpCode::Data(Data::Binary);

    /// Of RFC 6455, section 5.7: a masked text of "Hello".
    #[test]
    fn a_frame_is_that_of_the_rfc() {
        let mut out = Vec::new();
        append(OpCode::Data(Data::Text), 5, [0x37, 0xfa, 0x21, 0x3d], &mut out, |out| {
            out.extend_from_slice(b"Hello");
        });
        assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn a_head_tells_what_follows() {
        for (bytes, length, payload) in [
            (&[0x82, 0][..], 2, 0),
            (&[0x82, 125], 2, 125),
            (&[0x82, 126, 0, 126], 4, 126),
            (&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], 10, 65_536),
        ] {
            let found = head(bytes).unwrap().unwrap();
            assert_eq!((found.opcode, found.is_final), (BINARY, true));
            assert_eq!((found.length, found.payload), (length, payload));
            for cut in 0..bytes.len() {
                assert_eq!(head(&bytes[..cut]).unwrap(), None, "{cut} of {bytes:?}");
            }
        }
        assert!(!head(&[0x02, 0]).unwrap().unwrap().is_final);
    }

    #[test]
    fn what_a_server_may_not_send_is_said() {
        for (bytes, word) in [
            (&[0x82 | 0x40, 0][..], "reserved bits"),
            (&[0x82 | 0x20, 0], "reserved bits"),
            (&[0x82 | 0x10, 0], "reserved bits"),
            (&[0x83, 0], "opcode 0x3"),
            (&[0x8b, 0], "opcode 0xb"),
            (&[0x82, 0x80, 1, 2, 3, 4], "masked"),
            (&[0x09, 0], "fragment"),
            (&[0x89, 126, 0, 126], "126 bytes; it has at most 125"),
            (&[0x82, 127, 0, 0, 0, 0, 1, 0, 0, 1], "16777217 bytes"),
            (&[0x82, 126, 0, 125], "125 is written in more bytes"),
            (&[0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255], "more bytes"),
        ] {
            let fault = head(bytes).unwrap_err();
            assert_eq!(fault.class, ErrorClass::BadFrame);
            assert!(fault.detail.contains(word), "{bytes:?}: {}", fault.detail);
        }
    }

    #[test]
    fn a_mask_is_of_its_message_and_its_run() {
        let origin = |connection, sequence| Origin { connection, sequence };
        let masks = [
            mask(1, origin(0, 0)),
            mask(1, origin(0, 1)),
            mask(1, origin(1, 0)),
            mask(2, origin(0, 0)),
        ];
        for (index, one) in masks.iter().enumerate() {
            assert!(!masks[..index].contains(one), "{masks:?}");
        }
        assert_eq!(mask(1, origin(0, 1)), masks[1]);
    }

    proptest! {
        /// As the RFC writes it: byte i with byte i modulo 4 of the mask.
        #[test]
        fn bytes_are_masked_as_one_by_one(bytes: Vec<u8>, mask: [u8; 4]) {
            let mut masked = bytes.clone();
            apply(&mut masked, mask);
            for (index, (masked, byte)) in masked.iter().zip(&bytes).enumerate() {
                prop_assert_eq!(*masked, byte ^ mask[index % 4]);
            }
        }
    }
}
