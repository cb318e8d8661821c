//! What is seen on a terminal while a run goes on, and what is left of it.
#![allow(missing_docs)]
#![cfg_attr(not(feature = "tui"), allow(dead_code, reason = "keys are for the full-screen view"))]

mod reference;

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use reference::Reference;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-client");
const PATIENCE: Duration = Duration::from_secs(30);

/// The program on a terminal of its own, which runs for a minute if it is let.
struct Session {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    /// Kept, since its end is a key as well.
    keys: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    /// The terminal, as its user sees it.
    seen: vt100::Parser,
    /// All that the program wrote to it.
    written: Vec<u8>,
    _server: Reference,
}

impl Session {
    fn start(options: &str) -> Session {
        Session::start_on(80, &format!("-d 60s {options}"), "")
    }

    /// With all the options, on so many columns, in a shell that does `next`
    /// afterwards, if anything.
    fn start_on(cols: u16, options: &str, next: &str) -> Session {
        let server = Reference::start("tcp");
        let size = PtySize {
            rows: 24,
            cols,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new("sh");
        let target = match options.contains("--spawn") {
            true => "'tcp://{address}'".to_owned(),
            false => format!("tcp://{}", server.address),
        };
        let program = format!("{PROGRAM} run {target} -c 5 --warmup 0s {options}");
        command.args([
            "-c",
            &if next.is_empty() {
                format!("exec {program}")
            } else {
                format!("{program}; {next}")
            },
        ]);
        let child = pair.slave.spawn_command(command).expect("it can be started");
        let reader = pair.master.try_clone_reader().expect("it can be read");
        Session {
            child,
            output: chunks(reader),
            keys: pair.master.take_writer().expect("nobody else writes"),
            master: pair.master,
            seen: vt100::Parser::new(size.rows, size.cols, 0),
            written: Vec::new(),
            _server: server,
        }
    }

    /// Reads until what is seen is as it `is_so`.
    fn wait_until(&mut self, is_so: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self.seen.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(chunk) => self.see(&chunk),
                Err(err) => panic!("{err}; seen:\n{}", self.seen.screen().contents()),
            }
        }
    }

    fn see(&mut self, chunk: &[u8]) {
        self.seen.process(chunk);
        self.written.extend_from_slice(chunk);
    }

    fn press(&mut self, key: &str) {
        self.keys.write_all(key.as_bytes()).expect("it is read");
    }

    fn signal(&self, name: &str) {
        let process = self.child.process_id().expect("it runs");
        let status = std::process::Command::new("kill")
            .args([format!("-{name}"), process.to_string()])
            .status();
        assert!(status.expect("there is kill").success());
    }

    /// The exit status, with all that was written seen.
    fn end(&mut self) -> u32 {
        let status = self.child.wait().expect("it ends");
        // Nobody has the terminal open any more, so that reading it ends.
        let rest: Vec<_> = self.output.iter().collect();
        for chunk in rest {
            self.see(&chunk);
        }
        status.exit_code()
    }

    fn text(&self) -> String {
        self.seen.screen().contents()
    }
}

fn chunks(mut reader: Box<dyn Read + Send>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        // A terminal that nobody has open any more is an error.
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

fn measures(screen: &vt100::Screen) -> bool {
    screen.contents().contains("echoes/s")
}

fn has_charts(screen: &vt100::Screen) -> bool {
    screen.alternate_screen() && screen.contents().contains("service time p50")
}

/// The terminal is as it was, and the report is on it.
fn assert_restored(session: &Session) {
    let text = session.text();
    assert!(!session.seen.screen().alternate_screen(), "{text}");
    assert!(!session.seen.screen().hide_cursor(), "{text}");
    assert!(!text.contains("end now"), "{text}");
    assert!(text.contains("PARTIAL, interrupted after"), "{text}");
}

#[test]
fn a_bar_leaves_nothing_but_the_report() {
    let mut session = Session::start("");
    session.wait_until(measures);
    let bar = session.text();
    assert!(bar.starts_with("tcp://127.0.0.1:"), "{bar}");
    assert!(bar.contains(" ["), "{bar}");
    session.signal("INT");
    assert_eq!(session.end(), 130);
    assert_restored(&session);
    let text = session.text();
    assert!(!text.contains(" of 60 s,"), "{text}");
    assert!(
        text.lines()
            .next()
            .is_some_and(|line| line.contains("tcp echo, closed loop")),
        "{text}"
    );
}

/// A server that complains and then serves. Its command, which is seen as well,
/// does not have the words.
fn complaining() -> String {
    format!("-d 60s --no-pin --spawn \"sh -c 'echo A COMPLAINT | tr A-Z a-z >&2; exec {PROGRAM} serve tcp'\"")
}

#[test]
fn what_a_started_server_writes_stands_above_the_bar() {
    let mut session = Session::start_on(100, &complaining(), "");
    session.wait_until(|screen| screen.contents().contains("sh -c ") && screen.contents().contains("complaint"));
    let seen = session.text();
    assert!(seen.starts_with("server: a complaint\nsh -c "), "{seen}");
    session.signal("INT");
    assert_eq!(session.end(), 130);
    assert!(session.text().contains("server: a complaint\n"), "{}", session.text());
}

#[test]
fn a_narrow_terminal_has_one_line_and_nothing_afterwards() {
    let mut session = Session::start_on(40, "-d 60s > /dev/null", "");
    session.wait_until(|screen| screen.contents().contains(" of 60 s,"));
    let line = session.text();
    assert_eq!(line.lines().count(), 1, "{line}");
    session.signal("INT");
    assert_eq!(session.end(), 130);
    let text = session.text();
    assert!(!text.contains("tcp://"), "{text}");
}

#[test]
fn a_bar_is_drawn_four_times_a_second_at_most() {
    let mut session = Session::start("");
    session.wait_until(measures);
    let (begin, drawn) = (Instant::now(), session.written.len());
    session.wait_until(|screen| screen.contents().contains(" 2 of 60 s"));
    let pictures = String::from_utf8_lossy(&session.written[drawn..])
        .matches(" of 60 s")
        .count();
    // One more, since the first may come at once.
    let most = (begin.elapsed().as_secs_f64() * 4.0) as usize + 1;
    assert!((1..=most).contains(&pictures), "{pictures} pictures, not {most}");
    session.signal("INT");
    session.end();
}

#[test]
fn quiet_is_quiet() {
    let server = Reference::start("tcp");
    let output = std::process::Command::new(PROGRAM)
        .args([
            "run",
            &format!("tcp://{}", server.address),
            "-q",
            "-c",
            "5",
            "-d",
            "1200ms",
        ])
        .output()
        .expect("it can be started");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(String::from_utf8_lossy(&output.stdout).contains("echoes/s"));
}

#[test]
fn quiet_is_quiet_on_a_terminal_too() {
    let mut session = Session::start_on(80, "--quiet -d 300ms", "");
    assert_eq!(session.end(), 0);
    let written = String::from_utf8_lossy(&session.written).into_owned();
    assert!(
        !written.contains('\u{1b}') && !written.contains(" of 0.3 s,"),
        "{written}"
    );
}

#[test]
fn charts_need_a_terminal() {
    let output = std::process::Command::new(PROGRAM)
        .args(["run", "tcp://127.0.0.1:1", "--tui"])
        .output()
        .expect("it can be started");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("leave --tui out"), "{text}");
}

