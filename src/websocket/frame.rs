//! Frames as they go out.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use tungstenite::Bytes;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use super::close::Close;
use super::message::Message;
use crate::handler::Transport;
use crate::net::Unfinished;

/// Frames that are given to one write at most.
pub(super) const TOGETHER: usize = 16;

impl Message {
    /// The one frame of this message.
    pub(super) fn to_frame(&self) -> io::Result<Bytes> {
        match self {
            Message::Text(text) => written(Frame::message(text.clone(), OpCode::Data(Data::Text), true)),
            Message::Binary(bytes) => written(Frame::message(bytes.clone(), OpCode::Data(Data::Binary), true)),
        }
    }
}

pub(super) fn ping() -> io::Result<Bytes> {
    written(Frame::ping(Bytes::new()))
}

pub(super) fn goodbye(close: &Close) -> io::Result<Bytes> {
    written(Frame::close(Some(close.to_frame())))
}

fn written(frame: Frame) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(frame.len());
    frame.format(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.into())
}

/// Frames on their way into a connection.
#[derive(Debug, Default)]
pub(super) struct Batch {
    frames: VecDeque<Bytes>,
    /// The first of them has been begun.
    is_in_the_middle: bool,
}

impl Batch {
    pub(super) fn push(&mut self, frame: Bytes) {
        self.frames.push_back(frame);
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.frames.iter().map(Bytes::len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Gives up all but the frame that was begun: its client could make nothing
    /// of what follows half a frame.
    pub(super) fn cut(&mut self) {
        self.frames.truncate(usize::from(self.is_in_the_middle));
    }

    /// Writes all. After an error it holds what has not been written.
    pub(super) fn write(&mut self, transport: &dyn Transport) -> io::Result<()> {
        // What encrypts may have kept something of a write that was ended.
        transport.flush()?;
        while !self.is_empty() {
            let mut slices = [IoSlice::new(&[]); TOGETHER];
            let count = self.frames.len().min(TOGETHER);
            for (slice, frame) in slices.iter_mut().zip(&self.frames) {
                *slice = IoSlice::new(frame);
            }
            match transport.write_vectored(&slices[..count]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.advance(count),
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => {
                    self.advance(Unfinished::of(&err).map_or(0, Unfinished::moved));
                    return Err(err);
                }
            }
        }
        transport.flush()
    }

    fn advance(&mut self, count: usize) {
        let mut left = count;
        while let Some(first) = self.frames.front_mut() {
            if left < first.len() {
                self.is_in_the_middle |= left > 0;
                let _ = first.split_to(left);
                return;
            }
            left -= first.len();
            self.frames.pop_front();
            self.is_in_the_middle = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_is_cut_keeps_what_was_begun() {
        let all = || {
            let mut batch = Batch::default();
            for text in ["abc", "defg", "hi"] {
                batch.push(Bytes::from_static(text.as_bytes()));
            }
            batch
        };
        for (count, left) in [
            (0, ""),
            (1, "bc"),
            (3, ""),
            (5, "fg"),
            (6, "g"),
            (7, ""),
            (8, "i"),
            (9, ""),
        ] {
            let mut batch = all();
            batch.advance(count);
            batch.cut();
            let rest: Vec<_> = batch.frames.iter().flat_map(|frame| frame.to_vec()).collect();
            assert_eq!(rest, left.as_bytes(), "{count}");
        }
    }
}
