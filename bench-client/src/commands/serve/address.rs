//! Where the server listens unless told.

use std::path::PathBuf;

use greenserve::net::Address;

use crate::plan::protocol::Protocol;

impl Protocol {
    /// Where it listens unless told: any free port of 127.0.0.1, or a file
    /// among the temporary ones that no other process uses.
    pub(crate) fn default_address(self) -> Address {
        match self.has_path() {
            true => Address::Unix(self.default_path()),
            false => Address::Ip(([127, 0, 0, 1], 0).into()),
        }
    }

    fn default_path(self) -> PathBuf {
        let name = format!("bench-client-{}.{}", std::process::id(), self.id());
        std::env::temp_dir().join(name)
    }
}
