//! What every measuring command sets up before its first server.

use greenserve::runtime::{self, Config};

use crate::base::failure::Failure;
use crate::machine::{identity, limits, pinning};
use crate::plan::places::Places;
use crate::run::options::ClientOptions;
use crate::saved::{Machine, Manifest, SCHEMA};
use crate::view::watch::Watch;

/// A client keeps little on its stack: its messages are on the heap.
const CLIENT_STACK: usize = 64 * 1024;

/// On what is measured, and where on it.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    /// The machine as it was found.
    pub(crate) machine: Machine,
    /// Where server and client run.
    pub(crate) places: Places,
}

impl Stage {
    /// Looks at the machine before anything here changes it.
    pub(crate) fn find(places: Places) -> Stage {
        Stage {
            machine: Machine::inspect(),
            places,
        }
    }

    /// What a file of what is measured here begins with.
    pub(crate) fn manifest(&self) -> Manifest {
        Manifest {
            schema: SCHEMA,
            command: identity::command_line(),
            version: identity::version(),
            machine: self.machine.clone(),
            server_cpu: self.places.server,
            client_cpu: self.places.client,
        }
    }

    /// Takes this process's place, its limits and its signals, and sets the
    /// coroutines up. Nothing may have started a thread before: it would run
    /// anywhere.
    ///
    /// # Errors
    /// When the system or the runtime refuses.
    pub(crate) fn enter(&self, client: &ClientOptions) -> Result<Watch, Failure> {
        match (&client.cpus, self.places.client) {
            (Some(cpus), _) => {
                cpus.check(&pinning::allowed())?;
                pinning::pin_to(&cpus.0)?;
            }
            (None, Some(cpu)) => pinning::pin(cpu)?,
            (None, None) => {}
        }
        limits::raise_open_files()?;
        let config = Config::new().workers(client.workers as usize).stack_size(CLIENT_STACK);
        runtime::configure(config)?;
        Watch::begin(&client.view, &client.journal)
    }
}
