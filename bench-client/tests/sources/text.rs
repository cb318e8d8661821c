//! As much of Rust as it takes to find the paths in a file.

/// A name that a file uses, and what it stands for.
#[derive(Clone, Debug)]
pub(super) struct Use {
    /// What it stands for, without the `*` of a glob.
    pub(super) path: Vec<String>,
    /// The name.
    pub(super) name: String,
    /// Where the statement is.
    pub(super) at: usize,
}

/// `text` with comments and the insides of texts blanked, line by line as long as
/// it was.
pub(super) fn blank(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = at + hidden(&text.as_bytes()[at..], at > 0 && is_of_word(bytes[at - 1]));
        for byte in &mut bytes[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8(bytes).unwrap()
}

/// How long the comment or the literal is that `text` begins with.
fn hidden(text: &[u8], in_word: bool) -> usize {
    let raw = text.iter().skip(1).take_while(|byte| **byte == b'#').count();
    match text {
        [b'/', b'/', ..] => text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len()),
        [b'/', b'*', ..] => comment(text),
        [b'r', ..] if !in_word && text.get(1 + raw) == Some(&b'"') => {
            let end = [&b"\""[..], &b"#".repeat(raw)].concat();
            let inside = &text[raw + 2..];
            let length = inside.windows(end.len()).position(|window| window == end);
            length.map_or(text.len(), |length| raw + 2 + length + end.len())
        }
        [b'"', ..] => quoted(text, b'"'),
        // What is no letter in quotes is a lifetime.
        [b'\'', b'\\', ..] => quoted(text, b'\''),
        [b'\'', first, ..] => {
            let length = 1 + text[1..]
                .iter()
                .skip(1)
                .take_while(|byte| **byte & 0xc0 == 0x80)
                .count();
            let closed = *first != b'\'' && text.get(1 + length) == Some(&b'\'');
            if closed { length + 2 } else { 0 }
        }
        _ => 0,
    }
}

/// Comments nest.
fn comment(text: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(text: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != quote {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The modules that are declared for tests and have a file.
pub(super) fn test_modules(code: &str) -> Vec<String> {
    let declared = code.split("#[cfg(test)]").skip(1);
    let names = declared.filter_map(|rest| {
        let (name, _) = rest.trim_start().strip_prefix("mod ")?.split_once(';')?;
        name.bytes().all(is_of_word).then(|| name.to_owned())
    });
    names.collect()
}

/// `code` with everything blanked that is for tests only.
pub(super) fn without_tests(code: &str) -> String {
    let mut code = code.to_owned();
    while let Some(begin) = code.find("#[cfg(test)]") {
        let end = begin + item(&code[begin..]);
        blank_out(&mut code, begin, end);
    }
    code
}

/// How long the item is that `code` begins with, to its semicolon or its brace.
fn item(code: &str) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

fn blank_out(code: &mut String, begin: usize, end: usize) {
    let blank: String = code[begin..end]
        .bytes()
        .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
        .collect();
    code.replace_range(begin..end, &blank);
}

/// What `code` uses, and `code` with that blanked.
pub(super) fn uses(code: &str) -> (Vec<Use>, String) {
    let mut code = code.to_owned();
    let mut uses = Vec::new();
    let words: Vec<_> = words(&code).into_iter().filter(|(_, word)| word == "use").collect();
    for (at, _) in words {
        let end = at + code[at..].find(';').unwrap_or(code.len() - at);
        let tree = code[at + "use".len()..end].to_owned();
        // `use<'a>` says which lifetimes a type has.
        if tree.trim_start().starts_with('<') {
            continue;
        }
        leaves(&tree, &[], &mut |path, name| uses.push(Use { path, name, at }));
        blank_out(&mut code, at, end);
    }
    (uses, code)
}

/// Calls `found` with the path and the name of each leaf of the tree of a `use`.
fn leaves(tree: &str, above: &[String], found: &mut impl FnMut(Vec<String>, String)) {
    let tree = tree.trim().trim_start_matches("::");
    if let Some(open) = tree.find('{') {
        let above = [above, &words_of(&tree[..open])].concat();
        let close = tree.rfind('}').unwrap_or(tree.len());
        for branch in branches(&tree[open + 1..close]) {
            leaves(branch, &above, found);
        }
        return;
    }
    let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
    let mut path = [above, &words_of(path)].concat();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = match alias.trim() {
        "" if tree.ends_with('*') => "*".to_owned(),
        "" => path.last().cloned().unwrap_or_default(),
        alias => alias.to_owned(),
    };
    if !path.is_empty() {
        found(path, name);
    }
}

/// The parts between the commas that no brace encloses.
fn branches(list: &str) -> Vec<&str> {
    let mut depth = 0;
    let parts = list.split(move |letter| {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    });
    parts.filter(|part| !part.trim().is_empty()).collect()
}

/// The words of `code` and where they begin.
fn words(code: &str) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let length = code[at..].bytes().take_while(|byte| is_of_word(*byte)).count();
        if length > 0 {
            words.push((at, code[at..at + length].to_owned()));
        }
        at += length.max(1);
        while !code.is_char_boundary(at) {
            at += 1;
        }
    }
    words
}

fn words_of(path: &str) -> Vec<String> {
    words(path).into_iter().map(|(_, word)| word).collect()
}

/// The paths of at least two words in `code`, and where they begin.
pub(super) fn paths(code: &str) -> Vec<(Vec<String>, usize)> {
    let mut paths: Vec<(Vec<String>, usize)> = Vec::new();
    let mut end = 0;
    for (at, word) in words(code) {
        let joined = code[end..at].trim() == "::" && end > 0;
        end = at + word.len();
        match paths.last_mut() {
            Some((path, _)) if joined => path.push(word),
            _ => paths.push((vec![word], at)),
        }
    }
    paths.retain(|(path, _)| path.len() > 1);
    paths
}

/// Whether `code` says what `name` is.
pub(super) fn defines(code: &str, name: &str) -> bool {
    const ITEMS: [&str; 8] = [
        "struct",
        "enum",
        "trait",
        "fn",
        "const",
        "static",
        "type",
        "macro_rules",
    ];
    let words = words(code);
    words
        .windows(2)
        .any(|pair| ITEMS.contains(&pair[0].1.as_str()) && pair[1].1 == name)
}
