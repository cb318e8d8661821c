//! Which version of a file a client has: RFC 9110, 8.8 and 13.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, SystemTimeError, UNIX_EPOCH};

use ::http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};

use super::super::request::Request;
use super::super::tags::{Comparison, names};

/// A file that was changed less than this ago may change again and show the
/// same time and size.
const SETTLED: Duration = Duration::from_secs(2);

/// The year 10000 begins, which no date of HTTP can name (RFC 9110, 5.6.7), in
/// seconds since 1970.
const NO_DATES: u64 = 253_402_300_800;

/// What tells one version of a file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// With its quotes.
    pub(super) etag: String,
    /// In whole seconds, as `Last-Modified` has it, and never later than now (RFC
    /// 9110, 8.8.2.1); `None` for a time that is no date of HTTP: before 1970 or
    /// after 9999.
    pub(super) modified: Option<SystemTime>,
    /// Whether two answers with these are the same byte for byte.
    is_strong: bool,
}

/// What a request makes its answer depend on.
#[derive(Debug, Default)]
pub(super) struct Conditions<'a> {
    if_match: Option<Cow<'a, str>>,
    if_none_match: Option<Cow<'a, str>>,
    if_modified_since: Option<SystemTime>,
    if_unmodified_since: Option<SystemTime>,
    if_range: Option<Cow<'a, str>>,
    range: Option<Cow<'a, str>>,
}

/// What the conditions say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    NotModified,
    Failed,
}

impl Version {
    /// Of a file; `coding` tells it from its neighbours with the same content.
    pub(super) fn new(modified: Option<SystemTime>, size: u64, coding: &str, now: SystemTime) -> Version {
        let since = modified.map(|time| time.duration_since(UNIX_EPOCH));
        let age = modified.and_then(|time| now.duration_since(time).ok());
        let is_strong = age.is_some_and(|age| age >= SETTLED);
        let dash = if coding.is_empty() { "" } else { "-" };
        let weak = if is_strong { "" } else { "W/" };
        Version {
            etag: format!("{weak}\"{}-{size:x}{dash}{coding}\"", moment(&since)),
            modified: since.and_then(Result::ok).and_then(as_date).map(|date| date.min(now)),
            is_strong,
        }
    }
}

/// What tells a time from any other, also from its like before 1970.
fn moment(since: &Option<Result<Duration, SystemTimeError>>) -> String {
    match since {
        Some(Ok(since)) => format!("{:x}", since.as_nanos()),
        Some(Err(before)) => format!("-{:x}", before.duration().as_nanos()),
        None => "0".to_owned(),
    }
}

fn as_date(since: Duration) -> Option<SystemTime> {
    let seconds = since.as_secs();
    (seconds < NO_DATES).then(|| UNIX_EPOCH + Duration::from_secs(seconds))
}

