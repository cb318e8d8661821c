//! Which file a request's path names.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// A folder that is no secret though its name begins with a dot: RFC 8615.
const WELL_KNOWN: &[u8] = b".well-known";

/// A path below the root, without `.`, `..` and empty parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// Empty for the root itself.
    pub(super) path: OsString,
    /// Whether it was written with a slash at its end.
    pub(super) is_folder: bool,
}

impl Named {
    /// Reads `path` as it is in a target, `%XX` included: what stands behind
    /// the place where files are mounted, so it is empty or begins with a slash.
    ///
    /// `None` for what can be no file's name: escapes that are none, NUL, a
    /// slash that is escaped, parts that are empty, `.` or `..`; and for names
    /// that begin with a dot, unless `with_dots`.
    pub(super) fn read(path: &str, with_dots: bool) -> Option<Named> {
        if path.is_empty() {
            return Some(Named {
                path: OsString::new(),
                is_folder: false,
            });
        }
        let inner = path.strip_prefix('/')?;
        let (inner, is_folder) = match inner.strip_suffix('/') {
            Some(folder) => (folder, true),
            None => (inner, inner.is_empty()),
        };
        // A slash alone is the root; two of them are an empty part.
        if inner.is_empty() && path != "/" {
            return None;
        }
        let mut names: Vec<u8> = Vec::with_capacity(inner.len());
        for part in inner.split('/').filter(|_| path != "/") {
            if !names.is_empty() {
                names.push(b'/');
            }
            let name = decoded(part)?;
            if !is_name(&name, with_dots) {
                return None;
            }
            names.extend_from_slice(&name);
        }
        Some(Named {
            path: OsString::from_vec(names),
            is_folder,
        })
    }
}

fn is_name(name: &[u8], with_dots: bool) -> bool {
    !name.is_empty()
        && name != b"."
        && name != b".."
        && !name.contains(&b'/')
        && !name.contains(&0)
        && (with_dots || name == WELL_KNOWN || !name.starts_with(b"."))
}

/// The bytes that a part of a path stands for.
fn decoded(part: &str) -> Option<Vec<u8>> {
    let (mut name, mut bytes) = (Vec::with_capacity(part.len()), part.bytes());
    while let Some(byte) = bytes.next() {
        name.push(match byte {
            b'%' => digit(bytes.next()?)? * 16 + digit(bytes.next()?)?,
            byte => byte,
        });
    }
    Some(name)
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    fn read(path: &str) -> Option<(String, bool)> {
        let named = Named::read(path, false)?;
        Some((named.path.to_string_lossy().into_owned(), named.is_folder))
    }

    #[test]
    fn names_are_read() {
        let is = |path: &str, name: &str, is_folder| assert_eq!(read(path), Some((name.to_owned(), is_folder)));
        is("", "", false);
        is("/", "", true);
        is("/a", "a", false);
        is("/a/", "a", true);
        is("/a/b.txt", "a/b.txt", false);
        is("/a%20b%2e/%C3%A4", "a b./\u{e4}", false);
        is("/.well-known/x", ".well-known/x", false);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let mut bad = vec![
            "a", "//", "///", "//a", "/a//b", "/a//", "/.", "/..", "/../a", "/a/..", "/a/./b",
        ];
        bad.extend([
            "/%2e%2e",
            "/%2E./a",
            "/a%2fb",
            "/..%2f",
            "/a%00",
            "/%",
            "/%4",
            "/%zz",
            "/.env",
            "/a/%2egit",
        ]);
        for path in bad {
            assert_eq!(read(path), None, "{path:?}");
        }
        assert!(Named::read("/.env", true).is_some());
        assert!(Named::read("/..", true).is_none());
    }

    proptest! {
        #[test]
        fn no_path_leads_out(path in "(/|/([a.%/]|%2e|%2f|%00|%5c|\\\\){0,12})", with_dots: bool) {
            if let Some(named) = Named::read(&path, with_dots) {
                let path = Path::new(&named.path);
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert!(!named.path.as_bytes().contains(&0));
            }
        }

        #[test]
        fn any_name_can_be_asked_for(name in proptest::collection::vec(1_u8.., 1..20)) {
            let escaped: String = name.iter().map(|byte| format!("%{byte:02x}")).collect();
            let good = !name.contains(&b'/') && name != b"." && name != b"..";
            let named = Named::read(&format!("/{escaped}"), true);
            prop_assert_eq!(named.map(|named| named.path.into_vec()), good.then_some(name));
        }
    }
}
