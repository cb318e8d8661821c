//! A certificate chain with its key.

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error as TlsError, InconsistentKeys};
use webpki::EndEntityCert;

use super::pem::Pem;
use super::provider::provider;
use super::validity::validity;
use crate::error::{Error, Result};

const CERTIFICATE: &str = "certificate";

/// Who we say that we are: where it stands.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) chain: Pem,
    pub(super) key: Pem,
}

/// Who we say that we are, and whether clients will believe it.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) certified: Arc<CertifiedKey>,
    /// The names that the certificate is for, in lower case; some may begin
    /// with `*.`.
    pub(super) names: Vec<String>,
    /// Why it convinces nobody now, if it does not.
    pub(super) doubt: Option<Error>,
}

impl Identity {
    /// Shows it to every server that asks for a certificate.
    pub(super) fn resolver(&self) -> Arc<dyn ResolvesClientCert> {
        Arc::new(SingleCertAndKey::from(Arc::clone(&self.certified)))
    }
}

impl Source {
    /// Reads both files.
    pub(super) fn load(&self) -> Result<Identity> {
        let chain = self.chain.certificates(CERTIFICATE)?;
        let names = self.names(&chain)?;
        let doubt = validity(&chain[0], UnixTime::now()).err();
        let certified = CertifiedKey::from_der(chain, self.key.key()?, &provider());
        Ok(Identity {
            certified: certified.map(Arc::new).map_err(|err| self.mismatch(&err))?,
            names,
            doubt: doubt.map(|doubt| self.chain.refused(CERTIFICATE, doubt)),
        })
    }

    fn names(&self, chain: &[CertificateDer<'_>]) -> Result<Vec<String>> {
        let parsed = EndEntityCert::try_from(&chain[0]).map_err(|err| {
            self.chain.refused(
                CERTIFICATE,
                format!("its first certificate cannot be read ({err}); it must be X.509 version 3"),
            )
        })?;
        Ok(parsed.valid_dns_names().map(str::to_ascii_lowercase).collect())
    }

    fn mismatch(&self, err: &TlsError) -> Error {
        match err {
            TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) => self.key.refused(
                "private key",
                format!(
                    "it is not the key of the certificate {}; give both of one pair, and the server's own \
                     certificate first in its file",
                    self.chain
                ),
            ),
            err => self.key.refused(
                "private key",
                format!(
                    "it is of no kind that can be used here ({err}); take RSA of 2048 bits or more, ECDSA or Ed25519"
                ),
            ),
        }
    }
}