#[cfg(feature = "tui")]
mod tui {
    use super::*;

    #[test]
    fn a_signal_gives_the_terminal_back_and_reports() {
        let mut session = Session::start("--tui");
        session.wait_until(has_charts);
        session.signal("INT");
        assert_eq!(session.end(), 130);
        assert_restored(&session);
    }

    #[test]
    fn what_a_started_server_writes_is_seen_after_the_screen() {
        let mut session = Session::start_on(100, &format!("{} --tui", complaining()), "");
        session.wait_until(has_charts);
        assert!(!session.text().contains("complaint"), "{}", session.text());
        session.press("q");
        assert_eq!(session.end(), 130);
        assert_restored(&session);
        assert!(session.text().contains("server: a complaint\n"), "{}", session.text());
    }

    #[test]
    fn keys_end_the_run_as_a_signal_does() {
        for key in ["q", "\x1b", "\x03"] {
            let mut session = Session::start("--tui");
            session.wait_until(|screen| screen.alternate_screen() && measures(screen));
            session.press(key);
            assert_eq!(session.end(), 130, "{key:?}");
            assert_restored(&session);
        }
    }

    #[test]
    fn a_new_size_is_a_new_picture() {
        let mut session = Session::start("--tui");
        session.wait_until(has_charts);
        let size = PtySize {
            rows: 10,
            cols: 40,
            ..PtySize::default()
        };
        session.master.resize(size).expect("it has a size");
        session.seen.screen_mut().set_size(size.rows, size.cols);
        session.wait_until(|screen| {
            let text = screen.contents();
            text.contains("echoes/s") && !text.contains("service time")
        });
        session.press("q");
        assert_eq!(session.end(), 130);
    }

    #[test]
    fn a_key_in_the_moment_of_a_new_size_counts() {
        let mut session = Session::start("--tui");
        session.wait_until(has_charts);
        // Both are there when either is looked at, nearly always: the size first.
        session.signal("WINCH");
        session.signal("STOP");
        session.press("q");
        session.signal("CONT");
        assert_eq!(session.end(), 130);
    }

    #[test]
    fn the_second_signal_ends_it_at_once_and_gives_the_terminal_back() {
        let mut session = Session::start("--tui --timeout 60s");
        session.wait_until(has_charts);
        // Both are there before either is looked at.
        session.signal("STOP");
        session.signal("INT");
        session.signal("TERM");
        session.signal("CONT");
        assert_eq!(session.end(), 130);
        assert!(!session.seen.screen().alternate_screen());
        assert!(!session.seen.screen().hide_cursor());
    }

    #[test]
    fn keys_are_echoed_again_afterwards() {
        let mut session = Session::start_on(80, "-d 60s --tui", "stty -a");
        session.wait_until(has_charts);
        session.press("q");
        session.end();
        let text = session.text();
        assert!(text.contains(" icanon") && text.contains(" echo "), "{text}");
    }

    #[test]
    fn an_error_is_seen_after_the_screen() {
        let mut session = Session::start("--tui --expect echo");
        assert_ne!(session.end(), 0);
        assert!(!session.seen.screen().alternate_screen());
        assert!(
            session.text().contains("are for http:// and https:// targets"),
            "{}",
            session.text()
        );
    }
}
