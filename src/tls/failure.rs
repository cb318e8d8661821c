//! Why a TLS session came to nothing, in words.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use rustls::{AlertDescription, CertificateError, Error as TlsError, InvalidMessage, PeerIncompatible};

use crate::net::{Missed, Overdue};

/// Why a handshake came to nothing. It is inside the [`io::Error`] of
/// [`connect`](super::connect), and of the request that
/// [`serve`](super::serve) failed; [`of`](HandshakeError::of) finds it.
///
/// Behind a server all of them but [`Ours`](HandshakeError::Ours) are the
/// client's fault, or nobody's, and so logged at level debug.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The client speaks HTTP without TLS.
    #[error("the client speaks HTTP without TLS; its address must begin with https://")]
    PlainHttp,

    /// The other side does not speak TLS.
    #[error("the other side does not speak TLS")]
    NotTls,

    /// No version is spoken by both.
    #[error("no protocol version in common: here TLS 1.3 and 1.2 are spoken")]
    NoCommonVersion,

    /// Both speak one version, but of what that needs nothing in common.
    #[error("no {0} in common")]
    NothingInCommon(&'static str),

    /// There is no certificate for the name that the client asked for.
    #[error("the client asks for {0:?}, for which there is no certificate")]
    UnknownName(String),

    /// The client has no certificate and needs one.
    #[error("the client sent no certificate, and one is required")]
    NoClientCertificate,

    /// The other side's certificate is not believed.
    #[error("the certificate of the other side {0}")]
    BadCertificate(String),

    /// The other side ended the handshake, and said why.
    #[error("the other side refused: {0}")]
    Refused(String),

    /// The other side left in the middle.
    #[error("the other side hung up in the middle of it")]
    HungUp,

    /// It took too long. Behind a server the error is also one of
    /// [`Overdue::Handshake`].
    #[error("it was not done within {0:?}")]
    Late(Duration),

    /// The other side sent what nobody should.
    #[error("the other side broke the rules: {0}")]
    Broken(String),

    /// It failed here, whatever the other side did.
    #[error("it failed on this side: {0}")]
    Ours(String),
}

impl HandshakeError {
    /// The failed handshake that `err` tells of, if it does.
    pub fn of(err: &io::Error) -> Option<&HandshakeError> {
        let inner = err.get_ref()?;
        inner.downcast_ref::<Told>().map(|told| &told.err)
    }

    pub(super) fn new(err: &TlsError) -> HandshakeError {
        match err {
            TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => HandshakeError::NotTls,
            TlsError::PeerIncompatible(what) => incompatible(what),
            TlsError::NoApplicationProtocol => HandshakeError::NothingInCommon("application protocol (ALPN)"),
            TlsError::NoCertificatesPresented => HandshakeError::NoClientCertificate,
            TlsError::InvalidCertificate(why) => match lists_are_to_blame(why) {
                Some(text) => HandshakeError::Ours(text),
                None => HandshakeError::BadCertificate(certificate(why)),
            },
            TlsError::AlertReceived(alert) => HandshakeError::Refused(refusal(*alert)),
            TlsError::InvalidMessage(_)
            | TlsError::InappropriateMessage { .. }
            | TlsError::InappropriateHandshakeMessage { .. }
            | TlsError::PeerMisbehaved(_)
            | TlsError::PeerSentOversizedRecord
            | TlsError::DecryptError => HandshakeError::Broken(err.to_string()),
            err => HandshakeError::Ours(err.to_string()),
        }
    }

    /// As the error of a client's [`connect`](super::connect).
    pub(super) fn into_clients(self) -> io::Error {
        let kind = match self {
            HandshakeError::Late(_) => io::ErrorKind::TimedOut,
            HandshakeError::HungUp => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::InvalidData,
        };
        // What a server is too late for is no fault of any client of ours.
        let missed = None;
        io::Error::new(kind, Told { err: self, missed })
    }

