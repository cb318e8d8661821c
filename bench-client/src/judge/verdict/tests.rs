use super::*;
use crate::saved::{Ceiling, Connections, Errors, Fairness, Host, Times, Usage, Workload};

/// A run of 500 clients that nothing is wrong with.
fn run() -> Run {
    Run {
        name: "a server".to_owned(),
        workload: workload(),
        connections: Connections {
            asked: 500,
            connected: 500,
            connecting_s: 0.1,
            first_answer: Times::default(),
            opened: Some(500),
            opened_in_window: Some(0),
            opened_per_s: Some(0.0),
            closed_by_server: Some(0),
            pings: None,
            tls: Vec::new(),
        },
        window_s: Some(10.0),
        answers: 500_000,
        answered_bytes: 32_000_000,
        answers_per_s: Some(50_000.0),
        offered: None,
        offered_per_s: None,
        service_time: Times::default(),
        response_time: None,
        send_lag: None,
        sample_s: 1.0,
        series: Vec::new(),
        client_stopped_s: 0.0,
        fairness: Fairness {
            effective: Some(499.0),
            ..Fairness::default()
        },
        server: Some(usage(0.97, "0")),
        client: Some(usage(0.7, "1")),
        ceiling: None,
        host: Host::default(),
        memory: None,
        errors: Vec::new(),
        unfinished: 0,
        verdict: Verdict::default(),
    }
}

fn workload() -> Workload {
    Workload {
        hash: String::new(),
        target: "tcp://127.0.0.1:1".to_owned(),
        protocol: "tcp".to_owned(),
        mode: "closed".to_owned(),
        rate: None,
        arrivals: None,
        think: None,
        clients: 500,
        depth: 1,
        size: "64".to_owned(),
        payload: "pattern".to_owned(),
        seed: 42,
        verify: "full".to_owned(),
        churn: "never".to_owned(),
        idle: false,
        request: None,
        payload_hash: None,
        request_body: None,
        expected_body: None,
        request_hash: None,
        websocket: None,
        tls_verified: None,
        tls_resumption: None,
        linger: "fin".to_owned(),
        workers: 1,
        source: None,
        nodelay: true,
        receive_buffer_bytes: None,
        send_buffer_bytes: None,
        connect_timeout_s: 5.0,
        timeout_s: 5.0,
        shed_s: None,
        ramp_s: 0.0,
        warmup_s: 1.0,
        duration_s: Some(10.0),
        requests: None,
    }
}

fn usage(share: f64, cpus: &str) -> Usage {
    Usage {
        cpu_share: share,
        busiest_thread_share: Some(share),
        allowed_cpus: Some(cpus.to_owned()),
        ..Usage::default()
    }
}

fn errors(class: &str, count: u64) -> Errors {
    Errors {
        class: class.to_owned(),
        count,
        first_at_s: None,
        first_client: None,
        first: None,
    }
}

fn judged(run: &Run) -> Verdict {
    judge(run, &Circumstances::default())
}

/// The only reason why `run` is invalid.
fn reason(run: &Run) -> String {
    let verdict = judged(run);
    assert!(!verdict.valid);
    assert_eq!(verdict.reasons.len(), 1, "{:?}", verdict.reasons);
    verdict.reasons[0].clone()
}

fn status_of(run: Run) -> Status {
    let verdict = judged(&run);
    status(&Run { verdict, ..run })
}

#[test]
fn a_run_with_nothing_wrong_is_valid_and_the_servers() {
    let verdict = judged(&run());
    assert!(verdict.valid && verdict.reasons.is_empty() && verdict.remarks.is_empty());
    assert_eq!(verdict.bottleneck, "server CPU");
    assert_eq!(status_of(run()), Status::Fine);
}

#[test]
fn bottlenecks_have_their_words() {
    for (server, client, effective, word) in [
        (0.97, 0.7, 499.0, "server CPU"),
        (0.97, 0.97, 499.0, "both"),
        (0.7, 0.97, 499.0, "client CPU"),
        (0.1, 0.1, 499.0, "waiting"),
        (0.5, 0.5, 100.0, "unknown"),
    ] {
        let mut run = run();
        run.server = Some(usage(server, "0"));
        run.client = Some(usage(client, "1"));
        run.fairness.effective = Some(effective);
        assert_eq!(judged(&run).bottleneck, word);
    }
    let mut run = run();
    run.offered = Some(501_000);
    assert_eq!(judged(&run).bottleneck, "schedule");
}

