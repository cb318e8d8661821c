//! A file as an answer.

use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::ops::Range;
use std::time::SystemTime;

use ::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::super::codings::Coding;
use super::super::handler::Result;
use super::super::refusal::Refusal;
use super::super::request::Request;
use super::super::response::Response;
use super::find::Opened;
use super::kinds::kind;
use super::ranges::Wanted;
use super::settings::Settings;
use super::validators::{Conditions, Verdict, Version};

pub(super) struct Answer<'a> {
    settings: &'a Settings,
    file: Opened,
    version: Version,
    conditions: &'a Conditions<'a>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(settings: &'a Settings, file: Opened, conditions: &'a Conditions<'a>) -> Answer<'a> {
        let coding = file.coding.map_or("", Coding::token);
        Answer {
            version: Version::new(file.modified, file.size, coding, SystemTime::now()),
            settings,
            file,
            conditions,
        }
    }

    pub(super) fn send(self, request: &Request<'_>, response: &mut Response<'_>) -> Result {
        match self.conditions.judge(&self.version) {
            Verdict::GoOn => {}
            Verdict::NotModified => {
                self.tell_version(response.headers_mut())?;
                response.set_status(StatusCode::NOT_MODIFIED);
                return Ok(());
            }
            Verdict::Failed => {
                let text = "this is not the version that was asked for";
                return Err(Refusal::new(StatusCode::PRECONDITION_FAILED, text).into());
            }
        }
        // A range means something to GET alone: 14.2.
        let range = match *request.method() == Method::GET {
            true => self.conditions.range(&self.version),
            false => None,
        };
        match range.map_or(Wanted::Whole, |range| Wanted::read(range, self.file.size)) {
            Wanted::Whole => self.send_whole(*request.method() == Method::HEAD, response),
            Wanted::Nothing => self.refuse_range(response),
            Wanted::Parts(parts) => match parts.as_slice() {
                [part] => self.send_part(part.clone(), response),
                parts => self.send_parts(parts, response),
            },
        }
    }

    /// What also a 304 says: 15.4.5.
    fn tell_version(&self, headers: &mut HeaderMap) -> Result {
        set(headers, ETAG, &self.version.etag)?;
        if let Some(modified) = self.version.modified {
            set(headers, LAST_MODIFIED, &httpdate::fmt_http_date(modified))?;
        }
        if let Some(value) = &self.settings.cache_control {
            headers.insert(CACHE_CONTROL, value.clone());
        }
        if self.settings.is_precompressed {
            headers.append(VARY, HeaderValue::from_static("accept-encoding"));
        }
        Ok(())
    }

    fn tell_file(&self, headers: &mut HeaderMap) -> Result {
        self.tell_version(headers)?;
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_TYPE, self.kind());
        if let Some(coding) = self.file.coding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
        }
        Ok(())
    }

    fn kind(&self) -> HeaderValue {
        let extension = &self.file.extension;
        let given = self.settings.kinds.get(extension).cloned();
        given.unwrap_or_else(|| HeaderValue::from_static(kind(extension)))
    }

    fn send_whole(self, is_head: bool, response: &mut Response<'_>) -> Result {
        let headers = response.headers_mut();
        self.tell_file(headers)?;
        headers.insert(CONTENT_LENGTH, self.file.size.into());
        match is_head {
            true => Ok(()),
            false => {
                let size = self.file.size;
                self.send_bytes(0..size, response)
            }
        }
    }

    fn send_part(self, part: Range<u64>, response: &mut Response<'_>) -> Result {
        let headers = response.headers_mut();
        self.tell_file(headers)?;
        headers.insert(CONTENT_LENGTH, (part.end - part.start).into());
        set(headers, CONTENT_RANGE, &self.place(&part))?;
        response.set_status(StatusCode::PARTIAL_CONTENT);
        self.send_bytes(part, response)
    }

    fn send_bytes(self, range: Range<u64>, response: &mut Response<'_>) -> Result {
        self.file.pieces.send(range, response)?;
        Ok(())
    }

    /// As `multipart/byteranges`: 14.6.
    fn send_parts(self, parts: &[Range<u64>], response: &mut Response<'_>) -> Result {
        let boundary = boundary();
        let heads: Vec<_> = parts.iter().map(|part| self.part_head(&boundary, part)).collect();
        let end = format!("\r\n--{boundary}--\r\n");
        let heads_size: usize = heads.iter().map(Vec::len).sum();
        let size: u64 = parts.iter().map(|part| part.end - part.start).sum();
        let headers = response.headers_mut();
        self.tell_file(headers)?;
        headers.insert(CONTENT_LENGTH, (size + (heads_size + end.len()) as u64).into());
        set(
            headers,
            CONTENT_TYPE,
            &format!("multipart/byteranges; boundary={boundary}"),
        )?;
        response.set_status(StatusCode::PARTIAL_CONTENT);
        let mut pieces = self.file.pieces;
        for (part, head) in parts.iter().zip(heads) {
            response.write_all(&head)?;
            pieces = pieces.send(part.clone(), response)?;
        }
        Ok(response.write_all(end.as_bytes())?)
    }

    fn part_head(&self, boundary: &str, part: &Range<u64>) -> Vec<u8> {
        let mut head = format!("\r\n--{boundary}\r\ncontent-type: ").into_bytes();
        head.extend_from_slice(self.kind().as_bytes());
        head.extend_from_slice(format!("\r\ncontent-range: {}\r\n\r\n", self.place(part)).as_bytes());
        head
    }

    fn place(&self, part: &Range<u64>) -> String {
        format!("bytes {}-{}/{}", part.start, part.end - 1, self.file.size)
    }

    fn refuse_range(self, response: &mut Response<'_>) -> Result {
        let headers = response.headers_mut();
        self.tell_version(headers)?;
        set(headers, CONTENT_RANGE, &format!("bytes */{}", self.file.size))?;
        response.set_status(StatusCode::RANGE_NOT_SATISFIABLE);
        response.header("content-type", "text/plain; charset=utf-8")?;
        response.send(format!("the file has {} bytes\n", self.file.size))
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result {
    headers.insert(name, HeaderValue::from_str(value)?);
    Ok(())
}

/// What separates parts: nothing that could have been put into a file before.
fn boundary() -> String {
    let random = RandomState::new();
    format!("{:016x}{:016x}", random.hash_one(0), random.hash_one(1))
}
