//! The run: connect, wait for all, warm up, measure, let finish.

use std::sync::Arc;
use std::time::{Duration, Instant};

use greenserve::runtime;

use crate::base::failure::Failure;
use crate::base::format;
use crate::judge::ceiling::Yardstick;
use crate::machine::account::Account;
use crate::plan::Plan;
use crate::run::books::{Books, Opening};
use crate::run::client::Served;
use crate::run::crew::{Crew, Shift};
use crate::run::job::{Job, Phase};
use crate::run::outcome::{Held, Memory, Outcome, Window};
use crate::run::recording::{Recorder, Times};
use crate::run::series::Series;
use crate::run::standstill::Standstill;
use crate::saved::{Fairness, Workload};
use crate::view::progress::Progress;
use crate::view::watch::{GLANCE, Watch};

/// How much longer than a read may take the last one is waited for.
const MARGIN: Duration = Duration::from_secs(1);
/// Between the last answer to arrive and the reading of the server's memory.
const SETTLE: Duration = Duration::from_millis(100);

/// Carries `plan` out against the server whose books are `server`.
///
/// # Errors
/// When nothing could be measured at all. What went wrong in the measuring is
/// in the outcome, even that nobody could connect.
pub(crate) fn run(plan: Plan, server: Option<Account>, watch: &mut Watch) -> Result<Outcome, Failure> {
    plan.sampling.check(plan.duration)?;
    let yardstick = Yardstick::read(&plan.calibration, runtime::workers())?;
    watch.describe(Workload::of(&plan, None).headline());
    let job = Arc::new(Job::new(plan)?);
    let mut run = Run {
        books: Books::open(server)?,
        job,
        watch,
        series: Series::default(),
        standstill: Standstill::watch(),
    };
    let result = run.carry_out();
    // Whatever ended it, nobody works on.
    run.job.enter(Phase::Over);
    Ok(Outcome { yardstick, ..result? })
}

struct Run<'a> {
    job: Arc<Job>,
    books: Books,
    watch: &'a mut Watch,
    series: Series,
    standstill: Standstill,
}

