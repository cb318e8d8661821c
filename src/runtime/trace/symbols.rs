//! Names to addresses.

use std::collections::HashMap;
use std::ptr;

use super::{Call, Trace};

/// The names of addresses that were asked for before: many coroutines wait at
/// the same few places.
#[derive(Debug, Default)]
pub(in crate::runtime) struct Symbols {
    known: HashMap<u64, Vec<Call>>,
}

impl Symbols {
    /// Names the calls that lie at `addresses`.
    pub(in crate::runtime) fn name(&mut self, addresses: &[u64]) -> Trace {
        let calls = addresses.iter().flat_map(|address| {
            let calls = self.known.entry(*address).or_insert_with(|| at(*address));
            calls.clone()
        });
        Trace { calls: calls.collect() }
    }
}

/// One call, or several where functions were inlined into each other.
fn at(address: u64) -> Vec<Call> {
    let mut calls = Vec::new();
    // One more, since a return address is expected.
    let after = ptr::without_provenance_mut(address as usize + 1);
    backtrace::resolve(after, |symbol| {
        let function = match symbol.name() {
            Some(name) => format!("{name:#}"),
            None => format!("{address:#x}"),
        };
        let place = symbol.filename().map(|file| match symbol.lineno() {
            Some(line) => format!("{}:{line}", file.display()),
            None => file.display().to_string(),
        });
        calls.push(Call { function, place });
    });
    if calls.is_empty() {
        calls.push(Call {
            function: format!("{address:#x}"),
            place: None,
        });
    }
    calls
}
