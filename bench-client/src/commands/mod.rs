//! What the program can be told to do: one file or folder a subcommand, and the
//! command line that tells them apart.

pub(crate) mod ab;
pub(crate) mod calibrate;
pub(crate) mod cli;
pub(crate) mod compare;
pub(crate) mod doctor;
pub(crate) mod find_max;
pub(crate) mod models;
pub(crate) mod peers;
pub(crate) mod report;
pub(crate) mod rounds;
pub(crate) mod run;
pub(crate) mod selftest;
pub(crate) mod serve;
pub(crate) mod steps;
pub(crate) mod sweep;
