//! The program under test, and how it is started.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use std::{env, fs, process, thread};

use greenserve::net::{Address, Stream, SystemDatagram, SystemStream};
use greenserve::{
    Coroutine, Datagram, Ending, Error, Family, Fork, Handler, Inline, Result, Server, Supervisor, Tcp, Thread, Udp,
    Unix, UnixDatagrams, Worker,
};
use signal_hook::consts::{SIGTERM, SIGUSR1};

use crate::support::harness::Program;

/// How the harness names the words of a program.
const WORDS: &str = "GREENSERVE_TEST_PROGRAM";

/// Runs the program if this process was started as one.
pub fn main() -> Option<ExitCode> {
    let words = env::var(WORDS).ok()?;
    // Should the cases be gone, nobody else would ever end this process.
    nix::unistd::alarm::set(120);
    env_logger::Builder::new().filter_level(log::LevelFilter::Info).init();
    Some(match supervise(&words) {
        Ok(ending) => {
            eprintln!("{ending}");
            ending.exit_code()
        }
        Err(err) => {
            eprintln!("error: {err}");
            err.exit_code()
        }
    })
}

/// What the words of a program say: `key=value`, any number of them.
#[derive(Clone, Copy)]
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn all(self, key: &str) -> impl Iterator<Item = &'a str> {
        let pairs = self.0.split(' ').filter_map(|word| word.split_once('='));
        pairs.filter(move |(name, _)| *name == key).map(|(_, value)| value)
    }

    fn get(self, key: &str) -> Option<&'a str> {
        self.all(key).next()
    }

    fn milliseconds(self, key: &str) -> Option<Duration> {
        self.get(key).map(|value| Duration::from_millis(value.parse().unwrap()))
    }
}

fn supervise(words: &str) -> Result<Ending> {
    let words = Words(words);
    if words.get("forever").is_some() {
        println!("not a worker: {}", env::var("GREENSERVE_WORKER").is_ok());
    }
    let mut supervisor = Supervisor::new();
    for address in words.all("stream") {
        supervisor = supervisor.listen(address);
    }
    for address in words.all("datagram") {
        supervisor = supervisor.listen_datagrams(address);
    }
    if let Some(workers) = words.get("workers") {
        supervisor = supervisor.workers(workers.parse().unwrap());
    }
    if let Some(grace) = words.milliseconds("grace") {
        supervisor = supervisor.grace(grace);
    }
    if let Some(limit) = words.milliseconds("ready") {
        supervisor = supervisor.ready_within(limit);
    }
    if let Some(starts) = words.get("failures") {
        supervisor = supervisor.max_failed_starts(starts.parse().unwrap());
    }
    let delay = words.milliseconds("delay").unwrap_or(Duration::from_millis(10));
    supervisor = supervisor.restart_delay(delay.min(Duration::from_millis(10)), delay);
    supervisor
        .on_ready(|addresses| {
            for address in addresses {
                println!("{address}");
            }
        })
        .run(|worker| work(words, worker))
}

/// A worker that does what the words say, in the place of any sensible thing.
fn work(words: Words<'_>, worker: &Worker) -> Result<greenserve::DrainReport> {
    match words.get("worker") {
        None => {}
        Some("fails") => process::exit(7),
        Some("silent") => thread::sleep(Duration::from_secs(60)),
        Some("dies") => {
            worker.ready()?;
            process::abort();
        }
        Some("deaf") => {
            // Handles SIGTERM by nothing.
            let came: Arc<AtomicBool> = Arc::default();
            signal_hook::flag::register(SIGTERM, came).unwrap();
            worker.ready()?;
            loop {
                thread::sleep(Duration::from_secs(60));
            }
        }
        Some("nested") => {
            let _unreached = Supervisor::new().listen("127.0.0.1:0").run(|_| process::exit(9))?;
        }
        // Slower to serve than the other one is to fail.
        Some("half") if worker.index() == 0 => thread::sleep(Duration::from_millis(300)),
        Some("half") => {
            println!("a failed start");
            process::exit(7);
        }
        // The first one alone.
        Some("usr1") if worker.index() > 0 => {}
        Some("usr1") => {
            let (mut reader, writer) = io::pipe().unwrap();
            signal_hook::low_level::pipe::register(SIGUSR1, writer).unwrap();
            thread::spawn(move || {
                while reader.read_exact(&mut [0]).is_ok() {
                    println!("usr1 {}", process::id());
                }
            });
        }
        Some(other) => panic!("no worker {other}"),
    }
    let [first, others @ ..] = worker.addresses() else {
        unreachable!("a supervisor has a socket")
    };
    let second = others.first().map(serve_beside).transpose()?;
    let drained = match words.get("family").unwrap_or("tcp") {
        "tcp" => serve::<Tcp>(words, worker, first, answer),
        "unix" => serve::<Unix>(words, worker, first, answer),
        "udp" => serve::<Udp>(words, worker, first, answer_datagram),
        _ => serve::<UnixDatagrams>(words, worker, first, answer_datagram),
    };
    drop(second);
    drained
}

