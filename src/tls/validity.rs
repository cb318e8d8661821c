//! From when until when a certificate holds.

use std::fmt;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

/// Why a certificate convinces nobody at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    /// It ended so long ago.
    Expired(Duration),
    /// It begins only then.
    TooEarly(Duration),
}

/// Whether `certificate` holds at `now`. One that cannot be read is nobody's
/// business here: the clients will say.
pub(super) fn validity(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Invalid> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else {
        return Ok(());
    };
    // Without any root nothing is found to be good, but the dates are looked
    // at first.
    match certificate.verify_for_usage(&[], &[], &[], now, KeyUsage::server_auth(), None, None) {
        Err(webpki::Error::CertExpired { time, not_after }) => Err(Invalid::Expired(between(not_after, time))),
        Err(webpki::Error::CertNotValidYet { time, not_before }) => Err(Invalid::TooEarly(between(time, not_before))),
        _ => Ok(()),
    }
}

fn between(early: UnixTime, late: UnixTime) -> Duration {
    Duration::from_secs(late.as_secs().saturating_sub(early.as_secs()))
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Invalid::Expired(ago) => write!(f, "it expired {} ago; renew it", rough(*ago)),
            Invalid::TooEarly(left) => write!(
                f,
                "it is not valid for another {}; check the clock of this machine, or wait",
                rough(*left)
            ),
        }
    }
}

/// A time as people say it.
fn rough(time: Duration) -> String {
    let seconds = time.as_secs();
    let (count, unit) = match seconds {
        0..120 => (seconds, "s"),
        120..7_200 => (seconds / 60, "minutes"),
        7_200..172_800 => (seconds / 3600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit}")
}
