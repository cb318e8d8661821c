//! From what was measured to what is saved.

use std::time::Duration;

use crate::job::{Churn, Plan};
use crate::outcome::{Outcome, Window};
use crate::report::Side;
use crate::saved::{Connections, Errors, Fairness, Host, Memory, Run, Times, Usage, Verdict, Workload};
use crate::tally::Tallied;
use crate::taxonomy::ErrorClass;

impl Side {
    /// As it is saved.
    pub(crate) fn saved(&self) -> Run {
        let outcome = &self.outcome;
        Run {
            name: self.name.clone(),
            workload: Workload::of(&outcome.plan),
            connections: Connections {
                asked: outcome.plan.clients,
                connected: outcome.connected,
                connecting_s: outcome.connecting.as_secs_f64(),
                first_answer: outcome.arrivals.saved(),
            },
            window_s: outcome.window.map(|window| window.length.as_secs_f64()),
            answers: outcome.echoes.count(),
            answered_bytes: outcome.echoes.count() * outcome.plan.size as u64,
            answers_per_s: outcome.rate(),
            offered_per_s: None,
            service_time: outcome.echoes.saved(),
            response_time: None,
            send_lag: None,
            series: Vec::new(),
            fairness: fairness(outcome),
            server: outcome.window.and_then(|window| server(outcome, &window)),
            client: outcome.window.and_then(|window| client(outcome, &window)),
            host: Host::default(),
            memory: memory(outcome),
            errors: outcome.faults.iter().map(errors).collect(),
            unfinished: outcome.unfinished,
            verdict: verdict(outcome),
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
    Fairness {
        fewest: outcome.fairness.fewest,
        most: outcome.fairness.most,
        ..Fairness::default()
    }
}

fn server(outcome: &Outcome, window: &Window) -> Option<Usage> {
    Some(Usage {
        cpu_us_per_answer: outcome.server_cpu_per_echo(),
        resident_bytes: window.server_resident,
        ..usage(window, window.server_cpu?)
    })
}

fn client(_: &Outcome, window: &Window) -> Option<Usage> {
    Some(usage(window, window.client_cpu?))
}

fn usage(window: &Window, cpu: Duration) -> Usage {
    Usage {
        cpu_s: cpu.as_secs_f64(),
        cpu_share: cpu.as_secs_f64() / window.length.as_secs_f64(),
        ..Usage::default()
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

fn verdict(outcome: &Outcome) -> Verdict {
    Verdict {
        valid: outcome.flaw().is_none(),
        reasons: outcome.flaw().into_iter().collect(),
        interrupted: outcome.interrupted,
        bottleneck: outcome.bottleneck().unwrap_or("server CPU").to_owned(),
        remarks: Vec::new(),
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
