//! Connecting, without blocking other coroutines.

use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, SockAddr, Socket as System, Type};

use super::open::{abstract_address, candidates};
use super::polling::Polling;
use super::race::{self, Begun};
use super::stream::Stream;
use super::{Address, TcpStream, UnixStream};
use crate::error::{Error, WaitError};
use crate::runtime::{self, Direction, NEVER, Outcome, Task, earlier, passed};

/// Connects to whichever of the addresses of `address` answers, from one of
/// `source` if it is given.
pub(super) fn tcp(address: &Address, source: Option<&Address>, limit: Option<Duration>) -> io::Result<TcpStream> {
    let deadline = limit.map_or(NEVER, runtime::after);
    let sources = source.map(|source| resolved(source, deadline)).transpose()?;
    let targets = resolved(address, deadline)?;
    match address {
        Address::Ip(target) => one(*target, sources.as_deref(), deadline),
        name => any(name, targets, sources.as_deref(), deadline),
    }
}

/// Every address of `address`, found before `deadline`.
fn resolved(address: &Address, deadline: u64) -> io::Result<Vec<SocketAddr>> {
    let scope = Scope::enter(deadline);
    candidates(address).map_err(|err| match &err {
        Error::Resolve { source, .. } => match WaitError::of(source) {
            Some(WaitError::Timeout) if !passed(scope.outer) => WaitError::Deadline.into(),
            Some(why) => why.into(),
            None => io::Error::other(err),
        },
        _ => io::Error::other(err),
    })
}

/// A deadline for what knows of surrounding timeouts alone.
struct Scope {
    task: Arc<Task>,
    outer: u64,
}

impl Scope {
    fn enter(deadline: u64) -> Scope {
        let task = Task::current();
        let outer = task.scope();
        task.enter_scope(earlier(outer, deadline));
        Scope { task, outer }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.task.enter_scope(self.outer);
    }
}

/// Connects to one address, whose error is the system's.
fn one(target: SocketAddr, sources: Option<&[SocketAddr]>, deadline: u64) -> io::Result<TcpStream> {
    let (system, is_pending) = match begin(target, sources)? {
        Begun::Connected(system) => (system, false),
        Begun::Pending(system) => (system, true),
    };
    let stream = Stream::from(system);
    if is_pending {
        await_outcome(&stream, deadline)?;
    }
    settled(stream)
}

/// Connects to the first of the addresses of `name` that answers.
fn any(
    name: &Address,
    targets: Vec<SocketAddr>,
    sources: Option<&[SocketAddr]>,
    deadline: u64,
) -> io::Result<TcpStream> {
    let begin = |target| begin(target, sources);
    match race::first(&race::interleaved(targets), begin, deadline) {
        Ok(system) => settled(Stream::from(system)),
        Err(unreached) => Err(unreached.named(name)),
    }
}

fn begin(target: SocketAddr, sources: Option<&[SocketAddr]>) -> io::Result<Begun> {
    let system = System::new(Domain::for_address(target), Type::STREAM, None)?;
    if let Some(sources) = sources {
        bind_source(&system, target, sources)?;
    }
    system.set_nonblocking(true)?;
    // Port 0 is nobody's; connect(2) would report a refusal at best.
    match system.connect(&target.into()) {
        Ok(()) => Ok(Begun::Connected(system.into())),
        Err(err) if err.raw_os_error() == Some(Errno::EINPROGRESS as i32) => Ok(Begun::Pending(system.into())),
        Err(err) => Err(err),
    }
}

/// Binds the first source of the target's family.
fn bind_source(system: &System, target: SocketAddr, sources: &[SocketAddr]) -> io::Result<()> {
    let same_family = |source: &&SocketAddr| source.is_ipv4() == target.is_ipv4();
    let source = sources.iter().find(same_family).ok_or_else(|| {
        let family = if target.is_ipv4() { "IPv4" } else { "IPv6" };
        let text = format!("to connect to {target} the source must be an {family} address");
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })?;
    if source.port() == 0 {
        // The port is chosen together with the target, so that ports suffice
        // for many connections. A kernel that cannot do so chooses one now.
        let _ = setsockopt(system, IpBindAddressNoPort, &true);
    }
    system.bind(&(*source).into())
}

