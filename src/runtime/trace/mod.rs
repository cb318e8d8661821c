//! Where a stack is: its calls, by name.
//!
//! A stack is never walked where it is. Its registers and its bytes are copied
//! first, by the very line of execution that they belong to: by itself when it
//! was asked to, or by a signal handler that runs on top of it. What follows
//! needs time, memory and locks, and happens elsewhere: [`Unwinder`] finds the
//! return addresses in the copy, and [`Symbols`] the names to them.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod modules;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[path = "no_modules.rs"]
mod modules;
mod roll;
mod snapshot;
mod symbols;

use std::fmt;

pub(super) use modules::Unwinder;
pub(super) use roll::{Roll, answer};
pub(super) use snapshot::{MOST_BYTES, Registers, Snapshot};
pub(super) use symbols::Symbols;

/// The calls that a stack was in, the innermost first.
///
/// Files and lines are known where the program was built with debug
/// information (`debug = "line-tables-only"` is enough); functions that were
/// inlined are too. Without it the names are those of the symbol table, and of a
/// stripped program only addresses are left.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    calls: Vec<Call>,
}

#[derive(Clone, Debug)]
struct Call {
    function: String,
    /// File and line.
    place: Option<String>,
}

impl Trace {
    /// The names of the functions, the innermost first.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.calls.iter().map(|call| call.function.as_str())
    }

    /// True when nothing could be found out.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }
}

/// A line a function, and one for its place where that is known.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, call) in self.calls.iter().enumerate() {
            let end = if depth == 0 { "" } else { "\n" };
            write!(f, "{end}{depth:>4}: {}", call.function)?;
            if let Some(place) = &call.place {
                write!(f, "\n      at {place}")?;
            }
        }
        Ok(())
    }
}
