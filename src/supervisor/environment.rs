//! The environment of a worker.

use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::io;

use nix::libc;

use super::label::{Label, VARIABLE};
use super::program::c_string;

/// What is the supervisor's own and says something else, or something wrong,
/// to a worker.
const NOT_INHERITED: &[&str] = &[
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "LISTEN_FDNAMES",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    VARIABLE,
];

/// Room for the digits of a process's number and the NUL after them.
const DIGITS: usize = 12;

/// This process's environment, without what is its own, and with the sockets.
pub(super) fn variables(label: Label) -> io::Result<Vec<CString>> {
    let inherited = env::vars_os().filter(|(name, _)| !NOT_INHERITED.iter().any(|own| name == OsStr::new(own)));
    let names: Vec<_> = (0..label.sockets).map(|number| format!("listen{number}")).collect();
    let ours = [
        ("LISTEN_FDS".into(), label.sockets.to_string().into()),
        ("LISTEN_FDNAMES".into(), names.join(":").into()),
    ];
    let all = inherited.chain(ours);
    all.map(|(name, value)| variable(name, &value)).collect()
}

fn variable(mut name: OsString, value: &OsStr) -> io::Result<CString> {
    name.push("=");
    name.push(value);
    c_string(name)
}

/// Those that end with the worker's own number, which nobody knows before it
/// is there.
pub(super) fn variables_with_number(label: Label) -> [WithNumber; 2] {
    let label = label.to_text();
    ["LISTEN_PID=".to_owned(), format!("{VARIABLE}={label}")].map(WithNumber::new)
}

/// A variable with room for a number at its end.
#[derive(Debug)]
pub(super) struct WithNumber {
    text: Vec<u8>,
    /// Where the room begins.
    at: usize,
}

impl WithNumber {
    fn new(text: String) -> WithNumber {
        let mut text = text.into_bytes();
        let at = text.len();
        text.resize(at + DIGITS, 0);
        WithNumber { text, at }
    }

    /// The text with this number, ended by a NUL. Takes no memory, and writes
    /// no leading zero, which some would read as octal.
    pub(super) fn complete(&mut self, number: libc::pid_t) -> *const libc::c_char {
        let mut rest = number.unsigned_abs();
        let mut digits = [0; DIGITS - 1];
        let mut count = 0;
        while rest > 0 {
            digits[count] = b'0' + (rest % 10) as u8;
            rest /= 10;
            count += 1;
        }
        for (place, digit) in self.text[self.at..].iter_mut().zip(digits[..count].iter().rev()) {
            *place = *digit;
        }
        self.text.as_ptr().cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_without_leading_zeros() {
        for number in [1, 10, 4_194_304, libc::pid_t::MAX] {
            let mut variable = WithNumber::new("PID=".to_owned());
            variable.complete(number);
            let end = variable.text.iter().position(|byte| *byte == 0).unwrap();
            assert_eq!(str::from_utf8(&variable.text[..end]).unwrap(), format!("PID={number}"));
        }
    }

    #[test]
    fn what_is_the_supervisors_own_is_not_inherited() {
        let label = Label {
            index: 0,
            sockets: 2,
            grace: std::time::Duration::ZERO,
            supervisor: 1,
        };
        let all = variables(label).unwrap();
        let value_of = |name: &str| {
            let prefix = format!("{name}=");
            let mut found = all.iter().filter_map(|one| one.to_str().ok()?.strip_prefix(&prefix));
            let value = found.next().map(str::to_owned);
            assert_eq!(found.next(), None, "{name}");
            value
        };
        assert_eq!(value_of("LISTEN_FDS").as_deref(), Some("2"));
        assert_eq!(value_of("LISTEN_FDNAMES").as_deref(), Some("listen0:listen1"));
        assert_eq!(value_of("PATH"), env::var("PATH").ok());
        assert_eq!(value_of("LISTEN_PID"), None);
    }
}
