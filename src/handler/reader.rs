//! `rfile`: a buffer that is there for who reads, as large as what arrives.

use std::fmt;
use std::io::{self, BufRead, Read};

use super::Wire;

/// The first buffer in bytes: a common message, and small beside a coroutine.
const FIRST: usize = 512;
/// How many times larger the next one is: three steps from the first to 8 KiB.
const GROWTH: usize = 4;
/// Reads in a row that the first buffer would have held before it is taken
/// again: one small message among large ones is no reason.
const SMALL_READS: u8 = 16;

/// Reads a connection through a buffer: the `rfile` of a
/// [`StreamHandler`](super::StreamHandler).
///
/// It reads as [`std::io::BufReader`] does, use [`BufRead`] on it, but a
/// client costs the memory it has use for: nothing until the first read, then
/// 512 bytes, and four times that whenever a read filled all there was, up to
/// [`rbufsize`](super::StreamOptions::rbufsize). After sixteen reads in a row
/// that 512 bytes would have held, it is that again. A read into a slice that
/// is no smaller than the buffer goes past it.
///
/// Each call is one operation, however often it reads the connection:
/// [`timeout`](super::StreamOptions::timeout), or
/// [`Stream::set_timeout`](crate::net::Stream::set_timeout), bounds a `read_line`, `read_until`, `read_exact`,
/// `read_to_end` or a line of `lines()` as a whole. What came before it ended
/// is in the string or vector that was given, and the next call goes on.
///
/// ```
/// use greenserve::net::SystemStream;
/// use greenserve::{Failure, StreamHandler, StreamRequest, Tcp, each_stream, testing::TestServer};
/// use std::io::{BufRead, Read, Write};
///
/// struct Greeting;
///
/// impl<S: SystemStream> StreamHandler<S> for Greeting {
///     fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
///         assert_eq!(client.rfile.capacity(), 0);
///         let mut name = String::new();
///         client.rfile.read_line(&mut name)?;
///         assert_eq!(client.rfile.capacity(), 512);
///         Ok(write!(client.wfile, "Hello {name}")?)
///     }
/// }
///
/// let server = TestServer::<Tcp>::start(each_stream(|| Greeting))?;
/// let mut client = server.connect()?;
/// client.write_all(b"world\n")?;
/// let mut heard = String::new();
/// client.read_to_string(&mut heard)?;
/// assert_eq!(heard, "Hello world\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reader<S: Wire> {
    stream: S::Connection,
    ahead: Ahead,
}

impl<S: Wire> Reader<S> {
    /// Reads `stream` through at most `most` bytes. With 0 nothing is read
    /// ahead: a buffer without room would look like the end of the stream, so
    /// it holds the one byte that [`BufRead`] has asked for.
    pub(super) fn new(stream: S::Connection, most: usize) -> Self {
        Reader {
            stream,
            ahead: Ahead::new(most.max(1)),
        }
    }

    /// The connection. Bytes that are read from it directly are missing here,
    /// and those in [`buffer`](Reader::buffer) are missing there.
    pub fn get_ref(&self) -> &S::Connection {
        &self.stream
    }

    /// As [`get_ref`](Reader::get_ref), to be changed.
    pub fn get_mut(&mut self) -> &mut S::Connection {
        &mut self.stream
    }

    /// What was read ahead and not asked for yet; never reads.
    pub fn buffer(&self) -> &[u8] {
        self.ahead.unread()
    }

    /// The present size of the buffer in bytes: 0 before the first read, at
    /// most [`rbufsize`](super::StreamOptions::rbufsize) (1 if that is 0).
    pub fn capacity(&self) -> usize {
        self.ahead.bytes.len()
    }

    /// What a call reads through, however often it reads.
    fn operation(&mut self) -> Buffered<'_, impl Read> {
        Buffered {
            source: S::reading(&self.stream),
            ahead: &mut self.ahead,
        }
    }
}

impl<S: Wire> fmt::Debug for Reader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("stream", self.get_ref())
            .field("unread", &self.buffer().len())
            .field("capacity", &self.capacity())
            .finish()
    }
}

