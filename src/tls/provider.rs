//! The cryptography below: `ring`, whatever else the program has installed.

use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, ring};

/// One for the whole process.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(ring::default_provider())))
}
