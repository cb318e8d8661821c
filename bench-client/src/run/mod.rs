//! One run: from options to clients, and from what they met to what is saved.

pub(crate) mod books;
pub(crate) mod client;
pub(crate) mod crew;
pub(crate) mod fairness;
pub(crate) mod job;
pub(crate) mod load;
pub(crate) mod options;
pub(crate) mod outcome;
pub(crate) mod recording;
pub(crate) mod remedy;
pub(crate) mod saving;
pub(crate) mod series;
pub(crate) mod sessions;
pub(crate) mod sides;
pub(crate) mod stage;
pub(crate) mod standstill;
pub(crate) mod trial;
pub(crate) mod turnover;
