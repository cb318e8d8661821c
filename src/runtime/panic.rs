//! What is left of a panic.

use std::any::Any;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::name::Name;

/// A coroutine's end by panic: who it was and what it said.
#[derive(thiserror::Error)]
#[error("{name} panicked: {message}", name = .0.name, message = .0.message)]
pub struct Panic(Box<Remains>);

/// Boxed, since every result that is waited for has room for one.
struct Remains {
    name: Name,
    message: String,
    /// Reached by value alone. The lock is there because a payload is not
    /// `Sync`, and a result that several look at must be.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl Panic {
    pub(crate) fn new(name: &Name, payload: Box<dyn Any + Send>) -> Panic {
        Panic(Box::new(Remains {
            name: name.clone(),
            message: message_of(payload.as_ref()),
            payload: Mutex::new(payload),
        }))
    }

    /// The text given to `panic!`, or a remark that there was none.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The name of the coroutine that panicked.
    pub fn name(&self) -> &Name {
        &self.0.name
    }

    /// What was given to `panic!` or `panic_any`, for `resume_unwind`.
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.0.payload.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panic")
            .field("name", &self.0.name)
            .field("message", &self.0.message)
            .finish_non_exhaustive()
    }
}

pub(super) fn message_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "(a value that is not text)".to_owned()
    }
}
