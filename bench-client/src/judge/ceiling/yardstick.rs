//! A run held against a calibration.

use std::path::PathBuf;

use super::calibration::{Calibration, command};
use super::conditions::Conditions;
use super::file;
use crate::base::failure::Failure;
use crate::base::format;
use crate::plan::accepts::Source;
use crate::saved::{Ceiling, Run, Workload};

/// What runs are held against, read before they begin.
#[derive(Clone, Debug)]
pub(crate) enum Yardstick {
    /// There is no calibration, and nobody asked for one.
    Nothing,
    /// There is something that is none, and what it is.
    Unusable(String),
    /// Those of a file, and where this process would have made one.
    Calibrations {
        path: PathBuf,
        all: Vec<Calibration>,
        here: Conditions,
    },
}

impl Yardstick {
    /// Reads the calibrations at `source`, for a client with so many `workers`.
    ///
    /// # Errors
    /// [`Failure::Calibration`] when they were asked for and cannot be used.
    pub(crate) fn read(source: &Source, workers: usize) -> Result<Yardstick, Failure> {
        let (path, demanded) = match source {
            Source::Nowhere => return Ok(Yardstick::Nothing),
            Source::Usual => (file::usual(), false),
            Source::File(path) => (Some(path.clone()), true),
        };
        let Some(path) = path else {
            return Ok(Yardstick::Nothing);
        };
        match file::read(&path) {
            Ok(Some(file)) => Ok(Yardstick::Calibrations {
                path,
                all: file.calibrations,
                here: Conditions::here(workers),
            }),
            Ok(None) if demanded => Err(Failure::Calibration {
                path,
                reason: "there is no such file; make it with bench-client calibrate --save".to_owned(),
            }),
            Ok(None) => Ok(Yardstick::Nothing),
            Err(err) if demanded => Err(err),
            Err(err) => Ok(Yardstick::Unusable(err.to_string())),
        }
    }

    /// The ceiling of `run`, or why a calibration that there is says nothing
    /// about it.
    pub(crate) fn measure(&self, run: &Run) -> (Option<Ceiling>, Option<String>) {
        // Who sent nothing was at no ceiling.
        let Some(rate) = run.answers_per_s.filter(|rate| *rate > 0.0) else {
            return (None, None);
        };
        let (path, all, here) = match self {
            _ if run.workload.idle => return (None, None),
            Yardstick::Nothing => return (None, None),
            Yardstick::Unusable(reason) => return (None, Some(reason.clone())),
            Yardstick::Calibrations { path, all, here } => (path, all, here),
        };
        match fitting(all, here, &run.workload).and_then(|calibration| ceiling(calibration, run, rate)) {
            Ok(ceiling) => (Some(ceiling), None),
            Err(reason) => {
                let path = path.display();
                (None, Some(format!("the calibration in {path} is not used: {reason}")))
            }
        }
    }
}

/// The one that is of this place and this load.
///
/// # Errors
/// Why none is, and what to do.
fn fitting<'a>(all: &'a [Calibration], here: &Conditions, workload: &Workload) -> Result<&'a Calibration, String> {
    let protocol = &workload.protocol;
    let of_protocol = all.iter().filter(|calibration| calibration.protocol == *protocol);
    // The newest of those that are nearest.
    let nearest = of_protocol
        .rev()
        .min_by_key(|calibration| calibration.conditions.differences(here).len());
    let Some(calibration) = nearest else {
        return Err(format!("it is not of {protocol}; run {}", command(protocol)));
    };
    let differences = calibration.conditions.differences(here);
    match differences.is_empty() {
        true => suits(calibration, workload).map(|()| calibration),
        false => Err(format!(
            "it was made {}; run {} again",
            differences.join(", "),
            calibration.remedy(None)
        )),
    }
}

/// Whether the messages of `workload` are what was calibrated.
fn suits(calibration: &Calibration, workload: &Workload) -> Result<(), String> {
    if workload.verify != calibration.verify {
        let (made, asked) = (&calibration.verify, &workload.verify);
        let remedy = calibration.remedy(None);
        return Err(format!("it is of --verify {made}; run {remedy} --verify {asked}"));
    }
    let echo = workload.request.as_deref().is_none_or(is_echo);
    let other = match () {
        () if workload.depth > 1 => format!("--depth {}", workload.depth),
        () if workload.churn != "never" => format!("--churn {}", workload.churn),
        () if !echo => "requests without --expect echo".to_owned(),
        () => return Ok(()),
    };
    Err(format!(
        "calibrations are of echoes one at a time over connections that stay, not of {other}; leave it out with --ceiling none"
    ))
}

/// Whether the request, as reports describe it, brings its own body back.
fn is_echo(request: &str) -> bool {
    request.ends_with(", expect echo")
}

