//! What everything else is made of: figures and their text, errors and their
//! names, chance and statistics. It uses nothing of this program.

pub(crate) mod bounded;
pub(crate) mod failure;
pub(crate) mod format;
pub(crate) mod percentile;
pub(crate) mod quantity;
pub(crate) mod random;
pub(crate) mod statistics;
pub(crate) mod tally;
pub(crate) mod taxonomy;
