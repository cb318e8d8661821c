//! Instants as nanoseconds in a word, so that a deadline fits in an atomic.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// No deadline.
pub(crate) const NEVER: u64 = 0;

fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    // A second back, so that no instant of this process reads as NEVER.
    *ORIGIN.get_or_init(|| Instant::now() - Duration::from_secs(1))
}

/// Nanoseconds now, on the scale of [`ticks`].
pub(crate) fn now() -> u64 {
    ticks(Instant::now())
}

/// An instant as nanoseconds; those before the process began read as its start.
pub(crate) fn ticks(instant: Instant) -> u64 {
    let since = instant.saturating_duration_since(origin()).as_nanos();
    u64::try_from(since).unwrap_or(u64::MAX).max(1)
}

/// The instant that lies `after` from now.
pub(crate) fn after(after: Duration) -> u64 {
    let nanos = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
    now().saturating_add(nanos)
}

/// The earlier of two deadlines.
pub(crate) fn earlier(one: u64, other: u64) -> u64 {
    match (one, other) {
        (NEVER, deadline) | (deadline, NEVER) => deadline,
        (one, other) => one.min(other),
    }
}

/// How long from now until `deadline`: zero when it has passed, `None` for never.
pub(crate) fn remaining(deadline: u64) -> Option<Duration> {
    (deadline != NEVER).then(|| Duration::from_nanos(deadline.saturating_sub(now())))
}

/// True when `deadline` is set and lies behind us.
pub(crate) fn passed(deadline: u64) -> bool {
    deadline != NEVER && now() >= deadline
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_yields_to_any_deadline() {
        assert_eq!(earlier(NEVER, 7), 7);
        assert_eq!(earlier(7, NEVER), 7);
        assert_eq!(earlier(9, 7), 7);
        assert_eq!(earlier(NEVER, NEVER), NEVER);
    }

    #[test]
    fn a_deadline_too_far_to_count_never_passes() {
        let far = after(Duration::MAX);
        assert!(!passed(far));
        assert!(!passed(NEVER));
        assert!(passed(now()));
        assert_eq!(remaining(NEVER), None);
    }
}
