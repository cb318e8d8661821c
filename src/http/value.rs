//! The value of a header, from a text that may be none.

use ::http::HeaderValue;

use crate::error::{Error, Result};

/// `text` as the value of the header `name`, for what is known when a program
/// starts and comes from its configuration: [`Http::server_name`],
/// [`Files::cache_control`]. For a text of the program's own
/// [`HeaderValue::from_static`] is enough.
///
/// ```
/// use greenserve::http;
///
/// let value = http::header_value("server", "shop 1.0")?;
/// assert_eq!(value, "shop 1.0");
/// let err = http::header_value("server", "shop\r\nset-cookie: a=b").unwrap_err();
/// assert!(err.is_usage());
/// # Ok::<(), greenserve::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidOption`], with the name and the text, when there is a line
/// end in it or another control character but a tab: RFC 9110, 5.5. It would be
/// read as another header.
///
/// [`Http::server_name`]: super::Http::server_name
/// [`Files::cache_control`]: super::Files::cache_control
pub fn header_value(name: &str, text: impl AsRef<[u8]>) -> Result<HeaderValue> {
    let text = text.as_ref();
    HeaderValue::from_bytes(text).map_err(|_| Error::InvalidOption {
        option: "the value of a header",
        value: format!("\"{}\" ({name})", text.escape_ascii()),
        reason: "it has a line end or another control character: leave it away, or encode it".to_owned(),
    })
}
