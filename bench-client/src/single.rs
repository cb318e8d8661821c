//! The measurement of one server that runs already.

use crate::cli::{Phases, RunOptions};
use crate::failure::{Failure, Status};
use crate::job::Plan;
use crate::listeners;
use crate::outcome::Outcome;
use crate::pinning::Places;
use crate::report::{Side, json, one};
use crate::stage::Stage;
use crate::{limits, load, verdict};

/// Measures the target and prints what was found.
///
/// # Errors
/// When none of the clients can connect, or a report cannot be written.
pub(crate) fn run(options: &RunOptions) -> Result<Status, Failure> {
    let stage = Stage::find(Places::default());
    let mut watch = stage.enter(&options.load.client)?;
    let plan = plan(options)?;
    limits::check(&plan)?;
    let (server, remarks) = listeners::choose(&plan.site(), &options.account)?;
    watch.turn_to(options.target.to_string());
    let outcome = load::run(plan, server, &mut watch)?;
    watch.clear();
    let gone = server.filter(|server| !server.is_alive());
    let side = Side {
        name: options.target.to_string(),
        outcome: Outcome {
            server_end: gone.map(|server| format!("process {} is gone", server.pid())),
            remarks,
            ..outcome
        },
    };
    let status = verdict::status(&side.saved());
    print!("{}", one::report(&side, server.map(|server| server.pid())));
    if let Some(path) = &options.json {
        json::write(path, &json::saved(&[side], &stage))?;
    }
    Ok(status)
}

fn plan(options: &RunOptions) -> Result<Plan, Failure> {
    let phases = Phases {
        warmup: options.warmup,
        duration: options.duration,
    };
    let endpoint = options.target.resolve()?;
    let plan = options.load.plan(&phases);
    options.workload.apply(&options.target, endpoint, plan)
}
