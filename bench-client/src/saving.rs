//! From what was measured to what is saved.

use crate::job::{Churn, Plan};
use crate::outcome::Outcome;
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
        let circumstances = Circumstances {
            interrupted: self.interrupted,
            server_end: self.server_end.clone(),
            remarks: self.remarks.clone(),
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
            answers: outcome.echoes.count(),
            answered_bytes: outcome.echoes.count() * outcome.plan.size as u64,
            answers_per_s: outcome.rate(),
            offered_per_s: None,
            service_time: outcome.echoes.saved(),
            response_time: None,
            send_lag: None,
            series: Vec::new(),
            fairness: fairness(outcome),
            server: outcome.server().map(|usage| per_answer(usage, outcome)),
            client: outcome.client().map(|usage| per_answer(usage, outcome)),
            host: outcome.host.clone(),
            memory: memory(outcome),
            errors: outcome.faults.iter().map(errors).collect(),
            unfinished: outcome.unfinished,
            verdict: Verdict::default(),
        }
    }
}

impl Workload {
    fn of(plan: &Plan) -> Workload {
        let mut workload = Workload {
            hash: String::new(),
            target: format!("tcp://{}", plan.address),
            protocol: "tcp".to_owned(),
            mode: "closed".to_owned(),
            rate: None,
            arrivals: None,
            think: None,
            clients: plan.clients,
            depth: 1,
            size: plan.size.to_string(),
            payload: "pattern".to_owned(),
            seed: plan.seed,
            verify: plan.verify.id().to_owned(),
            churn: match plan.churn {
                Churn::Never => "never",
                Churn::PerRequest => "per-request",
            }
            .to_owned(),
            idle: plan.idle,
            request: None,
            warmup_s: plan.warmup.as_secs_f64(),
            duration_s: Some(plan.duration.as_secs_f64()),
            requests: None,
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
        false => spread.at_work(outcome.rate(), outcome.echoes.mean()),
    }
}

fn per_answer(usage: &Usage, outcome: &Outcome) -> Usage {
    let answers = outcome.echoes.count();
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
        let at = |share| u64::try_from(self.quantile(share).as_nanos()).unwrap_or(u64::MAX);
        Times {
            count: self.count(),
            mean: self.mean(),
            min: at(0.0),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            p99999: at(0.99999),
            max: u64::try_from(self.longest().as_nanos()).unwrap_or(u64::MAX),
            saturated: 0,
            histogram: self.encoded(),
        }
    }
}
