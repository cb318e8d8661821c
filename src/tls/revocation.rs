//! Lists of certificates that hold no longer (CRLs).

use rustls::pki_types::CertificateRevocationListDer;
use webpki::BorrowedCertRevocationList;

use super::pem::Pem;
use crate::error::{Error, Result};

const LIST: &str = "revocation list";

/// What is in `pems`, each of which holds one list at least.
pub(super) fn lists(pems: &[Pem]) -> Result<Vec<CertificateRevocationListDer<'static>>> {
    let mut all = Vec::new();
    for pem in pems {
        let found = pem.revocation_lists(LIST)?;
        found.iter().try_for_each(|list| check(pem, list))?;
        all.extend(found);
    }
    Ok(all)
}

/// rustls would refuse it too, and not say in which file it is.
fn check(pem: &Pem, list: &CertificateRevocationListDer<'_>) -> Result<()> {
    match BorrowedCertRevocationList::from_der(list) {
        Ok(_) => Ok(()),
        Err(err) => Err(unreadable(pem, &err)),
    }
}

fn unreadable(pem: &Pem, err: &webpki::Error) -> Error {
    pem.refused(
        LIST,
        format!("one of its lists cannot be used ({err}); it must be a whole X.509 CRL of version 2, no delta"),
    )
}
