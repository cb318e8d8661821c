//! What both ends used, as reports tell it.
#![allow(missing_docs)]

mod program;

use program::{Server, run};

/// Whoever of the two gets more of a loaded machine is not what is tested.
const ANYHOW: &str = "--allow-client-limited";

#[test]
fn the_server_is_found_and_all_of_its_account_is_there() {
    let server = Server::start("thread");
    let run = run(&server.target, &["-c", "20", "-d", "1s", ANYHOW]);
    assert_eq!(run.status(), 0, "{}", run.text());
    let account = &run.report["server"];
    assert_eq!(account["pid"], server.child.id());
    let figure = |name: &str| {
        account[name]
            .as_f64()
            .unwrap_or_else(|| panic!("no {name} in {account}"))
    };
    // Clients and their threads are still there when they are counted.
    assert!(figure("threads") >= 20.0 && figure("descriptors") >= 20.0, "{account}");
    let (cpu, parts) = (figure("cpu_s"), figure("user_s") + figure("system_s"));
    assert!(cpu > 0.0 && (cpu - parts).abs() < 0.1 + cpu / 10.0, "{account}");
    let busiest = figure("busiest_thread_share");
    assert!(busiest > 0.0 && busiest <= figure("cpu_share") + 0.05, "{account}");
    for name in ["resident_bytes", "voluntary_switches", "cpu_us_per_answer"] {
        assert!(figure(name) > 0.0, "{name} in {account}");
    }
    for name in [
        "involuntary_switches",
        "minor_faults",
        "major_faults",
        "run_queue_delay_s",
    ] {
        figure(name);
    }
    assert_eq!(account["allowed_cpus"], run.report["client"]["allowed_cpus"]);
    assert!(run.report["client"]["cpu_s"].as_f64() > Some(0.0));
    assert!(
        run.report["host"]["listen_overflows"].is_u64(),
        "{}",
        run.report["host"]
    );
}

#[test]
fn a_server_that_waits_for_each_message_switches_once_for_each() {
    let server = Server::start("thread");
    let run = run(&server.target, &["-c", "1", "-d", "1s", ANYHOW]);
    assert_eq!(run.status(), 0, "{}", run.text());
    let switches = run.report["server"]["voluntary_switches"].as_f64().expect("a count");
    let answers = run.report["answers"].as_f64().expect("a count");
    let each = switches / answers;
    assert!((0.5..1.5).contains(&each), "{switches} switches for {answers} answers");
}

#[test]
fn an_account_may_be_declined_or_be_of_another_process() {
    let server = Server::start("coroutine");
    let declined = run(
        &server.target,
        &["-c", "5", "-d", "200ms", "--no-server-account", ANYHOW],
    );
    assert!(declined.report["server"].is_null(), "{}", declined.report["server"]);
    let own = std::process::id().to_string();
    let other = run(
        &server.target,
        &["-c", "5", "-d", "200ms", "--server-pid", &own, ANYHOW],
    );
    assert_eq!(other.report["server"]["pid"], std::process::id());
}

#[test]
fn fairness_and_clients_at_work_are_told() {
    let server = Server::start("coroutine");
    let run = run(&server.target, &["-c", "20", "-d", "500ms", ANYHOW]);
    let fairness = &run.report["fairness"];
    assert_eq!(fairness["none"], 0, "{fairness}");
    let jain = fairness["jain"].as_f64().expect("an index");
    assert!(jain > 0.2 && jain <= 1.0, "{fairness}");
    let at_work = fairness["effective"].as_f64().expect("a number");
    assert!((15.0..21.0).contains(&at_work), "{fairness}");
    assert!(fairness["median"].as_u64() >= fairness["fewest"].as_u64());
}
