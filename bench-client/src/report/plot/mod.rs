//! Plots, drawn as SVG: what is compared lies in one picture, in colours that
//! a colour-blind reader tells apart, with text that can be selected.

mod axis;
mod chart;
mod curve;
mod forest;
mod growth;
mod panels;
mod style;

pub(crate) use chart::{Chart, WIDTH};
pub(crate) use forest::Forest;
pub(crate) use growth::{LEGEND, growth};
pub(crate) use panels::charts;
pub(crate) use style::{STYLE, colour};
