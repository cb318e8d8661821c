//! Bare messages that come back, rightly or not.

use std::sync::OnceLock;

use super::exchange::{Heard, Taken, hear, job, origin};
use crate::base::taxonomy::ErrorClass;
use crate::plan::verify::Verify;
use crate::run::job::Job;

/// Messages that were sent.
const MESSAGES: usize = 4;
/// Sizes with and without a header, one and several, and each degree of care.
const LOADS: [&str; 8] = [
    "tcp://127.0.0.1:1 --size 1",
    "tcp://127.0.0.1:1 --size 23 --payload pattern",
    "tcp://127.0.0.1:1 --size 24",
    "tcp://127.0.0.1:1 --size 40",
    "tcp://127.0.0.1:1 --size 1..60",
    "tcp://127.0.0.1:1 --size 8:1,40:1 --payload pattern",
    "tcp://127.0.0.1:1 --size 40 --verify header",
    "tcp://127.0.0.1:1 --size 40 --verify len",
];

/// The bytes are first what was received, and then what is wrong with it: the
/// difference between what was sent and what was received. The answer counts
/// as right exactly if its bytes are; how they were cut does not matter.
pub fn echo(bytes: &[u8]) {
    static JOBS: OnceLock<Vec<Job>> = OnceLock::new();
    for job in JOBS.get_or_init(|| LOADS.map(job).into()) {
        let sent = sent(job);
        let mut differing = sent.concat();
        differing.iter_mut().zip(bytes).for_each(|(byte, flip)| *byte ^= flip);
        differing.truncate(sent.concat().len().min(bytes.len()));
        for received in [bytes, &differing] {
            check(job, &sent, received);
        }
    }
}

fn sent(job: &Job) -> Vec<Vec<u8>> {
    let message = |sequence| {
        let mut message = Vec::new();
        job.encode(origin(sequence), &mut message);
        message
    };
    (0..MESSAGES as u64).map(message).collect()
}

fn check(job: &Job, sent: &[Vec<u8>], received: &[u8]) {
    let heard = hear(job, received, usize::MAX, MESSAGES);
    for step in [1, 7] {
        assert_eq!(hear(job, received, step, MESSAGES), heard, "{step} bytes at a time");
    }
    for (message, answer) in sent.iter().zip(&heard.answers) {
        judge(job, message, answer, &received[answer.begin..answer.end]);
    }
    nothing_is_left_out(sent, received, &heard);
    let _ = job.payload.origin_of(received).inspect(|origin| {
        assert!(job.payload.begins(*origin, received), "whose header is it?");
    });
}

fn judge(job: &Job, message: &[u8], answer: &Taken, bytes: &[u8]) {
    assert_eq!(bytes.len(), message.len());
    let right = match job.plan.verify {
        Verify::Full => bytes == message,
        Verify::Header => bytes[..24] == message[..24],
        Verify::Len | Verify::Off => true,
    };
    assert_eq!(answer.wrong.is_none(), right, "{answer:?}");
    // A message that is complete and somebody's begins with a header.
    if !matches!(answer.wrong, None | Some(ErrorClass::Corrupt)) {
        assert!(job.payload.origin_of(bytes).is_some(), "{answer:?}");
    }
}

/// An answer that is there is counted, unless a wrong one hides where it begins.
fn nothing_is_left_out(sent: &[Vec<u8>], received: &[u8], heard: &Heard) {
    assert_eq!(heard.broken, None);
    let taken = heard.answers.last().map_or(0, |answer| answer.end);
    let next = sent.get(heard.answers.len());
    let whole = next.is_some_and(|message| received.len() - taken >= message.len());
    assert!(!whole || heard.answers.last().is_some_and(|answer| answer.last));
}
