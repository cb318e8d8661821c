//! The examples against programs that others wrote: nc, and the clients of the
//! Python originals. Where a tool is missing the test says so and passes.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::program::{LIMIT, Program, hears};
use crate::tool::missing;

/// A tool that runs. Dropping it kills it, and waits for its end.
pub(crate) struct Tool {
    child: Child,
    output: Output,
}

/// What it prints; a read fails rather than hangs.
struct Output(ChildStdout);

impl Read for Output {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut waiting = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        let limit = PollTimeout::try_from(LIMIT).unwrap();
        match poll(&mut waiting, limit)? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => self.0.read(into),
        }
    }
}

impl Tool {
    /// Starts it; `None` where it is missing.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Option<Tool> {
        let started = Command::new(name)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        match started {
            Ok(mut child) => {
                let output = Output(child.stdout.take().unwrap());
                Some(Tool { child, output })
            }
            Err(err) => {
                missing(name, err);
                None
            }
        }
    }

    pub(crate) fn hears(&mut self, expected: &str) {
        hears(&mut self.output, expected);
    }

    /// The next line, with its end.
    #[allow(dead_code, reason = "the web's examples need it")]
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let mut byte = [0];
            self.output.read_exact(&mut byte).unwrap();
            line.extend(byte);
        }
        String::from_utf8(line).unwrap()
    }

    pub(crate) fn type_in(&mut self, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Ends its input, and returns what it still prints.
    pub(crate) fn finish(mut self) -> String {
        drop(self.child.stdin.take());
        let mut output = String::new();
        self.output.read_to_string(&mut output).unwrap();
        self.child.wait().unwrap();
        output
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(example: &str) -> (Program, String, String) {
    let mut program = Program::start(example, &["--listen", "127.0.0.1:0"]);
    let address = program.address();
    let (host, port) = address.rsplit_once(':').unwrap();
    let (host, port) = (host.to_owned(), port.to_owned());
    (program, host, port)
}

#[test]
fn nc_calls_the_call_centre() {
    let (program, host, port) = serve("call_centre");
    if let Some(mut nc) = Tool::start("nc", &[&host, &port]) {
        nc.hears("欢迎致电 10086,请输入1xxx,0转人工服务.");
        nc.type_in("0\n");
        nc.hears("通过可能会被录音.balabala一大推");
        nc.type_in("7\n");
        nc.hears("请重新输入.");
        nc.type_in("exit\n");
        assert_eq!(nc.finish(), "");
    }
    program.end_well();
}

#[test]
fn nc_talks_in_upper_case() {
    let (program, host, port) = serve("upper");
    if let Some(mut nc) = Tool::start("nc", &[&host, &port]) {
        nc.type_in("hello\n");
        nc.hears("HELLO\n");
        nc.type_in("world\n");
        nc.hears("WORLD\n");
    }
    program.end_well();
}

#[test]
fn nc_talks_to_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("echo.sock").display().to_string();
    let mut program = Program::start("unix_echo", &["--listen", &format!("unix:{path}")]);
    program.address();
    if let Some(mut nc) = Tool::start("nc", &["-U", &path]) {
        nc.type_in("hello\n");
        nc.hears("hello\n");
    }
    program.end_well();
}

/// Runs a Python client against an example and returns what it printed.
fn python(example: &str, client: &str) -> Option<String> {
    let (program, host, port) = serve(example);
    let output = Tool::start("python3", &["-c", client, &host, &port]).map(Tool::finish);
    program.end_well();
    output
}

const CHAT: &str = r"
import socket, sys
sk = socket.socket()
sk.connect((sys.argv[1], int(sys.argv[2])))
for inp in ['hello', '你好', 'exit']:
    sk.sendall(bytes(inp, 'utf8'))
    if inp == 'exit':
        break
    print(str(sk.recv(1024), 'utf8'))
sk.close()
";

#[test]
fn the_original_chat_client() {
    for example in ["chat_echo", "stream_echo", "gevent_echo"] {
        if let Some(output) = python(example, CHAT) {
            assert_eq!(output, "hello\n你好\n", "{example}");
        }
    }
    if let Some(output) = python("upper", CHAT) {
        assert_eq!(output, "HELLO\n你好\n");
    }
}

const CALLER: &str = r"
import socket, sys
sk = socket.socket()
sk.connect((sys.argv[1], int(sys.argv[2])))
sk.settimeout(5)
for inp in ['0', '1', 'exit']:
    print('receive:', sk.recv(1024).decode())
    sk.sendall(inp.encode())
sk.close()
";

#[test]
fn the_original_caller() {
    if let Some(output) = python("call_centre", CALLER) {
        assert_eq!(
            output,
            "receive: 欢迎致电 10086,请输入1xxx,0转人工服务.\n\
             receive: 通过可能会被录音.balabala一大推\n\
             receive: 请重新输入.\n"
        );
    }
}

const GREETED: &str = r"
import socket, sys, time
client = socket.create_connection((sys.argv[1], int(sys.argv[2])))
greeting = client.recv(1024).decode()
start = 'connection %s:%s at ' % (sys.argv[1], sys.argv[2])
end = ' succeed!'
assert greeting.startswith(start) and greeting.endswith(end), greeting
then = time.mktime(time.strptime(greeting[len(start):-len(end)]))
assert abs(time.time() - then) < 60, greeting
assert time.ctime(then) == greeting[len(start):-len(end)], greeting
client.sendall(b'data\r\n')
print(client.recv(1024).strip().decode())
client.close()
";

#[test]
fn the_greeting_is_what_ctime_prints() {
    if let Some(output) = python("greeting", GREETED) {
        assert_eq!(output, "data\n");
    }
}

const DATAGRAMS: &str = r"
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(30)
for text in ['hello', ' spaces ']:
    sock.sendto(text.encode(), (sys.argv[1], int(sys.argv[2])))
    print(sock.recv(1024).decode())
";

#[test]
fn a_udp_client() {
    if let Some(output) = python("upper_udp", DATAGRAMS) {
        assert_eq!(output, "HELLO\nSPACES\n");
    }
}
