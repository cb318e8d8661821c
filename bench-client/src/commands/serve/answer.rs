//! One answer on its way out.

/// What is sent for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// All of it.
    pub(crate) bytes: Vec<u8>,
    /// Where the message begins, behind what frames it.
    pub(crate) body: usize,
    /// Whether the connection ends with it.
    pub(crate) last: bool,
}

impl Answer {
    /// A message without a frame.
    pub(crate) fn plain(message: Vec<u8>) -> Answer {
        Answer {
            bytes: message,
            body: 0,
            last: false,
        }
    }

    /// Bytes of the message.
    pub(crate) fn length(&self) -> u64 {
        (self.bytes.len() - self.body) as u64
    }

    /// Flips a bit in the middle of the message.
    pub(crate) fn corrupt(&mut self) {
        let middle = self.middle();
        if let Some(byte) = self.bytes.get_mut(middle) {
            *byte ^= 0x80;
        }
    }

    /// Everything before the middle of the message.
    pub(crate) fn first_half(&self) -> &[u8] {
        &self.bytes[..self.middle()]
    }

    fn middle(&self) -> usize {
        self.body + (self.bytes.len() - self.body) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_befall_the_message_and_not_its_frame() {
        let mut answer = Answer {
            bytes: b"head:abcd".to_vec(),
            body: 5,
            last: false,
        };
        assert_eq!(answer.length(), 4);
        assert_eq!(answer.first_half(), b"head:ab");
        answer.corrupt();
        assert_eq!(answer.bytes, b"head:ab\xe3d");
    }
}
