//! TLS as clients are to speak it: whom they believe, and whether a session
//! goes on from an earlier one.

mod anybody;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use greenserve::net::TcpStream;
use greenserve::tls::{self, ClientSettings, ClientSettingsBuilder, TlsStream};

use crate::base::failure::Failure;

/// What is spoken within (RFC 7301): servers that know HTTP/2 too would choose.
const ALPN: &str = "http/1.1";

/// A connection under TLS.
pub(crate) type TlsLine = TlsStream<std::net::TcpStream>;

/// How TLS is spoken, in all commands that have a target.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct TlsOptions {
    /// Believe this PEM file instead of this machine's roots.
    #[arg(long, visible_alias = "cacert", value_name = "FILE")]
    pub(crate) ca: Vec<PathBuf>,
    /// Measure whoever answers: no certificate is verified.
    #[arg(short = 'k', long, conflicts_with = "ca")]
    pub(crate) insecure: bool,
    /// Resume sessions; without it each connection makes a whole handshake.
    #[arg(long)]
    pub(crate) tls_resume: bool,
}

impl TlsOptions {
    /// Whether nothing was asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.ca.is_empty() && !self.insecure && !self.tls_resume
    }
}

/// How clients speak TLS with one server.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    settings: ClientSettings,
    /// Whom the certificate must be for: a host name or an address.
    name: String,
    /// Whether it is looked at.
    pub(crate) is_verified: bool,
    /// Whether sessions are resumed.
    pub(crate) resumes: bool,
}

impl Tls {
    /// With the server `name` as `options` say; a handshake may take as long as
    /// connecting, which is `limit`.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a file that cannot be used, and where there is
    /// nobody to believe.
    pub(crate) fn new(options: &TlsOptions, name: &str, limit: Duration) -> Result<Tls, Failure> {
        let resumes = options.tls_resume;
        let settings = match options.insecure {
            true => unverified(resumes, limit)?,
            false => verified(&options.ca, resumes, limit).map_err(|err| unusable(&err))?,
        };
        Ok(Tls {
            settings,
            name: name.to_owned(),
            is_verified: !options.insecure,
            resumes,
        })
    }

    /// As one client of several speaks it: a session is resumed by who had it.
    pub(crate) fn of_one_client(&self) -> Tls {
        let settings = match self.resumes {
            true => self.settings.with_own_tickets(),
            false => self.settings.clone(),
        };
        Tls {
            settings,
            ..self.clone()
        }
    }

    /// Shakes hands over `stream`.
    ///
    /// # Errors
    /// A [`HandshakeError`](tls::HandshakeError) within one, or the end of a
    /// wait.
    pub(crate) fn shake_hands(&self, stream: TcpStream) -> io::Result<TlsLine> {
        tls::connect(stream, &self.name, &self.settings)
    }
}

fn verified(roots: &[PathBuf], resumes: bool, limit: Duration) -> greenserve::Result<ClientSettings> {
    let all = ClientSettings::builder()
        .alpn([ALPN])
        .tickets(resumes)
        .handshake_timeout(limit);
    let believing = match roots {
        [] => all.system_roots(),
        roots => roots.iter().fold(all, ClientSettingsBuilder::roots),
    };
    believing.build()
}

fn unverified(resumes: bool, limit: Duration) -> Result<ClientSettings, Failure> {
    let config = anybody::config();
    let mut config = config.map_err(|err| Failure::system("set TLS up", io::Error::other(err)))?;
    config.alpn_protocols = vec![ALPN.into()];
    if !resumes {
        config.resumption = rustls::client::Resumption::disabled();
    }
    Ok(ClientSettings::from_rustls(Arc::new(config), limit)?)
}

fn unusable(err: &greenserve::Error) -> Failure {
    Failure::Usage(format!(
        "no certificate could be verified: {err}; name whom to believe with --ca FILE, or measure whoever answers \
         with --insecure"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_certificate_is_named_with_both_ways_out() {
        let options = TlsOptions {
            ca: vec!["/nowhere/ca.pem".into()],
            ..TlsOptions::default()
        };
        let message = Tls::new(&options, "localhost", Duration::from_secs(1))
            .unwrap_err()
            .to_string();
        for words in ["/nowhere/ca.pem", "--ca FILE", "--insecure"] {
            assert!(message.contains(words), "{message}");
        }
    }
}
