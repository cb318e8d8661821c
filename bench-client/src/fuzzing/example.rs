//! Measurements for tests.

use std::time::Duration;

use crate::judge::compare::{Contender, judge};
use crate::judge::tolerance::ToleranceOptions;
use crate::run::recording::Recorder;
use crate::saved::Ceiling;
use crate::saved::{
    Connections, Errors, Fairness, Host, Machine, Manifest, Memory, Party, Run, SCHEMA, Saved, Second, Times,
    TlsSessions, Usage, Verdict,
};

impl Saved {
    /// Of these runs, on a machine that is none.
    pub(crate) fn example(runs: impl IntoIterator<Item = Run>) -> Saved {
        let manifest = Manifest {
            schema: SCHEMA,
            command: vec!["bench-client".to_owned()],
            version: "0".to_owned(),
            machine: Machine {
                cpu: "none".to_owned(),
                cpus: 2,
                siblings: "0".to_owned(),
                memory_mib: 1,
                kernel: "none".to_owned(),
                clock: "none".to_owned(),
                load_before: "0".to_owned(),
            },
            server_cpu: Some(0),
            client_cpu: Some(1),
        };
        Saved::new(manifest, runs.into_iter().collect())
    }
}

impl Saved {
    /// A comparison of A and B, five rounds each: B has a tenth fewer answers,
    /// twice as many as were tolerated.
    pub(crate) fn compared() -> Saved {
        let contender = |name: &str, option: &str, rate: f64| Contender {
            party: Party {
                name: name.to_owned(),
                from: format!("server {option}"),
            },
            runs: (0..5)
                .map(|round| Run::example(name, rate + f64::from(round)))
                .collect(),
        };
        let (a, b) = (contender("A", "--old", 1000.0), contender("B", "--new", 900.0));
        let judgement = judge(&a, &b, &ToleranceOptions::from_iter(["rps -5%"])).expect("one load");
        Saved {
            judgements: vec![judgement],
            ..Saved::example(a.runs.into_iter().chain(b.runs))
        }
    }
}

impl Second {
    /// The second that ends at `end`, with 1000 answers and three errors.
    pub(crate) fn example(end: u32) -> Second {
        Second {
            end_s: f64::from(end),
            length_s: 1.0,
            answers: 1000,
            p50: 1_000_000,
            p99: 2_000_000,
            max: 3_000_000,
            errors: vec![("corrupt".to_owned(), 2), ("reset".to_owned(), 1)],
            server_cpu_share: Some(0.9),
            ..Second::default()
        }
    }
}

impl Errors {
    /// So many of `class`, the first of them at half a second.
    pub(crate) fn example(class: &str, count: u64) -> Errors {
        Errors {
            class: class.to_owned(),
            count,
            first_at_s: Some(0.5),
            first_client: Some(3),
            first: Some("byte 40 is 7 instead of 8".to_owned()),
        }
    }
}

impl Run {
    /// The same under a load of so many clients and messages of `size`.
    pub(crate) fn under(mut self, clients: u32, size: &str) -> Run {
        self.workload.clients = clients;
        self.workload.size = size.to_owned();
        self.workload.hash = self.workload.hashed();
        self
    }

    /// The same with times of 1 to 100 ms.
    pub(crate) fn timed(self) -> Run {
        let recorder = Recorder::new(1);
        for millis in 1..=100 {
            recorder.record(0, Duration::from_millis(millis));
        }
        Run {
            service_time: recorder.times().saved(),
            ..self
        }
    }

    /// One that has everything there can be.
    pub(crate) fn full(name: &str) -> Run {
        let run = Run::example(name, 100.0).timed();
        let mut workload = run.workload.clone();
        workload.mode = "open".to_owned();
        workload.rate = Some("100".to_owned());
        workload.arrivals = Some("poisson".to_owned());
        workload.think = Some("1ms".to_owned());
        workload.request = Some("GET /".to_owned());
        workload.requests = Some(100);
        workload.payload_hash = Some("2".to_owned());
        workload.request_hash = Some("3".to_owned());
        workload.request_body = Some("none".to_owned());
        workload.expected_body = Some("none".to_owned());
        workload.websocket = Some("/".to_owned());
        workload.source = Some("127.0.0.0/26".to_owned());
        (workload.tls_verified, workload.tls_resumption) = (Some(true), Some(false));
        (workload.receive_buffer_bytes, workload.send_buffer_bytes) = (Some(4096), Some(4096));
        workload.shed_s = Some(0.5);
        workload.hash = workload.hashed();
        Run {
            workload,
            offered: Some(101),
            client_stopped_s: 0.3,
            offered_per_s: Some(101.0),
            response_time: Some(run.service_time.clone()),
            send_lag: Some(Times::default()),
            series: vec![Second::example(1), Second::example(2), Second::example(3)],
            client: Some(Usage::default()),
            ceiling: Some(Ceiling {
                answers_per_s: 200.0,
                share: 0.5,
                calibrated: "2026-11-21".to_owned(),
            }),
            host: Host::default(),
            connections: Connections {
                opened: Some(1010),
                opened_in_window: Some(1000),
                opened_per_s: Some(1000.0),
                closed_by_server: Some(1000),
                pings: Some(5),
                tls: vec![TlsSessions {
                    version: "TLSv1.3".to_owned(),
                    cipher_suite: "TLS13_AES_256_GCM_SHA384".to_owned(),
                    full: 10,
                    resumed: 1000,
                }],
                ..run.connections.clone()
            },
            errors: vec![Errors::example("corrupt", 6)],
            ..run
        }
    }
}

impl Run {
    /// A run of `name` without errors, with `rate` answers per second, times of
    /// 1 ms, 10 us of the server's processor for an answer and 10,000 bytes for
    /// a client.
    pub(crate) fn example(name: &str, rate: f64) -> Run {
        let value = serde_json::json!({
            "name": name,
            "workload": {
                "hash": "1", "target": "tcp://127.0.0.1:7000", "protocol": "tcp", "mode": "closed",
                "clients": 10, "depth": 1, "size": "64", "payload": "pattern", "seed": 42,
                "verify": "full", "churn": "never", "idle": false, "warmup_s": 1.0, "duration_s": 1.0,
                "linger": "fin", "workers": 1, "nodelay": true, "connect_timeout_s": 5.0, "timeout_s": 5.0, "ramp_s": 0.0,
            },
            "connections": {
                "asked": 10, "connected": 10, "connecting_s": 0.1, "first_answer": Times::default(),
            },
            "window_s": 1.0, "answers": rate as u64, "answered_bytes": 0, "answers_per_s": rate,
            "service_time": Times {
                count: rate as u64,
                p50: Some(1_000_000),
                p90: Some(1_000_000),
                p99: Some(1_000_000),
                p999: Some(1_000_000),
                ..Times::default()
            },
            "series": [], "fairness": Fairness::default(),
            "server": Usage { cpu_us_per_answer: Some(10.0), ..Usage::default() },
            "host": Host::default(),
            "memory": Memory {
                few_clients: 2, many_clients: 10, few_bytes: 0, many_bytes: 80_000, bytes_per_client: 10_000.0,
                few_page_table_bytes: Some(0), many_page_table_bytes: Some(4_096),
                page_table_bytes_per_client: Some(512.0),
            },
            "errors": [], "unfinished": 0, "verdict": Verdict { valid: true, ..Verdict::default() },
        });
        let mut run: Run = serde_json::from_value(value).expect("it has every field");
        run.workload.hash = run.workload.hashed();
        run
    }
}
