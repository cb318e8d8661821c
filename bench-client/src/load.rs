//! The run: connect, wait for all, warm up, measure, let finish.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::books::Books;
use crate::crew::{Crew, Shift};
use crate::failure::Failure;
use crate::format;
use crate::job::{Job, Phase, Plan};
use crate::outcome::{Memory, Outcome, Window};
use crate::saved::Fairness;
use crate::watch::Watch;

/// How much longer than a read may take the last one is waited for.
const MARGIN: Duration = Duration::from_secs(1);
/// Between the last answer to arrive and the reading of the server's memory.
const SETTLE: Duration = Duration::from_millis(100);

/// Carries `plan` out against the server whose books are `server`.
///
/// # Errors
/// When nothing could be measured at all. What went wrong in the measuring is
/// in the outcome.
pub(crate) fn run(plan: Plan, server: Option<Account>, watch: &mut Watch) -> Result<Outcome, Failure> {
    let job = Arc::new(Job::new(plan));
    let mut run = Run {
        books: Books::open(server)?,
        job,
        watch,
    };
    let result = run.carry_out();
    // Whatever ended it, nobody works on.
    run.job.enter(Phase::Over);
    result
}

struct Run<'a> {
    job: Arc<Job>,
    books: Books,
    watch: &'a mut Watch,
}

impl Run<'_> {
    fn carry_out(&mut self) -> Result<Outcome, Failure> {
        let (crew, memory) = self.assemble()?;
        let (connected, connecting) = (crew.size(), crew.connecting());
        self.watch.check()?;
        if connected == 0 {
            return Err(self.nobody());
        }
        let (window, shift) = match self.job.plan.idle {
            true => self.hold(crew)?,
            false => self.measure(crew)?,
        };
        // As long as an answer may take: whatever is wrong with the last ones is
        // then an error like any other.
        let served = shift.end(self.job.plan.timeout + MARGIN, self.watch)?;
        Ok(Outcome {
            plan: self.job.plan.clone(),
            connected,
            connecting,
            arrivals: self.job.arrivals.times(),
            memory,
            window,
            echoes: self.job.echoes.times(),
            fairness: Fairness::of(&served),
            host: self.books.host(),
            unfinished: served.iter().filter(|served| served.unfinished).count() as u64,
            faults: self.job.faults.met(),
            interrupted: self.watch.interrupted(),
            server_end: None,
            remarks: Vec::new(),
        })
    }

    /// Everybody connected, and what they cost the server in memory.
    fn assemble(&mut self) -> Result<(Crew, Option<Memory>), Failure> {
        let Plan { few, clients, .. } = self.job.plan;
        let mut crew = Crew::new(&self.job);
        if few >= clients {
            crew.recruit(clients, self.watch)?;
            return Ok((crew, None));
        }
        crew.recruit(few, self.watch)?;
        let before = (crew.size(), self.resident());
        crew.recruit(clients, self.watch)?;
        let after = (crew.size(), self.resident());
        Ok((crew, Memory::between(before, after)))
    }

    fn resident(&mut self) -> Option<u64> {
        let server = self.books.server()?;
        self.watch
            .wait(Instant::now() + SETTLE, || "counting memory".to_owned());
        server.resident().ok()
    }

    fn nobody(&self) -> Failure {
        Failure::NobodyConnected {
            clients: self.job.plan.clients,
            target: self.job.plan.address.to_string(),
            detail: format::faults(&self.job.faults.met()),
        }
    }

    /// Everybody echoes; counts from the end of the warm-up on.
    fn measure(&mut self, crew: Crew) -> Result<(Option<Window>, Shift), Failure> {
        let Plan { warmup, duration, .. } = self.job.plan;
        let shift = crew.work()?;
        let job = Arc::clone(&self.job);
        self.watch.wait(Instant::now() + warmup, || warming_up(&job));
        if self.watch.interrupted() {
            self.job.enter(Phase::Over);
            return Ok((None, shift));
        }
        let before = self.books.begin();
        self.job.enter(Phase::Measure);
        self.watch.wait(before.at + duration, || measuring(&job, before.at));
        // Everybody works on, uncounted, until the books are closed: a server with
        // a thread for each client loses those threads and their counters.
        self.job.enter(Phase::WarmUp);
        let window = self.books.since(&before);
        self.job.enter(Phase::Over);
        Ok((Some(window), shift))
    }

    /// Everybody is quiet; then proves that the connection is still there.
    fn hold(&mut self, crew: Crew) -> Result<(Option<Window>, Shift), Failure> {
        let held = crew.size();
        let before = self.books.begin();
        self.watch.wait(before.at + self.job.plan.duration, || {
            format!("holding {held} connections")
        });
        let window = self.books.since(&before);
        Ok((Some(window), crew.say_goodbye()?))
    }
}

fn warming_up(job: &Job) -> String {
    format!("warming up, {} errors", job.faults.total())
}

fn measuring(job: &Job, since: Instant) -> String {
    let (passed, echoes) = (since.elapsed(), job.echoes.count());
    format!(
        "{:.0} of {} s, {} echoes/s, {} errors",
        passed.as_secs_f64(),
        format::seconds(job.plan.duration),
        format::thousands(echoes as f64 / passed.as_secs_f64().max(1e-3)),
        job.faults.total(),
    )
}
