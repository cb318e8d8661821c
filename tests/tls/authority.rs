//! Certificates, made as they are needed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use greenserve::tls::{Certificates, CertificatesBuilder, ClientSettings, ClientSettingsBuilder, Pem};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    RevokedCertParams,
};

/// Who issues certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) pem: String,
    /// What its certificates need behind them to lead to a root.
    between: String,
}

/// A certificate with its key, both as PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) chain: String,
    pub(crate) key: String,
    /// Its number, the only one of that.
    serial: u64,
}

/// A number that nobody else has.
fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What somebody is who issues certificates, and the key for it.
fn issuing() -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Two of one name would be taken for each other.
    params
        .distinguished_name
        .push(DnType::CommonName, format!("authority {}", next()));
    (params, KeyPair::generate().unwrap())
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let (params, key) = issuing();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority {
            issuer: Issuer::new(params, key),
            pem,
            between: String::new(),
        }
    }

    /// One that this one says may issue certificates.
    pub(crate) fn intermediate(&self) -> Authority {
        let (params, key) = issuing();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Authority {
            issuer: Issuer::new(params, key),
            between: pem.clone() + &self.between,
            pem,
        }
    }

    /// Which of its certificates hold no longer: a list that is good until the
    /// year `until`.
    pub(crate) fn revokes(&self, pairs: &[&Pair], until: i32) -> String {
        let revoked = |pair: &&Pair| RevokedCertParams {
            serial_number: pair.serial.into(),
            revocation_time: rcgen::date_time_ymd(2000, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2000, 1, 1),
            next_update: rcgen::date_time_ymd(until, 1, 1),
            crl_number: next().into(),
            issuing_distribution_point: None,
            revoked_certs: pairs.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    pub(crate) fn issue(&self, names: &[&str]) -> Pair {
        self.issue_with(names, |_| {})
    }

    pub(crate) fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        let serial = next();
        params.serial_number = Some(serial.into());
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Pair {
            chain: params.signed_by(&key, &self.issuer).unwrap().pem() + &self.between,
            key: key.serialize_pem(),
            serial,
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
