//! From what was measured to what is saved.

use std::time::Duration;

use crate::job::Plan;
use crate::outcome::Outcome;
use crate::pace::Loop;
use crate::report::Side;
use crate::saved::{Connections, Errors, Fairness, Memory, Run, Times, Usage, Verdict, Workload};
use crate::tally::Tallied;
use crate::taxonomy::ErrorClass;
use crate::verdict::{self, Circumstances};

impl Side {
    /// As it is saved.
    pub(crate) fn saved(&self) -> Run {
        Run {
            name: self.name.clone(),
            ..self.outcome.judged()
        }
    }
}

impl Outcome {
    /// The run that is saved, with the verdict on it and without a name.
    pub(crate) fn judged(&self) -> Run {
        let run = self.figures();
        let (ceiling, doubt) = self.yardstick.measure(&run);
        let run = Run { ceiling, ..run };
        let circumstances = Circumstances {
            interrupted: self.interrupted,
            server_end: self.server_end.clone(),
            remarks: self.remarks.iter().cloned().chain(doubt).collect(),
            accepts: self.plan.accepts,
        };
        Run {
            verdict: verdict::judge(&run, &circumstances),
            ..run
        }
    }

    fn figures(&self) -> Run {
        let outcome = self;
        Run {
            name: String::new(),
            workload: Workload::of(&outcome.plan),
            connections: Connections {
                asked: outcome.plan.clients,
                connected: outcome.connected,
                connecting_s: outcome.connecting.as_secs_f64(),
                first_answer: outcome.arrivals.saved(),
            },
            window_s: outcome.window.as_ref().map(|window| window.length.as_secs_f64()),
            answers: outcome.answers,
            answered_bytes: outcome.bytes,
            answers_per_s: outcome.rate(),
            offered: outcome.offered,
            offered_per_s: outcome.offered_rate(),
            service_time: outcome.service.saved(),
            response_time: outcome.response.as_ref().map(crate::recording::Times::saved),
            send_lag: outcome.lag.as_ref().map(crate::recording::Times::saved),
            sample_s: outcome.plan.sampling.every.as_secs_f64(),
            series: outcome.series.clone(),
            fairness: fairness(outcome),
            server: outcome.server().map(|usage| per_answer(usage, outcome)),
            client: outcome.client().map(|usage| per_answer(usage, outcome)),
            ceiling: None,
            host: outcome.host.clone(),
            memory: memory(outcome),
            errors: outcome.faults.iter().map(errors).collect(),
            unfinished: outcome.unfinished,
            verdict: Verdict::default(),
        }
    }
}

impl Workload {
    pub(crate) fn of(plan: &Plan) -> Workload {
        let (rate, arrivals, think) = match &plan.pace {
            Loop::Closed(think) => (None, None, think.map(|think| think.to_string())),
            Loop::Open { rate, arrivals, .. } => (Some(rate.to_string()), Some(arrivals.id().to_owned()), None),
        };
        let mut workload = Workload {
            hash: String::new(),
            target: plan.target(),
            protocol: plan.protocol.id().to_owned(),
            mode: if plan.pace.is_open() { "open" } else { "closed" }.to_owned(),
            rate,
            arrivals,
            think,
            clients: plan.clients,
            depth: plan.depth,
            size: plan.sizes.to_string(),
            payload: plan.content.id(),
            seed: plan.seed,
            verify: plan.verify.id().to_owned(),
            churn: plan.churn.to_string(),
            idle: plan.idle,
            request: plan.request.as_ref().map(|request| request.summary.clone()),
            warmup_s: plan.warmup.as_secs_f64(),
            duration_s: Some(plan.duration.as_secs_f64()),
            requests: plan.requests,
        };
        workload.hash = workload.hashed();
        workload
    }

    /// Of everything but the hash and the target: FNV-1a, 64 bits, over the
    /// fields in their order as JSON.
    pub(crate) fn hashed(&self) -> String {
        let load = Workload {
            hash: String::new(),
            target: String::new(),
            ..self.clone()
        };
        let text = serde_json::to_string(&load).unwrap_or_default();
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
    }
}

fn fairness(outcome: &Outcome) -> Fairness {
    let spread = outcome.fairness.clone();
    match outcome.plan.idle {
        true => spread,
        false => spread.at_work(outcome.rate(), outcome.service.mean()),
    }
}

fn per_answer(usage: &Usage, outcome: &Outcome) -> Usage {
    let answers = outcome.answers;
    Usage {
        cpu_us_per_answer: (answers > 0).then(|| usage.cpu_s * 1e6 / answers as f64),
        ..usage.clone()
    }
}

fn memory(outcome: &Outcome) -> Option<Memory> {
    outcome.memory.map(|memory| Memory {
        few_clients: memory.few,
        many_clients: memory.many,
        few_bytes: memory.few_bytes,
        many_bytes: memory.many_bytes,
        bytes_per_client: memory.per_client(),
    })
}

fn errors((class, tallied): &(ErrorClass, Tallied)) -> Errors {
    let first = tallied.first.as_ref();
    Errors {
        class: class.id().to_owned(),
        count: tallied.count,
        first_at_s: first.map(|first| first.at.as_secs_f64()),
        first_client: first.map(|first| first.connection),
        first: first.map(|first| first.detail.clone()),
    }
}

impl crate::recording::Times {
    /// As they are saved.
    pub(crate) fn saved(&self) -> Times {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let at = |share| self.of_all(share).map(nanos);
        Times {
            count: self.count(),
            unanswered: self.unanswered(),
            mean: self.mean(),
            min: nanos(self.quantile(0.0)),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            p99999: at(0.99999),
            max: nanos(self.longest()),
            saturated: self.saturated(),
            histogram: self.encoded(),
        }
    }
}
