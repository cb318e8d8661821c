//! Supervised workers, in processes of their own: this binary again, as the
//! supervisor that a case looks at, and as its workers.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]
#![allow(unreachable_pub, reason = "the modules of one binary")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the programs speak with their starter"
)]

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod deaths;
mod endings;
mod families;
mod inheritance;
mod program;
mod rollover;
mod systemd;

use std::process::ExitCode;

use support::harness::{self, Case};

/// A case by the name of its function.
macro_rules! cases {
    ($($module:ident: [$($case:ident),+ $(,)?]),+ $(,)?) => {
        &[$($((stringify!($case), $module::$case)),+),+]
    };
}

const CASES: &[Case] = cases! {
    deaths: [
        a_killed_worker_is_replaced_and_the_others_go_on,
        an_abort_and_an_overflow_cost_the_connections_of_one_process,
        failed_starts_make_it_give_up_with_status_and_reason,
        a_worker_that_never_is_ready_is_a_failed_start,
        a_program_that_cannot_be_executed_is_a_failed_start,
        workers_that_die_after_they_were_ready_never_make_it_give_up,
        as_long_as_one_serves_it_does_not_give_up,
        workers_end_with_their_supervisor,
    ],
    endings: [
        what_is_in_flight_finishes_and_the_status_is_0,
        what_is_cut_short_is_named_and_the_status_is_3,
        a_second_signal_cuts_the_drain_short,
        what_a_terminal_sends_to_all_reaches_workers_once,
        a_worker_that_does_not_end_is_killed,
        workers_of_every_model_end_well,
        user_signals_reach_only_those_that_handle_them,
    ],
    families: [
        all_four_families_and_abstract_names_are_served,
        a_socket_file_belongs_to_the_supervisor,
        several_sockets_come_in_their_order,
        what_makes_no_sense_is_refused,
    ],
    inheritance: [
        a_worker_inherits_the_sockets_and_nothing_else,
        a_program_that_a_worker_starts_is_no_worker,
        a_worker_that_does_not_fit_its_supervisor_does_not_begin,
        the_supervisor_starts_no_coroutines,
    ],
    rollover: [
        twenty_rollovers_under_load_refuse_and_lose_nothing,
        datagrams_are_answered_throughout,
        one_is_replaced_at_a_time_and_again_if_asked_again,
        the_end_of_all_cuts_no_drain_short,
        workers_run_the_program_that_stands_there_now,
        a_new_program_that_does_not_serve_replaces_nobody,
    ],
    systemd: [
        systemd_is_told_what_happens,
        its_sockets_are_taken_over,
        its_own_tool_passes_sockets,
    ],
};

fn main() -> ExitCode {
    if let Some(status) = program::main() {
        return status;
    }
    harness::main(CASES, |words| panic!("no program {words:?}"))
}
