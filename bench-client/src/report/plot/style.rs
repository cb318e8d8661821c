//! How everything in a plot looks.

/// How everything in a plot looks, in light and in dark. The colours are close
/// to those of Okabe and Ito.
pub(crate) const STYLE: &str = include_str!("style.css");

/// How many sides have a colour of their own.
pub(crate) const COLOURS: usize = 6;

/// The class of the colour of a side.
pub(crate) fn colour(side: usize) -> String {
    format!("c{}", side % COLOURS)
}

pub(crate) fn one_place(number: f64) -> String {
    format!("{number:.1}")
}
