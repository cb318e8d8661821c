//! Plots, drawn as SVG: what is compared lies in one picture, in colours that
//! a colour-blind reader tells apart, with text that can be selected.

mod axis;
mod chart;
mod curve;
mod forest;
mod growth;
mod panels;

pub(crate) use chart::{Chart, WIDTH};
pub(crate) use forest::Forest;
pub(crate) use growth::{LEGEND, growth};
pub(crate) use panels::charts;

/// How everything in a plot looks, in light and in dark. The colours are close
/// to those of Okabe and Ito.
pub(crate) const STYLE: &str = include_str!("style.css");
/// How many sides have a colour of their own.
const COLOURS: usize = 6;

fn one_place(number: f64) -> String {
    format!("{number:.1}")
}

/// The class of the colour of a side.
pub(crate) fn colour(side: usize) -> String {
    format!("c{}", side % COLOURS)
}