#[test]
fn a_client_without_processor_time_measures_itself_unless_that_is_accepted() {
    let mut run = run();
    run.server = Some(usage(0.89, "0"));
    run.client = Some(usage(0.96, "1"));
    assert!(reason(&run).starts_with("client-limited"), "{}", reason(&run));
    let accepting = Circumstances {
        accepts: VerdictOptions {
            allow_client_limited: true,
        },
        ..Circumstances::default()
    };
    let verdict = judge(&run, &accepting);
    assert!(verdict.valid && verdict.remarks[0].starts_with("client-limited"));
    run.client = Some(usage(0.94, "1"));
    assert!(judged(&run).valid);
    run.client = Some(usage(0.96, "1"));
    run.server = Some(usage(0.91, "0"));
    assert!(judged(&run).valid);
    run.server = None;
    let verdict = judged(&run);
    assert!(verdict.valid && verdict.remarks[0].contains("no account of the server"));
}

#[test]
fn a_client_at_its_ceiling_is_remarked_from_95_percent_on() {
    for (share, expected) in [
        (0.94, None),
        (0.97, Some("client at its ceiling: 97 % of 100,000 echoes/s")),
    ] {
        let mut run = run();
        run.ceiling = Some(Ceiling {
            answers_per_s: 100_000.0,
            share,
            calibrated: "2026-11-21".to_owned(),
        });
        let verdict = judged(&run);
        assert!(verdict.valid && verdict.remarks.len() == usize::from(expected.is_some()));
        assert!(
            verdict
                .remarks
                .iter()
                .zip(expected)
                .all(|(remark, text)| remark.starts_with(text)),
            "{verdict:?}"
        );
    }
}

#[test]
fn one_processor_for_both_is_no_clean_number() {
    let mut run = run();
    run.server = Some(usage(0.5, "1"));
    run.client = Some(usage(0.4, "1"));
    assert!(reason(&run).starts_with("contended"), "{}", reason(&run));
    run.client = Some(usage(0.4, "0-1"));
    assert!(judged(&run).valid);
}

#[test]
fn clients_that_did_not_come_or_got_nothing_are_told_with_those_at_work() {
    let mut run = run();
    run.fairness.effective = Some(10.0);
    run.fairness.none = 490;
    assert!(
        reason(&run).contains("490 of 500 clients were starved"),
        "{}",
        reason(&run)
    );
    assert!(reason(&run).contains("on average 10.0 were served"), "{}", reason(&run));
    run.connections.connected = 10;
    run.fairness.none = 0;
    assert!(reason(&run).contains("only 10 of 500"), "{}", reason(&run));
    assert!(reason(&run).contains("on average 10.0 were served"), "{}", reason(&run));
    assert_eq!(status_of(run), Status::Invalid);
}

#[test]
fn a_slow_schedule_starves_nobody() {
    let mut run = run();
    run.offered = Some(1_000);
    run.answers = 1_000;
    run.fairness.none = 50;
    assert!(judged(&run).valid);
    run.offered = Some(5_000);
    run.answers = 5_000;
    assert!(!judged(&run).valid);
}

#[test]
fn no_answer_at_all_is_an_error_if_there_is_one() {
    let mut run = run();
    run.answers = 0;
    run.fairness.none = 500;
    assert!(reason(&run).contains("no answer"), "{}", reason(&run));
    run.errors = vec![errors("read_timeout", 500)];
    assert_eq!(status_of(run), Status::Errors);
}

#[test]
fn no_answer_at_all_is_a_reason_in_an_open_loop_too() {
    let mut run = run();
    run.server = Some(usage(0.97, "0"));
    run.offered = Some(1_000_000);
    run.answers = 0;
    run.fairness.none = 500;
    run.unfinished = 1_000_000;
    assert!(reason(&run).contains("no answer"), "{}", reason(&run));
}

#[test]
fn a_run_without_a_window_measured_nothing() {
    let mut run = run();
    run.window_s = None;
    run.answers = 0;
    assert!(
        reason(&run).contains("before anything was measured"),
        "{}",
        reason(&run)
    );
}

#[test]
fn a_remark_has_no_more_blanks_than_its_words_need() {
    let mut run = run();
    run.workload.protocol = "udp".to_owned();
    run.offered = Some(1_000_000);
    run.unfinished = 1_000_000;
    run.host.listen_overflows = Some(7);
    run.host.udp_receive_buffer_errors = Some(8);
    run.host.steal_s = Some(1_000.0);
    run.send_lag = Some(Times {
        p99: Some(1_000_000_000),
        ..Times::default()
    });
    let verdict = judged(&run);
    assert!(verdict.remarks.len() >= 4 && !verdict.reasons.is_empty(), "{verdict:?}");
    for text in verdict.remarks.iter().chain(&verdict.reasons) {
        assert!(!text.contains("  "), "{text}");
    }
}

#[test]
fn a_message_that_is_missing_of_a_few_is_not_one_of_a_hundred() {
    for (offered, answers, expected) in [(93, 92, true), (93, 91, false), (1_000, 990, true), (1_000, 989, false)] {
        let mut run = run();
        (run.offered, run.answers) = (Some(offered), answers);
        run.server = Some(usage(0.1, "0"));
        assert_eq!(judged(&run).valid, expected, "{answers} of {offered}");
    }
}

