//! What all connections of an HTTP server have in common.

use ::http::HeaderValue;

use super::access_log::AccessLog;
use super::control::Control;

#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) control: Control,
    pub(super) server: Option<HeaderValue>,
    pub(super) access_log: Option<AccessLog>,
}