/// A UDP server in the background, for the second socket.
fn serve_beside(address: &Address) -> Result<greenserve::Running<Udp, Coroutine>> {
    Server::<Udp>::bind(address.clone(), answer_datagram)?.start()
}

fn serve<F: Family>(
    words: Words<'_>,
    worker: &Worker,
    address: &Address,
    handler: impl Handler<F::Request>,
) -> Result<greenserve::DrainReport> {
    let server = Server::<F>::builder(handler);
    match words.get("model").unwrap_or("coroutine") {
        "coroutine" => worker.serve(server.model(Coroutine::new()).bind(address.clone())?),
        "thread" => worker.serve(server.model(Thread::new()).bind(address.clone())?),
        "fork" => worker.serve(server.model(Fork::new()).bind(address.clone())?),
        "inline" => worker.serve(server.model(Inline::new()).bind(address.clone())?),
        other => panic!("no model {other}"),
    }
}

/// Answers lines; some are questions, some are crimes.
fn answer<S: SystemStream>(client: &mut Stream<S>) -> io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        let said = reply(line.trim_end())?;
        client.write_all(format!("{said}\n").as_bytes())?;
        line.clear();
    }
    Ok(())
}

fn answer_datagram<S: SystemDatagram>(datagram: &mut Datagram<S>) -> io::Result<()> {
    let line = String::from_utf8_lossy(datagram.packet()).into_owned();
    datagram.reply(reply(&line)?.as_bytes()).map(drop)
}

fn reply(line: &str) -> io::Result<String> {
    Ok(match line {
        "pid" => process::id().to_string(),
        "abort" => process::abort(),
        "overflow" => overflow(0).to_string(),
        "program" => fs::metadata("/proc/self/exe")?.ino().to_string(),
        "supervisor" => nix::unistd::getppid().to_string(),
        "status" => fs::read_to_string("/proc/self/status")?.replace('\n', ";"),
        "descriptors" => descriptors()?,
        "start" => started_program()?,
        other => match other.strip_prefix("variable ") {
            Some(name) => env::var(name).unwrap_or_else(|_| "-".to_owned()),
            None => other.to_owned(),
        },
    })
}

#[allow(unconditional_recursion, reason = "that is what it is for")]
#[inline(never)]
fn overflow(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 128]);
    overflow(frame[7] + 1) + frame[3]
}

/// What this process has open, but for the listing itself.
fn descriptors() -> io::Result<String> {
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        if let Ok(what) = fs::read_link(entry.path()) {
            open.push(format!("{}={}", entry.file_name().display(), what.display()));
        }
    }
    Ok(open.join(" "))
}

/// What this program says when a worker starts it, with nothing to serve.
fn started_program() -> io::Result<String> {
    let output = Command::new(env::current_exe()?).env(WORDS, "forever=no").output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok(format!(
        "{:?} {}",
        output.status.code(),
        String::from_utf8_lossy(&said).replace('\n', ";")
    ))
}

/// Starts a supervisor with these words.
pub fn start(words: &str) -> Program {
    Program::start(words)
}

/// The processes that a supervisor has now.
pub fn workers(of: &Program) -> Vec<i32> {
    let pid = of.pid();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children
        .split_whitespace()
        .map(|child| child.parse().unwrap())
        .collect()
}

/// Whether some process with this number still runs.
pub fn is_alive(pid: i32) -> bool {
    // A zombie has ended.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// An error that the program reports must be one of the library.
pub fn is_usage(text: &str) -> bool {
    text.parse::<Address>().is_err_and(|err: Error| err.is_usage())
}
