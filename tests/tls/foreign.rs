//! Clients that others wrote: OpenSSL's `s_client` and Python's `ssl`.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;

use greenserve::tls::{HandshakeError, Version};
use greenserve::with_context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::authority::{Authority, Files};
use crate::common::tool::missing;
use crate::common::{PATIENCE, wait_until};
use crate::scene::{In, Scene, Tls, echo, in_both};

/// `s_client`, talking to a scene.
struct OpenSsl {
    child: Child,
    /// As long as it lives, [`kill_late`] waits for its end.
    _lives: Sender<()>,
}

/// Ends a program that takes too long, so that whoever reads what it says goes
/// on.
fn kill_late(child: &Child) -> Sender<()> {
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    let (lives, ended) = channel();
    thread::spawn(move || {
        if ended.recv_timeout(2 * PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let _ = kill(pid, Signal::SIGKILL);
        }
    });
    lives
}

impl OpenSsl {
    /// `None`, with a word about it, where there is none.
    fn start(scene: &Scene, authority: &Authority, files: &Files, options: &[&str]) -> Option<OpenSsl> {
        let roots = files.write("roots.pem", &authority.pem);
        let started = Command::new("openssl")
            .args(["s_client", "-verify_return_error", "-CAfile"])
            .arg(roots)
            .args(["-connect", &scene.address().to_string()])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        started
            .map(|child| OpenSsl {
                _lives: kill_late(&child),
                child,
            })
            .map_err(|err| missing("openssl", err))
            .ok()
    }

