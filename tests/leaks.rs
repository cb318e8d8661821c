//! What a server leaves behind: nothing.
//!
//! Descriptors, threads and coroutines are counted for the whole process, so
//! nothing else may run in it.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use greenserve::net::TcpStream;
use greenserve::testing::TestServer;
use greenserve::{
    Coroutine, Error, Family, Inline, Model, Server, Tcp, TcpServer, Thread, Udp, Unix, UnixDatagrams, UnixServer,
    runtime,
};
use support::exchange::{Exchange, Reach, upper};
use support::harness::{self, Case};
use support::{LIMIT, ask, comes_true, descriptors, ip, wait_until};

const CASES: &[Case] = &[
    (
        "a_thousand_failing_binds_leave_no_descriptor",
        a_thousand_failing_binds_leave_no_descriptor,
    ),
    (
        "failing_binds_of_a_path_leave_no_descriptor_and_no_file",
        failing_binds_of_a_path_leave_no_descriptor_and_no_file,
    ),
    (
        "a_server_that_never_served_leaves_nothing",
        a_server_that_never_served_leaves_nothing,
    ),
    (
        "a_server_that_served_leaves_nothing",
        a_server_that_served_leaves_nothing,
    ),
    (
        "served_requests_leave_no_thread_and_no_coroutine",
        served_requests_leave_no_thread_and_no_coroutine,
    ),
    (
        "a_handle_keeps_neither_the_port_nor_the_handler",
        a_handle_keeps_neither_the_port_nor_the_handler,
    ),
    ("panics_and_kills_leave_nothing", panics_and_kills_leave_nothing),
];

fn main() -> ExitCode {
    // The workers stay, once they are there.
    runtime::start().unwrap();
    harness::main(CASES, |words| panic!("no program {words:?}"))
}

/// Everything that could be left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    descriptors: usize,
    threads: usize,
    coroutines: usize,
}

impl Count {
    /// Ended threads and coroutines need a moment to be gone.
    fn is_all_there_is(self) {
        let gone = comes_true(LIMIT, || {
            let now = Count::now();
            now.descriptors <= self.descriptors && now.threads <= self.threads && now.coroutines <= self.coroutines
        });
        assert!(gone, "there were {self:?}, and now there are {:?}", Count::now());
    }

    fn now() -> Count {
        Count {
            descriptors: descriptors(),
            threads: std::fs::read_dir("/proc/self/task").unwrap().count(),
            coroutines: runtime::live_count(),
        }
    }
}

fn nothing<R>(_: &mut R) -> io::Result<()> {
    Ok(())
}

/// A place to bind for each family.
fn place<F: Family>(directory: &Path) -> String {
    if F::NAME.starts_with("unix") {
        format!("unix:{}", directory.join("socket").display())
    } else {
        "127.0.0.1:0".to_owned()
    }
}

fn a_thousand_failing_binds_leave_no_descriptor() {
    let before = Count::now();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for _ in 0..1024 {
        let refused = TcpServer::bind(taken.local_addr().unwrap(), nothing).unwrap_err();
        assert!(matches!(refused, Error::Listen { .. }), "{refused}");
    }
    drop(taken);
    before.is_all_there_is();
}

