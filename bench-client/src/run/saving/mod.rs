//! From what was measured to what is saved.

mod workload;

use std::time::Duration;

use crate::base::tally::Tallied;
use crate::base::taxonomy::ErrorClass;
use crate::judge::verdict::{self, Circumstances};
use crate::run::outcome::Outcome;
use crate::run::sides::Side;
use crate::saved::{Connections, Errors, Fairness, Memory, Run, Times, Usage, Verdict, Workload};

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
            workload: Workload::of(&outcome.plan, outcome.payload_hash.clone()),
            connections: Connections {
                asked: outcome.plan.clients,
                connected: outcome.connected,
                connecting_s: outcome.connecting.as_secs_f64(),
                first_answer: outcome.arrivals.saved(),
                opened: outcome.opened.map(|opened| opened.in_all),
                opened_in_window: outcome.opened.map(|opened| opened.in_window),
                opened_per_s: outcome.opened_rate(),
                closed_by_server: outcome.opened.map(|opened| opened.closed_by_server),
                pings: outcome.pings(),
                tls: outcome.sessions.clone(),
            },
            window_s: outcome.window.as_ref().map(|window| window.length.as_secs_f64()),
            answers: outcome.answers,
            answered_bytes: outcome.bytes,
            answers_per_s: outcome.rate(),
            offered: outcome.offered,
            offered_per_s: outcome.offered_rate(),
            service_time: outcome.service.saved(),
            response_time: outcome.response.as_ref().map(crate::run::recording::Times::saved),
            send_lag: outcome.lag.as_ref().map(crate::run::recording::Times::saved),
            sample_s: outcome.plan.sampling.every.as_secs_f64(),
            series: outcome.series.clone(),
            client_stopped_s: outcome.stopped.as_secs_f64(),
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
        few_clients: memory.few.clients,
        many_clients: memory.many.clients,
        few_bytes: memory.few.resident,
        many_bytes: memory.many.resident,
        bytes_per_client: memory.per_client(),
        few_page_table_bytes: memory.few.page_tables,
        many_page_table_bytes: memory.many.page_tables,
        page_table_bytes_per_client: memory.tables_per_client(),
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

impl crate::run::recording::Times {
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
