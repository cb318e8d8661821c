//! Which certificate is shown to whom.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::identity::Identity;

/// Certificates by the names that clients ask for (SNI, RFC 6066).
#[derive(Debug)]
pub(super) struct Names {
    /// By whole names, and by what follows the `*` of a wildcard. Several for
    /// one name differ in the kind of their keys.
    by_name: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// For clients that name nobody, or nobody that is here.
    first: Arc<CertifiedKey>,
}

impl Names {
    /// `None` of none.
    pub(super) fn new(identities: &[Identity]) -> Option<Names> {
        let first = Arc::clone(&identities.first()?.certified);
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for identity in identities {
            for name in &identity.names {
                let key = name.strip_prefix('*').unwrap_or(name).to_owned();
                by_name.entry(key).or_default().push(Arc::clone(&identity.certified));
            }
        }
        Some(Names { by_name, first })
    }

    /// The certificates for `name`: its own before those of a wildcard, which
    /// stands for one label.
    fn of(&self, name: &str) -> Option<&[Arc<CertifiedKey>]> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let wildcard = name.find('.').map(|dot| &name[dot..]);
        let found = self.by_name.get(&name);
        found.or_else(|| self.by_name.get(wildcard?)).map(Vec::as_slice)
    }

    /// Whether there is a certificate for `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.of(name).is_some()
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let found = hello.server_name().and_then(|name| self.of(name)).unwrap_or_default();
        let fits = |key: &&Arc<CertifiedKey>| can_sign(key, hello.signature_schemes());
        let chosen = found.iter().find(fits).or(found.first());
        Some(Arc::clone(chosen.unwrap_or(&self.first)))
    }
}

fn can_sign(certified: &CertifiedKey, schemes: &[SignatureScheme]) -> bool {
    certified.key.choose_scheme(schemes).is_some()
}
