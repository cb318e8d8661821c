//! A bound on a whole operation ends it, however its peer drags it out.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::fmt;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::TcpStream as StdTcpStream;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use common::{PATIENCE, alone_with, in_coroutine, in_thread};
use greenserve::net::{Stream, SystemStream, TcpStream, Unfinished, UnixStream};
use greenserve::testing::TestServer;
use greenserve::{
    Coroutine, Failure, Model, StreamHandler, StreamOptions, StreamRequest, TcpServer, Thread, WaitError, each_stream,
};

fn alone() -> MutexGuard<'static, ()> {
    alone_with(common::workers(2))
}

const LIMIT: Duration = Duration::from_millis(300);

/// More than the kernel takes off a writer's hands, and a slow reader in time.
const MUCH: usize = 32 << 20;

/// How long something may take that is to end after [`LIMIT`].
const LATE: Duration = Duration::from_secs(2);

/// A peer on a thread of its own, until this is dropped.
struct Peer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// Calls `turn` every `pause`, until it returns false.
    fn every(pause: Duration, mut turn: impl FnMut() -> bool + Send + 'static) -> Peer {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) && turn() {
                thread::sleep(pause);
            }
        });
        Peer {
            stop,
            thread: Some(thread),
        }
    }

    /// Reads 400 kB every 30 ms.
    fn reading_slowly(mut far: impl Read + Send + 'static) -> Peer {
        let mut room = vec![0; 400_000];
        Peer::every(Duration::from_millis(30), move || {
            far.read(&mut room).is_ok_and(|count| count > 0)
        })
    }

    /// Reads 400 kB every 30 ms, and as fast as it can after `begin`.
    fn reading_slowly_for(begin: Duration, mut far: impl Read + Send + 'static) -> Peer {
        let (mut room, began) = (vec![0; 400_000], Instant::now());
        Peer::every(Duration::ZERO, move || {
            if began.elapsed() < begin {
                thread::sleep(Duration::from_millis(30));
            }
            far.read(&mut room).is_ok_and(|count| count > 0)
        })
    }

    /// Sends one byte every 20 ms.
    fn sending_slowly(mut far: impl Write + Send + 'static) -> Peer {
        Peer::every(Duration::from_millis(20), move || far.write_all(b"x").is_ok())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))) || thread::panicking());
    }
}

/// Wants an operation to fail about [`LIMIT`] after its begin.
fn ends_in_time<T: std::fmt::Debug>(what: &str, operation: impl FnOnce() -> io::Result<T>) -> io::Error {
    let begin = Instant::now();
    let err = common::failure(operation());
    let took = begin.elapsed();
    assert_eq!(err.kind(), ErrorKind::TimedOut, "{what}: {err}");
    assert_eq!(WaitError::of(&err), Some(WaitError::Deadline), "{what}: {err}");
    assert!(took >= LIMIT - Duration::from_millis(5), "{what}: {took:?}");
    assert!(took < LATE, "{what}: {took:?}");
    err
}

/// Has `act` fail in time with [`StreamOptions::timeout`].
struct Bounded {
    case: Case,
    told: mpsc::Sender<()>,
}

type Act = fn(&mut StreamRequest<StdTcpStream>) -> io::Result<()>;

/// What a handler of files does, and how its client drags it out.
#[derive(Clone, Copy)]
struct Case {
    what: &'static str,
    wbufsize: usize,
    act: Act,
    peer: fn(StdTcpStream) -> Peer,
}

impl StreamHandler<StdTcpStream> for Bounded {
    fn options(&self) -> StreamOptions {
        StreamOptions {
            timeout: Some(LIMIT),
            wbufsize: self.case.wbufsize,
            ..StreamOptions::default()
        }
    }

    fn handle(&mut self, client: &mut StreamRequest<StdTcpStream>) -> Result<(), Failure> {
        ends_in_time(self.case.what, || (self.case.act)(client));
        self.told.send(()).unwrap();
        Ok(())
    }
}

