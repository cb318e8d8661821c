//! Which kinds of content become smaller.

use ::http::HeaderMap;
use ::http::header::CONTENT_TYPE;

/// Types whose content is compressed already, or of which nothing is known.
const DENSE: &[&str] = &[
    "application/epub+zip",
    "application/gzip",
    "application/java-archive",
    "application/octet-stream",
    "application/ogg",
    "application/pdf",
    "application/vnd.rar",
    "application/x-7z-compressed",
    "application/x-bzip2",
    "application/x-rar-compressed",
    "application/x-xz",
    "application/zip",
    "application/zstd",
    "font/woff",
    "font/woff2",
    // Each event shall leave at once, and each would cost a flush of its own.
    "text/event-stream",
];

/// The same by their beginnings: whole families, and office documents, which
/// are ZIP files.
const DENSE_FAMILIES: &[&str] = &[
    "application/grpc",
    "application/vnd.oasis.opendocument.",
    "application/vnd.openxmlformats-officedocument.",
    "audio/",
    "image/",
    "multipart/",
    "video/",
];

/// What gains among those families.
const LOOSE: &[&str] = &[
    "audio/midi",
    "audio/wav",
    "image/bmp",
    "image/svg+xml",
    "image/vnd.microsoft.icon",
    "image/x-icon",
];

/// Whether content of the type in these headers becomes smaller. What has no
/// type is taken for text.
pub(super) fn gains(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let essence = kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    let Ok(essence) = std::str::from_utf8(essence) else {
        return false;
    };
    let essence = essence.trim().to_ascii_lowercase();
    let is = |known: &&str| **known == *essence;
    let is_dense = DENSE.iter().any(is) || DENSE_FAMILIES.iter().any(|family| essence.starts_with(family));
    !is_dense || LOOSE.iter().any(is)
}

#[cfg(test)]
mod tests {
    use ::http::HeaderValue;

    use super::*;

    #[test]
    fn kinds() {
        let of = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
            gains(&headers)
        };
        for kind in [
            "text/html; charset=utf-8",
            "application/json",
            "IMAGE/SVG+XML",
            "application/wasm",
            "font/ttf",
            "",
        ] {
            assert!(of(kind), "{kind}");
        }
        for kind in [
            "image/png",
            "Image/JPEG ; x=y",
            "video/mp4",
            "application/zip",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "text/event-stream",
            "application/octet-stream",
            "multipart/byteranges; boundary=a",
        ] {
            assert!(!of(kind), "{kind}");
        }
        assert!(gains(&HeaderMap::new()));
    }
}