#[test]
fn a_client_at_its_limits_measures_them() {
    for (class, remedy) in [
        ("emfile", "ulimit"),
        ("addr_not_avail", "--source"),
        ("enomem", "memory"),
    ] {
        let mut run = run();
        run.errors = vec![errors("reset", 2), errors(class, 3)];
        let reason = reason(&run);
        assert!(
            reason.contains(&format!("3 {class}")) && reason.contains(remedy),
            "{reason}"
        );
    }
    let mut run = run();
    run.errors = vec![errors("reset", 2)];
    assert_eq!(status_of(run), Status::Errors);
}

#[test]
fn a_schedule_that_the_client_did_not_keep_is_none() {
    for (p99, max, valid) in [
        (1_000_000, 100_000_000, true),
        (1_000_001, 2_000_000, false),
        (10, 100_000_001, false),
    ] {
        let mut run = run();
        run.send_lag = Some(Times {
            p99: Some(p99),
            max,
            ..Times::default()
        });
        assert_eq!(judged(&run).valid, valid, "{p99} {max}");
    }
}

#[test]
fn a_client_that_stood_still_is_remarked_and_beyond_a_twentieth_invalid() {
    let mut run = run();
    run.client_stopped_s = 0.5;
    let verdict = judged(&run);
    assert!(
        verdict.valid && verdict.remarks[0].contains("stood still for 0.50 s"),
        "{verdict:?}"
    );
    run.client_stopped_s = 0.6;
    assert!(
        reason(&run).contains("stood still for 6 % of the time"),
        "{}",
        reason(&run)
    );
    assert!(judged(&run).remarks.is_empty());
}

#[test]
fn a_rate_that_was_not_reached_needs_a_server_that_could_not() {
    let mut run = run();
    run.offered = Some(600_000);
    assert!(judged(&run).valid);
    run.server = Some(usage(0.5, "0"));
    assert!(reason(&run).contains("83 % of the offered rate"), "{}", reason(&run));
    run.errors = vec![errors("read_timeout", 100_000)];
    assert!(judged(&run).valid);
}

#[test]
fn what_was_on_its_way_at_the_end_is_not_missing_but_what_was_not_sent_is() {
    let mut run = run();
    run.server = Some(usage(0.5, "0"));
    run.answers = 9_500;
    run.offered = Some(10_000);
    run.unfinished = 500;
    assert!(judged(&run).valid && judged(&run).remarks.is_empty());
    run.answers = 9_000;
    run.unfinished = 1_000;
    assert!(reason(&run).contains("90 % of the offered rate"), "{}", reason(&run));
    let remarks = judged(&run).remarks;
    assert!(
        remarks[0].starts_with("500 scheduled messages were not sent"),
        "{remarks:?}"
    );
}

#[test]
fn a_server_that_ended_gives_no_figures() {
    let ended = Circumstances {
        server_end: Some("signal 9".to_owned()),
        ..Circumstances::default()
    };
    let verdict = judge(&run(), &ended);
    assert!(!verdict.valid && verdict.reasons[0].contains("signal 9"));
}

#[test]
fn a_full_accept_queue_is_the_servers_if_a_first_answer_was_late() {
    let remark = |run: &Run| judged(run).remarks.concat();
    let mut run = run();
    run.host.listen_overflows = Some(7);
    run.connections.first_answer.max = 999_999_999;
    assert!(remark(&run).contains("another server's") && !remark(&run).contains("backlog"));
    run.connections.first_answer.max = 1_000_000_000;
    assert!(remark(&run).contains("backlog"), "{}", remark(&run));
    run.connections.first_answer.max = 0;
    run.service_time.max = 1_000_000_000;
    assert!(!remark(&run).contains("backlog"), "{}", remark(&run));
    run.workload.churn = "per-request".to_owned();
    assert!(remark(&run).contains("backlog"), "{}", remark(&run));
}

#[test]
fn what_the_kernel_did_is_remarked() {
    let mut run = run();
    run.workload.protocol = "udp".to_owned();
    run.host.listen_overflows = Some(7);
    run.host.udp_receive_buffer_errors = Some(8);
    run.host.steal_s = Some(1_000.0);
    run.server = Some(Usage {
        threads: Some(4),
        run_queue_share: Some(0.5),
        ..Usage::default()
    });
    run.service_time = Times {
        count: 1_000,
        p50: Some(200_000),
        p90: Some(40_100_000),
        p99: Some(43_900_000),
        ..Times::default()
    };
    let verdict = judged(&run);
    assert!(verdict.valid);
    for (remark, text) in verdict.remarks.iter().zip([
        "7 connections on this machine",
        "8 datagrams",
        "40 ms",
        "another machine",
        "the server was ready",
    ]) {
        assert!(remark.contains(text), "{remark}");
    }
    assert_eq!(verdict.remarks.len(), 5, "{:?}", verdict.remarks);
}
