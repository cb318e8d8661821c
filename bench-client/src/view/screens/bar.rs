//! A bar in the terminal's last line.

use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::view::View;
use crate::view::progress::{Progress, Scene};
use crate::view::terminal::{self, Place};

/// Steps of a whole shown.
const STEPS: u64 = 1000;
/// The rest of the line is for the text, cut to fit.
const WITH_BAR: &str = "{prefix} [{bar:24}] {wide_msg}";
const WITHOUT: &str = "{wide_msg}";
/// Columns that bar and text take at least. A line that does not fit becomes
/// two, of which one might be left behind.
const ROOM: usize = 50;

/// The bar, once there was something to show.
#[derive(Debug, Default)]
pub(super) struct Bar(Option<ProgressBar>);

impl View for Bar {
    fn every(&self) -> Duration {
        Duration::from_millis(250)
    }

    fn show(&mut self, scene: &Scene) {
        let Progress { text, share, .. } = &scene.progress;
        let with_bar = share.is_some() && scene.subject.chars().count() + ROOM <= columns();
        let shown = self.0.get_or_insert_with(|| {
            // A line of a terminal is there to be written on.
            let _ = terminal::take(Place::Line);
            // How often it is drawn is for `every` alone to say.
            ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr_with_hz(u8::MAX))
        });
        terminal::draw(Place::Line, || {
            // Unlike the setters, these draw nothing by themselves.
            shown
                .clone()
                .with_style(style(with_bar))
                .with_prefix(scene.subject.clone())
                .with_message(if with_bar { text.clone() } else { scene.line() })
                .with_position(steps(*share));
            shown.force_draw();
        });
    }

    fn close(&mut self) {
        if let Some(shown) = self.0.take() {
            terminal::draw(Place::Line, || shown.finish_and_clear());
        }
        terminal::release();
    }
}

fn columns() -> usize {
    Term::stderr().size().1.into()
}

fn style(with_bar: bool) -> ProgressStyle {
    let template = if with_bar { WITH_BAR } else { WITHOUT };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ")
}

fn steps(share: Option<f64>) -> u64 {
    // No share, and one that is no number, are none.
    (share.unwrap_or(0.0).clamp(0.0, 1.0) * STEPS as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_templates_are_right() {
        for template in [WITH_BAR, WITHOUT] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_share_is_a_part_of_the_bar() {
        for (share, expected) in [
            (None, 0),
            (Some(0.5), 500),
            (Some(2.0), STEPS),
            (Some(-1.0), 0),
            (Some(f64::NAN), 0),
        ] {
            assert_eq!(steps(share), expected, "{share:?}");
        }
    }
}