fn ceiling(calibration: &Calibration, run: &Run, rate: f64) -> Result<Ceiling, String> {
    let bytes = run.answered_bytes as f64 / run.answers.max(1) as f64;
    let micros = calibration.cost(bytes).ok_or_else(|| {
        format!(
            "it is of messages of {}, not of {} B; run {}",
            calibration.range(),
            format::thousands(bytes),
            calibration.remedy(Some(bytes))
        )
    })?;
    let most = calibration.conditions.client_cpus as f64 * 1e6 / micros;
    Ok(Ceiling {
        answers_per_s: most,
        share: rate / most,
        calibrated: calibration.day().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change<T> = fn(&mut T);

    /// So that the ceiling at 64 bytes is 250,000 messages a second.
    fn yardstick(change: impl FnOnce(&mut Calibration)) -> Yardstick {
        let mut calibration = Calibration::example();
        change(&mut calibration);
        Yardstick::Calibrations {
            path: "/a/ceiling.json".into(),
            all: vec![calibration],
            here: Conditions::example(),
        }
    }

    fn run(rate: f64, bytes: u64) -> Run {
        let run = Run::example("a", rate);
        Run {
            answered_bytes: run.answers * bytes,
            ..run
        }
    }

    /// Why `yardstick` says nothing about `run`.
    fn reason(yardstick: &Yardstick, run: &Run) -> String {
        match yardstick.measure(run) {
            (None, Some(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_share_is_of_the_rate_at_which_all_processors_are_used() {
        for (bytes, cpus, most) in [(64, 1, 250_000.0), (576, 1, 200_000.0), (64, 2, 500_000.0)] {
            let mut yardstick = yardstick(|calibration| calibration.conditions.client_cpus = cpus);
            if let Yardstick::Calibrations { here, .. } = &mut yardstick {
                here.client_cpus = cpus;
            }
            let (ceiling, remark) = yardstick.measure(&run(155_000.0, bytes));
            let ceiling = ceiling.unwrap();
            assert_eq!(remark, None);
            assert_eq!((ceiling.answers_per_s, ceiling.share), (most, 155_000.0 / most));
            assert_eq!(ceiling.calibrated, "2026-11-21");
        }
    }

    #[test]
    fn what_was_made_elsewhere_is_not_used_and_says_so() {
        let cases: [(Change<Calibration>, &str); 5] = [
            (
                |one| one.conditions.cpu = "another".to_owned(),
                "CPU \"another\" and not \"a model\"",
            ),
            (
                |one| one.conditions.version = "0.0.9".to_owned(),
                "bench-client \"0.0.9\" and not",
            ),
            (|one| one.conditions.kernel = "Linux 5".to_owned(), "kernel \"Linux 5\""),
            (
                |one| one.conditions.client_cpus = 2,
                "2 of the client's processors and not 1",
            ),
            (
                |one| one.protocol = "udp".to_owned(),
                "not of tcp; run bench-client calibrate",
            ),
        ];
        for (change, expected) in cases {
            let reason = reason(&yardstick(change), &run(1000.0, 64));
            assert!(reason.contains(expected), "{reason}");
            assert!(
                reason.contains("/a/ceiling.json") && reason.contains("run bench-client calibrate"),
                "{reason}"
            );
        }
    }

    #[test]
    fn what_was_made_for_other_messages_is_not_used_and_says_so() {
        let cases: [(Change<Run>, &str); 6] = [
            (
                |run| run.answered_bytes = run.answers * 32,
                "64 to 16,448 B, not of 32 B; run bench-client calibrate --size 32,64,1088,16448",
            ),
            (
                |run| run.answered_bytes = run.answers * 20_000,
                "--size 64,1088,16448,20000",
            ),
            (
                |run| run.workload.verify = "len".to_owned(),
                "run bench-client calibrate --verify len",
            ),
            (
                |run| run.workload.churn = "per-request".to_owned(),
                "--churn per-request",
            ),
            (|run| run.workload.depth = 4, "--depth 4"),
            (
                |run| run.workload.protocol = "http".to_owned(),
                "calibrate --protocol http",
            ),
        ];
        for (change, expected) in cases {
            let mut run = run(1000.0, 64);
            change(&mut run);
            let reason = reason(&yardstick(|_| ()), &run);
            assert!(reason.contains(expected), "{reason}");
        }
    }

    #[test]
    fn requests_are_calibrated_where_they_are_echoes() {
        let yardstick = yardstick(|calibration| calibration.protocol = "http".to_owned());
        let mut run = run(1000.0, 64);
        run.workload.protocol = "http".to_owned();
        run.workload.request = Some("POST /echo, expect echo".to_owned());
        assert!(yardstick.measure(&run).0.is_some());
        run.workload.request = Some("GET /".to_owned());
        assert!(reason(&yardstick, &run).contains("--expect echo"));
    }

    #[test]
    fn one_of_several_is_used_that_fits() {
        let fitting = Calibration::example();
        let mut other = fitting.clone();
        other.conditions.client_cpus = 4;
        for all in [[fitting.clone(), other.clone()], [other, fitting]] {
            let yardstick = Yardstick::Calibrations {
                path: "/a".into(),
                all: all.to_vec(),
                here: Conditions::example(),
            };
            assert!(yardstick.measure(&run(1000.0, 64)).0.is_some());
        }
    }

    #[test]
    fn a_run_that_sent_nothing_was_at_no_ceiling() {
        let mut idle = run(0.0, 64);
        assert_eq!(yardstick(|_| ()).measure(&idle), (None, None));
        idle = run(10.0, 64);
        idle.workload.idle = true;
        assert_eq!(yardstick(|_| ()).measure(&idle), (None, None));
    }

    #[test]
    fn a_file_that_was_asked_for_must_be_there_and_the_usual_one_need_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.json");
        let read = |source| Yardstick::read(&source, 1);
        let message = read(Source::File(path.clone())).unwrap_err().to_string();
        assert!(
            message.contains("none.json") && message.contains("calibrate"),
            "{message}"
        );
        std::fs::write(&path, "{").unwrap();
        let message = read(Source::File(path)).unwrap_err().to_string();
        assert!(
            message.contains("none.json") && message.contains("remove it"),
            "{message}"
        );
        assert!(matches!(read(Source::Nowhere), Ok(Yardstick::Nothing)));
    }
}
