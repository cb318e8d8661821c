//! A server's settings.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::concurrency::Model;
use crate::error::{Error, Result};
use crate::family::{Crowd, Family};
use crate::lifecycle::Observer;
use crate::limits::Limits;
use crate::net::{Address, Deadlines, SocketOptions};
use crate::proxy_protocol::ProxyProtocol;
use crate::runtime;

/// What a [`Builder`](super::Builder) collects.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) socket: SocketOptions,
    pub(super) has_socket_options: bool,
    pub(super) limits: Limits,
    pub(super) max_datagrams: usize,
    pub(super) max_packet_size: usize,
    pub(super) max_accept: usize,
    pub(super) min_delay: Duration,
    pub(super) max_delay: Duration,
    pub(super) poll_interval: Duration,
    pub(super) timeout: Option<Duration>,
    /// Whether hooks were given: only they need the loop to turn when nothing
    /// happens.
    pub(super) has_hooks: bool,
    pub(super) listener_per_worker: bool,
    pub(super) proxies: Option<ProxyProtocol>,
    pub(super) failure_log_period: Duration,
    pub(super) deadlines: Deadlines,
    pub(super) observers: Observing,
}

/// Those who are told of events.
#[derive(Clone, Default)]
pub(super) struct Observing(pub(super) Vec<Arc<dyn Observer>>);

impl fmt::Debug for Observing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.len())
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            socket: SocketOptions::default(),
            has_socket_options: false,
            limits: Limits::new(),
            max_datagrams: 1024,
            max_packet_size: 8192,
            max_accept: 100,
            min_delay: Duration::from_millis(10),
            max_delay: Duration::from_secs(1),
            poll_interval: Duration::from_millis(500),
            timeout: None,
            has_hooks: false,
            listener_per_worker: false,
            proxies: None,
            failure_log_period: Duration::from_secs(1),
            deadlines: Deadlines::none(),
            observers: Observing::default(),
        }
    }
}

impl Config {
    pub(super) fn check(&self) -> Result<()> {
        self.socket.check()?;
        self.limits.check()?;
        self.deadlines.check()?;
        at_least_one(
            "max_datagrams",
            self.max_datagrams,
            "a server must be able to serve one datagram",
        )?;
        at_least_one(
            "max_accept",
            self.max_accept,
            "the accept loop must take one request at a time at least",
        )?;
        at_least_one(
            "max_packet_size",
            self.max_packet_size,
            "a datagram needs room for one byte at least",
        )?;
        if self.min_delay > self.max_delay {
            return Err(Error::InvalidOption {
                option: "min_delay",
                value: format!("{:?}", self.min_delay),
                reason: format!("it must not be longer than max_delay, which is {:?}", self.max_delay),
            });
        }
        Ok(())
    }

    /// How many sockets are bound, and how many loops accept.
    pub(super) fn listeners(&self) -> usize {
        match self.listener_per_worker {
            true => runtime::workers(),
            false => 1,
        }
    }

    /// The most requests in flight.
    pub(super) fn limit<F: Family>(&self, model: &impl Model) -> usize {
        // A model leaves room for one loop.
        let more_loops = self.listeners() - 1;
        let default = || model.default_limit().saturating_sub(more_loops).max(1);
        let limit = self.limits.most_connections().unwrap_or_else(default);
        match F::CROWD {
            Crowd::Waits => limit.min(self.max_datagrams),
            Crowd::Unlimited | Crowd::Dropped => limit,
        }
    }

    /// Refuses several listeners where they could not share the clients;
    /// `address` is `None` for an adopted socket.
    pub(super) fn check_listeners<F: Family, M: Model>(&self, address: Option<&Address>) -> Result<()> {
        let reason = if !self.listener_per_worker {
            return Ok(());
        } else if !M::LOOPS_IN_COROUTINE {
            format!("the model {} has no workers; only coroutines have", M::NAME)
        } else if F::HAS_PATH {
            "the path of a Unix socket belongs to one socket; TCP and UDP ports can be shared".to_owned()
        } else if matches!(address, None | Some(Address::Fd(_))) {
            "the adopted socket was bound elsewhere; give an address, so that all of them are bound here".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::InvalidOption {
            option: "listener_per_worker",
            value: "true".to_owned(),
            reason,
        })
    }

    /// Refuses what would have no effect on a socket that listens already.
    pub(super) fn check_adopted(&self) -> Result<()> {
        if self.has_socket_options {
            return Err(Error::InvalidOption {
                option: "socket_options",
                value: "given".to_owned(),
                reason: "the adopted socket listens already; set them where it is made".to_owned(),
            });
        }
        Ok(())
    }
}

fn at_least_one(option: &'static str, value: usize, reason: &str) -> Result<()> {
    if value == 0 {
        return Err(Error::InvalidOption {
            option,
            value: value.to_string(),
            reason: reason.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_that_would_stop_the_server_are_refused_by_name() {
        let refused = |config: Config| config.check().unwrap_err().to_string();
        assert!(
            refused(Config {
                max_accept: 0,
                ..Config::default()
            })
            .contains("max_accept cannot be 0")
        );
        assert!(
            refused(Config {
                limits: Limits::new().connections(0),
                ..Config::default()
            })
            .contains("max_connections")
        );
        assert!(
            refused(Config {
                max_packet_size: 0,
                ..Config::default()
            })
            .contains("max_packet_size")
        );
        let delays = Config {
            min_delay: Duration::from_secs(2),
            ..Config::default()
        };
        assert!(refused(delays).contains("max_delay, which is 1s"));
    }
}
