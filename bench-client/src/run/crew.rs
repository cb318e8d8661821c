//! The clients of a run as one: brought in, put to work, called back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use greenserve::runtime::{self, JoinError, JoinHandle};

use crate::base::failure::Failure;
use crate::run::client::Client;
use crate::run::client::Served;
use crate::run::job::{Job, Phase};
use crate::view::watch::{GLANCE, Watch};

/// Clients that connect at the same time. Fewer than a listener's usual
/// backlog of 1024: beyond it the kernel drops clients and what is measured is
/// its retry timer.
const AT_ONCE: u32 = 512;

/// Fewer than a socket's receive buffer holds by default: what comes beyond
/// that is lost.
const DATAGRAMS_AT_ONCE: u32 = 64;

/// How long clients may take to finish after a signal.
const HASTE: Duration = Duration::from_millis(200);

/// Clients that are connected.
#[derive(Debug)]
pub(crate) struct Crew {
    job: Arc<Job>,
    /// Clients asked for until now, whether they came or not.
    asked: u32,
    clients: Vec<Client>,
    began: Instant,
    connecting: Duration,
}

impl Crew {
    /// Nobody yet.
    pub(crate) fn new(job: &Arc<Job>) -> Crew {
        Crew {
            job: Arc::clone(job),
            asked: 0,
            clients: Vec::new(),
            began: Instant::now(),
            connecting: Duration::ZERO,
        }
    }

    /// How many are connected.
    pub(crate) fn size(&self) -> u32 {
        self.clients.len() as u32
    }

    /// How long connecting them took.
    pub(crate) fn connecting(&self) -> Duration {
        self.connecting
    }

    /// Connects clients until `total` were asked for, and waits for each one's
    /// first answer.
    ///
    /// # Errors
    /// When the runtime refuses a coroutine. Clients that cannot connect are
    /// in the job's tally.
    pub(crate) fn recruit(&mut self, total: u32, watch: &mut Watch) -> Result<(), Failure> {
        let began = Instant::now();
        let at_once = match self.job.plan.protocol.is_datagram() {
            true => DATAGRAMS_AT_ONCE,
            false => AT_ONCE,
        };
        let lines = at_once.min(total - self.asked);
        let arriving: Vec<_> = (0..lines)
            .map(|line| self.open_line(line, lines, total))
            .collect::<Result<_, _>>()?;
        let job = Arc::clone(&self.job);
        for line in arriving {
            let progress = || format!("connecting, {} clients", job.arrivals.count());
            self.clients.extend(patiently(line, watch, progress)?);
        }
        self.asked = total;
        self.connecting += began.elapsed();
        Ok(())
    }

    /// Every `lines`-th client, one after the other.
    fn open_line(&self, line: u32, lines: u32, total: u32) -> Result<JoinHandle<Vec<Client>>, Failure> {
        let job = Arc::clone(&self.job);
        let numbers = (self.asked + line..total).step_by(lines as usize);
        let began = self.began;
        let connect = move || {
            numbers
                .take_while(|number| wait_for_turn(&job, began, *number))
                .filter_map(|number| Client::arrive(&job, number))
                .collect()
        };
        Ok(runtime::spawn(connect)?)
    }

    /// Puts everybody to work at the same time; what they do counts from
    /// `window` on.
    ///
    /// # Errors
    /// When the runtime refuses a coroutine.
    pub(crate) fn work(self, window: Instant) -> Result<Shift, Failure> {
        self.job.open_window(window);
        let one_each = self.clients.into_iter().map(|client| vec![client]);
        start(one_each.collect(), Client::work)
    }

    /// Has everybody exchange one more message, no more of them at the same
    /// time than when they came.
    ///
    /// # Errors
    /// When the runtime refuses a coroutine.
    pub(crate) fn say_goodbye(self) -> Result<Shift, Failure> {
        let mut lines: Vec<_> = (0..AT_ONCE).map(|_| Vec::new()).collect();
        for (client, line) in self.clients.into_iter().zip((0..lines.len()).cycle()) {
            lines[line].push(client);
        }
        start(lines, Client::say_goodbye)
    }
}

/// Waits until client `number` is to connect, if the plan spreads the
/// connecting; false when the run is over.
fn wait_for_turn(job: &Job, began: Instant, number: u32) -> bool {
    let share = f64::from(number) / f64::from(job.plan.clients);
    let turn = began + job.plan.ramp.mul_f64(share);
    let woken = job.plan.ramp.is_zero() || runtime::sleep_until(turn).is_ok();
    woken && job.phase() != Phase::Over
}

/// Starts a coroutine for each line; its clients take their turn in it.
fn start(lines: Vec<Vec<Client>>, turn: fn(Client) -> Served) -> Result<Shift, Failure> {
    let handles = lines
        .into_iter()
        .map(|line| runtime::spawn(move || line.into_iter().map(turn).collect()))
        .collect::<Result<_, _>>()?;
    Ok(Shift(handles))
}

/// Clients at work.
#[derive(Debug)]
pub(crate) struct Shift(Vec<JoinHandle<Vec<Served>>>);

impl Shift {
    /// Waits until everybody is done, for at most `grace`, or until a signal
    /// comes; who is not by then is told to stop.
    ///
    /// # Errors
    /// When a client panicked.
    pub(crate) fn end(self, grace: Duration, watch: &mut Watch) -> Result<Vec<Served>, Failure> {
        let mut deadline = Instant::now() + grace;
        let mut late = Vec::new();
        let mut served = Vec::with_capacity(self.0.len());
        for handle in self.0 {
            match join_until(handle, &mut deadline, watch) {
                Ok(done) => served.extend(done?),
                Err(handle) => {
                    handle.kill();
                    late.push(handle);
                }
            }
        }
        for handle in late {
            served.extend(handle.join()?);
        }
        Ok(served)
    }
}

/// The result, or the handle again when `deadline` passes, which a signal brings
/// nearer. A result that is there by then counts.
fn join_until<T>(
    mut handle: JoinHandle<T>,
    deadline: &mut Instant,
    watch: &mut Watch,
) -> Result<Result<T, JoinError>, JoinHandle<T>> {
    loop {
        if watch.interrupted() {
            *deadline = (*deadline).min(Instant::now() + HASTE);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match handle.join_timeout(left.min(GLANCE)) {
            Ok(done) => return Ok(done),
            Err((back, _)) if left.is_zero() => return Err(back),
            Err((back, _)) => handle = back,
        }
        watch.show(|| "waiting for the last answers".to_owned());
    }
}

/// Joins, showing progress; an interrupt stops the coroutine.
fn patiently<T>(mut handle: JoinHandle<T>, watch: &mut Watch, progress: impl Fn() -> String) -> Result<T, Failure> {
    loop {
        if watch.interrupted() {
            handle.kill();
        }
        match handle.join_timeout(GLANCE) {
            Ok(done) => return Ok(done?),
            Err((back, _)) => handle = back,
        }
        watch.show(&progress);
    }
}
