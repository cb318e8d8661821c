//! What is where on the screen.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Gauge, Paragraph, Sparkline, Wrap};

use super::plot;
use crate::base::format;
use crate::saved::Second;
use crate::view::progress::{Live, Progress, Scene};

/// Columns and rows that the page takes; on fewer there is the text alone.
const SMALLEST: (u16, u16) = (60, 18);
/// From so many columns on, charts are side by side.
const WIDE: u16 = 110;
/// A sparkline's full height stands for one whole processor, in this unit.
const WHOLE: f64 = 100.0;

const KEYS: &str = "q, Esc or Ctrl-C: end now and report";

/// Draws the whole page.
pub(super) fn draw(frame: &mut Frame<'_>, scene: &Scene) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return text_alone(frame, area, scene);
    }
    let rows = [
        Constraint::Length(4),
        Constraint::Min(8),
        Constraint::Length(5),
        Constraint::Length(1),
    ];
    let [head, middle, foot, keys] = area.layout(&Layout::vertical(rows));
    self::head(frame, head, scene);
    match &scene.progress.live {
        Some(live) => {
            charts(frame, middle, live);
            figures(frame, foot, live);
        }
        None => frame.render_widget(Paragraph::new("nothing measured yet").dark_gray().centered(), middle),
    }
    frame.render_widget(Paragraph::new(KEYS).dark_gray(), keys);
}

/// For a terminal that has no room.
fn text_alone(frame: &mut Frame<'_>, area: Rect, scene: &Scene) {
    let text = Paragraph::new(format!("{}\n{KEYS}", scene.line()));
    frame.render_widget(text.wrap(Wrap { trim: true }), area);
}

/// Subject, load, and how far it is.
fn head(frame: &mut Frame<'_>, area: Rect, scene: &Scene) {
    let rows = [Constraint::Length(1), Constraint::Length(2), Constraint::Length(1)];
    let [subject, load, progress] = area.layout(&Layout::vertical(rows));
    frame.render_widget(Paragraph::new(scene.subject.as_str()).bold(), subject);
    if let Some(left) = scene.progress.left {
        let text = format!("{} s left", format::thousands(left.as_secs_f64().ceil()));
        frame.render_widget(Paragraph::new(text).alignment(Alignment::Right), subject);
    }
    let headline = Paragraph::new(scene.headline.as_str());
    frame.render_widget(headline.wrap(Wrap { trim: true }), load);
    self::progress(frame, progress, &scene.progress);
}

fn progress(frame: &mut Frame<'_>, area: Rect, progress: &Progress) {
    let text = progress.text.as_str();
    match progress.share {
        Some(share) if !share.is_nan() => {
            let gauge = Gauge::default().ratio(share.clamp(0.0, 1.0)).label(text);
            frame.render_widget(gauge.gauge_style(Style::new().fg(Color::Cyan).bg(Color::Black)), area);
        }
        _ => frame.render_widget(Paragraph::new(text), area),
    }
}

fn charts(frame: &mut Frame<'_>, area: Rect, live: &Live) {
    let halves = [Constraint::Fill(1), Constraint::Fill(1)];
    let [throughput, times] = match area.width >= WIDE {
        true => area.layout(&Layout::horizontal(halves)),
        false => area.layout(&Layout::vertical(halves)),
    };
    plot::throughput(frame, throughput, live);
    plot::times(frame, times, live);
}

/// Who works how hard, and what went wrong.
fn figures(frame: &mut Frame<'_>, area: Rect, live: &Live) {
    let halves = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]);
    let [work, errors] = area.layout(&halves);
    let clients = format!(" {} clients ", format::thousands(f64::from(live.clients)));
    let inside = framed(frame, work, clients);
    let [server, client, unit] = inside.layout(&Layout::vertical([Constraint::Length(1); 3]));
    cpu(frame, server, "server CPU", &live.seconds, |second| {
        second.server_cpu_share
    });
    cpu(frame, client, "client CPU", &live.seconds, |second| {
        second.client_cpu_share
    });
    frame.render_widget(Paragraph::new("over time, of one processor").dark_gray(), unit);
    self::errors(frame, errors, &live.errors);
}

/// The last share of a processor and those before it.
fn cpu(frame: &mut Frame<'_>, area: Rect, name: &str, seconds: &[Second], share: fn(&Second) -> Option<f64>) {
    let [label, past] = area.layout(&Layout::horizontal([Constraint::Length(18), Constraint::Fill(1)]));
    let now = format::or_none(seconds.last().and_then(share), format::percent);
    frame.render_widget(Paragraph::new(format!("{name} {now:>6}")), label);
    let room = usize::from(past.width).min(seconds.len());
    let shares: Vec<_> = seconds[seconds.len() - room..]
        .iter()
        .map(|second| share(second).map(|share| (share * WHOLE) as u64))
        .collect();
    let most = shares.iter().flatten().copied().max().unwrap_or(0).max(WHOLE as u64);
    frame.render_widget(Sparkline::default().data(shares).max(most).cyan(), past);
}

fn errors(frame: &mut Frame<'_>, area: Rect, errors: &[(&'static str, u64)]) {
    let total: u64 = errors.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count));
    let inside = framed(frame, area, format!(" {} errors ", format::thousands(total as f64)));
    let mut errors = errors.to_vec();
    errors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let spans = errors.iter().flat_map(|(class, count)| {
        let count = format::thousands(*count as f64);
        [Span::raw(count).red().bold(), Span::raw(format!(" {class}  "))]
    });
    let text = Paragraph::new(Line::from_iter(spans)).wrap(Wrap { trim: true });
    frame.render_widget(text, inside);
}

