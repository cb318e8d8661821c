//! What all connections of an HTTP server have in common.

use ::http::HeaderValue;

use super::access_log::AccessLog;
use super::deadlines::Deadlines;
use super::limits::Limits;

#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) limits: Limits,
    pub(super) deadlines: Deadlines,
    pub(super) server: Option<HeaderValue>,
    pub(super) access_log: Option<AccessLog>,
}
