//! A second reader of the frames of WebSockets, for the fuzz targets: RFC 6455,
//! 5.2 to 5.5.

/// How long a frame and a message may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub frame: usize,
    pub message: usize,
}

/// How it ends for one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Without a word.
    Gone,
    /// With a Close of this code, if it has one.
    Closed(Option<u16>),
    /// By a frame that cannot be, with one of these codes.
    Refused(Vec<u16>),
}

/// What one side hears of the other.
#[derive(Debug)]
pub struct Heard {
    /// Whether each is a text.
    pub messages: Vec<(bool, Vec<u8>)>,
    pub pings: Vec<Vec<u8>>,
    pub pongs: Vec<Vec<u8>>,
    pub ended: Ended,
}

const PROTOCOL: u16 = 1002;
const NO_TEXT: u16 = 1007;
const TOO_LONG: u16 = 1009;

struct Frame<'a> {
    first: u8,
    mask: Option<[u8; 4]>,
    length: u64,
    /// As much of it as there is.
    payload: &'a [u8],
}

impl Frame<'_> {
    fn is_last(&self) -> bool {
        self.first & 0x80 != 0
    }

    fn opcode(&self) -> u8 {
        self.first & 0xf
    }

    fn is_control(&self) -> bool {
        self.opcode() & 8 != 0
    }

    fn is_whole(&self) -> bool {
        self.payload.len() as u64 == self.length
    }

    fn plain(&self) -> Vec<u8> {
        let mask = self.mask.unwrap_or_default();
        self.payload
            .iter()
            .zip(mask.into_iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect()
    }

    /// What is wrong with its head, for whoever has or has not begun a message.
    fn faults(&self, within: bool, limit: usize, masked: bool) -> Vec<u16> {
        let (opcode, is_control) = (self.opcode(), self.is_control());
        let is_out_of_place = !is_control && (opcode == 0) != within;
        let is_bad_control = is_control && (!self.is_last() || self.length > 125);
        let is_bad = self.first & 0x70 != 0
            || !matches!(opcode, 0..=2 | 8..=10)
            || is_out_of_place
            || is_bad_control
            || self.mask.is_some() != masked;
        named([(PROTOCOL, is_bad), (TOO_LONG, self.length > limit as u64)])
    }
}

/// The first frame, with what follows it, if its head is there.
fn split(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match second & 0x7f {
        126 => rest
            .split_first_chunk()
            .map(|(length, rest)| (u64::from(u16::from_be_bytes(*length)), rest))?,
        127 => rest
            .split_first_chunk()
            .map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
        length => (u64::from(length), rest),
    };
    let (mask, rest) = match second & 0x80 {
        0 => (None, rest),
        _ => rest.split_first_chunk().map(|(mask, rest)| (Some(*mask), rest))?,
    };
    let (payload, rest) = rest.split_at(length.min(rest.len() as u64) as usize);
    let frame = Frame {
        first,
        mask,
        length,
        payload,
    };
    Some((frame, rest))
}

impl Heard {
    fn new() -> Heard {
        Heard {
            messages: Vec::new(),
            pings: Vec::new(),
            pongs: Vec::new(),
            ended: Ended::Gone,
        }
    }

    /// Of a client.
    pub fn read(bytes: &[u8], limits: Limits) -> Heard {
        let mut heard = Heard::new();
        heard.ended = heard.all(bytes, limits, true).unwrap_or(Ended::Gone);
        heard
    }

    /// Of a server, which keeps to the rules and says a Close at the end.
    pub fn of_server(bytes: &[u8]) -> Heard {
        let limits = Limits {
            frame: usize::MAX,
            message: usize::MAX,
        };
        let mut heard = Heard::new();
        heard.ended = heard.all(bytes, limits, false).expect("an end");
        assert!(!matches!(heard.ended, Ended::Refused(_)), "{:?}", heard.ended);
        heard
    }

    /// `None` if it ends within something or without an end.
    fn all(&mut self, mut bytes: &[u8], limits: Limits, masked: bool) -> Option<Ended> {
        let mut message: Option<(bool, Vec<u8>)> = None;
        loop {
            let (frame, rest) = split(bytes)?;
            bytes = rest;
            let faults = frame.faults(message.is_some(), limits.frame, masked);
            let payload = frame.plain();
            if !faults.is_empty() {
                return refused(faults, &frame);
            }
            if frame.is_control() {
                if let Some(ended) = self.control(&frame, payload)? {
                    return Some(ended);
                }
                continue;
            }
            let (is_text, content) = message.get_or_insert((frame.opcode() == 1, Vec::new()));
            content.extend(payload);
            let is_last = frame.is_last() && frame.is_whole();
            let faults = content_faults(*is_text, content, is_last, limits.message);
            if !faults.is_empty() {
                return refused(faults, &frame);
            }
            if !frame.is_whole() {
                return None;
            }
            if frame.is_last() {
                self.messages.extend(message.take());
            }
        }
    }

    fn control(&mut self, frame: &Frame<'_>, payload: Vec<u8>) -> Option<Option<Ended>> {
        if !frame.is_whole() {
            return None;
        }
        match frame.opcode() {
            9 => self.pings.push(payload),
            10 => self.pongs.push(payload),
            _ => return Some(Some(close(&payload))),
        }
        Some(None)
    }
}

/// Whoever has not seen all of a frame may yet wait for the rest.
fn refused(mut codes: Vec<u16>, frame: &Frame<'_>) -> Option<Ended> {
    if !frame.is_whole() {
        codes.push(1000);
    }
    Some(Ended::Refused(codes))
}

/// What is wrong with a message so far.
fn content_faults(is_text: bool, content: &[u8], is_last: bool, limit: usize) -> Vec<u16> {
    // The rest of a letter may come.
    let is_cut = |err: std::str::Utf8Error| !is_last && err.error_len().is_none();
    let is_no_text = is_text && std::str::from_utf8(content).is_err_and(|err| !is_cut(err));
    let faults = [(TOO_LONG, content.len() > limit), (NO_TEXT, is_no_text)];
    named(faults)
}

fn named(faults: [(u16, bool); 2]) -> Vec<u16> {
    faults
        .into_iter()
        .filter(|(_, is_there)| *is_there)
        .map(|(code, _)| code)
        .collect()
}

/// 5.5.1 and 7.4: what is answered with the same code, and what is none. Of the
/// codes that were registered later, 1014 is not known.
fn close(payload: &[u8]) -> Ended {
    match payload {
        [] => Ended::Closed(None),
        [_] => Ended::Refused(vec![PROTOCOL]),
        [high, low, reason @ ..] => match (u16::from_be_bytes([*high, *low]), std::str::from_utf8(reason)) {
            (code @ (1000..=1003 | 1007..=1013 | 3000..=4999), Ok(_)) => Ended::Closed(Some(code)),
            (1000..=1003 | 1007..=1013 | 3000..=4999, Err(_)) => Ended::Refused(vec![PROTOCOL, NO_TEXT]),
            (_, Ok(_)) => Ended::Refused(vec![PROTOCOL]),
            (_, Err(_)) => Ended::Refused(vec![PROTOCOL, NO_TEXT]),
        },
    }
}