    /// As the failure of a request: what is the client's fault has a kind that
    /// says so.
    pub(super) fn into_servers(self) -> io::Error {
        let kind = match self {
            HandshakeError::Ours(_) => io::ErrorKind::Other,
            _ => io::ErrorKind::ConnectionAborted,
        };
        let missed = matches!(self, HandshakeError::Late(_)).then(|| Overdue::Handshake.missed());
        io::Error::new(kind, Told { err: self, missed })
    }
}

/// The text that stands in logs.
#[derive(Debug)]
struct Told {
    err: HandshakeError,
    /// The deadline that the client has missed.
    missed: Option<Missed>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the TLS handshake failed: {}", self.err)
    }
}

impl Error for Told {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.missed {
            Some(missed) => Some(missed),
            None => Some(&self.err),
        }
    }
}

/// The error of a session that what came has broken, after the handshake. For a
/// server that is the client's doing, as a reset is.
pub(super) fn broken_session(err: io::Error, is_server: bool) -> io::Error {
    let Some(tls) = err.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) else {
        return err;
    };
    let text = match tls {
        TlsError::AlertReceived(alert) => format!("the other side ended the TLS session: {}", refusal(*alert)),
        tls => format!("the TLS session is broken: {tls}"),
    };
    let kind = match is_server {
        true => io::ErrorKind::ConnectionAborted,
        false => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, text)
}

fn incompatible(what: &PeerIncompatible) -> HandshakeError {
    match what {
        // Every client of TLS 1.2 sends that extension, and no older one does.
        PeerIncompatible::SignatureAlgorithmsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => HandshakeError::NoCommonVersion,
        PeerIncompatible::NoCipherSuitesInCommon => HandshakeError::NothingInCommon("cipher suite"),
        PeerIncompatible::NoKxGroupsInCommon | PeerIncompatible::NamedGroupsExtensionRequired => {
            HandshakeError::NothingInCommon("key exchange")
        }
        PeerIncompatible::NoSignatureSchemesInCommon
        | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon => {
            HandshakeError::NothingInCommon("kind of signature")
        }
        other => HandshakeError::Broken(TlsError::from(other.clone()).to_string()),
    }
}

/// What is wrong with our revocation lists, if that is why a certificate is not
/// believed.
fn lists_are_to_blame(why: &CertificateError) -> Option<String> {
    match why {
        CertificateError::UnknownRevocationStatus => Some(
            "no revocation list is of an issuer in the client's chain; name one of each by revocation_lists(...)"
                .to_owned(),
        ),
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => {
            Some(format!(
                "the revocation list of the client's issuer has expired ({why}); have a new one issued, and reload"
            ))
        }
        _ => None,
    }
}

/// What is wrong with a certificate, as the rest of a sentence.
fn certificate(why: &CertificateError) -> String {
    let text = match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet; compare the clocks"
        }
        CertificateError::UnknownIssuer => "was issued by nobody who is trusted here",
        CertificateError::Revoked => "was revoked",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            return format!("is for another name ({why})");
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "was issued for another purpose"
        }
        CertificateError::BadSignature => "has a signature that does not match",
        other => return format!("is not accepted: {other}"),
    };
    text.to_owned()
}

/// What an alert of the other side means for who reads the log here.
fn refusal(alert: AlertDescription) -> String {
    let text = match alert {
        AlertDescription::UnknownCA => "it does not know who issued our certificate",
        AlertDescription::CertificateExpired => "our certificate has expired, by its clock",
        AlertDescription::CertificateRevoked => "our certificate was revoked",
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate => "it does not accept our certificate",
        AlertDescription::CertificateRequired => "it wants a certificate of ours",
        AlertDescription::UnrecognisedName => "it has no certificate for the name that was asked for",
        AlertDescription::ProtocolVersion => "no protocol version in common",
        AlertDescription::HandshakeFailure => "nothing in common (cipher suites, key exchange, signatures)",
        AlertDescription::NoApplicationProtocol => "no application protocol in common (ALPN)",
        AlertDescription::UserCanceled => "its user ended it",
        other => return format!("alert {other:?}"),
    };
    text.to_owned()
}
