//! What the commands share that measure a running server several times in one
//! go.

use std::time::Duration;

use clap::Args;

use crate::account::Account;
use crate::cli::Phases;
use crate::failure::Failure;
use crate::job::Plan;
use crate::limits;
use crate::quantity;
use crate::report::outputs::Outputs;
use crate::target::{Endpoint, Target};
use crate::workload::WorkloadOptions;

/// A server, and how it is measured each time.
#[derive(Clone, Debug, Args)]
pub(crate) struct StepOptions {
    /// The server, as for run.
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) workload: WorkloadOptions,
    /// How long each measurement takes.
    #[arg(short, long, default_value = "3s", value_parser = quantity::positive_duration)]
    pub(crate) duration: Duration,
    /// How long each is warmed up before.
    #[arg(long, default_value = "500ms", value_parser = quantity::duration)]
    warmup: Duration,
    /// Account for the processor time and memory of process PID.
    #[arg(long, value_name = "PID")]
    server_pid: Option<i32>,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

impl StepOptions {
    /// How long the phases of a measurement are.
    pub(crate) fn phases(&self) -> Phases {
        Phases {
            warmup: self.warmup,
            duration: self.duration,
        }
    }

    /// `plan` for this server, which is at `endpoint`.
    ///
    /// # Errors
    /// When its parts do not go together, or the machine does not allow it.
    pub(crate) fn apply(&self, endpoint: Endpoint, plan: Plan) -> Result<Plan, Failure> {
        let plan = self.outputs.equip(plan);
        let plan = self.workload.apply(&self.target, endpoint, plan)?;
        limits::check(&plan)?;
        Ok(plan)
    }

    /// The books of the server, if it is said who it is.
    ///
    /// # Errors
    /// When there is no such process, or its books are not for us to see.
    pub(crate) fn server(&self) -> Result<Option<Account>, Failure> {
        self.server_pid.map(Account::of).transpose()
    }
}
