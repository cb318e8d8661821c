//! Which of the two engines.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};

static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// What runs the coroutines of this process; see
/// [`Config::engine`](crate::runtime::Config::engine).
///
/// ```
/// use greenserve::runtime::Engine;
///
/// assert_eq!("may".parse(), Ok(Engine::May));
/// assert_eq!(Engine::default().to_string(), "pinned");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Engine {
    /// A coroutine stays on the worker where it began: whatever Rust lets live
    /// on a stack may live there across a wait. The default.
    #[default]
    Pinned,
    /// The scheduler of the crate `may`. It keeps the same promise with one
    /// worker; with more of them a coroutine changes its thread, which takes an
    /// `unsafe` call: [`Config::may_change_threads`](crate::runtime::Config::may_change_threads).
    May,
}

impl Engine {
    /// The two names, as `GREENSERVE_ENGINE` takes them.
    pub(in crate::runtime) const NAMES: &'static str = "pinned, may";

    fn code(self) -> u8 {
        match self {
            Engine::Pinned => 0,
            Engine::May => 1,
        }
    }

    fn of_code(code: u8) -> Engine {
        match code {
            1 => Engine::May,
            _ => Engine::Pinned,
        }
    }
}

/// From now on `engine` runs.
pub(super) fn choose(engine: Engine) {
    CHOSEN.store(engine.code(), Ordering::Release);
}

/// The engine that runs; pinned before one does, since then nothing is asked
/// that the two answer differently.
pub(super) fn chosen() -> Engine {
    Engine::of_code(CHOSEN.load(Ordering::Relaxed))
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Pinned => "pinned",
            Engine::May => "may",
        })
    }
}

/// What stands for no engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no engine {0:?}; there are {names}", names = Engine::NAMES)]
pub struct UnknownEngine(String);

impl FromStr for Engine {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        match name {
            "pinned" => Ok(Engine::Pinned),
            "may" => Ok(Engine::May),
            other => Err(UnknownEngine(other.to_owned())),
        }
    }
}
