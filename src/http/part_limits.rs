//! How much a form may have.

/// How much a form of several parts may have.
///
/// Beside it holds [`Limits::body`](super::Limits::body), or what
/// [`Body::set_limit`](super::Body::set_limit) has set in its place, for all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "limits have no effect until `Parts::with_limits` is given them"]
pub struct PartLimits {
    pub(super) parts: usize,
    pub(super) head_bytes: usize,
    pub(super) part_bytes: u64,
}

impl Default for PartLimits {
    fn default() -> PartLimits {
        PartLimits {
            parts: 100,
            head_bytes: 16 * 1024,
            part_bytes: u64::MAX,
        }
    }
}

impl PartLimits {
    /// The defaults, which each method names.
    pub fn new() -> PartLimits {
        PartLimits::default()
    }

    /// The number of parts, 100 by default. Beyond it: 413.
    pub fn parts(mut self, count: usize) -> PartLimits {
        self.parts = count;
        self
    }

    /// What stands between the contents of two parts, their headers above all,
    /// in bytes; 16 KiB by default, counted by pieces of 8 KiB. A part has 32
    /// headers at most. Beyond it: 431.
    pub fn head_bytes(mut self, bytes: usize) -> PartLimits {
        self.head_bytes = bytes;
        self
    }

    /// The content of each part in bytes; by default what the body may have.
    /// Beyond it: 413.
    pub fn part_bytes(mut self, bytes: u64) -> PartLimits {
        self.part_bytes = bytes;
        self
    }
}
