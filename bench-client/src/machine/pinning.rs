//! On which processor the server runs and on which the client.
//!
//! Left to themselves the two wander, and a run in which they shared a
//! processor looks like a slow server. A pinned run is repeatable.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::base::failure::Failure;
use crate::plan::places::Places;

/// The first two processors this process may use, unless it may use one only or
/// is not to choose.
pub(crate) fn choose(no_pin: bool) -> Places {
    match allowed()[..] {
        [server, client, ..] if !no_pin => Places {
            server: Some(server),
            client: Some(client),
        },
        _ => Places::default(),
    }
}

/// Binds this thread, and every thread and process it starts from here on, to
/// processor `cpu`.
///
/// # Errors
/// When the system refuses.
pub(crate) fn pin(cpu: usize) -> Result<(), Failure> {
    pin_to(&[cpu])
}

/// As [`pin`], to any of several processors.
///
/// # Errors
/// When the system refuses, as it does for a processor there is not.
pub(crate) fn pin_to(cpus: &[usize]) -> Result<(), Failure> {
    let refused = |errno| Failure::system("bind to the processors of --cpus", std::io::Error::from(errno));
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(*cpu).map_err(refused)?;
    }
    sched_setaffinity(Pid::from_raw(0), &set).map_err(refused)
}

/// Processors as they are listed on the command line: `1`, `0,2-3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cpus(pub(crate) Vec<usize>);

impl Cpus {
    /// Fails unless all are among those that are `allowed`: the kernel takes a
    /// list of which it has one, and leaves the others out.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub(crate) fn check(&self, allowed: &[usize]) -> Result<(), Failure> {
        match self.0.iter().find(|cpu| !allowed.contains(cpu)) {
            None => Ok(()),
            Some(cpu) => Err(Failure::Usage(format!(
                "--cpus: there is no processor {cpu} for this process; give some of {}",
                allowed.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
            ))),
        }
    }
}

impl std::str::FromStr for Cpus {
    type Err = String;

    fn from_str(text: &str) -> Result<Cpus, String> {
        let unreadable = || format!("{text:?} is no list of processors; write 1 or 0,2-3");
        let mut cpus = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (usize, usize) = (
                first.parse().map_err(|_| unreadable())?,
                last.parse().map_err(|_| unreadable())?,
            );
            if first > last || last >= CpuSet::count() {
                return Err(unreadable());
            }
            cpus.extend(first..=last);
        }
        Ok(Cpus(cpus))
    }
}

/// The processors this process may use, in their order.
pub(crate) fn allowed() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(Pid::from_raw(0)) else {
        return Vec::new();
    };
    (0..CpuSet::count())
        .filter(|cpu| set.is_set(*cpu).unwrap_or(false))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_that_is_not_to_be_had_is_named() {
        assert!(Cpus(vec![0, 1]).check(&[0, 1, 2]).is_ok());
        let message = Cpus(vec![0, 99]).check(&[0, 2]).unwrap_err().to_string();
        assert!(
            message.contains("no processor 99") && message.contains("0,2"),
            "{message}"
        );
    }

    #[test]
    fn processors_are_listed() {
        assert_eq!("0,2-3".parse(), Ok(Cpus(vec![0, 2, 3])));
        for text in ["", "a", "3-2", "1,", "0-99999999"] {
            assert!(text.parse::<Cpus>().is_err(), "{text}");
        }
    }
}
