//! The index of a checkpoint in several files, which are sound.

use std::{fs, path::Path};

use diffuscope::model::checkpoint::Checkpoint;

use super::{Execute, Target, chain, tiny};
use crate::mutate::{Format, Language};

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "metadata", "total_size", "weight_map", "model.norm.weight", "lm_head.weight", "model.embed_tokens.weight",
    "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "../x.safetensors", "x.bin",
    "C:x.safetensors", "model.safetensors", ".safetensors", "config.json",
];

pub const INDEX: Target = Target {
    name: "index",
    format: Format::Json,
    language: Language { words: WORDS, phrase: None },
    longest: 8 << 10,
    open,
};

fn open(folder: &Path) -> Execute {
    let folder = folder.join("model");
    fs::create_dir_all(&folder).unwrap();
    let config = include_str!("../corpus/model-config/dream.json");
    fs::write(folder.join("config.json"), config).unwrap();
    let shapes = tiny::shapes(&serde_json::from_str(config).unwrap()).unwrap();
    for (part, shapes) in (1..).zip(shapes.chunks(shapes.len().div_ceil(2))) {
        let name = format!("model-0000{part}-of-00002.safetensors");
        fs::write(folder.join(name), tiny::weights(shapes)).unwrap();
    }
    Box::new(move |input| {
        fs::write(folder.join("model.safetensors.index.json"), input).unwrap();
        match Checkpoint::open(&folder) {
            Ok(checkpoint) => tiny::put_to_work(&checkpoint),
            Err(error) => chain(&error),
        }
    })
}
