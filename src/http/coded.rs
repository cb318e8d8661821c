//! An answer whose body is coded.

use std::io::{self, Write};

use ::http::header::CONTENT_LENGTH;

use super::body_coding::{Outline, Step};
use super::outbox::Outbox;
use super::reply::Length;
use super::response::{Response, Stage};
use crate::handler::Transport;

/// A body up to this size is coded before its head leaves: then its length is
/// known, and that it goes as it is where coding makes it no smaller.
const WHOLE: usize = 64 * 1024;

/// A coded piece up to this size goes out together with what follows it.
const COPIED: usize = 16 * 1024;

impl Response<'_> {
    /// Whether the body is coded, which is as long as `size` says if that is
    /// known. To be asked once, when the head is to leave.
    pub(super) fn is_coded(&mut self, size: Option<u64>) -> bool {
        let outline = Outline {
            status: self.status,
            version: self.asked.version,
            size,
        };
        match &mut self.coding {
            Some(coding) if !self.asked.is_connect => coding.begin(outline, self.headers),
            _ => false,
        }
    }

    /// Sends a body of `size` bytes coded. It may be missing behind a `HEAD`.
    #[inline(never)]
    pub(super) fn send_coded(&mut self, body: &[u8], size: u64) -> io::Result<()> {
        if body.len() as u64 != size {
            // How long it would be nobody knows who has not coded it.
            self.tell_coding();
            return self.send_plain(&[], Length::Absent);
        }
        if body.len() > WHOLE {
            self.begin_coded(Some(size));
            self.pass_on(body, Step::More)?;
            return self.finish();
        }
        let coded = self.code_whole(body)?;
        match &self.coding {
            Some(coding) if coded.len() >= body.len() && coding.may_be_plain() => {
                self.send_plain(body, Length::Known(size))
            }
            _ => {
                self.tell_coding();
                self.send_plain(&coded, Length::Known(coded.len() as u64))
            }
        }
    }

    fn code_whole(&mut self, body: &[u8]) -> io::Result<Vec<u8>> {
        let mut coded = Vec::with_capacity(body.len() / 2);
        if let Some(coding) = &mut self.coding {
            coding.code(body, Step::End, &mut |piece| {
                coded.extend_from_slice(piece);
                Ok(())
            })?;
            coding.end();
        }
        Ok(coded)
    }

    fn tell_coding(&mut self) {
        if let Some(coding) = &self.coding {
            coding.tell(self.headers);
        }
        // It is of the body as the handler makes it.
        self.headers.remove(CONTENT_LENGTH);
    }

    /// The head of a body that is coded while it is made. `stated` is the
    /// length that the handler has promised.
    pub(super) fn begin_coded(&mut self, stated: Option<u64>) {
        self.tell_coding();
        self.write_head(Length::Chunked);
        self.stage = match self.asked.is_head {
            true => Stage::Bodiless,
            false => Stage::Coded(stated),
        };
    }

    /// Codes what was collected, and `more` behind it, and sends what comes out.
    /// `left` is what is missing to the length that the handler has promised.
    pub(super) fn pass_coded(&mut self, left: Option<u64>, more: &[u8], step: Step) -> io::Result<()> {
        let count = (self.collected.len() + more.len()) as u64;
        if let Some(left) = left {
            let still = left.checked_sub(count).ok_or_else(|| too_much(count - left))?;
            self.stage = Stage::Coded(Some(still));
        }
        let Response {
            coding,
            collected,
            outbox,
            link,
            ..
        } = self;
        let Some(coding) = coding else {
            return Err(io::Error::other("the coding of the answer is gone"));
        };
        let mut sink = |coded: &[u8]| send_chunk(outbox, link.transport, coded, step);
        let coded = coding
            .code(collected, Step::More, &mut sink)
            .and_then(|()| coding.code(more, step, &mut sink));
        collected.clear();
        coded
    }

    /// The end of a coded body. One that is shorter than was promised gets none.
    pub(super) fn end_coded(&mut self, left: Option<u64>) -> io::Result<()> {
        self.pass_coded(left, &[], Step::More)?;
        if let Stage::Coded(Some(left @ 1..)) = self.stage {
            return Err(too_little(left));
        }
        self.pass_coded(None, &[], Step::End)?;
        if let Some(coding) = &mut self.coding {
            coding.end();
        }
        Ok(())
    }
}

fn send_chunk(outbox: &mut Outbox, transport: &dyn Transport, coded: &[u8], step: Step) -> io::Result<()> {
    write!(outbox.ready, "{:x}\r\n", coded.len())?;
    if step == Step::End && coded.len() <= COPIED {
        outbox.ready.extend_from_slice(coded);
        outbox.ready.extend_from_slice(b"\r\n");
        return Ok(());
    }
    outbox.send(transport, &[coded, b"\r\n"])
}

/// A handler has written more than the length it has set.
pub(super) fn too_much(bytes: u64) -> io::Error {
    io::Error::other(format!(
        "more was written than the answer's Content-Length, by {bytes} bytes"
    ))
}

/// A handler has ended before the length it has set.
pub(super) fn too_little(bytes: u64) -> io::Error {
    io::Error::other(format!("the answer ended {bytes} bytes before its Content-Length"))
}
