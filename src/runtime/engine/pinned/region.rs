//! Large mappings that stacks are cut from, and what guards each stack's end.

use std::io;
use std::num::NonZeroUsize;
use std::ptr;
use std::sync::OnceLock;

/// What every system this runs on has as its page, and corosensei as a stack's
/// least size.
pub(super) const PAGE: usize = 4096;

/// The first mapping; each later one is as large as all before it together.
const FIRST: usize = 64 * 1024 * 1024;
const LARGEST: usize = 4 * 1024 * 1024 * 1024;

/// `MADV_GUARD_INSTALL` of madvise(2), since Linux 6.13.
const GUARD_INSTALL: libc::c_int = 102;

/// Address space for some stacks of one size, never unmapped.
#[derive(Debug)]
pub(super) struct Region {
    /// Where the next stack is cut from.
    next: usize,
    end: usize,
}

impl Region {
    pub(super) const fn empty() -> Region {
        Region { next: 0, end: 0 }
    }

    /// Maps room for more stacks of `stack` bytes, `mapped` bytes being there
    /// already.
    ///
    /// # Errors
    /// When the system does not even have the room for one.
    pub(super) fn map(stack: usize, mapped: usize) -> io::Result<Region> {
        let wanted = mapped.clamp(FIRST, LARGEST).max(stack);
        let mut stacks = wanted / stack;
        loop {
            match map_anonymous(stacks * stack) {
                Ok(start) => {
                    return Ok(Region {
                        next: start,
                        end: start + stacks * stack,
                    });
                }
                Err(err) if stacks == 1 => return Err(err),
                // A limit on address space: take what there is.
                Err(_) => stacks /= 2,
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.end - self.next
    }

    /// Cuts off the next stack and returns its low end, guarded.
    ///
    /// # Errors
    /// When the system refuses the guard; the stack is left where it was.
    pub(super) fn cut(&mut self, stack: usize) -> io::Result<Option<NonZeroUsize>> {
        let bottom = match NonZeroUsize::new(self.next) {
            Some(bottom) if self.next < self.end => bottom,
            _ => return Ok(None),
        };
        Guard::kind().install(bottom.get())?;
        self.next += stack;
        Ok(Some(bottom))
    }
}

/// What makes a stack's lowest page a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// A mark in the page table: costs no mapping.
    Mark,
    /// A page without access rights: splits the mapping in two.
    Page,
}

impl Guard {
    /// What this kernel has, tried once.
    pub(super) fn kind() -> Guard {
        static KIND: OnceLock<Guard> = OnceLock::new();
        *KIND.get_or_init(|| match map_anonymous(PAGE) {
            Err(_) => Guard::Page,
            Ok(page) => {
                let marked = Guard::Mark.install(page).is_ok();
                // SAFETY: the page was mapped just now and is nobody else's.
                unsafe { libc::munmap(ptr::with_exposed_provenance_mut(page), PAGE) };
                if marked { Guard::Mark } else { Guard::Page }
            }
        })
    }

    /// How many memory maps a stack takes.
    pub(super) fn maps_a_stack(self) -> usize {
        match self {
            Guard::Mark => 0,
            Guard::Page => 2,
        }
    }

    fn install(self, page: usize) -> io::Result<()> {
        let address = ptr::with_exposed_provenance_mut::<libc::c_void>(page);
        // SAFETY: the page is the lowest of a stack that nobody uses yet, and
        // neither call touches anything else.
        let result = unsafe {
            match self {
                Guard::Mark => libc::madvise(address, PAGE, GUARD_INSTALL),
                Guard::Page => libc::mprotect(address, PAGE, libc::PROT_NONE),
            }
        };
        checked(result)
    }
}

/// Gives the memory from `from` up to `to` back to the system; it reads as
/// zeros afterwards, and a guard in it stays.
///
/// # Safety
/// Nobody needs what is in there, all of it a region's.
pub(super) unsafe fn give_back(from: usize, to: usize) -> io::Result<()> {
    // SAFETY: the caller's promise.
    checked(unsafe { libc::madvise(ptr::with_exposed_provenance_mut(from), to - from, libc::MADV_DONTNEED) })
}

/// Takes address space of whole pages; memory comes when it is touched, a page
/// at a time.
fn map_anonymous(bytes: usize) -> io::Result<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
    // SAFETY: a new mapping at an address of the kernel's choice.
    let start = unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // A huge page would be two megabytes for a client that needs four
    // kilobytes. A kernel without huge pages refuses, and needs no telling.
    // SAFETY: the mapping made just now.
    unsafe { libc::madvise(start, bytes, libc::MADV_NOHUGEPAGE) };
    Ok(start.expose_provenance())
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