fn is_bounded(case: Case) {
    fn check<M: Model>(case: Case, model: M) {
        let (told, done) = mpsc::channel();
        let handler = each_stream(move || Bounded {
            case,
            told: told.clone(),
        });
        let server = TestServer::build(TcpServer::builder(handler).model(model)).unwrap();
        let peer = (case.peer)(common::client(common::ip(server.address())));
        done.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{}", case.what));
        drop(peer);
    }
    check(case, Coroutine::new());
    check(case, Thread::new());
}

#[test]
fn a_write_of_wfile_is_bounded_as_a_whole() {
    let _alone = alone();
    is_bounded(Case {
        what: "write_all of wfile",
        wbufsize: 0,
        act: |client| client.wfile.write_all(&vec![0; MUCH]),
        peer: Peer::reading_slowly,
    });
}

#[test]
fn a_write_past_the_buffer_of_wfile_is_bounded_as_a_whole() {
    let _alone = alone();
    is_bounded(Case {
        what: "write_all past the buffer",
        wbufsize: 4096,
        act: |client| {
            client.wfile.write_all(b"collected")?;
            client.wfile.write_all(&vec![0; MUCH])
        },
        peer: Peer::reading_slowly,
    });
}

#[test]
fn a_flush_of_wfile_is_bounded_as_a_whole() {
    let _alone = alone();
    is_bounded(Case {
        what: "flush of wfile",
        wbufsize: 2 * MUCH,
        act: |client| {
            client.wfile.write_all(&vec![0; MUCH])?;
            client.wfile.flush()
        },
        peer: Peer::reading_slowly,
    });
}

#[test]
fn formatted_writes_of_wfile_are_bounded_as_a_whole() {
    let _alone = alone();
    is_bounded(Case {
        what: "write! to wfile",
        wbufsize: 0,
        act: |client| {
            let part = "x".repeat(MUCH / 64);
            for_each_of_64(&part, |args| client.wfile.write_fmt(args))
        },
        peer: Peer::reading_slowly,
    });
}

/// A text of 64 parts, each written by itself.
fn for_each_of_64(part: &str, write: impl FnOnce(fmt::Arguments<'_>) -> io::Result<()>) -> io::Result<()> {
    struct Parts<'a>(&'a str);
    impl fmt::Display for Parts<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (0..64).try_for_each(|_| f.write_str(self.0))
        }
    }
    write(format_args!("{}", Parts(part)))
}

