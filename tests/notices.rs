//! `THIRD-PARTY.md` against what the program is made of. After a change of dependencies, write it again:
//!
//! ```sh
//! DIFFUSCOPE_NOTICES=write cargo test --test notices
//! ```

#![cfg(feature = "hub")]
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

const FILE: &str = "THIRD-PARTY.md";

/// What stands above the rows of the list.
const RULE: &str = "|---|---|---|---|\n";

/// What the file covers.
const TARGETS: [&str; 5] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
];

/// The licences that packages are taken under, the one that asks least of a notice first. A package that offers none of
/// them needs a decision.
const LICENCES: [&str; 8] =
    ["Apache-2.0", "MIT", "ISC", "Zlib", "BSD-3-Clause", "Unicode-3.0", "CDLA-Permissive-2.0", "MPL-2.0"];

/// Code, and with it data of Unicode's.
const WITH_UNICODE: &str = "Apache-2.0 AND Unicode-3.0";

const HEAD: &str = "\
# Third-party software

The program contains the packages below, beside its own code. This file is written from `Cargo.lock` and the sources of the
packages, by `DIFFUSCOPE_NOTICES=write cargo test --test notices`, and checked by `cargo test`. It covers the default features
on Linux, macOS and Windows; builds for GPUs or with MKL contain more. A package that offers several licences is taken under
the one named last. Libraries that only work while it is built are not part of the program. The source of a package, unchanged,
is at `https://crates.io/crates/NAME/VERSION`; of what is under MPL-2.0 you may ask for it there.

The Rust standard library is part of it too, under MIT OR Apache-2.0 (<https://www.rust-lang.org/policies/licenses>).

The embedded networks, their tokenizer and the filter are this project's own: trained by it on data that it generates, and
under its licence, MIT OR Apache-2.0. The certificate authorities of `webpki-root-certs` are Mozilla's list. The letters of
pictures are those of DejaVu Sans Mono (regular and bold, in part), whose licence is the last text of this file.

";

const MIT: &str = "\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the \"Software\"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software
is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT
HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.";

/// A part of the program.
#[derive(Debug)]
struct Package {
    name: String,
    version: String,
    /// As the package states it.
    licences: String,
    /// The one that it is taken under.
    licence: &'static str,
    /// The licence's text, where it is not the same for all packages, and other notices that must be kept.
    text: Option<String>,
}

impl Package {
    fn row(&self) -> String {
        let Self { name, version, licences, licence, .. } = self;
        format!("| {name} | {version} | {licences} | {licence} |")
    }

    /// The text as a block that no line of it can close.
    fn block(&self) -> Option<String> {
        self.text.as_ref().map(|text| format!("````text\n{text}\n````"))
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn cargo(arguments: &[&str]) -> String {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The target that this compiler builds for.
fn host() -> String {
    let program = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let about = String::from_utf8(Command::new(program).arg("-vV").output().unwrap().stdout).unwrap();
    about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// Name and version of all that a binary for a target contains.
fn contained(target: &str, network: &[&str]) -> BTreeSet<(String, String)> {
    let fixed =
        ["tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}", "--target"];
    let lines = cargo(&[&fixed[..], &[target], network].concat());
    lines
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(" v")?;
            (name != env!("CARGO_PKG_NAME")).then(|| (name.to_owned(), rest.split(' ').next().unwrap().to_owned()))
        })
        .collect()
}

/// The packages with their licences, as their sources state.
fn packages(wanted: &BTreeSet<(String, String)>, network: &[&str]) -> Vec<Package> {
    let metadata = cargo(&[&["metadata", "--locked", "--format-version", "1"], network].concat());
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let about: BTreeMap<_, _> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| ((text(&package["name"]), text(&package["version"])), package))
        .collect();
    wanted
        .iter()
        .map(|key| {
            let package = about[key];
            let licences = text(&package["license"]).replace('/', " OR ").replace("  ", " ");
            let licence = taken_under(&licences)
                .unwrap_or_else(|| panic!("{} {} is under `{licences}`: may it be part of the program?", key.0, key.1));
            let manifest = text(&package["manifest_path"]);
            let authors = package["authors"].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(", ");
            let text = notice(Path::new(&manifest).parent().unwrap(), licence, &authors);
            Package { name: key.0.clone(), version: key.1.clone(), licences, licence, text }
        })
        .collect()
}

/// The licence to choose of an expression in which all are alternatives; of others it is not for a program to say, but of
/// code that comes with Unicode's data.
fn taken_under(licences: &str) -> Option<&'static str> {
    if licences == "(MIT OR Apache-2.0) AND Unicode-3.0" {
        return Some(WITH_UNICODE);
    }
    let offered: Vec<_> = licences.split(" OR ").filter(|_| !licences.contains(['(', ')'])).collect();
    LICENCES.into_iter().find(|licence| offered.contains(licence))
}

/// What must go with a package: the text of its licence with its copyright lines, and a file NOTICE. That of the Apache
/// licence stands once for all.
fn notice(folder: &Path, licence: &str, authors: &str) -> Option<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let read = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).unwrap().replace('\r', "");
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_matches('\n').to_owned()
    };
    let begins = |name: &str, prefix: &str| name.to_ascii_uppercase().starts_with(prefix);
    let notices = names.iter().filter(|name| begins(name, "NOTICE")).map(|name| read(name));
    if licence == "Apache-2.0" {
        return Some(notices.collect::<Vec<_>>().join("\n\n")).filter(|text| !text.is_empty());
    }
    if licence == WITH_UNICODE {
        return Some(read("LICENSE-UNICODE"));
    }
    let of_licence = |name: &&String| begins(name, &format!("LICENSE-{licence}")) || begins(name, "LICENSE.");
    let file = names.iter().find(|name| *name == "LICENSE").or_else(|| names.iter().find(of_licence));
    let text = match file {
        Some(name) => read(name),
        None if licence == "MIT" && !authors.is_empty() => format!("Copyright (c) {authors}\n\n{MIT}"),
        None => panic!("{} has no text of {licence}", folder.display()),
    };
    Some(notices.fold(text, |text, notice| format!("{text}\n\n{notice}")))
}

