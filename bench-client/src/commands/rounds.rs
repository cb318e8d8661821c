//! How often a server is measured, as it is asked for.

use crate::judge::rounds::subject;
use crate::machine::invocation::ServerCommand;
use crate::machine::pinning;
use crate::plan::places::Places;

/// How often a server is measured, and who starts it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RoundOptions {
    /// Rounds to measure; the figures are their medians.
    #[arg(long, value_name = "N", default_value = "1", value_parser = crate::base::quantity::count)]
    pub(crate) repeat: u32,
    /// Start this server, anew for each round, and measure it.
    ///
    /// {port}, {address} or {path} in it is filled in; without, it must print "listening on ...".
    #[arg(long, value_name = "CMD")]
    pub(crate) spawn: Option<ServerCommand>,
    /// Let a server that is started here, and the client, run on any CPU.
    #[arg(long)]
    pub(crate) no_pin: bool,
}

impl RoundOptions {
    /// Where server and client run: a server that runs already stays where it
    /// is.
    pub(crate) fn places(&self) -> Places {
        match &self.spawn {
            Some(_) => pinning::choose(self.no_pin),
            None => Places::default(),
        }
    }

    /// What a round is called while it is measured.
    pub(crate) fn subject(&self, name: &str, round: u32) -> String {
        subject(name, round, self.repeat)
    }
}
