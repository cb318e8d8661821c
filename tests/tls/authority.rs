//! Certificates, made as they are needed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use greenserve::tls::{Certificates, CertificatesBuilder, ClientSettings, ClientSettingsBuilder, Pem};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Who issues certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) pem: String,
}

/// A certificate with its key, both as PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Two of one name would be taken for each other.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        params
            .distinguished_name
            .push(DnType::CommonName, format!("authority {number}"));
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub(crate) fn issue(&self, names: &[&str]) -> Pair {
        self.issue_with(names, |_| {})
    }

    pub(crate) fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Pair {
            chain: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// One that was good in the year 2000.
    pub(crate) fn issue_expired(&self, names: &[&str]) -> Pair {
        self.issue_with(names, |params| {
            params.not_before = rcgen::date_time_ymd(2000, 1, 1);
            params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        })
    }

    pub(crate) fn roots(&self) -> Pem {
        Pem::text(&self.pem)
    }

    /// A client that believes this one.
    pub(crate) fn client(&self) -> ClientSettings {
        self.client_builder().build().unwrap()
    }

    pub(crate) fn client_builder(&self) -> ClientSettingsBuilder {
        ClientSettings::builder().roots(self.roots())
    }

    /// A server's certificates for `localhost`.
    pub(crate) fn server(&self) -> CertificatesBuilder {
        self.issue(&["localhost"]).server()
    }
}

impl Pair {
    pub(crate) fn pems(&self) -> (Pem, Pem) {
        (Pem::text(&self.chain), Pem::text(&self.key))
    }

    pub(crate) fn server(&self) -> CertificatesBuilder {
        let (chain, key) = self.pems();
        Certificates::builder().certificate(chain, key)
    }
}

/// A directory with files in it.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Files {
        Files(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Writes both files of a pair.
    pub(crate) fn put(&self, pair: &Pair) -> (PathBuf, PathBuf) {
        (self.write("chain.pem", &pair.chain), self.write("key.pem", &pair.key))
    }
}