/// The inside of a frame with `title`.
fn framed(frame: &mut Frame<'_>, area: Rect, title: String) -> Rect {
    let block = Block::bordered().border_style(Color::DarkGray).title(title);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    inside
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn screen(width: u16, height: u16, scene: &Scene) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, scene)).unwrap();
        let cells = terminal.backend().buffer().content();
        let rows = cells.chunks(usize::from(width));
        let text = |row: &[ratatui::buffer::Cell]| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>();
        rows.map(|row| text(row).trim_end().to_owned() + "\n").collect()
    }

    /// A second in which the server slowed down.
    fn second(end: f64, answers: u64, p50: u64) -> Second {
        Second {
            end_s: end,
            length_s: 1.0,
            answers,
            p50,
            p99: p50 * 10,
            max: p50 * 100,
            server_cpu_share: Some(0.98),
            client_cpu_share: Some(0.25),
            ..Second::default()
        }
    }

    fn scene() -> Scene {
        Scene {
            subject: "tcp://127.0.0.1:7000".to_owned(),
            headline: "tcp echo, closed loop, 500 clients, 64 B".to_owned(),
            progress: Progress {
                text: "3 of 10 s, 82,113 echoes/s, 5 errors".to_owned(),
                share: Some(0.3),
                left: Some(Duration::from_millis(6_600)),
                live: Some(Live {
                    unit: "echoes",
                    time: "service time",
                    seconds: vec![
                        second(1.0, 90_000, 10_000),
                        second(2.0, 50_000, 20_000),
                        second(3.0, 10_000, 100_000),
                    ],
                    errors: vec![("reset", 1), ("corrupt", 4)],
                    clients: 500,
                }),
            },
        }
    }

    const EXPECTED: &str = "
tcp://127.0.0.1:7000                                                    7 s left
tcp echo, closed loop, 500 clients, 64 B

██████████████████████3 of 10 s, 82,113 echoes/s, 5 errors
┌ echoes/s: 10,000 ────────────────────────────────────────────────────────────┐
│100k│              ⠐⠒⠤⠤⠤⣀⣀⣀                                                   │
│ 50k│                      ⠉⠉⠉⠒⠒⠒⠤⠤⠤⣀⣀⣀⡀                                      │
│   0│                                  ⠈⠉⠉⠉⠑⠒⠒⠒⠤⠤                             │
│    └─────────────────────────────────────────────────────────────────────────│
│    0                                                                      5 s│
└──────────────────────────────────────────────────────────────────────────────┘
┌ service time p50 100 µs p99 1.00 ms max 10.0 ms ─────────────────────────────┐
│100 ms│                                       ⣀⣀⣀⣀                            │
│  1 ms│              ⠤⠤⠤⠤⠤⠤⠤⠔⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠉⠉⠉⠉⠉⠉⠉⠤⠤⠤⠤                            │
│ 10 µs│              ⠉⠉⠉⠉⠉⠉⠉⠁⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠒⠒⠒⠒⠒⠒⠒⠉⠉⠉⠉                            │
│      └───────────────────────────────────────────────────────────────────────│
│      0                                                                    5 s│
└──────────────────────────────────────────────────────────────────────────────┘
┌ 500 clients ─────────────────────────┐┌ 5 errors ────────────────────────────┐
│server CPU   98 % ▇▇▇                 ││4 corrupt  1 reset                    │
│client CPU   25 % ▂▂▂                 ││                                      │
│over time, of one processor           ││                                      │
└──────────────────────────────────────┘└──────────────────────────────────────┘
q, Esc or Ctrl-C: end now and report
";

    #[test]
    fn a_known_run_looks_as_it_should() {
        let screen = screen(80, 24, &scene());
        assert_eq!(screen.trim(), EXPECTED.trim(), "\n{screen}");
    }

    #[test]
    fn a_small_terminal_has_the_text() {
        let screen = screen(40, 10, &scene());
        let words: Vec<_> = screen.split_whitespace().collect();
        let text = words.join(" ");
        assert_eq!(
            text,
            format!("tcp://127.0.0.1:7000: 3 of 10 s, 82,113 echoes/s, 5 errors {KEYS}")
        );
    }

    #[test]
    fn before_anything_is_measured_it_says_so() {
        let mut scene = scene();
        scene.progress = "connecting, 20 clients".to_owned().into();
        let screen = screen(80, 24, &scene);
        for text in ["connecting, 20 clients", "nothing measured yet", "500 clients"] {
            assert!(screen.contains(text), "{screen}");
        }
    }

    fn figure() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>(), 0..1_000_000u64]
    }

    fn any_second() -> impl Strategy<Value = Second> {
        let shares = prop::option::of(any::<f64>());
        (any::<(f64, f64)>(), [figure(), figure(), figure(), figure()], shares).prop_map(
            |((end_s, length_s), [answers, p50, p99, max], share)| Second {
                end_s,
                length_s,
                answers,
                p50,
                p99,
                max,
                server_cpu_share: share,
                client_cpu_share: share,
                ..Second::default()
            },
        )
    }

    proptest! {
        #[test]
        fn nothing_is_too_small_or_too_large(
            width in 1..=200u16,
            height in 1..=60u16,
            seconds in prop::collection::vec(any_second(), 0..50),
            share in prop::option::of(any::<f64>()),
            left in prop::option::of(any::<Duration>()),
            errors in prop::collection::vec(("reset".prop_map(|_| "reset"), figure()), 0..20),
        ) {
            let mut scene = scene();
            scene.progress.share = share;
            scene.progress.left = left;
            scene.progress.live = Some(Live { seconds, errors, ..Live::default() });
            screen(width, height, &scene);
        }
    }

    #[test]
    fn every_small_size_can_be_drawn() {
        for (width, height) in (1..=66).flat_map(|width| (1..=20).map(move |height| (width, height))) {
            screen(width, height, &scene());
        }
    }
}
