//! The house as its sources have it: which room uses which, and what types are called.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The rooms from the top down. Each may use those below it; `lib.rs` shows the same list, and so does
/// `docs/architecture.md`.
const ROOMS: [&str; 18] = [
    "cli",
    "export",
    "tui",
    "session",
    "engine",
    "train",
    "kept",
    "trace",
    "decode",
    "model",
    "tasks",
    "settings",
    "interrupt",
    "panics",
    "process",
    "output",
    "files",
    "printable",
];

/// A source file in words: names, `::`, and single signs. Comments and literals are left out.
struct Source {
    path: PathBuf,
    words: Vec<String>,
}

impl Source {
    fn read(path: PathBuf) -> Self {
        let words = words(&fs::read_to_string(&path).expect("a source file is text"));
        Self { path, words }
    }

    /// The module's path below the crate: `tui/view/mod.rs` is `[tui, view]`.
    fn module(&self) -> Vec<String> {
        let below = self.path.strip_prefix(root().join("src")).expect("it is found there").with_extension("");
        let names = below.iter().map(|name| name.to_string_lossy().into_owned());
        names.filter(|name| !matches!(name.as_str(), "mod" | "lib" | "main")).collect()
    }

    fn is(&self, at: usize, word: &str) -> bool {
        self.words.get(at).is_some_and(|found| found == word)
    }

    /// Names that follow `at`: one, or those of a group in braces.
    fn named_at(&self, at: usize) -> Vec<&str> {
        if !self.is(at, "{") {
            return self.words.get(at).map(String::as_str).into_iter().collect();
        }
        let (mut names, mut depth) = (Vec::new(), 0);
        for (index, word) in self.words.iter().enumerate().skip(at) {
            match word.as_str() {
                "{" => depth += 1,
                "}" if depth == 1 => break,
                "}" => depth -= 1,
                _ if depth == 1 && (self.is(index - 1, "{") || self.is(index - 1, ",")) => names.push(word.as_str()),
                _ => {}
            }
        }
        names
    }

    /// What the file names at the root of the crate, by `crate::…` or by enough `super::…`.
    fn at_root(&self) -> BTreeSet<&str> {
        let depth = self.module().len();
        let (mut found, mut braces, mut inline) = (BTreeSet::new(), 0, Vec::new());
        for (at, word) in self.words.iter().enumerate() {
            match word.as_str() {
                "{" => braces += 1,
                "}" => {
                    braces -= 1;
                    inline.pop_if(|opened| *opened == braces);
                }
                "mod" if self.is(at + 2, "{") => inline.push(braces),
                "crate" if self.is(at + 1, "::") => found.extend(self.named_at(at + 2)),
                "super" if at == 0 || !self.is(at - 1, "::") => {
                    let ups = (0..).take_while(|up| self.is(at + 2 * up, "super") && self.is(at + 2 * up + 1, "::"));
                    let ups = ups.count();
                    if ups > 0 && ups == depth + inline.len() {
                        found.extend(self.named_at(at + 2 * ups));
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Types that the file declares; those that belong to a trait or its implementation are no types of their own.
    fn types(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        // Whether each open brace, and the one that comes next, belongs to a trait or an `impl`.
        let (mut open, mut next) = (Vec::new(), false);
        for (at, word) in self.words.iter().enumerate() {
            let declares = match word.as_str() {
                "{" => {
                    open.push(std::mem::take(&mut next));
                    false
                }
                "}" => {
                    open.pop();
                    false
                }
                ";" => {
                    next = false;
                    false
                }
                "impl" => {
                    next = true;
                    false
                }
                "trait" => {
                    next = true;
                    true
                }
                "struct" | "enum" | "union" => true,
                "type" => !open.last().copied().unwrap_or(false),
                _ => false,
            };
            let name = self.words.get(at + 1).filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()));
            found.extend(name.filter(|_| declares).map(String::as_str));
        }
        found
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn words(text: &str) -> Vec<String> {
    let (mut words, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("r#\"") || rest.starts_with("br#\"") {
            rest.find("\"#").expect("a raw string ends") + 2
        } else if first == '"' {
            string(rest)
        } else if first == '\'' {
            character(rest)
        } else if is_name(first) {
            rest.find(|c| !is_name(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(length);
        if !rest.starts_with("//") && !word.contains('"') && !word.starts_with('\'') && !first.is_whitespace() {
            words.push(word.to_owned());
        }
        rest = after;
    }
    words
}

/// The length of the string literal that `text` begins with.
fn string(text: &str) -> usize {
    let mut escaped = true;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends && !std::mem::take(&mut escaped)
    });
    end.expect("a string ends") + 1
}

/// The length of the character literal or the lifetime that `text` begins with.
fn character(text: &str) -> usize {
    let mut inside = text[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), Some(escaped)) => 2 + escaped.len_utf8() + text[2 + escaped.len_utf8()..].find('\'').unwrap_or(0),
        (Some(only), Some('\'')) => 2 + only.len_utf8(),
        _ => 1,
    }
}

fn sources() -> Vec<Source> {
    let (mut folders, mut found) = (vec![root().join("src")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source::read(path));
            }
        }
    }
    found
}

fn floor(room: &str) -> Option<usize> {
    ROOMS.iter().position(|other| *other == room)
}

#[test]
fn every_room_uses_only_rooms_below_it() {
    let mut upwards = Vec::new();
    let mut used = BTreeSet::new();
    for source in sources() {
        let Some(room) = source.module().first().cloned() else { continue };
        let own = floor(&room).unwrap_or_else(|| panic!("{room} is a room without a floor: put it into ROOMS"));
        for other in source.at_root() {
            let Some(below) = floor(other) else { continue };
            used.insert((room.clone(), other.to_owned()));
            if below < own {
                upwards.push(format!("{} uses {other}", source.path.display()));
            }
        }
    }
    assert!(used.contains(&("tui".to_owned(), "trace".to_owned())), "the imports are read: {used:?}");
    assert_eq!(upwards, Vec::<String>::new(), "arrows that run up");
}

#[test]
fn every_room_is_there_and_the_documents_list_them_in_this_order() {
    let declared = sources().into_iter().find(|source| source.path.ends_with("src/lib.rs")).expect("the crate's root");
    let modules = declared.words.windows(3).filter(|words| words[0] == "mod" && words[2] == ";");
    let modules: BTreeSet<&str> = modules.map(|words| words[1].as_str()).collect();
    assert_eq!(modules, BTreeSet::from(ROOMS));
    let listed = |text: &str, start: &str| -> Vec<String> {
        let rows = text.lines().filter_map(|line| line.strip_prefix(start)?.split('`').next());
        rows.filter(|name| floor(name.trim_end_matches(']')).is_some())
            .map(|name| name.trim_end_matches(']').to_owned())
            .collect()
    };
    let read = |file: &str| fs::read_to_string(root().join(file)).expect("it is there");
    assert_eq!(listed(&read("docs/architecture.md"), "| `"), ROOMS);
    assert_eq!(listed(&read("src/lib.rs"), "//! | [`"), ROOMS[..12]);
}

#[test]
fn every_type_has_a_name_of_its_own() {
    let sources = sources();
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for source in &sources {
        for name in source.types() {
            places.entry(name).or_default().push(source.module().join("::"));
        }
    }
    assert!(places.len() > 400, "the declarations are read: {}", places.len());
    let doubled: Vec<_> = places.into_iter().filter(|(_, modules)| modules.len() > 1).collect();
    assert!(doubled.is_empty(), "declared more than once: {doubled:#?}");
}
