//! What was measured, in the forms in which people and programs read it. All
//! are made of [`saved`](crate::saved), so that a file can be shown again.

mod csv;
pub(crate) mod differences;
mod grouping;
mod hdr_log;
mod hgrm;
mod histogram;
mod html;
mod lines;
mod one;
pub(crate) mod outputs;
pub(crate) mod plot;
mod rounds;
mod runs;
mod sessions;
mod svg;
pub(crate) mod table;
pub(crate) mod text;
mod wording;

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
