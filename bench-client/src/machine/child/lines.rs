//! What a process writes, line by line, however it writes it.

use std::io::{self, BufRead, BufReader, Read};

/// So much of a line is kept, in bytes: one that never ends must not fill the
/// memory.
const LONGEST: usize = 1024;
/// Many short lines come with one read.
const BUFFER: usize = 64 * 1024;

/// Calls `each` with every line of `stream`, without its end, until the stream
/// ends or breaks. Of a long one, its beginning; of what is no text, the rest.
pub(super) fn each_line(stream: impl Read, mut each: impl FnMut(&str)) {
    let mut reader = BufReader::with_capacity(BUFFER, stream);
    let mut line = Vec::new();
    loop {
        let chunk = match reader.fill_buf() {
            Ok([]) => break,
            Ok(chunk) => chunk,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let piece = &chunk[..end.unwrap_or(chunk.len())];
        let room = LONGEST - line.len();
        line.extend_from_slice(&piece[..piece.len().min(room)]);
        let used = piece.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            each(&text(&line));
            line.clear();
        }
    }
    if !line.is_empty() {
        each(&text(&line));
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        each_line(bytes, |line| lines.push(line.to_owned()));
        lines
    }

    #[test]
    fn lines_end_with_a_newline_or_with_the_stream() {
        assert_eq!(lines(b"a\r\n\nb"), ["a", "", "b"]);
        assert_eq!(lines(b""), [""; 0]);
    }

    #[test]
    fn a_line_without_an_end_is_cut_and_the_next_one_is_whole() {
        let long = [vec![b'x'; 10 * BUFFER], b"\nnext\n".to_vec()].concat();
        assert_eq!(lines(&long), ["x".repeat(LONGEST), "next".to_owned()]);
    }

    proptest! {
        #[test]
        fn no_bytes_end_it_early(mut bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
            bytes.extend(b"\nlast");
            let last = lines(&bytes).pop();
            prop_assert_eq!(last.as_deref(), Some("last"));
        }
    }
}
