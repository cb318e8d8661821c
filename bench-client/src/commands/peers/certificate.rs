//! The certificate that all servers of HTTPS show, so that the same signature is
//! asked of each.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::base::failure::Failure;
use crate::machine::certificate::SelfSigned;
use crate::plan::tls::{Tls, TlsOptions};

/// Stands for the file of the certificate among a server's options.
pub(super) const CHAIN: &str = "{chain}";
/// Stands for that of its key.
pub(super) const KEY: &str = "{key}";

/// A certificate in files, and clients that believe it alone.
#[derive(Debug)]
pub(super) struct Certificate {
    /// Only its owner may look into it; gone when the measurement is over.
    folder: TempDir,
    tls: Tls,
}

impl Certificate {
    /// A new one, in a folder of its own; a handshake may take `limit`.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub(super) fn make(limit: Duration) -> Result<Certificate, Failure> {
        let cannot = |err| Failure::system("write a certificate to a temporary folder", err);
        let made = SelfSigned::make()?;
        let folder = tempfile::tempdir().map_err(cannot)?;
        let (chain, key) = files(&folder);
        fs::write(&chain, made.chain).map_err(cannot)?;
        fs::write(&key, made.key).map_err(cannot)?;
        let options = TlsOptions {
            ca: vec![chain],
            ..TlsOptions::default()
        };
        let tls = Tls::new(&options, "localhost", limit)?;
        Ok(Certificate { folder, tls })
    }

    /// How clients speak with whoever shows it: each makes a whole handshake.
    pub(super) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// An option of a server, with the files in their places.
    pub(super) fn put_in(&self, option: &str) -> OsString {
        let (chain, key) = files(&self.folder);
        match option {
            CHAIN => chain.into(),
            KEY => key.into(),
            other => other.into(),
        }
    }
}

fn files(folder: &TempDir) -> (PathBuf, PathBuf) {
    (folder.path().join("chain.pem"), folder.path().join("key.pem"))
}
