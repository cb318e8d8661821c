//! A certificate for servers on this machine, made when it is needed.

use std::io;

use crate::base::failure::Failure;

/// Whom it is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate that signs itself, and its key: ECDSA over P-256, as most that
/// are issued today. Both as PEM texts.
pub(crate) struct SelfSigned {
    /// The certificate.
    pub(crate) chain: String,
    /// Its private key.
    pub(crate) key: String,
}

impl SelfSigned {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(crate) fn make() -> Result<SelfSigned, Failure> {
        let made = rcgen::generate_simple_self_signed(NAMES.map(str::to_owned));
        let made = made.map_err(|err| Failure::system("make a certificate", io::Error::other(err)))?;
        Ok(SelfSigned {
            chain: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        })
    }
}