impl<S: Wire> Read for Reader<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.operation().read(into)
    }

    fn read_exact(&mut self, into: &mut [u8]) -> io::Result<()> {
        self.operation().read_exact(into)
    }

    fn read_to_end(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        self.operation().read_to_end(into)
    }

    fn read_to_string(&mut self, into: &mut String) -> io::Result<usize> {
        self.operation().read_to_string(into)
    }
}

impl<S: Wire> BufRead for Reader<S> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let Reader { stream, ahead } = self;
        ahead.filled(&mut S::reading(stream))
    }

    fn consume(&mut self, count: usize) {
        self.ahead.consume(count);
    }

    fn read_until(&mut self, last: u8, into: &mut Vec<u8>) -> io::Result<usize> {
        self.operation().read_until(last, into)
    }

    fn skip_until(&mut self, last: u8) -> io::Result<usize> {
        self.operation().skip_until(last)
    }

    fn read_line(&mut self, into: &mut String) -> io::Result<usize> {
        self.operation().read_line(into)
    }
}

/// A source with what was read ahead of it.
struct Buffered<'a, R> {
    source: R,
    ahead: &'a mut Ahead,
}

impl<R: Read> Read for Buffered<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        if self.ahead.unread().is_empty() && into.len() >= self.ahead.next_size {
            let count = self.source.read(into)?;
            self.ahead.learn(count, into.len());
            return Ok(count);
        }
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }

    fn read_to_end(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let unread = self.ahead.unread();
        let count = unread.len();
        into.extend_from_slice(unread);
        self.consume(count);
        Ok(count + self.source.read_to_end(into)?)
    }
}

impl<R: Read> BufRead for Buffered<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.ahead.filled(&mut self.source)
    }

    fn consume(&mut self, count: usize) {
        self.ahead.consume(count);
    }
}

/// The buffer, and what its size shall be.
struct Ahead {
    bytes: Box<[u8]>,
    begin: usize,
    end: usize,
    /// The size for the next read; until then `bytes` may have another one.
    next_size: usize,
    most: usize,
    small_reads: u8,
}

