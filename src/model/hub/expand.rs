//! Paths in variables, expanded as Python's `os.path.expanduser` and `os.path.expandvars` do: the hub's cache must be
//! the same folder for both languages.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

/// The value of a variable.
pub(super) type Lookup<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// Expands `~`, `~user`, `$NAME` and `${NAME}`; what stands for nothing stays as it is.
pub(super) fn expand(value: &OsStr, variable: &Lookup<'_>, home: Option<&Path>) -> PathBuf {
    let path = user(value, home);
    // What is no text holds no names that could be compared.
    path.to_str().map(|text| PathBuf::from(variables(text, variable))).unwrap_or(path)
}

fn user(value: &OsStr, home: Option<&Path>) -> PathBuf {
    let Some(rest) = value.to_str().and_then(|text| text.strip_prefix('~')) else { return PathBuf::from(value) };
    let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
    let folder = if name.is_empty() { home.map(Path::to_owned) } else { home_of(name) };
    match folder {
        Some(folder) if below.is_empty() => folder,
        Some(folder) => folder.join(below.trim_start_matches('/')),
        None => PathBuf::from(value),
    }
}

/// The home folder of another user of this machine.
fn home_of(name: &str) -> Option<PathBuf> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(4).map(PathBuf::from)).flatten()
    })
}

fn variables(text: &str, variable: &Lookup<'_>) -> OsString {
    let mut expanded = OsString::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        expanded.push(before);
        let (name, length) = name(&from[1..]);
        match variable(name).filter(|_| !name.is_empty()) {
            Some(value) => expanded.push(value),
            None => expanded.push(&from[..=length]),
        }
        rest = &from[1 + length..];
    }
    expanded.push(rest);
    expanded
}

/// The name behind a `$`, and how much of the text it takes.
fn name(text: &str) -> (&str, usize) {
    if let Some((name, _)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        return (name, name.len() + 2);
    }
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
    (&text[..end], end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> String {
        let variable = |name: &str| match name {
            "HOME" => Some(OsString::from("/home/ada")),
            "DISK_2" => Some(OsString::from("/mnt/$HOME")),
            _ => None,
        };
        expand(OsStr::new(text), &variable, Some(Path::new("/home/ada"))).display().to_string()
    }

    /// The right column is what Python 3.11 answers.
    #[test]
    fn paths_are_expanded_as_python_does() {
        for (text, expected) in [
            ("~", "/home/ada"),
            ("~/hf", "/home/ada/hf"),
            ("$HOME/hf", "/home/ada/hf"),
            ("${HOME}/hf", "/home/ada/hf"),
            ("/a/$DISK_2/b", "/a//mnt/$HOME/b"),
            ("$HOMES/hf", "$HOMES/hf"),
            ("${nothing}/$", "${nothing}/$"),
            ("${HOME", "${HOME"),
            ("$HOME-hf", "/home/ada-hf"),
            ("a/~/b", "a/~/b"),
            ("~nobody-of-this-name/x", "~nobody-of-this-name/x"),
            ("/plain", "/plain"),
        ] {
            assert_eq!(expanded(text), expected, "{text}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_users_home_is_found() {
        assert_eq!(expanded("~root/hf"), "/root/hf");
    }
}
