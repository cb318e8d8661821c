//! What may be said of what was measured: whether it is to be believed, which of
//! two is better, how near the client was to its limits.

pub(crate) mod batches;
pub(crate) mod ceiling;
pub(crate) mod compare;
pub(crate) mod gate;
pub(crate) mod knee;
pub(crate) mod precision;
pub(crate) mod rounds;
pub(crate) mod tolerance;
pub(crate) mod verdict;
