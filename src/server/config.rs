//! A server's settings.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::net::SocketOptions;

/// What a [`Builder`](super::Builder) collects.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) socket: SocketOptions,
    pub(super) has_socket_options: bool,
    pub(super) max_connections: Option<usize>,
    pub(super) max_packet_size: usize,
    pub(super) max_accept: usize,
    pub(super) min_delay: Duration,
    pub(super) max_delay: Duration,
    pub(super) poll_interval: Duration,
    pub(super) timeout: Option<Duration>,
    /// Whether hooks were given: only they need the loop to turn when nothing
    /// happens.
    pub(super) has_hooks: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            socket: SocketOptions::default(),
            has_socket_options: false,
            max_connections: None,
            max_packet_size: 8192,
            max_accept: 100,
            min_delay: Duration::from_millis(10),
            max_delay: Duration::from_secs(1),
            poll_interval: Duration::from_millis(500),
            timeout: None,
            has_hooks: false,
        }
    }
}

impl Config {
    pub(super) fn check(&self) -> Result<()> {
        self.socket.check()?;
        at_least_one(
            "max_connections",
            self.max_connections.unwrap_or(1),
            "a server must be able to serve one request",
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
                max_connections: Some(0),
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
