//! A folder that no path leads out of.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat, openat2};
use nix::sys::stat::Mode;

/// How often the kernel is asked again when a folder was moved while it looked.
const TRIES: usize = 8;

/// An open folder, and how files below it are opened.
#[derive(Debug)]
pub(super) struct Root {
    folder: OwnedFd,
    /// Whether the kernel itself stays below: openat2(2), since Linux 5.6.
    stays_below: bool,
}

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Root> {
        let folder = open(
            path,
            OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            Mode::empty(),
        )?;
        // Filters of system calls refuse it in their own ways, so any error
        // counts; a folder that cannot be read has its own at each request.
        let tried = openat2(&folder, ".", how(OFlag::O_PATH));
        Ok(Root {
            folder,
            stays_below: tried.is_ok(),
        })
    }

    /// Opens what is called `path` below it to be read, without waiting: a
    /// pipe has no reader or writer to wait for.
    ///
    /// Symbolic links are followed as long as they stay below; where the kernel
    /// cannot watch over that, none is.
    pub(super) fn file(&self, path: &OsStr) -> io::Result<File> {
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let path = match path.is_empty() {
            true => OsStr::new("."),
            false => path,
        };
        let opened = match self.stays_below {
            true => self.below(path, flags),
            false => self.without_links(path, flags),
        };
        Ok(opened?.into())
    }

    fn below(&self, path: &OsStr, flags: OFlag) -> nix::Result<OwnedFd> {
        let mut opened = Err(Errno::EAGAIN);
        for _ in 0..TRIES {
            opened = openat2(&self.folder, path, how(flags));
            if !matches!(opened, Err(Errno::EAGAIN | Errno::EINTR)) {
                break;
            }
        }
        opened
    }

    /// Part by part, so that no other process can put a link in between.
    fn without_links(&self, path: &OsStr, flags: OFlag) -> nix::Result<OwnedFd> {
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let through = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut folder: Option<OwnedFd> = None;
        let mut parts = path.as_bytes().split(|byte| *byte == b'/').peekable();
        while let Some(part) = parts.next() {
            let within = folder.as_ref().map_or(self.folder.as_fd(), AsFd::as_fd);
            if part == b".." {
                return Err(Errno::EXDEV);
            }
            if parts.peek().is_none() {
                return openat(within, part, flags, Mode::empty());
            }
            folder = Some(openat(within, part, through, Mode::empty())?);
        }
        Err(Errno::ENOENT)
    }
}

fn how(flags: OFlag) -> OpenHow {
    OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    fn read(root: &Root, path: &str) -> Option<String> {
        let mut text = String::new();
        root.file(OsStr::new(path)).ok()?.read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// A root with links that stay, and links that lead out of it.
    fn scene() -> (tempfile::TempDir, Root) {
        let scene = tempfile::tempdir().unwrap();
        let root = scene.path().join("root");
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(scene.path().join("secret"), "secret").unwrap();
        fs::write(root.join("a/file"), "file").unwrap();
        for (to, link) in [
            ("a/file", "near"),
            ("a", "folder"),
            ("../secret", "out"),
            ("..", "up"),
            ("/proc/self/root/etc/passwd", "far"),
            ("loop", "loop"),
        ] {
            symlink(to, root.join(link)).unwrap();
        }
        symlink(scene.path().join("secret"), root.join("absolute")).unwrap();
        let root = Root::open(&root).unwrap();
        (scene, root)
    }

    #[test]
    fn links_are_followed_below_the_root_alone() {
        let (_scene, root) = scene();
        for (path, wanted) in [("a/file", "file"), ("near", "file"), ("folder/file", "file")] {
            assert_eq!(read(&root, path).as_deref(), Some(wanted), "{path}");
        }
        for path in [
            "out",
            "up/secret",
            "far",
            "loop",
            "absolute",
            "../secret",
            "a/../../secret",
            "/etc/passwd",
        ] {
            assert_eq!(read(&root, path), None, "{path}");
        }
    }

    #[test]
    fn no_link_is_followed_where_the_kernel_does_not_watch() {
        let (_scene, mut root) = scene();
        root.stays_below = false;
        assert_eq!(read(&root, "a/file").as_deref(), Some("file"));
        for path in [
            "near",
            "folder/file",
            "out",
            "up/secret",
            "far",
            "loop",
            "absolute",
            "../secret",
        ] {
            assert_eq!(read(&root, path), None, "{path}");
        }
    }
}
