//! What the commands share that measure a running server several times in one
//! go.

use std::time::Duration;

use clap::Args;

use crate::base::failure::Failure;
use crate::base::quantity;
use crate::machine::account::AccountOptions;
use crate::machine::limits;
use crate::plan::Plan;
use crate::plan::target::{Endpoint, Target};
use crate::plan::workload::WorkloadOptions;
use crate::report::outputs::Outputs;
use crate::run::options::Phases;
use crate::run::outcome::Outcome;
use crate::run::trial;
use crate::view::watch::Watch;

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
    #[command(flatten)]
    account: AccountOptions,
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

    /// Measures the server once.
    ///
    /// # Errors
    /// As [`trial::running`], and when nobody could connect.
    pub(crate) fn measure(&self, plan: Plan, watch: &mut Watch) -> Result<Outcome, Failure> {
        trial::running(plan, &self.account, watch)?.of_work()
    }
}
