//! Values as they are typed on the command line.

use std::fmt::{Debug, Display};
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::exchange::origin;
use crate::base::quantity;
use crate::judge::gate::Gate;
use crate::judge::tolerance::Tolerance;
use crate::machine::invocation::ServerCommand;
use crate::machine::pinning::Cpus;
use crate::plan::churn::Churn;
use crate::plan::http::{Request, RequestOptions};
use crate::plan::pace::Think;
use crate::plan::payload::{Content, Payload};
use crate::plan::rate::Rate;
use crate::plan::sizes::{LARGEST, Sizes};
use crate::plan::source::Sources;
use crate::plan::target::Target;
use crate::plan::template::Template;
use crate::plan::websocket::Opening;

/// What is read is shown as a text that reads as the same value.
pub fn command_line(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    same_again::<Churn>(text);
    same_again::<Gate>(text);
    same_again::<Sources>(text);
    same_again::<Think>(text);
    target(text);
    let _ = (
        text.parse::<Cpus>(),
        text.parse::<Tolerance>(),
        text.parse::<ServerCommand>(),
    );
    sizes(text);
    rate(text);
    quantities(text);
    sources(text);
}

fn same_again<T: FromStr<Err: Debug> + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    let shown = value.to_string();
    match shown.parse::<T>() {
        Ok(again) => assert_eq!(again, value, "{text:?} is shown as {shown:?}"),
        Err(err) => panic!("{text:?} is shown as {shown:?}, which is refused: {err:?}"),
    }
    Some(value)
}

/// A request to it has one head, whatever the path.
fn target(text: &str) {
    let Ok(target) = text.parse::<Target>() else { return };
    let shown = target.to_string();
    let again: Target = shown.parse().expect("what is shown is read");
    assert_eq!((again.to_string(), again.path()), (shown, target.path()));
    let _ = text
        .parse::<Template>()
        .map(|template| template.at(&SocketAddr::from(([127, 0, 0, 1], 1)).into()));
    if target.protocol.is_websocket() {
        let opening = Opening::new(&target, &RequestOptions::default(), false).expect("no field of ours is wrong");
        read_head(opening.request("a").as_bytes(), &target);
    }
    if !target.protocol.is_http() {
        return;
    }
    if let Ok(request) = Request::new(&target, &RequestOptions::default(), false) {
        let payload = Payload::new(42, Sizes::from_str("1").expect("a size"), &Content::Pattern).expect("no file");
        let mut written = Vec::new();
        request.append(&payload, origin(0), &mut written);
        read_head(&written, &target);
    }
}

fn read_head(written: &[u8], target: &Target) {
    let mut fields = [httparse::EMPTY_HEADER; 8];
    let mut head = httparse::Request::new(&mut fields);
    let read = head.parse(written).expect("a head that others read");
    assert_eq!(
        (read, head.path),
        (httparse::Status::Complete(written.len()), Some(target.path()))
    );
}

fn sizes(text: &str) {
    let Some(sizes) = same_again::<Sizes>(text) else { return };
    let (smallest, largest) = (sizes.smallest(), sizes.largest());
    assert!(smallest >= 1 && smallest <= largest && largest <= LARGEST);
    for sequence in 0..8 {
        let size = sizes.of(42, origin(sequence));
        assert!((smallest..=largest).contains(&size), "{size} of {text:?}");
    }
}

fn rate(text: &str) {
    let Some(rate) = same_again::<Rate>(text) else { return };
    let length = rate.length().unwrap_or(Duration::from_secs(10));
    let curve = rate.curve(length);
    let due = curve.due(length.as_secs_f64());
    assert!(due.is_finite() && due > 0.0, "{due} of {text:?}");
    for count in [-1.0, 0.0, 0.5, 1.0, due / 2.0, due, due * 2.0] {
        assert!(!curve.instant(count).is_nan(), "{count} of {text:?}");
    }
}

fn quantities(text: &str) {
    if let Ok(time) = quantity::duration(text) {
        // What is typed is added to now.
        assert!(Instant::now().checked_add(time).is_some(), "{text:?}");
    }
    let _ = (
        quantity::bytes(text),
        quantity::count(text),
        quantity::large_count(text),
    );
    for number in [quantity::number(text), quantity::rate(text)].into_iter().flatten() {
        assert!(number.is_finite() && number >= 0.0, "{number} of {text:?}");
    }
}

fn sources(text: &str) {
    let Ok(sources) = text.parse::<Sources>() else { return };
    for sequence in [0, 1, u64::MAX] {
        assert!(sources.of(origin(sequence)).is_ipv4());
    }
}
