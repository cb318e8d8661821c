//! The `Date` of an answer, made once a second.

use std::cell::RefCell;
use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use httpdate::HttpDate;
use nix::time::{ClockId, clock_gettime};

/// As long as every date of RFC 9110, 5.6.7 is.
const LENGTH: usize = 29;

thread_local! {
    static LAST: RefCell<(i64, [u8; LENGTH])> = const { RefCell::new((-1, [b' '; LENGTH])) };
}

/// Appends the time of now as HTTP writes it.
pub(super) fn write_now(into: &mut Vec<u8>) {
    let Ok(now) = clock_gettime(ClockId::CLOCK_REALTIME_COARSE) else {
        return;
    };
    LAST.with_borrow_mut(|(second, text)| {
        if *second != now.tv_sec() {
            *second = now.tv_sec();
            let date = UNIX_EPOCH + Duration::from_secs(u64::try_from(*second).unwrap_or_default());
            // It has room, so nothing is left out.
            let _ = write!(&mut text[..], "{}", HttpDate::from(date));
        }
        into.extend_from_slice(text);
    });
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn it_is_the_time_of_now() {
        let mut text = Vec::new();
        write_now(&mut text);
        let text = String::from_utf8(text).unwrap();
        let age = SystemTime::now()
            .duration_since(httpdate::parse_http_date(&text).unwrap())
            .unwrap();
        assert!(age < Duration::from_secs(5), "{text}");
        assert!(text.ends_with(" GMT") && text.len() == LENGTH);
    }
}
