//! Requests of a client, as the reference server reads them.

use std::io::{self, Read, Write};

use crate::commands::serve::{Answer, Http, Requests};

/// A connection whose client sends so many bytes at a time.
struct Client<'a> {
    sends: &'a [u8],
    step: usize,
}

impl Read for Client<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let step = self.step.min(buffer.len());
        self.sends
            .take(step as u64)
            .read(buffer)
            .inspect(|count| self.sends = &self.sends[*count..])
    }
}

impl Write for Client<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How the bytes are cut does not matter, and every answer is a response.
pub fn http_request(bytes: &[u8]) {
    let answers = answers(bytes, usize::MAX);
    for step in [1, 7] {
        assert_eq!(self::answers(bytes, step), answers, "{step} bytes at a time");
    }
    for answer in &answers {
        assert!(answer.bytes.starts_with(b"HTTP/1.1 ") && answer.body <= answer.bytes.len());
    }
}

fn answers(sends: &[u8], step: usize) -> Vec<Answer> {
    let mut client = Client { sends, step };
    let mut http = Http::default();
    let mut answers = Vec::new();
    while let Some(answer) = http.next(&mut client).expect("reading from memory") {
        answers.push(answer);
        if answers.last().is_some_and(|answer| answer.last) {
            break;
        }
    }
    answers
}
