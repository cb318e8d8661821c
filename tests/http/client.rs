//! A client that reads answers as RFC 9112 says and checks what all of them
//! must have.

use std::collections::HashMap;
use std::io::{self, BufRead};

/// An answer in one line, as [`Case`](super::exchanges::Case) has it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
    pub(crate) trailers: HashMap<String, String>,
}

impl Answer {
    pub(crate) fn closes(&self) -> bool {
        self.headers.get("connection").is_some_and(|value| value == "close")
    }

    /// Reads one; `None` at the end of the connection.
    pub(crate) fn read(from: &mut impl BufRead, has_body: bool) -> io::Result<Option<Answer>> {
        let Some(line) = line(from)? else { return Ok(None) };
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok());
        let status: u16 = status.unwrap_or_else(|| panic!("no status line: {line:?}"));
        let headers = fields(from)?;
        let mut answer = Answer {
            status,
            headers,
            body: String::new(),
            trailers: HashMap::new(),
        };
        if has_body && !matches!(status, 100..200 | 204 | 304) {
            answer.read_body(from)?;
        }
        Ok(Some(answer))
    }

    fn read_body(&mut self, from: &mut impl BufRead) -> io::Result<()> {
        let mut bytes = Vec::new();
        let (length, encoding) = (
            self.headers.get("content-length"),
            self.headers.get("transfer-encoding"),
        );
        assert!(length.is_none() || encoding.is_none(), "both: {:?}", self.headers);
        match (length, encoding) {
            (Some(length), _) => {
                bytes.resize(length.parse().unwrap(), 0);
                from.read_exact(&mut bytes)?;
            }
            (None, Some(encoding)) => {
                assert_eq!(encoding, "chunked");
                while let Some(size) = line(from)? {
                    let mut chunk = vec![0; usize::from_str_radix(&size, 16).unwrap()];
                    if chunk.is_empty() {
                        self.trailers = fields(from)?;
                        break;
                    }
                    from.read_exact(&mut chunk)?;
                    bytes.extend_from_slice(&chunk);
                    assert_eq!(line(from)?.as_deref(), Some(""));
                }
            }
            (None, None) => {
                from.read_to_end(&mut bytes)?;
            }
        }
        self.body = String::from_utf8(bytes).unwrap();
        Ok(())
    }
}

fn fields(from: &mut impl BufRead) -> io::Result<HashMap<String, String>> {
    let mut fields = HashMap::new();
    while let Some(line) = line(from)?.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no header: {line:?}"));
        let before = fields.insert(name.to_ascii_lowercase(), value.to_owned());
        assert!(before.is_none(), "{name} comes twice");
    }
    Ok(fields)
}

fn line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let text = line.strip_suffix("\r\n");
    Ok(Some(text.unwrap_or_else(|| panic!("no line: {line:?}")).to_owned()))
}