fn failing_binds_of_a_path_leave_no_descriptor_and_no_file() {
    let before = Count::now();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let taken = std::os::unix::net::UnixListener::bind(&path).unwrap();
    for _ in 0..100 {
        UnixServer::bind(path.as_path(), nothing).unwrap_err();
        UnixServer::bind(directory.path().join("missing").join("socket"), nothing).unwrap_err();
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    drop(taken);
    before.is_all_there_is();
}

fn a_server_that_never_served_leaves_nothing() {
    fn check<F: Family<Request: Exchange>>(directory: &Path) {
        let at = place::<F>(directory);
        for _ in 0..20 {
            drop(Server::<F>::bind(at.as_str(), upper::<F::Request>).unwrap());
            drop(Server::<F>::bind(at.as_str(), upper::<F::Request>).unwrap().threads());
            drop(
                Server::<F>::bind(at.as_str(), upper::<F::Request>)
                    .unwrap()
                    .processes(2),
            );
            drop(Server::<F>::bind(at.as_str(), upper::<F::Request>).unwrap().inline());
            drop(Server::<F>::builder(upper::<F::Request>).unbound(at.as_str()).unwrap());
            let mut bound = Server::<F>::builder(upper::<F::Request>).unbound(at.as_str()).unwrap();
            bound.server_bind().unwrap();
            drop(bound);
        }
        assert_eq!(std::fs::read_dir(directory).unwrap().count(), 0);
    }
    let before = Count::now();
    let directory = tempfile::tempdir().unwrap();
    check::<Tcp>(directory.path());
    check::<Udp>(directory.path());
    check::<Unix>(directory.path());
    check::<UnixDatagrams>(directory.path());
    before.is_all_there_is();
}

fn a_server_that_served_leaves_nothing() {
    fn check<F: Reach, M: Model>(model: impl Fn() -> M) {
        for _ in 0..5 {
            let builder = Server::<F>::builder(upper::<F::Request>).model(model());
            let server = TestServer::build(builder).unwrap();
            for _ in 0..3 {
                assert_eq!(F::ask(server.address(), b"x"), b"X");
            }
        }
    }
    fn in_each_model<F: Reach>() {
        check::<F, _>(Coroutine::new);
        check::<F, _>(Thread::new);
        check::<F, _>(Inline::new);
    }
    let before = Count::now();
    in_each_model::<Tcp>();
    in_each_model::<Udp>();
    in_each_model::<Unix>();
    in_each_model::<UnixDatagrams>();
    before.is_all_there_is();
}

fn served_requests_leave_no_thread_and_no_coroutine() {
    fn check<M: Model>(model: M) {
        let builder = TcpServer::builder(upper::<TcpStream>).model(model);
        let server = TestServer::build(builder).unwrap();
        ask(server.address(), b"x");
        let handle = server.handle();
        wait_until("the first is gone", || handle.in_flight() == 0);
        let serving = Count::now();
        for _ in 0..100 {
            ask(server.address(), b"x");
        }
        wait_until("all are gone", || handle.in_flight() == 0);
        serving.is_all_there_is();
    }
    check(Coroutine::new());
    check(Thread::new());
    check(Inline::new());
}

fn a_handle_keeps_neither_the_port_nor_the_handler() {
    struct Dropped(std::sync::mpsc::Sender<()>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let before = Count::now();
    let (sender, dropped) = std::sync::mpsc::channel();
    let witness = Dropped(sender);
    let handler = move |_: &mut TcpStream| {
        let _ = &witness;
        io::Result::Ok(())
    };
    let server = TestServer::<Tcp>::start(handler).unwrap();
    ask(server.address(), b"");
    let (handle, address) = (server.handle().clone(), ip(server.address()));
    drop(server);
    dropped.recv_timeout(LIMIT).unwrap();
    drop(std::net::TcpListener::bind(address).unwrap());
    drop(handle);
    before.is_all_there_is();
}

fn panics_and_kills_leave_nothing() {
    fn check<M: Model>(model: impl Fn() -> M) {
        for _ in 0..5 {
            let handler = |client: &mut TcpStream| -> io::Result<()> {
                let mut byte = [0];
                io::Read::read(client, &mut byte)?;
                assert!(byte != *b"p", "on purpose");
                runtime::sleep(LIMIT)
            };
            let builder = TcpServer::builder(handler).model(model());
            let server = builder.bind("127.0.0.1:0").unwrap().start().unwrap();
            support::try_ask(&server.address(), b"p").unwrap();
            let mut sleeper = support::connect(&server.address());
            io::Write::write_all(&mut sleeper, b"s").unwrap();
            wait_until("it is served", || server.handle().in_flight() == 1);
            assert_eq!(
                server.stop(std::time::Duration::ZERO).unwrap().survivors,
                Vec::<String>::new()
            );
        }
    }
    let before = Count::now();
    check(Coroutine::new);
    check(Thread::new);
    before.is_all_there_is();
}
