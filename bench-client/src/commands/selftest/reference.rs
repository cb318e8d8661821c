//! The reference server of a check, and how the client finds it.

use std::ffi::OsString;

use crate::base::failure::Failure;
use crate::machine::child::Server;
use crate::machine::invocation::{Addressing, SELF, ServerCommand};
use crate::plan::protocol::Protocol;
use crate::view::watch::Watch;

/// A server that was started with `words` behind `serve`, and its target.
pub(super) struct Reference {
    pub(super) server: Server,
    pub(super) target: String,
}

impl Reference {
    /// Starts it with `words` and `more` of them that no report shows.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn start(words: &str, more: &[&str], watch: &Watch) -> Result<Reference, Failure> {
        let server = Server::start(&command(words, more), 1, None, watch)?;
        let target = target(words, &server);
        Ok(Reference { server, target })
    }
}

/// The server as `run` takes it.
fn target(words: &str, server: &Server) -> String {
    let scheme = words.split(' ').next().unwrap_or_default();
    let path = match Protocol::of_scheme(scheme) {
        Some(protocol) if protocol.is_http() => "/echo",
        _ => "",
    };
    format!("{scheme}://{}{path}", server.endpoint())
}

fn command(words: &str, more: &[&str]) -> ServerCommand {
    let ours = [SELF, "serve", "--die-with-parent"].into_iter();
    let all = ours.chain(more.iter().copied()).chain(words.split(' '));
    ServerCommand {
        name: format!("serve {words}"),
        words: all.map(OsString::from).collect(),
        environment: Vec::new(),
        addressing: Addressing::Said,
    }
}
