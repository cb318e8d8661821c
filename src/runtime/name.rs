//! What a task is called.

use std::fmt;
use std::sync::Arc;

/// What a task is called in logs, errors and panics.
#[derive(Clone)]
pub enum Name {
    /// A fixed text.
    Static(&'static str),
    /// A text made for this task.
    Text(Arc<str>),
    /// Something that can say its name when asked: a connection that knows its
    /// model and its peer, shared rather than copied.
    Shared(Arc<dyn fmt::Display + Send + Sync>),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Static(text) => f.write_str(text),
            Name::Text(text) => f.write_str(text),
            Name::Shared(named) => named.fmt(f),
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl From<&'static str> for Name {
    fn from(name: &'static str) -> Self {
        Name::Static(name)
    }
}

impl From<String> for Name {
    fn from(name: String) -> Self {
        Name::Text(name.into())
    }
}