impl Run<'_> {
    fn carry_out(&mut self) -> Result<Outcome, Failure> {
        let (crew, memory) = self.assemble()?;
        let (connected, connecting) = (crew.size(), crew.connecting());
        self.watch.check()?;
        let (window, served) = match connected {
            0 => (None, Vec::new()),
            _ => self.work(crew)?,
        };
        let offered = self.offered(window.as_ref(), &served);
        Ok(Outcome {
            plan: self.job.plan.clone(),
            payload_hash: self.job.payload_hash(),
            connected,
            connecting,
            sessions: self.job.sessions.counted(),
            opened: (!self.job.plan.protocol.is_datagram()).then(|| self.job.turnover.counted()),
            arrivals: self.job.arrivals.times(),
            memory,
            window,
            service: self.job.service.times(),
            response: self
                .open_loop(&self.job.response)
                .map(|times| times.among(offered.unwrap_or_default())),
            lag: self.open_loop(&self.job.lag),
            offered,
            stopped: self.standstill.total(),
            series: std::mem::take(&mut self.series).finish(),
            answers: served.iter().map(|served| served.answers).sum(),
            bytes: served.iter().map(|served| served.bytes).sum(),
            fairness: Fairness::of(&served),
            host: self.books.host(),
            unfinished: served.iter().map(|served| served.unfinished).sum(),
            faults: self.job.faults.met(),
            interrupted: self.watch.interrupted(),
            server_end: None,
            remarks: Vec::new(),
            yardstick: Yardstick::Nothing,
        })
    }

    /// What everybody did, and in which window.
    fn work(&mut self, crew: Crew) -> Result<(Option<Window>, Vec<Served>), Failure> {
        let (window, shift) = match self.job.plan.idle {
            true => self.hold(crew)?,
            false => self.measure(crew)?,
        };
        // As long as an answer may take: whatever is wrong with the last ones is
        // then an error like any other.
        let served = shift.end(self.job.plan.timeout + MARGIN, self.watch)?;
        Ok((window, served))
    }

    /// What only a schedule gives sense to.
    fn open_loop(&self, recorder: &Recorder) -> Option<Times> {
        self.job.schedule.as_ref().map(|_| recorder.times())
    }

    /// Messages that the schedule had for the window, as the clients that
    /// followed it counted them.
    fn offered(&self, window: Option<&Window>, served: &[Served]) -> Option<u64> {
        let measured = self.job.schedule.is_some() && window.is_some();
        measured.then(|| served.iter().map(|served| served.scheduled).sum())
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
        let before = self.held(crew.size());
        crew.recruit(clients, self.watch)?;
        let after = self.held(crew.size());
        Ok((crew, Memory::between(before, after)))
    }

    /// What the server holds now, for so many clients.
    fn held(&mut self, clients: u32) -> Option<Held> {
        let server = self.books.server()?;
        self.watch
            .wait(Instant::now() + SETTLE, || "counting memory".to_owned());
        Some(Held {
            clients,
            resident: server.resident().ok()?,
            page_tables: server.page_tables().ok(),
        })
    }

    /// Everybody works; it counts from the end of the warm-up on.
    fn measure(&mut self, crew: Crew) -> Result<(Option<Window>, Shift), Failure> {
        let (before, shift) = match self.job.plan.warmup.is_zero() {
            true => {
                // The first message already counts.
                let before = self.books.begin();
                self.job.enter(Phase::Measure);
                let shift = crew.work(before.at)?;
                (before, shift)
            }
            false => {
                let shift = self.warm_up(crew)?;
                (self.books.begin(), shift)
            }
        };
        if self.watch.interrupted() {
            self.job.enter(Phase::Over);
            return Ok((None, shift));
        }
        self.job.enter(Phase::Measure);
        let end = self.follow(&before)?;
        // The connections are held until the books are closed: a server with a
        // thread for each client loses those threads and their counters.
        self.job.enter(Phase::Closing);
        let window = self.books.since(&before);
        self.job.enter(Phase::Over);
        let length = self.length(before.at, end).unwrap_or(window.length);
        Ok((Some(Window { length, ..window }), shift))
    }

    fn warm_up(&mut self, crew: Crew) -> Result<Shift, Failure> {
        let begin = Instant::now() + self.job.plan.warmup;
        let shift = crew.work(begin)?;
        let job = Arc::clone(&self.job);
        self.watch.wait(begin, || warming_up(&job, begin));
        Ok(shift)
    }

    /// How long the window was, where that is known better than by when its end
    /// was noticed: until the last of the wanted answers, or what the schedule
    /// was counted for.
    fn length(&self, begin: Instant, enough: Option<Instant>) -> Option<Duration> {
        let scheduled = self.job.window().filter(|_| self.job.schedule.is_some());
        match (enough, scheduled) {
            (Some(end), _) => Some(end - begin),
            (None, Some((begin, _))) => Some(self.job.end().saturating_duration_since(begin)),
            (None, None) => None,
        }
    }

    /// Takes down what happens interval by interval until the window ends; the
    /// instant, if it ended with the last of the answers that were wanted.
    fn follow(&mut self, before: &Opening) -> Result<Option<Instant>, Failure> {
        let job = Arc::clone(&self.job);
        let end = before.at + job.plan.duration;
        let mut tick = before.at;
        self.series = Series::begin(&job, before.spent());
        self.standstill = Standstill::watch();
        let goes_on = |watch: &Watch| job.phase() == Phase::Measure && !watch.interrupted() && !job.is_hopeless();
        while goes_on(self.watch) && Instant::now() < end {
            tick = job.plan.sampling.next(tick, Instant::now()).min(end);
            while goes_on(self.watch) && Instant::now() < tick {
                let glance = (Instant::now() + GLANCE).min(tick);
                let series = &self.series;
                self.watch.wait(glance, || measuring(&job, before.at, series));
                self.standstill.look(Instant::now(), GLANCE);
            }
            let end_of_interval = self.books.tick(before);
            self.series.tick(&job, &end_of_interval);
            if let Some(second) = self.series.seconds.last() {
                self.watch.note(second)?;
            }
        }
        Ok(job.enough())
    }

    /// Everybody is quiet; then proves that the connection is still there.
    fn hold(&mut self, crew: Crew) -> Result<(Option<Window>, Shift), Failure> {
        let held = crew.size();
        let before = self.books.begin();
        let length = self.job.plan.duration;
        let end = before.at + length;
        self.watch.wait(end, || {
            Progress::from(format!("holding {held} connections")).until(end, length)
        });
        let window = self.books.since(&before);
        Ok((Some(window), crew.say_goodbye()?))
    }
}

fn warming_up(job: &Job, until: Instant) -> Progress {
    let text = format!("warming up, {} errors", job.faults.total());
    Progress::from(text).until(until, job.plan.warmup)
}

fn measuring(job: &Job, since: Instant, series: &Series) -> Progress {
    let (passed, length) = (since.elapsed().as_secs_f64(), job.plan.duration.as_secs_f64());
    let answers = job.service.count();
    let text = format!(
        "{passed:.0} of {} s, {} {}/s, {} errors",
        format::seconds(job.plan.duration),
        format::thousands(answers as f64 / passed.max(1e-3)),
        job.plan.unit(),
        job.faults.total(),
    );
    let by_number = job.plan.requests.map(|wanted| answers as f64 / wanted as f64);
    Progress {
        share: Some((passed / length).max(by_number.unwrap_or(0.0)).min(1.0)),
        live: Some(series.live(job)),
        ..Progress::from(text).until(since + job.plan.duration, job.plan.duration)
    }
}