    fn say(&mut self, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Ends its input, waits for its end and returns all that it said.
    fn ended(mut self) -> (bool, String) {
        drop(self.child.stdin.take());
        let (mut out, err) = (self.child.stdout.take().unwrap(), self.child.stderr.take());
        let errors = thread::spawn(move || {
            let mut text = Vec::new();
            err.map_or(Ok(0), |mut err| err.read_to_end(&mut text)).map(|_| text)
        });
        let mut text = Vec::new();
        out.read_to_end(&mut text).unwrap();
        text.extend(errors.join().unwrap().unwrap());
        let mut status = None;
        wait_until("openssl ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        (status.unwrap().success(), String::from_utf8_lossy(&text).into_owned())
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says `text`, and waits until `heard` was said of it.
fn exchange(openssl: &mut OpenSsl, text: &str, heard: &str) -> String {
    openssl.say(text);
    let mut lines = BufReader::new(openssl.child.stdout.take().unwrap());
    let mut all = String::new();
    while !all.contains(heard) {
        assert!(lines.read_line(&mut all).unwrap() > 0, "it said {all}");
    }
    openssl.child.stdout = Some(lines.into_inner());
    all
}

#[test]
fn openssl_talks_in_both_versions() {
    in_both(|model| {
        for (option, version) in [("-tls1_2", Version::Tls12), ("-tls1_3", Version::Tls13)] {
            let (authority, files) = (Authority::new(), Files::new());
            let (told, versions) = channel();
            let handler = move |client: &mut Tls, context: &greenserve::Context| {
                told.send(client.version()).unwrap();
                echo(client, context)
            };
            let scene = Scene::new(model, authority.server(), with_context(handler));
            let options = [
                "-quiet",
                "-no_ign_eof",
                "-servername",
                "localhost",
                "-verify_hostname",
                "localhost",
                option,
            ];
            let Some(mut openssl) = OpenSsl::start(&scene, &authority, &files, &options) else {
                return;
            };
            exchange(&mut openssl, "hello\n", "hello\n");
            assert_eq!(versions.recv_timeout(PATIENCE).unwrap(), version);
            assert!(openssl.ended().0);
            // It said goodbye, and was told so.
            assert!(scene.stop().is_clean());
        }
    });
}

#[test]
fn older_versions_and_ciphers_are_refused() {
    let (authority, files) = (Authority::new(), Files::new());
    let scene = Scene::echo(authority.server());
    let cases: [(&[&str], HandshakeError); 3] = [
        (
            &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
            HandshakeError::NoCommonVersion,
        ),
        (
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"],
            HandshakeError::NothingInCommon("cipher suite"),
        ),
        (
            &["-tls1_3", "-groups", "P-521"],
            HandshakeError::NothingInCommon("key exchange"),
        ),
    ];
    for (options, expected) in cases {
        let Some(openssl) = OpenSsl::start(&scene, &authority, &files, options) else {
            return;
        };
        let (succeeded, text) = openssl.ended();
        assert!(!succeeded && text.contains("alert"), "{text}");
        assert_eq!(scene.failed_handshake(), expected, "{options:?}");
    }
}

#[test]
fn a_wrong_name_is_refused_with_the_alert_for_it() {
    let (authority, files) = (Authority::new(), Files::new());
    let scene = Scene::echo(authority.server().refuse_unknown_names());
    let Some(openssl) = OpenSsl::start(&scene, &authority, &files, &["-servername", "nobody.example"]) else {
        return;
    };
    let (_, text) = openssl.ended();
    assert!(text.contains("unrecognized name"), "{text}");
    assert_eq!(
        scene.failed_handshake(),
        HandshakeError::UnknownName("nobody.example".to_owned())
    );
}

#[test]
fn renegotiation_is_refused() {
    let (authority, files) = (Authority::new(), Files::new());
    let scene = Scene::echo(authority.server());
    let Some(mut openssl) = OpenSsl::start(&scene, &authority, &files, &["-tls1_2", "-servername", "localhost"]) else {
        return;
    };
    exchange(&mut openssl, "hello\n", "\nhello\n");
    openssl.say("R\n");
    let (_, text) = openssl.ended();
    assert!(
        text.contains("RENEGOTIATING") && text.contains("no renegotiation"),
        "{text}"
    );
    assert_eq!(scene.certificates.handshakes().completed, 1);
}

#[test]
fn openssl_resumes_a_session() {
    for option in ["-tls1_2", "-tls1_3"] {
        let (authority, files) = (Authority::new(), Files::new());
        let scene = Scene::echo(authority.server());
        let file = files.path("session");
        let file = file.to_str().unwrap();
        for (direction, resumed) in [("-sess_out", 0), ("-sess_in", 1)] {
            let options = ["-servername", "localhost", option, direction, file];
            let Some(mut openssl) = OpenSsl::start(&scene, &authority, &files, &options) else {
                return;
            };
            let said = exchange(&mut openssl, "hello\n", "\nhello\n");
            assert_eq!(said.contains("Reused, TLSv1."), resumed == 1, "{said}");
            assert!(openssl.ended().0);
            assert_eq!(scene.certificates.handshakes().resumed, resumed, "{option}");
        }
    }
}

#[test]
fn new_keys_in_a_session_are_answered() {
    let (authority, files) = (Authority::new(), Files::new());
    let scene = Scene::echo(authority.server());
    let Some(mut openssl) = OpenSsl::start(&scene, &authority, &files, &["-tls1_3", "-servername", "localhost"]) else {
        return;
    };
    exchange(&mut openssl, "hello\n", "\nhello\n");
    // It sends new keys and asks for some; what came with the command it would
    // forget.
    openssl.say("K\n");
    let mut told = BufReader::new(openssl.child.stderr.take().unwrap()).lines();
    assert!(told.any(|line| line.unwrap().contains("KEYUPDATE")));
    exchange(&mut openssl, "again\n", "again\n");
    scene.nothing_failed();
}

/// Runs a program of Python against the scene, and returns what it prints.
pub(crate) fn python(scene: &Scene, authority: &Authority, files: &Files, program: &str) -> Option<String> {
    let roots = files.write("roots.pem", &authority.pem);
    let begin = "import socket, ssl, sys\n\
        context = ssl.create_default_context(cafile=sys.argv[1])\n\
        def connect():\n    \
            raw = socket.create_connection(('127.0.0.1', int(sys.argv[2])), 10)\n    \
            return context.wrap_socket(raw, server_hostname='localhost')\n";
    let run = Command::new("python3")
        .args(["-c", &format!("{begin}{program}")])
        .arg(roots)
        .arg(scene.address().port().to_string())
        .output();
    match run {
        Err(err) => {
            missing("python3", err);
            None
        }
        Ok(run) => {
            let errors = String::from_utf8_lossy(&run.stderr);
            assert!(run.status.success(), "python3 ended with {}: {errors}", run.status);
            Some(String::from_utf8(run.stdout).unwrap())
        }
    }
}

#[test]
fn python_talks_and_hears_the_end() {
    in_both(|model| {
        let (authority, files) = (Authority::new(), Files::new());
        let scene = Scene::new(model, authority.server(), with_context(echo));
        // In one thread: Python 3.11 may crash when two share a session (CPython
        // issue 134698).
        let program = "import select\n\
            s = connect()\n\
            text = bytes(range(256)) * 4000\n\
            sent, heard = 0, b''\n\
            s.setblocking(False)\n\
            not_yet = (ssl.SSLWantReadError, ssl.SSLWantWriteError)\n\
            while len(heard) < len(text):\n    \
                more = [s] if sent < len(text) else []\n    \
                assert any(select.select([s], more, [], 10)), 'nothing moves'\n    \
                try:\n        \
                    if more: sent += s.send(text[sent:sent + 65536])\n    \
                except not_yet: pass\n    \
                try: heard += s.recv(65536)\n    \
                except not_yet: pass\n\
            s.settimeout(10)\n\
            print(heard == text, s.version())\n\
            s.unwrap()\n\
            print('unwrapped')\n";
        if let Some(said) = python(&scene, &authority, &files, program) {
            assert_eq!(said, "True TLSv1.3\nunwrapped\n");
            assert!(scene.stop().is_clean());
        }
    });
}

#[test]
fn python_knows_a_session_that_was_cut_off() {
    let (authority, files) = (Authority::new(), Files::new());
    let scene = Scene::new(In::Coroutines, authority.server(), |client: &mut Tls| {
        client.write_all(b"half of")?;
        Err(std::io::Error::other("no more"))
    });
    let program = "s = connect()\n\
        s.suppress_ragged_eofs = False\n\
        print(s.recv(7))\n\
        try:\n    print(s.recv(100))\n\
        except ssl.SSLEOFError as err:\n    print('cut off')\n";
    if let Some(said) = python(&scene, &authority, &files, program) {
        assert_eq!(said, "b'half of'\ncut off\n");
    }
}

#[test]
fn python_that_hangs_up_without_goodbye_is_an_error() {
    let (authority, files) = (Authority::new(), Files::new());
    let scene = Scene::echo(authority.server());
    let program = "s = connect()\ns.sendall(b'x')\ns.recv(1)\ns.close()\n";
    if python(&scene, &authority, &files, program).is_some() {
        assert!(scene.failure().text.contains("close_notify"));
    }
}
