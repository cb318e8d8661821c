//! The programs that hand jobs to workers.

use std::collections::HashSet;

use crate::program::Program;

/// Each job is done once, by one of the crew, before all are said to be done.
fn each_job_is_done(room: &str) {
    let program = Program::start("job_queue", &["--jobs", "40", "--crew", "4", "--room", room]);
    let ended = program.ended();
    assert_eq!((ended.code(), ended.errors.as_str()), (Some(0), ""));
    let (last, lines) = ended.output.split_last().unwrap();
    assert_eq!(last, "all 40 jobs are done");
    let said = |line: &String| {
        let (worker, job) = line.strip_prefix("worker ").unwrap().split_once(" did job ").unwrap();
        (worker.parse::<u32>().unwrap(), job.parse::<u32>().unwrap())
    };
    let (crew, jobs): (HashSet<_>, Vec<_>) = lines.iter().map(said).unzip();
    assert!(crew.iter().all(|worker| (1..=4).contains(worker)), "{crew:?}");
    let once: HashSet<_> = jobs.iter().copied().collect();
    assert_eq!((jobs.len(), once), (40, (1..=40).collect()));
}

#[test]
fn with_room() {
    each_job_is_done("10");
}

#[test]
fn from_hand_to_hand() {
    each_job_is_done("0");
}

#[test]
fn without_workers_it_is_an_error() {
    let ended = Program::start("job_queue", &["--crew", "0"]).ended();
    assert_eq!(ended.code(), Some(1));
    assert!(ended.errors.contains("was not sent"), "{}", ended.errors);
}
