//! The sources of this crate, and which of them imports which.

mod text;

use std::fs;
use std::path::{Path, PathBuf};

use text::{Use, blank, defines, paths, test_modules, uses, without_tests};

/// How many names may stand for one another before a file is reached.
const DEPTH: usize = 16;

/// One file.
#[derive(Debug)]
struct Source {
    /// Relative to `src`.
    path: String,
    /// The path of its module, from the root.
    module: Vec<String>,
    /// As it is written.
    text: String,
    /// The same without comments, texts and tests.
    bare: String,
    /// The same without `use` too.
    code: String,
    uses: Vec<Use>,
}

/// That one file names something of another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Import {
    /// The file that does.
    pub(crate) from: usize,
    /// The file where it says that is.
    pub(crate) said: usize,
    /// The file where that lives.
    pub(crate) to: usize,
    /// Where in the first.
    at: usize,
}

/// Every file of this crate by its path and text.
pub(crate) fn texts() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 100, "the sources were not found under {}", root.display());
    let read = |file: PathBuf| {
        let path = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        (path, fs::read_to_string(&file).unwrap())
    };
    files.into_iter().map(read).collect()
}

/// The files of one crate.
#[derive(Debug)]
pub(crate) struct Sources(Vec<Source>);

impl Sources {
    pub(crate) fn of_this_crate() -> Sources {
        Sources::of(&texts())
    }

    /// Of files by path and text.
    pub(crate) fn of(files: &[(String, String)]) -> Sources {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        Sources::new(&files)
    }

    /// Of files by path and text; without those that are tests.
    pub(crate) fn new(files: &[(&str, &str)]) -> Sources {
        let all: Vec<_> = files
            .iter()
            .filter(|(path, _)| *path != "main.rs")
            .map(|(path, text)| (module_of(path), *path, *text, blank(text)))
            .collect();
        let tests: Vec<_> = all
            .iter()
            .flat_map(|(module, _, _, code)| {
                let names = test_modules(code).into_iter();
                names.map(move |name| [&module[..], &[name]].concat())
            })
            .collect();
        let kept = all.into_iter().filter(|(module, ..)| !tests.contains(module));
        Sources(
            kept.map(|(module, path, text, code)| Source::new(module, path, text, &code))
                .collect(),
        )
    }

    /// The folder of a file, or the file's own name in the root.
    pub(crate) fn folder(&self, file: usize) -> &str {
        self.0[file].module.first().map_or("lib", String::as_str)
    }

    /// `src/folder/file.rs:7: use crate::folder;`
    pub(crate) fn show(&self, import: &Import) -> String {
        let source = &self.0[import.from];
        source.show(source.text[..import.at].matches('\n').count())
    }

    /// The files that stand beside the folder of their name.
    pub(crate) fn beside_their_folders(&self) -> Vec<&str> {
        let paths = || self.0.iter().map(|source| source.path.as_str());
        let is_beside = |path: &&str| {
            let folder = path.replace(".rs", "/");
            paths().any(|other| other.starts_with(&folder))
        };
        paths().filter(is_beside).collect()
    }

    /// Every line of code that `is` of interest, with the file it stands in and
    /// as [`show`](Sources::show) shows it.
    pub(crate) fn lines(&self, is: impl Fn(&str) -> bool) -> Vec<(&str, String)> {
        let mut found = Vec::new();
        for source in &self.0 {
            let lines = source.bare.lines().enumerate().filter(|(_, line)| is(line));
            found.extend(lines.map(|(number, _)| (source.path.as_str(), source.show(number))));
        }
        found
    }

    /// How many lines each file has before its tests.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().map(|source| {
            let end = source
                .text
                .find("#[cfg(test)]\nmod tests {")
                .unwrap_or(source.text.len());
            (source.path.as_str(), source.text[..end].lines().count())
        })
    }

    /// Everything that a file names of another.
    pub(crate) fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (from, source) in self.0.iter().enumerate() {
            let used = source.uses.iter().map(|one| (one.path.clone(), one.at));
            for (path, at) in used.chain(paths(&source.code)) {
                let found = self.resolve(from, &path, DEPTH).filter(|(_, to)| *to != from);
                imports.extend(found.map(|(said, to)| Import { from, said, to, at }));
            }
        }
        imports
    }

    /// The file that `path` names in file `from`, and the one where it leads to;
    /// `None` out of this crate.
    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<(usize, usize)> {
        let mut module = self.0[from].module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                module.clear();
                rest = &path[1..];
            }
            "self" | "super" => {
                while let Some((word @ ("self" | "super"), further)) =
                    rest.split_first().map(|(word, rest)| (word.as_str(), rest))
                {
                    if word == "super" {
                        module.pop()?;
                    }
                    rest = further;
                }
            }
            name if self.module(&[&module[..], &[name.to_owned()]].concat()).is_none() => {
                return self.follow(from, name, &path[1..], depth);
            }
            _ => {}
        }
        let (said, rest) = self.walk(module, rest)?;
        let known = rest.split_first();
        let led = known.and_then(|(name, rest)| self.follow(said, name, rest, depth));
        Some((said, led.map_or(said, |(_, to)| to)))
    }

    /// The file that `path` below `module` is in, and what it names there.
    fn walk<'a>(&self, mut module: Vec<String>, mut path: &'a [String]) -> Option<(usize, &'a [String])> {
        while let Some((name, further)) = path.split_first() {
            module.push(name.clone());
            if self.module(&module).is_none() {
                module.pop();
                break;
            }
            path = further;
        }
        Some((self.module(&module)?, path))
    }

    /// Where `name`, as file `file` uses it, and `rest` below it lead to.
    fn follow(&self, file: usize, name: &str, rest: &[String], depth: usize) -> Option<(usize, usize)> {
        let depth = depth.checked_sub(1)?;
        let uses = &self.0[file].uses;
        if let Some(known) = uses.iter().find(|one| one.name == name && one.path != [name]) {
            return self.resolve(file, &[&known.path[..], rest].concat(), depth);
        }
        let globs = uses.iter().filter(|one| one.name == "*");
        let mut from = globs.filter_map(|glob| self.resolve(file, &glob.path, depth));
        from.find(|(_, to)| defines(&self.0[*to].code, name))
    }

    fn module(&self, module: &[String]) -> Option<usize> {
        self.0.iter().position(|source| source.module == module)
    }
}

impl Source {
    fn new(module: Vec<String>, path: &str, text: &str, code: &str) -> Source {
        let bare = without_tests(code);
        let (uses, code) = uses(&bare);
        Source {
            path: path.to_owned(),
            module,
            text: text.to_owned(),
            bare,
            code,
            uses,
        }
    }

    fn show(&self, line: usize) -> String {
        let text = self.text.lines().nth(line).unwrap_or_default().trim();
        format!("src/{}:{}: {text}", self.path, line + 1)
    }
}

fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    match path {
        "lib" => Vec::new(),
        path => path.split('/').map(str::to_owned).collect(),
    }
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