fn await_outcome(stream: &TcpStream, deadline: u64) -> io::Result<()> {
    stream.socket().assume_busy(Direction::Write)?;
    while stream.socket().wait_or_roused(Direction::Write, deadline)? == Outcome::Roused {}
    match stream.take_error()? {
        None => Ok(()),
        Some(err) => Err(err),
    }
}

/// In a thread the kernel shall block.
fn settled(stream: TcpStream) -> io::Result<TcpStream> {
    if !runtime::in_coroutine() {
        StdStream::set_nonblocking(stream.socket().system(), false)?;
    }
    Ok(stream)
}

pub(super) fn unix(address: &Address, limit: Option<Duration>) -> io::Result<UnixStream> {
    let deadline = limit.map_or(NEVER, runtime::after);
    let target = unix_target(address)?;
    let system = System::new(Domain::UNIX, Type::STREAM, None)?;
    let scope = Task::with_current(|task| task.scope());
    let interruptible = runtime::in_coroutine() || earlier(deadline, scope) != NEVER;
    if interruptible {
        system.set_nonblocking(true)?;
    }
    let mut polling = Polling::new();
    while let Err(err) = system.connect(&target) {
        // A full backlog, and nothing reports when there is room: see connect(2).
        if !(interruptible && err.raw_os_error() == Some(Errno::EAGAIN as i32)) {
            return Err(err);
        }
        polling.pause(deadline)?;
    }
    if interruptible && !runtime::in_coroutine() {
        system.set_nonblocking(false)?;
    }
    Ok(Stream::from(std::os::unix::net::UnixStream::from(system)))
}

