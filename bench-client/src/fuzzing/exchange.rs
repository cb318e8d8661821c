//! A client without a socket: what it makes of the bytes that come.

use clap::Parser;

use crate::base::taxonomy::ErrorClass;
use crate::commands::run::RunOptions;
use crate::plan::origin::Origin;
use crate::plan::target::Target;
use crate::run::client::codec::Reader;
use crate::run::job::Job;
use crate::run::options::Phases;

/// The words of a `run`.
#[derive(Debug, Parser)]
struct Words {
    #[command(flatten)]
    options: RunOptions,
}

/// The job of `bench-client run` with these words.
pub(super) fn job(words: &str) -> Job {
    let words = std::iter::once("run").chain(words.split(' '));
    let options = Words::parse_from(words).options;
    let phases = Phases {
        warmup: options.warmup,
        duration: options.duration,
    };
    let target: Target = options
        .target
        .expect("it is among the words")
        .alone()
        .expect("a target");
    let endpoint = target.resolve().expect("an address needs no name server");
    let plan = options.load.plan(&phases);
    let plan = options.workload.apply(&target, endpoint, plan).expect("a plan");
    Job::new(plan).expect("no file is read")
}

/// One answer as the client counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Where it begins in what was received.
    pub(super) begin: usize,
    /// Where the next one begins.
    pub(super) end: usize,
    /// What is wrong with it.
    pub(super) wrong: Option<ErrorClass>,
    /// Whether the connection ends with it.
    pub(super) last: bool,
}

/// All that a connection brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// The answers in their order, the first one to message 0.
    pub(super) answers: Vec<Taken>,
    /// Why nothing could be made of the rest.
    pub(super) broken: Option<ErrorClass>,
}

/// Whose the `sequence`-th message is, here.
pub(super) fn origin(sequence: u64) -> Origin {
    Origin {
        connection: 3,
        sequence,
    }
}

/// What a client makes of `received` that comes `step` bytes at a time, as the
/// answers to `messages` messages.
pub(super) fn hear(job: &Job, received: &[u8], step: usize, messages: usize) -> Heard {
    let mut heard = Heard::default();
    let mut reader = Reader::default();
    let mut filled = 0;
    while filled < received.len() && !heard.is_over(messages) {
        filled = (filled + step).min(received.len());
        heard.take(job, &mut reader, &received[..filled], (false, messages));
    }
    heard.take(job, &mut reader, received, (true, messages));
    heard
}

impl Heard {
    fn is_over(&self, messages: usize) -> bool {
        self.broken.is_some() || self.answers.len() == messages || self.answers.last().is_some_and(|answer| answer.last)
    }

    fn take(&mut self, job: &Job, reader: &mut Reader, received: &[u8], (ended, messages): (bool, usize)) {
        while !self.is_over(messages) {
            let begin = self.answers.last().map_or(0, |answer| answer.end);
            match job.decode(origin(self.answers.len() as u64), &received[begin..], ended, reader) {
                Ok(None) => return,
                Ok(Some(answer)) => self.answers.push(Taken {
                    begin,
                    end: begin + answer.length,
                    wrong: answer.verdict.err().map(|fault| fault.class),
                    last: answer.last,
                }),
                Err(fault) => self.broken = Some(fault.class),
            }
        }
    }
}
