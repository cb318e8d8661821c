//! What the header says of the message itself.

use ::http::{Method, StatusCode, Version};

use super::refusal::Refusal;
use super::target::is_authority;

/// How a body is delimited: RFC 9112, 6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Framing {
    #[default]
    None,
    Sized(u64),
    Chunked,
}

/// What the header lines say of the message and of the connection.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) framing: Framing,
    /// Whether the client wants to go on after this.
    pub(super) keeps_alive: bool,
    /// Whether it waits for a `100 Continue` before it sends the body.
    pub(super) expects_continue: bool,
    /// Which header line is the host, if any.
    pub(super) host: Option<usize>,
}

/// Gathers [`Facts`] line by line.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    length: Option<u64>,
    chunked: bool,
    /// Codings other than chunked.
    coded: bool,
    has_encoding: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    host: Option<usize>,
}

impl Gathering {
    pub(super) fn line(&mut self, index: usize, name: &[u8], value: &[u8]) -> Result<(), Refusal> {
        let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        match name.len() {
            4 if is("host") => self.host(index, value),
            6 if is("expect") => self.expect(value),
            10 if is("connection") => {
                self.connection(value);
                Ok(())
            }
            14 if is("content-length") => self.length(value),
            17 if is("transfer-encoding") => self.encoding(value),
            _ => Ok(()),
        }
    }

    fn host(&mut self, index: usize, value: &[u8]) -> Result<(), Refusal> {
        if self.host.replace(index).is_some() {
            return Err(Refusal::bad_request("more than one Host"));
        }
        match is_authority(value) {
            true => Ok(()),
            false => Err(Refusal::bad_request("the Host cannot be one")),
        }
    }

    fn expect(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Refusal::final_one(
                StatusCode::EXPECTATION_FAILED,
                "only 100-continue can be expected",
            ));
        }
        self.expects_continue = true;
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for option in list(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let length = decimal(value).ok_or_else(|| Refusal::bad_request("the Content-Length is no number"))?;
        match self.length.replace(length) {
            None => Ok(()),
            Some(_) => Err(Refusal::bad_request("more than one Content-Length")),
        }
    }

    fn encoding(&mut self, value: &[u8]) -> Result<(), Refusal> {
        self.has_encoding = true;
        for coding in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            // Others disagree about what comes last in `chunked,`.
            if coding.is_empty() {
                return Err(Refusal::bad_request("the Transfer-Encoding has an empty element"));
            }
            if self.chunked {
                return Err(Refusal::bad_request("chunked is not the last Transfer-Encoding"));
            }
            match coding.eq_ignore_ascii_case(b"chunked") {
                true => self.chunked = true,
                false => self.coded = true,
            }
        }
        Ok(())
    }

    /// What all lines together say.
    pub(super) fn facts(self, method: &Method, version: Version, has_authority: bool) -> Result<Facts, Refusal> {
        let framing = self.framing(version)?;
        if version == Version::HTTP_11 && self.host.is_none() {
            return Err(Refusal::bad_request("there is no Host"));
        }
        if *method == Method::CONNECT && !has_authority {
            return Err(Refusal::bad_request("the target of CONNECT is no HOST:PORT"));
        }
        Ok(Facts {
            framing,
            keeps_alive: !self.close && (version == Version::HTTP_11 || self.keep_alive),
            // RFC 9110, 10.1.1: of HTTP/1.0 it is to be ignored. Of a body that
            // is empty there is nothing to wait for.
            expects_continue: self.expects_continue
                && version == Version::HTTP_11
                && !matches!(framing, Framing::None | Framing::Sized(0)),
            host: self.host,
        })
    }

    fn framing(&self, version: Version) -> Result<Framing, Refusal> {
        if !self.has_encoding {
            return Ok(self.length.map_or(Framing::None, Framing::Sized));
        }
        if self.length.is_some() {
            return Err(Refusal::bad_request("both a Content-Length and a Transfer-Encoding"));
        }
        if version != Version::HTTP_11 {
            return Err(Refusal::bad_request("a Transfer-Encoding in HTTP/1.0"));
        }
        if !self.chunked {
            return Err(Refusal::bad_request("the last Transfer-Encoding is not chunked"));
        }
        match self.coded {
            true => Err(Refusal::final_one(
                StatusCode::NOT_IMPLEMENTED,
                "no Transfer-Encoding but chunked is known",
            )),
            false => Ok(Framing::Chunked),
        }
    }
}