#[test]
fn reads_of_rfile_are_bounded_as_a_whole() {
    let _alone = alone();
    let reads: [(&'static str, Act); 7] = [
        ("read_exact of rfile", |client| client.rfile.read_exact(&mut [0; 4096])),
        ("read_to_end of rfile", |client| {
            client.rfile.read_to_end(&mut Vec::new()).map(drop)
        }),
        ("read_to_string of rfile", |client| {
            client.rfile.read_to_string(&mut String::new()).map(drop)
        }),
        ("read_line of rfile", |client| {
            client.rfile.read_line(&mut String::new()).map(drop)
        }),
        ("read_until of rfile", |client| {
            client.rfile.read_until(b'.', &mut Vec::new()).map(drop)
        }),
        ("skip_until of rfile", |client| client.rfile.skip_until(b'.').map(drop)),
        ("lines() of rfile", |client| {
            client.rfile.by_ref().lines().next().unwrap().map(drop)
        }),
    ];
    for (what, act) in reads {
        is_bounded(Case {
            what,
            wbufsize: 0,
            act,
            peer: Peer::sending_slowly,
        });
    }
}

/// Has `check` look at a connection of each kind, in a coroutine and in a
/// thread.
fn everywhere(tcp: fn(TcpStream, StdTcpStream), unix: fn(UnixStream, StdUnixStream)) {
    let tcp = move || {
        let (near, far) = common::std_connection();
        far.set_write_timeout(None).unwrap();
        tcp(near.into(), far);
    };
    let unix = move || {
        let (near, far) = StdUnixStream::pair().unwrap();
        unix(near.into(), far);
    };
    in_coroutine(tcp);
    in_thread("TCP", tcp);
    in_coroutine(unix);
    in_thread("Unix", unix);
}

#[test]
fn a_write_all_is_bounded_as_a_whole_and_tells_how_far_it_came() {
    fn check<S: SystemStream>(mut near: Stream<S>, far: impl Read + Send + 'static) {
        let peer = Peer::reading_slowly(far);
        near.set_timeout(Some(LIMIT)).unwrap();
        let err = ends_in_time("write_all", || near.write_all(&vec![0; MUCH]));
        let written = Unfinished::of(&err).unwrap().moved();
        // 400 kB every 30 ms, and what the kernel holds.
        assert!((400_000..MUCH).contains(&written), "{written} bytes");
        assert!(err.to_string().contains(&written.to_string()), "{err}");
        drop(near);
        drop(peer);
    }
    let _alone = alone();
    everywhere(check, check);
}

#[test]
fn a_read_exact_is_bounded_as_a_whole_and_tells_how_far_it_came() {
    fn check<S: SystemStream>(mut near: Stream<S>, far: impl Write + Send + 'static) {
        let peer = Peer::sending_slowly(far);
        near.set_timeout(Some(LIMIT)).unwrap();
        let mut heard = [0; 4096];
        let err = ends_in_time("read_exact", || near.read_exact(&mut heard));
        let read = Unfinished::of(&err).unwrap().moved();
        assert!((1..=16).contains(&read), "{read} bytes");
        assert_eq!(&heard[..=read], [vec![b'x'; read], vec![0]].concat());
        drop(peer);
    }
    let _alone = alone();
    everywhere(check, check);
}

#[test]
fn every_operation_of_many_parts_is_bounded_as_a_whole() {
    fn check<S: SystemStream>(near: Stream<S>, far: impl Write + Send + 'static) {
        let peer = Peer::sending_slowly(far);
        near.set_timeout(Some(LIMIT)).unwrap();
        let shared = || &near;
        ends_in_time("read_to_end", || shared().read_to_end(&mut Vec::new()));
        ends_in_time("read_to_string", || shared().read_to_string(&mut String::new()));
        drop(near);
        drop(peer);
    }
    let _alone = alone();
    everywhere(check, check);
}

#[test]
fn formatted_writes_are_bounded_as_a_whole() {
    fn check<S: SystemStream>(near: Stream<S>, far: impl Read + Send + 'static) {
        let peer = Peer::reading_slowly(far);
        near.set_timeout(Some(LIMIT)).unwrap();
        let part = "x".repeat(MUCH / 64);
        ends_in_time("write!", || for_each_of_64(&part, |args| (&near).write_fmt(args)));
        drop(near);
        drop(peer);
    }
    let _alone = alone();
    everywhere(check, check);
}

/// A limit of std's bounds each wait: what goes on slowly goes on.
#[test]
fn a_read_timeout_bounds_each_wait_alone() {
    fn check<S: SystemStream>(mut near: Stream<S>, far: impl Write + Send + 'static) {
        let peer = Peer::sending_slowly(far);
        near.set_timeout(Some(Duration::from_millis(1))).unwrap();
        near.set_read_timeout(Some(LIMIT)).unwrap();
        let begin = Instant::now();
        near.read_exact(&mut [0; 20]).unwrap();
        assert!(begin.elapsed() > LIMIT, "{:?}", begin.elapsed());
        assert_eq!(near.read_timeout(), Some(LIMIT));
        assert_eq!(near.write_timeout(), Some(Duration::from_millis(1)));
        drop(peer);
    }
    let _alone = alone();
    everywhere(check, check);
}

#[test]
fn a_write_timeout_bounds_each_wait_alone() {
    fn check<S: SystemStream>(mut near: Stream<S>, far: impl Read + Send + 'static) {
        let peer = Peer::reading_slowly_for(2 * LIMIT, far);
        near.set_write_timeout(Some(LIMIT)).unwrap();
        let begin = Instant::now();
        near.write_all(&vec![0; MUCH]).unwrap();
        assert!(begin.elapsed() > LIMIT, "{:?}", begin.elapsed());
        drop(near);
        drop(peer);
    }
    let _alone = alone();
    everywhere(check, check);
}

#[test]
fn a_deadline_ends_all_that_comes_before_and_after_it() {
    fn check<S: SystemStream>(mut near: Stream<S>, far: impl Write + Send + 'static) {
        let peer = Peer::sending_slowly(far);
        near.set_deadline(Some(Instant::now() + LIMIT));
        // Many operations, none of which takes long.
        ends_in_time("reads until a deadline", || -> io::Result<()> {
            loop {
                near.read_exact(&mut [0])?;
            }
        });
        let refused = |result: io::Result<()>| assert_eq!(common::failure(result).kind(), ErrorKind::TimedOut);
        thread::sleep(Duration::from_millis(50));
        refused(near.read_exact(&mut [0]));
        refused(near.peek(&mut [0]).map(drop));
        refused(near.write_all(b"x"));
        near.set_write_deadline(None);
        near.write_all(b"x").unwrap();
        refused(near.read_exact(&mut [0]));
        near.set_read_deadline(Some(Instant::now() + PATIENCE));
        near.read_exact(&mut [0; 5]).unwrap();
        drop(peer);
    }
    let _alone = alone();
    everywhere(check, check);
}

#[test]
fn a_deadline_ends_a_write_that_waits() {
    fn check<S: SystemStream>(mut near: Stream<S>, far: impl Read + Send + 'static) {
        let peer = Peer::reading_slowly(far);
        near.set_write_timeout(Some(PATIENCE)).unwrap();
        near.set_write_deadline(Some(Instant::now() + LIMIT));
        let err = ends_in_time("write_all until a deadline", || near.write_all(&vec![0; MUCH]));
        assert!(Unfinished::of(&err).unwrap().moved() >= 400_000, "{err}");
        drop(near);
        drop(peer);
    }
    let _alone = alone();
    everywhere(check, check);
}

#[test]
fn a_second_handle_begins_with_the_limits_of_the_first() {
    fn check<S: SystemStream>(near: Stream<S>, far: impl Write + Send + 'static) {
        near.set_timeout(Some(LIMIT)).unwrap();
        let bounded = near.try_clone().unwrap();
        near.set_timeout(None).unwrap();
        near.set_read_deadline(Some(Instant::now() + LIMIT));
        let mut until = near.try_clone().unwrap();
        near.set_read_deadline(None);
        let peer = Peer::sending_slowly(far);
        ends_in_time("a read under the first one's deadline", || {
            until.read_exact(&mut [0; 4096])
        });
        ends_in_time("a read under the first one's timeout", || {
            (&bounded).read_exact(&mut [0; 4096])
        });
        (&near).read_exact(&mut [0; 5]).unwrap();
        drop(near);
        drop(peer);
    }
    let _alone = alone();
    everywhere(check, check);
}

/// A peer that is never slow ends no wait, and yet the time is up.
#[test]
fn an_operation_that_never_waits_is_bounded_too() {
    fn check<S: SystemStream>(near: Stream<S>, mut far: impl Write + Send + 'static) {
        let flood = vec![b'x'; 1 << 16];
        let peer = Peer::every(Duration::ZERO, move || far.write_all(&flood).is_ok());
        near.set_timeout(Some(LIMIT)).unwrap();
        ends_in_time("a read of what has no end", || (&near).read_to_end(&mut Vec::new()));
        near.shutdown(std::net::Shutdown::Both).unwrap();
        drop(near);
        drop(peer);
    }
    let _alone = alone();
    everywhere(check, check);
}

#[test]
fn a_timeout_of_zero_is_refused() {
    let (near, _far) = UnixStream::pair().unwrap();
    let err = near.set_timeout(Some(Duration::ZERO)).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::InvalidInput);
}
