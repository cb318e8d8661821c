//! PEM texts: where they come from, and what is in them.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::error::{Error, Result};

/// A PEM text: a file that holds it, or the text itself.
///
/// A path turns into one by itself, and is read anew at each
/// [`reload`](super::Certificates::reload).
///
/// ```
/// use greenserve::tls::Pem;
///
/// let file = Pem::from("/etc/service/chain.pem");
/// let text = Pem::text("-----BEGIN CERTIFICATE-----\n...");
/// assert_eq!(file.to_string(), "\"/etc/service/chain.pem\"");
/// assert_eq!(text.to_string(), "given as a text");
/// ```
#[derive(Clone)]
pub struct Pem(Origin);

#[derive(Clone)]
enum Origin {
    File(PathBuf),
    Text(Arc<[u8]>),
}

impl Pem {
    /// The file `path`.
    pub fn file(path: impl Into<PathBuf>) -> Pem {
        Pem(Origin::File(path.into()))
    }

    /// A text that the program has already, from a store of secrets say.
    pub fn text(text: impl AsRef<[u8]>) -> Pem {
        Pem(Origin::Text(text.as_ref().into()))
    }

    fn read(&self, what: &'static str) -> Result<Vec<u8>> {
        let read = match &self.0 {
            Origin::Text(text) => Ok(text.to_vec()),
            Origin::File(path) => fs::read(path).map_err(|err| unreadable(&err)),
        };
        match read {
            Ok(text) if text.trim_ascii().is_empty() => Err(self.refused(what, "it is empty")),
            Ok(text) => Ok(text),
            Err(reason) => Err(self.refused(what, reason)),
        }
    }

    /// The certificates in it: at least one.
    pub(super) fn certificates(&self, what: &'static str) -> Result<Vec<CertificateDer<'static>>> {
        self.all(what, no_certificate)
    }

    /// The revocation lists in it: at least one.
    pub(super) fn revocation_lists(&self, what: &'static str) -> Result<Vec<CertificateRevocationListDer<'static>>> {
        self.all(what, no_list)
    }

    /// All that is of one kind in it; `why` tells of a text that has none.
    fn all<T: PemObject>(&self, what: &'static str, why: fn(&[u8]) -> &'static str) -> Result<Vec<T>> {
        let text = self.read(what)?;
        let found: Vec<_> = T::pem_slice_iter(&text)
            .collect::<Result<_, _>>()
            .map_err(|err| self.refused(what, malformed(&err)))?;
        if found.is_empty() {
            return Err(self.refused(what, why(&text)));
        }
        Ok(found)
    }

    /// The first private key in it.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>> {
        const KEY: &str = "private key";
        let text = self.read(KEY)?;
        if is_encrypted(&text) {
            return Err(self.refused(
                KEY,
                "the key is encrypted, and there is nobody to ask for its password; \
                 decrypt it: openssl pkey -in ENCRYPTED -out PLAIN, with mode 0600",
            ));
        }
        PrivateKeyDer::from_pem_slice(&text).map_err(|err| match err {
            pem::Error::NoItemsFound => self.refused(KEY, no_key(&text)),
            err => self.refused(KEY, malformed(&err)),
        })
    }

    /// An error about it.
    pub(super) fn refused(&self, what: &'static str, reason: impl fmt::Display) -> Error {
        Error::Certificate {
            what,
            file: self.to_string().into(),
            reason: reason.to_string().into(),
        }
    }
}

fn unreadable(err: &io::Error) -> String {
    let remedy = match err.kind() {
        io::ErrorKind::NotFound => {
            "; check the path, which counts from the working directory if it does not begin with /"
        }
        io::ErrorKind::PermissionDenied => "; let the user that runs this program read it",
        _ => "",
    };
    format!("{err}{remedy}")
}

fn malformed(err: &pem::Error) -> String {
    let what = match err {
        pem::Error::MissingSectionEnd { .. } => "it ends in the middle of a section",
        pem::Error::IllegalSectionStart { .. } => "the begin of a section is malformed",
        pem::Error::Base64Decode(_) => "a section is no base64",
        _ => "it is malformed",
    };
    format!("{what}; it must be a whole PEM file (-----BEGIN ...)")
}

fn kinds(text: &[u8]) -> Vec<SectionKind> {
    let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(text);
    sections
        .filter_map(|section| section.ok().map(|(kind, _)| kind))
        .collect()
}

fn no_certificate(text: &[u8]) -> &'static str {
    if PrivateKeyDer::from_pem_slice(text).is_ok() || is_encrypted(text) {
        return "it holds a private key and no certificate; are the two files swapped?";
    }
    match text.first() {
        // A sequence: how each certificate begins.
        Some(0x30) => {
            "there is no PEM in it, but perhaps DER; convert it: openssl x509 -inform DER -in FILE -out FILE.pem"
        }
        _ => "there is no certificate in it (-----BEGIN CERTIFICATE-----)",
    }
}

fn no_list(text: &[u8]) -> &'static str {
    match text.first() {
        Some(0x30) => {
            "there is no PEM in it, but perhaps DER; convert it: openssl crl -inform DER -in FILE -out FILE.pem"
        }
        _ => "there is no revocation list in it (-----BEGIN X509 CRL-----)",
    }
}

fn no_key(text: &[u8]) -> &'static str {
    match (kinds(text).contains(&SectionKind::Certificate), text.first()) {
        (true, _) => "it holds a certificate and no private key; are the two files swapped?",
        (_, Some(0x30)) => {
            "there is no PEM in it, but perhaps DER; convert it: openssl pkey -inform DER -in FILE -out FILE.pem"
        }
        _ => "there is no private key in it (-----BEGIN PRIVATE KEY-----)",
    }
}

/// As PKCS #8 and as OpenSSL of old say it.
fn is_encrypted(text: &[u8]) -> bool {
    let has = |mark: &[u8]| text.windows(mark.len()).any(|part| part == mark);
    has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED")
}

impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Origin::File(path) => write!(f, "{path:?}"),
            Origin::Text(_) => f.write_str("given as a text"),
        }
    }
}

/// The text is not shown: it may be a key.
impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pem({self})")
    }
}

impl From<PathBuf> for Pem {
    fn from(path: PathBuf) -> Pem {
        Pem::file(path)
    }
}

impl From<&Path> for Pem {
    fn from(path: &Path) -> Pem {
        Pem::file(path)
    }
}

impl From<&PathBuf> for Pem {
    fn from(path: &PathBuf) -> Pem {
        Pem::file(path)
    }
}

impl From<&str> for Pem {
    fn from(path: &str) -> Pem {
        Pem::file(path)
    }
}

impl From<String> for Pem {
    fn from(path: String) -> Pem {
        Pem::file(path)
    }
}
