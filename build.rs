//! Finds out whether the embedded pair and its filter are there: the trainer, which makes them, must build without them.

use std::path::Path;

const FILES: [&str; 5] = [
    "assets/denoiser/config.json",
    "assets/denoiser/model.safetensors",
    "assets/denoiser/tokenizer.json",
    "assets/guide/config.json",
    "assets/guide/model.safetensors",
];

fn main() {
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
}
