//! Messages of an echo over a connection.

use std::io::{self, Read, Write};

use super::answer::Answer;
use super::stream::Requests;

/// The most that one read brings.
const BUFFER: usize = 64 * 1024;

/// Reads messages of one size, or whatever comes at a time.
#[derive(Debug)]
pub(crate) struct Echo {
    buffer: Vec<u8>,
    sized: bool,
}

impl Echo {
    /// Messages of `size` bytes, or what one read brings.
    pub(crate) fn new(size: Option<usize>) -> Echo {
        Echo {
            buffer: vec![0; size.unwrap_or(BUFFER)],
            sized: size.is_some(),
        }
    }

    /// How much of the buffer a message fills.
    fn read_message(&mut self, client: &mut impl Read) -> io::Result<usize> {
        if !self.sized {
            return client.read(&mut self.buffer);
        }
        match client.read_exact(&mut self.buffer) {
            Ok(()) => Ok(self.buffer.len()),
            Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            Err(err) => Err(err),
        }
    }
}

impl Requests for Echo {
    fn next<C: Read + Write>(&mut self, client: &mut C) -> io::Result<Option<Answer>> {
        let count = self.read_message(client)?;
        Ok((count > 0).then(|| Answer::plain(self.buffer[..count].to_vec())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn messages_have_their_size_however_they_come() {
        let mut echo = Echo::new(Some(3));
        let mut client = Cursor::new(b"abcdefgh".to_vec());
        for message in ["abc", "def"] {
            let answer = echo.next(&mut client).unwrap();
            assert_eq!(answer, Some(Answer::plain(message.as_bytes().to_vec())));
        }
        // Less than a message is none.
        assert_eq!(echo.next(&mut client).unwrap(), None);
    }
}
