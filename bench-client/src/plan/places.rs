//! On which processor the server runs and on which the client.

use std::fmt;

/// Where the two sides run; `None` for anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// The server's processor.
    pub(crate) server: Option<usize>,
    /// The client's processor.
    pub(crate) client: Option<usize>,
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.server, self.client) {
            (Some(server), Some(client)) => {
                write!(f, "server on CPU {server}, client on CPU {client}")
            }
            _ => f.write_str("server and client on whichever CPU the kernel chooses"),
        }
    }
}
