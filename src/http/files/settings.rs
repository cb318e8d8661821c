//! What is said of files beside where they are.

use std::collections::BTreeMap;

use ::http::HeaderValue;

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) prefix: String,
    pub(super) index: Option<String>,
    /// By extensions in lower case.
    pub(super) kinds: BTreeMap<String, HeaderValue>,
    pub(super) cache_control: Option<HeaderValue>,
    pub(super) is_precompressed: bool,
    pub(super) with_dots: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            prefix: String::new(),
            index: Some("index.html".to_owned()),
            kinds: BTreeMap::new(),
            cache_control: None,
            is_precompressed: false,
            with_dots: false,
        }
    }
}
