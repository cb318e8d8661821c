//! From the plan of a run to the load that is saved.

use std::time::Duration;

use greenserve::runtime;

use crate::base::random::fingerprint;
use crate::plan::Plan;
use crate::plan::churn::Linger;
use crate::plan::pace::Loop;
use crate::saved::Workload;

impl Workload {
    /// Of `plan`, where `payload_hash` is of the file that messages are made of.
    pub(crate) fn of(plan: &Plan, payload_hash: Option<String>) -> Workload {
        let mut workload = Workload {
            hash: String::new(),
            target: plan.target(),
            protocol: plan.protocol.id().to_owned(),
            mode: if plan.pace.is_open() { "open" } else { "closed" }.to_owned(),
            rate: None,
            arrivals: None,
            think: None,
            shed_s: None,
            clients: plan.clients,
            depth: plan.depth,
            size: plan.sizes.to_string(),
            payload: plan.content.id(),
            payload_hash,
            seed: plan.seed,
            verify: plan.verify.id().to_owned(),
            churn: plan.churn.to_string(),
            linger: linger(plan.linger).to_owned(),
            idle: plan.idle,
            request: plan.request.as_ref().map(|request| request.summary.clone()),
            request_body: plan.request.as_ref().map(|request| request.sends().to_owned()),
            expected_body: plan.request.as_ref().map(|request| request.expects().to_owned()),
            request_hash: plan.request.as_ref().map(|request| fingerprint(&request.everything())),
            websocket: plan.opening.as_ref().map(|opening| opening.summary.clone()),
            tls_verified: plan.tls.as_ref().map(|tls| tls.is_verified),
            tls_resumption: plan.tls.as_ref().map(|tls| tls.resumes),
            workers: runtime::workers(),
            source: plan.sources.map(|sources| sources.to_string()),
            nodelay: plan.network.nodelay,
            receive_buffer_bytes: plan.network.receive_buffer,
            send_buffer_bytes: plan.network.send_buffer,
            connect_timeout_s: plan.connect_timeout.as_secs_f64(),
            timeout_s: plan.timeout.as_secs_f64(),
            ramp_s: plan.ramp.as_secs_f64(),
            warmup_s: plan.warmup.as_secs_f64(),
            duration_s: Some(plan.duration.as_secs_f64()),
            requests: plan.requests,
        };
        workload.keep_pace(&plan.pace);
        workload.hash = workload.hashed();
        workload
    }

    fn keep_pace(&mut self, pace: &Loop) {
        match pace {
            Loop::Closed(think) => self.think = think.map(|think| think.to_string()),
            Loop::Open { rate, arrivals, shed } => {
                self.rate = Some(rate.to_string());
                self.arrivals = Some(arrivals.id().to_owned());
                self.shed_s = shed.as_ref().map(Duration::as_secs_f64);
            }
        }
    }
}

fn linger(linger: Linger) -> &'static str {
    match linger {
        Linger::Fin => "fin",
        Linger::Rst => "rst",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saved::Run;

    /// Any field of a load, changed alone, makes it another load.
    #[test]
    fn every_field_but_the_target_is_in_the_hash() {
        let workload = Run::full("a").workload;
        let serde_json::Value::Object(fields) = serde_json::to_value(&workload).unwrap() else {
            panic!("{workload:?}");
        };
        for (name, value) in fields.iter().filter(|(name, _)| *name != "hash") {
            let other = match value {
                serde_json::Value::Bool(is) => serde_json::json!(!is),
                serde_json::Value::Number(_) => serde_json::json!(77),
                _ => serde_json::json!("another"),
            };
            let mut fields = fields.clone();
            fields.insert(name.clone(), other);
            let changed: Workload = serde_json::from_value(fields.into()).unwrap();
            assert_eq!(changed.hashed() == workload.hash, name == "target", "{name}");
        }
    }
}
