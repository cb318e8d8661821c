//! What the next handshake goes by.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring::Ticketer;
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ProducesTickets, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use super::builder::{CertificatesBuilder, Clients};
use super::identity::Identity;
use super::names::Names;
use super::pem::Pem;
use super::provider::provider;
use super::revocation;
use crate::error::{Error, Result};

/// Settings with what was in their files.
#[derive(Debug)]
pub(super) struct InForce {
    pub(super) config: Arc<ServerConfig>,
    pub(super) handshake_timeout: Duration,
    names: Arc<Names>,
    refuses_unknown_names: bool,
    asks_for_certificates: bool,
    /// What is wrong with a certificate, though it can be used.
    pub(super) doubts: Vec<Error>,
}

impl InForce {
    /// Reads all files. Tickets of `before` stay good, where nothing speaks
    /// against it.
    pub(super) fn load(settings: &CertificatesBuilder, before: Option<&InForce>) -> Result<InForce> {
        settings.check()?;
        let mut identities = load_all(settings)?;
        let doubts = identities
            .iter_mut()
            .filter_map(|identity| identity.doubt.take())
            .collect();
        let names = Names::new(&identities)
            .map(Arc::new)
            .ok_or_else(|| unusable("no certificate"))?;
        let asks_for_certificates = settings.clients.is_some();
        // A ticket says who its client was: it must not outlive a change of
        // whom to believe.
        let kept = before.filter(|before| !before.asks_for_certificates && !asks_for_certificates);
        Ok(InForce {
            config: Arc::new(config(settings, Arc::clone(&names), kept)?),
            handshake_timeout: settings.handshake_timeout,
            names,
            refuses_unknown_names: settings.refuse_unknown_names,
            asks_for_certificates,
            doubts,
        })
    }

    /// Whether a client that asks for `name` is to be refused.
    pub(super) fn refuses(&self, name: &str) -> bool {
        self.refuses_unknown_names && !self.names.has(name)
    }
}

fn load_all(settings: &CertificatesBuilder) -> Result<Vec<Identity>> {
    settings.sources.iter().map(super::identity::Source::load).collect()
}

fn config(settings: &CertificatesBuilder, names: Arc<Names>, before: Option<&InForce>) -> Result<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let builder = match &settings.clients {
        Some(clients) => builder.with_client_cert_verifier(verifier(clients, &settings.revocation_lists)?),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(names);
    config.alpn_protocols.clone_from(&settings.protocols);
    // What a process remembers of its clients another one does not know, and a
    // forked child forgets: tickets are remembered by the clients.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    match settings.tickets {
        true => config.ticketer = ticketer(before)?,
        false => config.send_tls13_tickets = 0,
    }
    Ok(config)
}

fn ticketer(before: Option<&InForce>) -> Result<Arc<dyn ProducesTickets>> {
    match before.map(|before| &before.config.ticketer) {
        Some(ticketer) if ticketer.enabled() => Ok(Arc::clone(ticketer)),
        _ => Ticketer::new().map_err(unusable),
    }
}

fn verifier(clients: &Clients, revoked: &[Pem]) -> Result<Arc<dyn ClientCertVerifier>> {
    let roots = roots(&clients.roots)?;
    // Without any list the last setting means nothing.
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .with_crls(revocation::lists(revoked)?)
        .enforce_revocation_expiration();
    let builder = match clients.is_required {
        true => builder,
        false => builder.allow_unauthenticated(),
    };
    builder.build().map_err(unusable)
}

/// The certificates of `pem` as whom to believe.
pub(super) fn roots(pem: &Pem) -> Result<RootCertStore> {
    const ROOTS: &str = "trusted certificates";
    let mut roots = RootCertStore::empty();
    for certificate in pem.certificates(ROOTS)? {
        add(&mut roots, certificate).map_err(|err| {
            pem.refused(
                ROOTS,
                format!("one of them cannot be trusted ({err}); it must be X.509 version 3"),
            )
        })?;
    }
    Ok(roots)
}

fn add(roots: &mut RootCertStore, certificate: CertificateDer<'static>) -> Result<(), rustls::Error> {
    roots.add(certificate)
}

/// What rustls refuses for a reason that no setting of ours leaves open.
pub(super) fn unusable(err: impl std::fmt::Display) -> Error {
    Error::System {
        action: "set up TLS",
        source: std::io::Error::other(err.to_string()),
    }
}
