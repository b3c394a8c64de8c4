//! Finds out whether the embedded pair is there: the trainer, which makes it, must build without it.

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
    if FILES.iter().all(|file| Path::new(file).exists()) {
        println!("cargo:rustc-cfg=embedded_pair");
    }
}