fn unix_target(address: &Address) -> io::Result<SockAddr> {
    match address {
        Address::Unix(path) => SockAddr::unix(path),
        Address::Abstract(name) => abstract_address(name),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{address} is no Unix socket; write unix:/PATH or unix-abstract:NAME"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream as Client};
    use std::thread;
    use std::time::Instant;

    use super::*;
    use crate::runtime::JoinHandle;

    const LONG: Duration = Duration::from_secs(10);
    const HEAD_START: Duration = Duration::from_millis(250);

    /// An address that answers nothing: a listener whose queue is full drops
    /// who asks.
    struct BlackHole {
        address: SocketAddr,
        listener: System,
        _queued: Vec<Client>,
    }

    impl BlackHole {
        fn at(ip: &str) -> BlackHole {
            let bound = SocketAddr::new(ip.parse().unwrap(), 0);
            let listener = System::new(Domain::for_address(bound), Type::STREAM, None).unwrap();
            listener.bind(&bound.into()).unwrap();
            listener.listen(0).unwrap();
            let address = listener.local_addr().unwrap().as_socket().unwrap();
            let connect = || Client::connect_timeout(&address, Duration::from_millis(100)).ok();
            let queued = std::iter::from_fn(connect).collect();
            BlackHole {
                address,
                listener,
                _queued: queued,
            }
        }
    }

    fn listening(ip: &str) -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    fn nobody(ip: &str) -> SocketAddr {
        listening(ip).1
    }

    /// Connects to a name for which the resolver has found `targets`.
    fn connect(targets: &[SocketAddr], limit: Option<Duration>) -> io::Result<TcpStream> {
        let name = Address::Host {
            host: "example".to_owned(),
            port: 1,
        };
        any(&name, targets.to_vec(), None, limit.map_or(NEVER, runtime::after))
    }

    fn here_and_in_a_coroutine(work: fn()) {
        work();
        joined(runtime::spawn(work).unwrap());
    }

    fn joined<T>(handle: JoinHandle<T>) -> T {
        match handle.join_timeout(LONG) {
            Ok(result) => result.unwrap(),
            Err((_, why)) => panic!("the coroutine did not end: {why}"),
        }
    }

    #[test]
    fn the_second_address_is_tried_after_a_quarter_of_a_second() {
        here_and_in_a_coroutine(|| {
            let hole = BlackHole::at("127.0.0.1");
            let (_listener, answers) = listening("::1");
            let begin = Instant::now();
            let stream = connect(&[hole.address, answers], None).unwrap();
            let took = begin.elapsed();
            assert_eq!(stream.peer_addr().unwrap(), answers);
            assert!(took >= HEAD_START && took < 3 * HEAD_START, "{took:?}");
        });
    }

    #[test]
    fn each_address_that_does_not_answer_costs_a_quarter_of_a_second() {
        here_and_in_a_coroutine(|| {
            let holes = ["127.0.0.1", "::1", "127.0.0.1"].map(BlackHole::at);
            let (_listener, answers) = listening("127.0.0.1");
            let mut targets = holes.each_ref().map(|hole| hole.address).to_vec();
            targets.push(answers);
            let begin = Instant::now();
            let stream = connect(&targets, Some(LONG)).unwrap();
            let took = begin.elapsed();
            assert_eq!(stream.peer_addr().unwrap(), answers);
            assert!(took >= 3 * HEAD_START && took < 12 * HEAD_START, "{took:?}");
        });
    }

    #[test]
    fn after_a_refusal_the_next_address_is_tried_at_once() {
        here_and_in_a_coroutine(|| {
            let (_listener, answers) = listening("127.0.0.1");
            let targets = [nobody("127.0.0.1"), nobody("127.0.0.2"), answers];
            let begin = Instant::now();
            let stream = connect(&targets, None).unwrap();
            assert_eq!(stream.peer_addr().unwrap(), answers);
            assert!(begin.elapsed() < 2 * HEAD_START, "{:?}", begin.elapsed());
        });
    }

    /// The first one answers while the second is tried, and wins.
    #[test]
    fn an_attempt_goes_on_beside_later_ones() {
        here_and_in_a_coroutine(|| {
            let hole = BlackHole::at("127.0.0.1");
            let other = BlackHole::at("127.0.0.2");
            let (slow, fast) = (hole.address, other.address);
            let waiting = thread::spawn(move || connect(&[slow, fast], Some(LONG)).map(|stream| stream.peer_addr()));
            thread::sleep(2 * HEAD_START);
            let room = hole.listener.accept();
            // The kernel asks again after a second.
            assert_eq!(waiting.join().unwrap().unwrap().unwrap(), slow);
            drop((room, other));
        });
    }

    /// True while somebody connects to `target`.
    fn is_asked(target: SocketAddr) -> bool {
        let std::net::IpAddr::V4(ip) = target.ip() else {
            panic!("{target} is not in the table of IPv4");
        };
        let asking = format!("{:08X}:{:04X} 02", u32::from_le_bytes(ip.octets()), target.port());
        std::fs::read_to_string("/proc/net/tcp").unwrap().contains(&asking)
    }

    #[test]
    fn the_losers_are_closed() {
        let hole = BlackHole::at("127.0.0.1");
        let (_listener, answers) = listening("127.0.0.1");
        let target = hole.address;
        let connecting = thread::spawn(move || connect(&[target, answers], None));
        let begin = Instant::now();
        while !is_asked(target) {
            assert!(begin.elapsed() < LONG, "nobody asks");
        }
        let stream = connecting.join().unwrap().unwrap();
        assert!(!is_asked(target), "still asks");
        drop(stream);
    }

    #[test]
    fn the_error_names_every_address() {
        here_and_in_a_coroutine(|| {
            let targets = [nobody("127.0.0.1"), nobody("::1"), nobody("127.0.0.2")];
            let err = connect(&targets, Some(LONG)).unwrap_err();
            assert_eq!(err.kind(), ErrorKind::ConnectionRefused);
            let text = err.to_string();
            assert!(
                targets.iter().all(|target| text.contains(&target.to_string())),
                "{text}"
            );
            assert!(text.contains("example:1") && text.contains("refused"), "{text}");
        });
    }

    #[test]
    fn a_limit_ends_all_attempts() {
        here_and_in_a_coroutine(|| {
            let (hole, refused) = (BlackHole::at("127.0.0.1"), nobody("127.0.0.1"));
            for limit in [Duration::from_millis(50), Duration::from_millis(300)] {
                let begin = Instant::now();
                let err = connect(&[refused, hole.address], Some(limit)).unwrap_err();
                assert!(begin.elapsed() >= limit && begin.elapsed() < LONG / 2);
                assert_eq!(err.kind(), ErrorKind::TimedOut);
                assert_eq!(WaitError::of(&err), Some(WaitError::Deadline));
                let text = err.to_string();
                assert!(text.contains(&format!("{}: no answer", hole.address)), "{text}");
                assert!(text.contains(&format!("{refused}: ")), "{text}");
            }
        });
    }

    #[test]
    fn a_surrounding_timeout_ends_all_attempts() {
        here_and_in_a_coroutine(|| {
            let hole = BlackHole::at("127.0.0.1");
            let scope = Scope::enter(runtime::after(Duration::from_millis(50)));
            let err = connect(&[hole.address, hole.address], None).unwrap_err();
            drop(scope);
            assert_eq!(WaitError::of(&err), Some(WaitError::Timeout));
        });
    }

    #[test]
    fn a_kill_ends_all_attempts() {
        let holes = ["127.0.0.1", "127.0.0.2"].map(BlackHole::at);
        let targets = holes.each_ref().map(|hole| hole.address);
        let connecting = runtime::spawn(move || connect(&targets, None).map(drop)).unwrap();
        let begin = Instant::now();
        while !is_asked(targets[1]) {
            assert!(begin.elapsed() < LONG, "nobody asks");
        }
        connecting.kill();
        let err = joined(connecting).unwrap_err();
        assert_eq!(WaitError::of(&err), Some(WaitError::Killed));
        assert!(!targets.iter().any(|target| is_asked(*target)), "still asks");
    }

    #[test]
    fn a_limit_holds_for_the_resolver_too() {
        let name = Address::Host {
            host: "localhost".to_owned(),
            port: 1,
        };
        let looked_up = runtime::spawn(move || resolved(&name, runtime::after(Duration::ZERO)));
        let err = joined(looked_up.unwrap()).unwrap_err();
        assert_eq!(WaitError::of(&err), Some(WaitError::Deadline), "{err}");
    }

    #[test]
    fn the_source_is_of_the_family_of_the_target() {
        here_and_in_a_coroutine(|| {
            let (_listener, target) = listening("127.0.0.1");
            let sources = ["[::1]:0", "127.0.0.3:0"].map(|text| text.parse().unwrap());
            let stream = one(target, Some(&sources), NEVER).unwrap();
            assert_eq!(stream.local_addr().unwrap().ip(), sources[1].ip());
            let err = one(target, Some(&sources[..1]), NEVER).unwrap_err();
            assert_eq!(err.kind(), ErrorKind::InvalidInput);
            assert!(err.to_string().contains("IPv4"), "{err}");
        });
    }

    #[test]
    fn a_unix_client_gives_up_where_the_queue_stays_full() {
        here_and_in_a_coroutine(|| {
            let (name, limit) = (format!("greenserve-connect-{:p}", &LONG), Duration::from_millis(50));
            let target = abstract_address(name.as_bytes()).unwrap();
            let listener = System::new(Domain::UNIX, Type::STREAM, None).unwrap();
            listener.bind(&target).unwrap();
            listener.listen(0).unwrap();
            let address = Address::Abstract(name.into_bytes());
            let connect = || unix(&address, Some(limit));
            let queued: Vec<_> = std::iter::from_fn(|| connect().ok()).collect();
            assert!(!queued.is_empty());
            let begin = Instant::now();
            let err = connect().unwrap_err();
            assert_eq!(WaitError::of(&err), Some(WaitError::Deadline));
            assert!(begin.elapsed() >= limit && begin.elapsed() < LONG / 2);
        });
    }
}