impl Ahead {
    fn new(most: usize) -> Ahead {
        Ahead {
            bytes: Box::default(),
            begin: 0,
            end: 0,
            next_size: FIRST.min(most),
            most,
            small_reads: 0,
        }
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.begin..self.end]
    }

    fn consume(&mut self, count: usize) {
        self.begin = self.end.min(self.begin.saturating_add(count));
    }

    /// What is unread; reads once if nothing is.
    fn filled(&mut self, source: &mut impl Read) -> io::Result<&[u8]> {
        if self.unread().is_empty() {
            self.fill(source)?;
        }
        Ok(self.unread())
    }

    /// Reads once; whatever was unread is gone.
    fn fill(&mut self, source: &mut impl Read) -> io::Result<()> {
        (self.begin, self.end) = (0, 0);
        if self.bytes.len() != self.next_size {
            self.bytes = vec![0; self.next_size].into_boxed_slice();
        }
        self.end = source.read(&mut self.bytes)?;
        self.learn(self.end, self.next_size);
        Ok(())
    }

    /// Chooses the next size, after a read of `count` bytes where `room` were
    /// asked for.
    fn learn(&mut self, count: usize, room: usize) {
        let is_small = count < room && count <= FIRST;
        self.small_reads = if is_small {
            self.small_reads.saturating_add(1)
        } else {
            0
        };
        if count == room {
            self.next_size = self.next_size.saturating_mul(GROWTH).min(self.most);
        } else if self.small_reads >= SMALL_READS {
            self.next_size = FIRST.min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Gives its bytes in pieces of these sizes, over and over, and counts.
    struct Pieces<'a> {
        bytes: &'a [u8],
        sizes: Vec<usize>,
        reads: usize,
    }

    impl<'a> Pieces<'a> {
        fn new(bytes: &'a [u8], sizes: &[usize]) -> Self {
            Pieces {
                bytes,
                sizes: sizes.to_vec(),
                reads: 0,
            }
        }
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let most = self.sizes[self.reads % self.sizes.len()].min(into.len());
            self.reads += 1;
            self.bytes.read(&mut into[..most])
        }
    }

    #[derive(Clone, Debug)]
    enum Call {
        Exactly(usize),
        Line,
        Peek,
        Rest,
    }

    fn calls() -> impl Strategy<Value = Vec<Call>> {
        let call = prop_oneof![
            (0..3000_usize).prop_map(Call::Exactly),
            Just(Call::Line),
            Just(Call::Peek),
            Just(Call::Rest),
        ];
        vec(call, 0..30)
    }

    /// What a caller gets, whatever the size of the buffer.
    fn outcome(reader: &mut impl BufRead, call: &Call) -> (Vec<u8>, bool) {
        let mut got = Vec::new();
        let done = match call {
            Call::Exactly(count) => {
                got.resize(*count, 0);
                reader.read_exact(&mut got).is_ok()
            }
            Call::Line => reader.read_until(b'\n', &mut got).is_ok(),
            Call::Peek => {
                let first = reader.fill_buf().unwrap().first().copied();
                got.extend(first);
                reader.consume(got.len());
                first.is_some()
            }
            Call::Rest => reader.read_to_end(&mut got).is_ok(),
        };
        // How much of it is there after a failure is nobody's promise.
        (if done { got } else { Vec::new() }, done)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn it_reads_as_bufreader_does(
            bytes in vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..6_000),
            sizes in vec(1..3000_usize, 1..10),
            most in 1..5_000_usize,
            calls in calls(),
        ) {
            let mut ahead = Ahead::new(most);
            let mut ours = Buffered { source: Pieces::new(&bytes, &sizes), ahead: &mut ahead };
            let mut theirs = BufReader::with_capacity(most, Pieces::new(&bytes, &sizes));
            for call in &calls {
                let (ours, theirs) = (outcome(&mut ours, call), outcome(&mut theirs, call));
                prop_assert_eq!(ours, theirs, "{:?}", call);
            }
            prop_assert!(ours.ahead.bytes.len() <= most);
        }
    }

    fn through<'a>(bytes: &'a [u8], piece: usize, ahead: &'a mut Ahead) -> Buffered<'a, Pieces<'a>> {
        Buffered {
            source: Pieces::new(bytes, &[piece]),
            ahead,
        }
    }

    #[test]
    fn small_messages_take_one_read_each() {
        let (bytes, mut ahead) = ([b'x'; 64 * 100], Ahead::new(8192));
        let mut ours = through(&bytes, 64, &mut ahead);
        for _ in 0..100 {
            ours.read_exact(&mut [0; 64]).unwrap();
        }
        assert_eq!(ours.source.reads, 100);
    }

    #[test]
    fn a_flood_in_small_slices_takes_two_reads_more_than_bufreader() {
        let (bytes, mut ahead) = (vec![b'x'; 1 << 20], Ahead::new(8192));
        let mut ours = through(&bytes, usize::MAX, &mut ahead);
        let mut theirs = BufReader::with_capacity(8192, Pieces::new(&bytes, &[usize::MAX]));
        for _ in 0..1 << 10 {
            ours.read_exact(&mut [0; 1024]).unwrap();
            theirs.read_exact(&mut [0; 1024]).unwrap();
        }
        let (ours, theirs) = (ours.source.reads, theirs.get_ref().reads);
        assert!(ours <= theirs + 2, "{ours} reads, {theirs} of BufReader");
    }

    #[test]
    fn a_large_slice_goes_past_the_buffer() {
        let (bytes, mut ahead) = ([b'x'; 600], Ahead::new(8192));
        let mut ours = through(&bytes, 600, &mut ahead);
        assert_eq!(ours.read(&mut [0; 1024]).unwrap(), 600);
        assert_eq!(ours.ahead.bytes.len(), 0);
    }
}
