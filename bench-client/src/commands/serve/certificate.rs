//! The certificate of `serve https` and `serve wss`: one that is given, or made at the start.

use std::path::PathBuf;

use clap::Args;
use greenserve::tls::{Certificates, Pem};

use crate::base::failure::Failure;
use crate::machine::certificate::SelfSigned;

/// The certificate of https and wss.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CertificateOptions {
    /// For https and wss, the certificate chain, a PEM file [default: one that signs itself, for localhost, 127.0.0.1 and ::1].
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
}

/// The certificate that `options` name, or a new one.
///
/// # Errors
/// [`Failure::Runtime`] for a file that cannot be used.
pub(super) fn certificates(options: &CertificateOptions) -> Result<Certificates, Failure> {
    let (chain, key) = match (&options.cert, &options.key) {
        (Some(chain), Some(key)) => (Pem::from(chain), Pem::from(key)),
        _ => {
            let made = SelfSigned::make()?;
            (Pem::text(made.chain), Pem::text(made.key))
        }
    };
    let certificates = Certificates::builder().certificate(chain, key).alpn(["http/1.1"]);
    Ok(certificates.build()?)
}