fn write(packages: &[Package]) -> String {
    let mut blocks: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for package in packages {
        if let Some(block) = package.block() {
            blocks.entry((package.licence, block)).or_default().push(&package.name);
        }
    }
    let rows: Vec<_> = packages.iter().map(Package::row).collect();
    let apache = fs::read_to_string(root().join("LICENSE-APACHE")).unwrap();
    let mut parts = vec![
        format!("## Packages\n\n| package | version | its licence | taken under |\n{RULE}{}\n", rows.join("\n")),
        format!(
            "## Apache-2.0\n\nFor all packages that are taken under it:\n\n````text\n{}\n````\n",
            apache.trim_matches('\n')
        ),
    ];
    parts.extend(
        blocks.iter().map(|((licence, block), names)| format!("## {licence}: {}\n\n{block}\n", names.join(", "))),
    );
    let font = fs::read_to_string(root().join("assets/fonts/LICENSE")).unwrap();
    parts.push(format!("## Bitstream Vera: DejaVu Sans Mono\n\n````text\n{}\n````\n", font.trim()));
    format!("{HEAD}{}", parts.join("\n"))
}

#[test]
fn the_notices_are_those_of_what_the_program_contains() {
    let path = root().join(FILE);
    if env::var_os("DIFFUSCOPE_NOTICES").is_some_and(|value| value == "write") {
        let all = TARGETS.iter().flat_map(|target| contained(target, &[])).collect();
        fs::write(&path, write(&packages(&all, &[]))).unwrap();
    }
    let file = fs::read_to_string(&path).unwrap();
    let stale = format!("{FILE} is not that of Cargo.lock: run `DIFFUSCOPE_NOTICES=write cargo test --test notices`");
    assert!(file.starts_with(HEAD), "{stale}");
    // Only what this machine builds is here, on a machine that has built nothing else.
    let host = host();
    let here = contained(&host, &["--offline"]);
    assert!(here.len() > 100, "{here:?}");
    for package in packages(&here, &["--offline", "--filter-platform", &host]) {
        let (row, block) = (package.row(), package.block());
        assert!(file.lines().any(|line| line == row), "{row} is missing: {stale}");
        assert!(block.is_none_or(|block| file.contains(&block)), "the text of {} is missing: {stale}", package.name);
    }
    // Other machines' packages are those of the same Cargo.lock.
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let rows = file.split(RULE).nth(1).unwrap().lines().take_while(|line| line.starts_with('|'));
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let entry = format!("name = \"{}\"\nversion = \"{}\"\n", cells[1], cells[2]);
        assert!(lock.contains(&entry), "{row} is too much: {stale}");
    }
    let apache = fs::read_to_string(root().join("LICENSE-APACHE")).unwrap();
    assert!(file.contains(apache.trim_matches('\n')), "{stale}");
}

#[test]
fn a_licence_is_chosen_among_those_that_are_offered() {
    for (licences, expected) in [
        ("MIT OR Apache-2.0", Some("Apache-2.0")),
        ("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", Some("Apache-2.0")),
        ("Unlicense OR MIT", Some("MIT")),
        ("Zlib", Some("Zlib")),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", Some("Apache-2.0 AND Unicode-3.0")),
        ("MPL-2.0", Some("MPL-2.0")),
        ("GPL-3.0-only", None),
        ("(MIT OR Apache-2.0) AND MPL-2.0", None),
        ("Apache-2.0 AND MPL-2.0", None),
        ("", None),
    ] {
        assert_eq!(taken_under(licences), expected, "{licences}");
    }
}
