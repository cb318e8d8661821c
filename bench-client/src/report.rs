//! What was measured, in the forms in which people and programs read it. All
//! are made of [`saved`](crate::saved), so that a file can be shown again.

pub(crate) mod bars;
mod csv;
mod decoding;
pub(crate) mod differences;
mod grouping;
mod hdr_log;
mod hgrm;
mod histogram;
mod html;
pub(crate) mod json;
mod lines;
pub(crate) mod markdown;
mod one;
pub(crate) mod outputs;
mod plot;
mod precision;
mod rounds;
mod runs;
mod svg;
pub(crate) mod table;
pub(crate) mod text;
mod wording;

use crate::failure::{Failure, Status};
use crate::outcome::Outcome;
use crate::stdout;
use crate::verdict;

/// `saved` in every form there is, however it came about.
#[cfg(any(test, fuzzing))]
pub(crate) fn every_form(saved: &crate::saved::Saved) -> Vec<Vec<u8>> {
    let distributions = hgrm::distributions(saved).into_iter();
    let mut forms = vec![
        text::report(saved, &[]).into_bytes(),
        runs::markdown(saved, &[]).into_bytes(),
        html::page(saved, &[]),
        csv::seconds(saved),
        svg::picture(saved),
        hdr_log::intervals(saved),
    ];
    forms.extend(distributions.map(|(_, text)| text.into_bytes()));
    forms
}

/// One server and what was measured of it.
#[derive(Debug)]
pub(crate) struct Side {
    /// What it is called.
    pub(crate) name: String,
    /// What was measured.
    pub(crate) outcome: Outcome,
}

/// The worst of what the sides' exit statuses would be.
pub(crate) fn worst(sides: &[Side]) -> Status {
    let statuses = sides.iter().map(|side| verdict::status(&side.saved()));
    statuses.max().unwrap_or(Status::Fine)
}

/// Writes a report where it was asked for.
pub(crate) fn write_file(path: &std::path::Path, text: impl AsRef<[u8]>) -> Result<(), Failure> {
    if stdout::is(path) {
        return stdout::write(text.as_ref());
    }
    std::fs::write(path, text).map_err(|source| Failure::Report {
        path: path.to_owned(),
        source,
    })
}