impl<'a> Conditions<'a> {
    pub(super) fn of(request: &'a Request<'_>) -> Conditions<'a> {
        let date = |name| httpdate::parse_http_date(&request.joined(&name)?).ok();
        Conditions {
            if_match: request.joined(&IF_MATCH),
            if_none_match: request.joined(&IF_NONE_MATCH),
            if_modified_since: date(IF_MODIFIED_SINCE),
            if_unmodified_since: date(IF_UNMODIFIED_SINCE),
            if_range: request.joined(&IF_RANGE),
            range: request.joined(&RANGE),
        }
    }

    /// Whether the answer will be the whole file, whatever its version.
    pub(super) fn are_none(&self) -> bool {
        let texts = [&self.if_match, &self.if_none_match, &self.range];
        let dates = [self.if_modified_since, self.if_unmodified_since];
        texts.iter().all(|text| text.is_none()) && dates.iter().all(Option::is_none)
    }

    /// In the order of 13.2.2, for `GET` and `HEAD`.
    pub(super) fn judge(&self, version: &Version) -> Verdict {
        let unchanged_since = |date| version.modified.is_none_or(|modified| modified <= date);
        let may_go_on = match (&self.if_match, self.if_unmodified_since) {
            (Some(tags), _) => {
                tags.trim() == "*" || version.is_strong && names(tags, &version.etag, Comparison::Strong)
            }
            (None, Some(date)) => unchanged_since(date),
            (None, None) => true,
        };
        if !may_go_on {
            return Verdict::Failed;
        }
        let is_known = match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) => tags.trim() == "*" || names(tags, &version.etag, Comparison::Weak),
            (None, Some(date)) => version.modified.is_some_and(|modified| modified <= date),
            (None, None) => false,
        };
        match is_known {
            true => Verdict::NotModified,
            false => Verdict::GoOn,
        }
    }

    /// The `Range`, unless it is of another version.
    pub(super) fn range(&self, version: &Version) -> Option<&str> {
        let range = self.range.as_deref()?;
        let Some(of) = &self.if_range else {
            return Some(range);
        };
        let is_same = version.is_strong
            && match of.trim() {
                tag if tag.starts_with(['"', 'W']) && tag.contains('"') => tag == version.etag,
                date => httpdate::parse_http_date(date).is_ok_and(|date| version.modified == Some(date)),
            };
        is_same.then_some(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: u64 = 1_000_000_000;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn version() -> Version {
        Version::new(Some(at(BEGIN)), 16, "", at(BEGIN + 100))
    }

    fn matching(tags: &str) -> Verdict {
        let conditions = Conditions {
            if_match: Some(tags.into()),
            ..Conditions::default()
        };
        conditions.judge(&version())
    }

    fn none_matching(tags: &str) -> Verdict {
        let conditions = Conditions {
            if_none_match: Some(tags.into()),
            // Counts for nothing beside it.
            if_modified_since: Some(at(BEGIN + 50)),
            ..Conditions::default()
        };
        conditions.judge(&version())
    }

    #[test]
    fn tags_are_compared() {
        let tag = version().etag;
        assert_eq!(tag, "\"de0b6b3a7640000-10\"");
        for good in [
            tag.clone(),
            "*".into(),
            format!("\"a,b\", {tag}"),
            format!(" \"\",{tag},\"x\""),
        ] {
            assert_eq!(none_matching(&good), Verdict::NotModified, "{good}");
            assert_eq!(matching(&good), Verdict::GoOn, "{good}");
        }
        let weak = format!("\"a\", W/{tag}");
        assert_eq!(none_matching(&weak), Verdict::NotModified);
        assert_eq!(matching(&weak), Verdict::Failed);
        for bad in ["", "\"", "\"x\"", "de0b6b3a7640000-10", "\"x\" W/\"y\""] {
            assert_eq!(none_matching(bad), Verdict::GoOn, "{bad}");
            assert_eq!(matching(bad), Verdict::Failed, "{bad}");
        }
    }

    #[test]
    fn dates_are_compared_in_seconds() {
        let fine = Version::new(Some(at(BEGIN) + Duration::from_millis(900)), 16, "", at(BEGIN + 9));
        let judge = |modified: Option<u64>, unmodified: Option<u64>| {
            let conditions = Conditions {
                if_modified_since: modified.map(at),
                if_unmodified_since: unmodified.map(at),
                ..Conditions::default()
            };
            conditions.judge(&fine)
        };
        assert_eq!(judge(Some(BEGIN), None), Verdict::NotModified);
        assert_eq!(judge(Some(BEGIN + 1), None), Verdict::NotModified);
        assert_eq!(judge(Some(BEGIN - 1), None), Verdict::GoOn);
        assert_eq!(judge(None, Some(BEGIN)), Verdict::GoOn);
        assert_eq!(judge(None, Some(BEGIN - 1)), Verdict::Failed);
        assert_eq!(judge(None, None), Verdict::GoOn);
    }

    #[test]
    fn a_range_is_of_one_version() {
        let range = |of: Option<&str>, version: &Version| {
            let conditions = Conditions {
                range: Some("bytes=0-1".into()),
                if_range: of.map(|of| of.to_owned().into()),
                ..Conditions::default()
            };
            conditions.range(version).is_some()
        };
        let (settled, tag) = (version(), version().etag);
        assert!(range(None, &settled) && range(Some(&tag), &settled));
        assert!(range(Some("Sun, 09 Sep 2001 01:46:40 GMT"), &settled));
        for other in [
            "\"x\"",
            "Sun, 09 Sep 2001 01:46:41 GMT",
            "yesterday",
            "",
            &format!("W/{tag}"),
        ] {
            assert!(!range(Some(other), &settled), "{other}");
        }
        let fresh = Version::new(Some(at(BEGIN)), 16, "", at(BEGIN + 1));
        assert!(fresh.etag.starts_with("W/") && !range(Some(&fresh.etag), &fresh));
        assert!(!range(Some("Sun, 09 Sep 2001 01:46:40 GMT"), &fresh));
    }

    #[test]
    fn times_beyond_those_of_http_are_no_dates() {
        let last = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
        let named = |time| Version::new(Some(time), 16, "", last);
        assert_eq!(named(last).modified, Some(last));
        assert_eq!(named(last + Duration::from_secs(1)).modified, None);
        let early = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(
            (named(early).modified, named(UNIX_EPOCH).modified),
            (None, Some(UNIX_EPOCH))
        );
        assert_ne!(named(early).etag, named(UNIX_EPOCH).etag);
        assert_ne!(named(early).etag, named(UNIX_EPOCH + Duration::from_secs(1)).etag);
    }

    #[test]
    fn a_file_from_the_future_was_changed_now() {
        let found = Version::new(Some(at(BEGIN + 9)), 16, "", at(BEGIN));
        assert_eq!(found.modified, Some(at(BEGIN)));
        assert_ne!(found.etag, Version::new(Some(at(BEGIN)), 16, "", at(BEGIN)).etag);
    }

    #[test]
    fn a_neighbour_is_another_version() {
        let gzip = Version::new(Some(at(BEGIN)), 16, "gzip", at(BEGIN + 100));
        assert_ne!(gzip.etag, version().etag);
    }
}