/// The elements of a list: RFC 9110, 5.6.1. Empty ones are none.
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let elements = value.split(|byte| *byte == b',');
    elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// Digits alone, and no number that does not fit.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(version: Version, lines: &[(&str, &str)]) -> Result<Facts, u16> {
        let mut gathering = Gathering::default();
        for (index, (name, value)) in lines.iter().enumerate() {
            gathering
                .line(index, name.as_bytes(), value.as_bytes())
                .map_err(|refusal| refusal.status().as_u16())?;
        }
        gathering
            .facts(&Method::POST, version, false)
            .map_err(|refusal| refusal.status().as_u16())
    }

    fn framing(lines: &[(&str, &str)]) -> Result<Framing, u16> {
        let mut all = vec![("Host", "a")];
        all.extend_from_slice(lines);
        facts(Version::HTTP_11, &all).map(|facts| facts.framing)
    }

    #[test]
    fn a_body_has_one_size_or_none() {
        assert_eq!(framing(&[]), Ok(Framing::None));
        assert_eq!(framing(&[("content-LENGTH", "007")]), Ok(Framing::Sized(7)));
        assert_eq!(framing(&[("Transfer-Encoding", "Chunked")]), Ok(Framing::Chunked));
        for value in [
            "",
            "+1",
            "-1",
            "1,1",
            "0x1",
            "1 1",
            "18446744073709551616",
            "1.0",
            "\u{661}",
        ] {
            assert_eq!(framing(&[("Content-Length", value)]), Err(400), "{value}");
        }
        assert_eq!(framing(&[("Content-Length", "1"), ("Content-Length", "1")]), Err(400));
        assert_eq!(
            framing(&[("Content-Length", "1"), ("Transfer-Encoding", "chunked")]),
            Err(400)
        );
    }

    #[test]
    fn chunked_is_the_one_coding_and_comes_once() {
        for value in [
            "",
            ",",
            "chunked,",
            ",chunked",
            "gzip,,chunked",
            "chunked, chunked",
            "chunked, gzip",
            "gzip",
            "identity",
            "xchunked",
            "chunked;q=1",
        ] {
            assert_eq!(framing(&[("Transfer-Encoding", value)]), Err(400), "{value}");
        }
        assert_eq!(framing(&[("Transfer-Encoding", "gzip, chunked")]), Err(501));
        let twice = [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")];
        assert_eq!(framing(&twice), Err(400));
        assert_eq!(
            facts(Version::HTTP_10, &[("Transfer-Encoding", "chunked")]).map(|_| ()),
            Err(400)
        );
    }

    #[test]
    fn who_keeps_the_connection() {
        let keeps = |version, lines: &[(&str, &str)]| facts(version, lines).map(|facts| facts.keeps_alive);
        assert_eq!(keeps(Version::HTTP_11, &[("Host", "a")]), Ok(true));
        assert_eq!(
            keeps(Version::HTTP_11, &[("Host", "a"), ("Connection", "x, Close")]),
            Ok(false)
        );
        assert_eq!(keeps(Version::HTTP_10, &[]), Ok(false));
        assert_eq!(keeps(Version::HTTP_10, &[("Connection", "Keep-Alive")]), Ok(true));
        assert_eq!(
            keeps(Version::HTTP_10, &[("Connection", "keep-alive, close")]),
            Ok(false)
        );
    }
}
