//! Sockets that this process was started with, as sd_listen_fds(3) has them.

use std::env;
use std::os::fd::RawFd;
use std::process;

/// The number of the first one; those after it follow without a gap.
const FIRST: RawFd = 3;

/// How many names an error lists.
const SHOWN: usize = 8;

/// The number of the socket that `which` names: the only one if it is empty, a
/// position if it is a number, a name otherwise.
///
/// # Errors
/// The reason why there is no such socket, or no single one.
pub(super) fn find(which: &str) -> Result<RawFd, String> {
    let read = |name| env::var(name).ok();
    let passed = Passed::read(&read, process::id())?;
    passed.find(which)
}

/// What the environment says was passed.
#[derive(Debug, PartialEq, Eq)]
struct Passed {
    count: RawFd,
    names: Vec<String>,
}

impl Passed {
    fn read(variable: &dyn Fn(&'static str) -> Option<String>, process: u32) -> Result<Passed, String> {
        let Some(count) = variable("LISTEN_FDS") else {
            return Err("this process was started without sockets: LISTEN_FDS is not set".to_owned());
        };
        // They may have been meant for a parent of this process, and these
        // numbers are something else here.
        let meant_for = variable("LISTEN_PID").and_then(|pid| pid.parse::<u32>().ok());
        if meant_for != Some(process) {
            return Err(format!(
                "the sockets of LISTEN_FDS are not for this process, which is {process}"
            ));
        }
        let count = count
            .parse()
            .ok()
            .filter(|count| (0..=RawFd::MAX - FIRST).contains(count));
        let count = count.ok_or("LISTEN_FDS is not a number of sockets")?;
        let names = variable("LISTEN_FDNAMES").unwrap_or_default();
        Ok(Passed {
            count,
            names: names.split(':').map(str::to_owned).collect(),
        })
    }

    fn find(&self, which: &str) -> Result<RawFd, String> {
        let position = if which.is_empty() {
            (self.count == 1).then_some(0)
        } else if which.bytes().all(|byte| byte.is_ascii_digit()) {
            which.parse().ok()
        } else {
            self.position(which)
        };
        match position.filter(|position| *position < self.count) {
            Some(position) => Ok(FIRST + position),
            None => Err(self.refusal(which)),
        }
    }

    /// Where the only socket of that name stands.
    fn position(&self, name: &str) -> Option<RawFd> {
        let mut found = self.names.iter().zip(0..self.count).filter(|(other, _)| *other == name);
        match (found.next(), found.next()) {
            (Some((_, position)), None) => Some(position),
            _ => None,
        }
    }

    fn refusal(&self, which: &str) -> String {
        let named: Vec<_> = self.names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
        let only = if which.is_empty() {
            "a single socket"
        } else {
            "that socket, or more than one of that name"
        };
        format!(
            "this process was not started with {only}, but with {} called {}; write systemd:NAME, or systemd:0 for the first",
            self.count,
            named.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(fds: Option<&str>, pid: Option<&str>, names: Option<&str>) -> Result<Passed, String> {
        let read = |name: &'static str| {
            let value = match name {
                "LISTEN_FDS" => fds,
                "LISTEN_PID" => pid,
                _ => names,
            };
            value.map(str::to_owned)
        };
        Passed::read(&read, 42)
    }

    #[test]
    fn sockets_are_found_by_name_and_by_position() {
        let two = passed(Some("2"), Some("42"), Some("http:admin")).unwrap();
        assert_eq!(two.find("http"), Ok(3));
        assert_eq!(two.find("admin"), Ok(4));
        assert_eq!(two.find("0"), Ok(3));
        assert_eq!(two.find("1"), Ok(4));
        let unnamed = passed(Some("1"), Some("42"), None).unwrap();
        assert_eq!(unnamed.find(""), Ok(3));
        assert_eq!(unnamed.find("0"), Ok(3));
    }

    #[test]
    fn what_is_not_there_or_not_the_only_one_is_refused() {
        let two = passed(Some("2"), Some("42"), Some("a.socket:a.socket")).unwrap();
        for which in ["", "2", "http", "a.socket", "99999999999999999999"] {
            let reason = two.find(which).unwrap_err();
            assert!(reason.contains("a.socket"), "{which}: {reason}");
        }
        let more_names = passed(Some("1"), Some("42"), Some("a:b")).unwrap();
        assert!(more_names.find("b").is_err());
        assert!(passed(Some("0"), Some("42"), None).unwrap().find("").is_err());
    }

    #[test]
    fn sockets_of_another_process_are_left_alone() {
        for pid in [None, Some("41"), Some(""), Some("-42"), Some("42x")] {
            assert!(passed(Some("1"), pid, None).unwrap_err().contains("42"), "{pid:?}");
        }
        assert!(passed(None, Some("42"), None).unwrap_err().contains("LISTEN_FDS"));
        for count in ["", "-1", "many", "2147483647", "4294967296"] {
            assert!(passed(Some(count), Some("42"), None).is_err(), "{count}");
        }
    }
}
