//! Where the bytes of a body come from, and by when.

use std::io;
use std::time::{Duration, Instant};

use super::due::Due;
use super::inbox::Inbox;
use super::link::Link;
use super::refusal::Refusal;
use crate::error::WaitError;
use crate::net::{MinimumRate, Overdue};

/// The connection, behind what has been read of it already.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) link: &'a Link<'a>,
    pub(super) inbox: &'a mut Inbox,
    rate: Option<MinimumRate>,
    /// How long the client has been waited for: what its handler does
    /// meanwhile is no fault of the client.
    waited: Duration,
    due: Due,
    /// It gave what it should not, or nothing, and is not asked again.
    pub(super) broken: Option<Refusal>,
}

impl<'a> Source<'a> {
    pub(super) fn new(link: &'a Link<'a>, inbox: &'a mut Inbox, rate: Option<MinimumRate>) -> Source<'a> {
        Source {
            link,
            inbox,
            rate,
            waited: Duration::ZERO,
            due: Due::new(Overdue::ReceiveRate),
            broken: None,
        }
    }

    /// Refuses the body, now and whenever it is asked for again.
    pub(super) fn breaks<T>(&mut self, refusal: Refusal, kind: io::ErrorKind) -> io::Result<T> {
        self.fails(refusal.clone());
        Err(refusal.into_io(kind))
    }

    /// Whoever answers in spite of it says `Connection: close`: what comes next
    /// cannot be told from the rest of the body.
    fn fails(&mut self, refusal: Refusal) {
        self.broken = Some(refusal);
        self.link.set_much_left(true);
    }

    /// Waits for more in the inbox, of a body of which so much has come.
    pub(super) fn fill(&mut self, taken: u64) -> io::Result<()> {
        let begun = self.begin_wait(taken)?;
        let transport = self.link.transport;
        let read = self.inbox.fill(|into| transport.read(into));
        self.came(read, begun).map(drop)
    }

    /// Waits for bytes that go past the inbox.
    pub(super) fn read(&mut self, into: &mut [u8], taken: u64) -> io::Result<usize> {
        let begun = self.begin_wait(taken)?;
        let read = self.link.transport.read(into);
        self.came(read, begun)
    }

    /// Sets by when the client must have sent more; returns the time of now if
    /// it must.
    fn begin_wait(&mut self, taken: u64) -> io::Result<Option<Instant>> {
        self.link.ask_for_body()?;
        let Some(rate) = self.rate else { return Ok(None) };
        let now = Instant::now();
        let left = Duration::from_nanos(rate.time_for(taken)).saturating_sub(self.waited);
        self.due.set(now.checked_add(left), self.link.transport);
        Ok(Some(now))
    }

    /// What a read of the connection has given, which must not be the end.
    fn came(&mut self, read: io::Result<usize>, begun: Option<Instant>) -> io::Result<usize> {
        if let Some(begun) = begun {
            self.waited += begun.elapsed();
            self.link.transport.set_read_deadline(None);
        }
        match read {
            Ok(0) => {
                let refusal = Refusal::bad_request("the connection ended within the body");
                self.breaks(refusal, io::ErrorKind::UnexpectedEof)
            }
            Ok(count) => Ok(count),
            Err(err) if WaitError::of(&err) == Some(WaitError::Deadline) => {
                let missed = self.due.missed(&err, self.link.context);
                let refusal = Refusal::late("the body came too slowly", missed);
                self.breaks(refusal, io::ErrorKind::TimedOut)
            }
            Err(err) => {
                self.fails(Refusal::bad_request("the connection failed within the body"));
                Err(err)
            }
        }
    }
}
