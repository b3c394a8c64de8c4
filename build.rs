//! Lists the built-in presets, and finds out whether the embedded pair and its filter are there: the trainer, which makes
//! them, must build without them.

use std::{env, fs, io, path::Path};

const FILES: [&str; 5] = [
    "assets/denoiser/config.json",
    "assets/denoiser/model.safetensors",
    "assets/denoiser/tokenizer.json",
    "assets/guide/config.json",
    "assets/guide/model.safetensors",
];

fn main() -> io::Result<()> {
    println!("cargo:rustc-check-cfg=cfg(embedded_pair)");
    println!("cargo:rerun-if-changed=build.rs");
    // A folder that is not there counts as changed in every build, so only the nearest one that is there is watched.
    println!("cargo:rerun-if-changed={}", if Path::new("assets").exists() { "assets" } else { "Cargo.toml" });
    println!("cargo:rustc-check-cfg=cfg(embedded_filter)");
    if Path::new("assets/filter.json").exists() {
        println!("cargo:rustc-cfg=embedded_filter");
    }
    if FILES.iter().all(|file| Path::new(file).exists()) {
        println!("cargo:rustc-cfg=embedded_pair");
    }
    println!("cargo:rerun-if-changed=presets");
    list_presets(Path::new("presets"), &Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("presets.rs"))
}

/// Writes `list`: an array of the names of the TOML files in `folder` and of their texts, which the compiler reads, so that
/// it sees when one changes.
fn list_presets(folder: &Path, list: &Path) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        // Editors keep hidden copies of what they have open.
        if let Some(name) =
            stem.filter(|name| !name.starts_with('.') && path.extension().is_some_and(|end| end == "toml"))
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    let entry = |name: &String| {
        format!(
            "({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/presets/\", {name:?}, \".toml\"))),\n"
        )
    };
    fs::write(list, format!("[\n{}]\n", names.iter().map(entry).collect::<String>()))
}
