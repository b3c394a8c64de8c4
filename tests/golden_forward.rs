//! Every network against recorded reference results: full, incremental and cached passes; and against an oracle.
//!
//! The cases are whatever the golden folder lists (`DIFFUSCOPE_GOLDEN`, default `tests/golden`), each a test under its own
//! name; the folder's README gives the layout.

#![allow(clippy::unwrap_used)]

#[path = "golden_forward/oracle.rs"]
mod oracle;
mod support;

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use diffuscope::model::checkpoint::Checkpoint;
use diffuscope::model::device::ComputeDevice;
use diffuscope::model::network::{Logits, Network, Pass, Read};
use diffuscope::model::transformer::Transformer;
use diffuscope::model::weights::LoadError;
use libtest_mimic::Trial;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde_json::Value;
use support::cases::case;
use support::files::golden;

/// The mask token of the set's A2D checkpoints, whose configuration has none (as that of the real ones).
const A2D_MASK: u32 = 509;

/// Absolute tolerance of logits, keys and values in float32.
const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct Index {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(rename = "case")]
    name: String,
    kind: String,
    file: String,
    model: String,
}

type Checked = Result<(), String>;

fn main() -> ExitCode {
    let root = golden();
    let mut trials: Vec<Trial> = cases(&root)
        .into_iter()
        .map(|listed| {
            let root = root.clone();
            case(listed.name.clone(), move || run(&root, &listed))
        })
        .collect();
    let listed = trials.len();
    trials.push(case("cases_are_listed", move || match listed {
        0 => Err(format!("no forward case is listed in {}", root.display())),
        _ => Ok(()),
    }));
    trials.extend(oracle::trials());
    support::cases::run(trials)
}

/// All cases that the index files list, in the order of their names.
fn cases(root: &Path) -> Vec<Case> {
    let folder = root.join("forward");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let is_index = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("index_") && path.extension().is_some_and(|extension| extension == "json")
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(is_index).collect();
    files.sort();
    let read = |file: &PathBuf| serde_json::from_slice::<Index>(&std::fs::read(file).unwrap()).unwrap().cases;
    files.iter().flat_map(read).collect()
}

fn run(root: &Path, case: &Case) -> Checked {
    let folder = root.join("models").join(&case.model);
    let mut network = load(&folder).map_err(|error| error.to_string())?;
    let data = Arrays::open(&root.join(&case.file));
    match case.kind.as_str() {
        "full_forward" | "full_forward_causal" => full(&mut network, &data),
        "kv_cache_incremental" => incremental(&mut network, &data),
        "prefix_cache_forward" => cached(&mut network, &folder, &data, true),
        "dual_cache_forward" => cached(&mut network, &folder, &data, false),
        other => Err(format!("kind `{other}` is unknown to this test")),
    }
}

fn load(folder: &Path) -> Result<Transformer, LoadError> {
    let mut checkpoint = Checkpoint::open(folder)?;
    if json(&folder.join("config.json"))["model_type"].as_str().is_some_and(|kind| kind.starts_with("a2d-")) {
        checkpoint = checkpoint.with_mask(A2D_MASK);
    }
    checkpoint.transformer(&ComputeDevice::cpu())
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Whole sequences at once, one after the other where the reference had a batch.
fn full(network: &mut Transformer, data: &Arrays) -> Checked {
    let (batch, length) = (data.shape("input_ids")[0], data.shape("input_ids")[1]);
    let (ids, logits) = (data.ids("input_ids"), data.floats("logits"));
    let width = length * network.spec().vocab_size;
    for row in 0..batch {
        network.reset();
        let found = feed(network, &ids[row * length..(row + 1) * length], 0)?;
        close("logits", &found, &logits[row * width..(row + 1) * width])?;
    }
    Ok(())
}

/// The sequence whole, in chunks, after a crop, and continued greedily.
fn incremental(network: &mut Transformer, data: &Arrays) -> Checked {
    let ids = data.ids("input_ids");
    let found = feed(network, &ids, 0)?;
    close("logits_full", &found, &data.floats("logits_full"))?;

    network.reset();
    let (mut start, mut logits) = (0, Vec::new());
    for &length in &data.ids("chunk_lens") {
        let end = start + length as usize;
        logits.extend(feed(network, &ids[start..end], start)?);
        start = end;
    }
    close("logits_incremental", &logits, &data.floats("logits_incremental"))?;

    let kept = data.ids("crop_to")[0] as usize;
    network.crop(kept);
    let found = feed(network, &data.ids("after_crop.input_ids"), kept)?;
    close("after_crop.logits", &found, &data.floats("after_crop.logits"))?;

    network.reset();
    let greedy = data.ids("greedy.ids");
    let prompt = data.ids("chunk_lens")[0] as usize;
    let vocab = network.spec().vocab_size;
    let mut written = greedy[..prompt].to_vec();
    let mut fed = 0;
    while written.len() < greedy.len() {
        let logits = feed(network, &written[fed..], fed)?;
        fed = written.len();
        let last = &logits[logits.len() - vocab..];
        written.push((0..vocab).max_by(|&a, &b| last[a].total_cmp(&last[b])).unwrap() as u32);
    }
    if written == greedy { Ok(()) } else { Err(format!("greedy ids {written:?}, expected {greedy:?}")) }
}

/// A filling forward, then calls that feed a part: everything from the block on after dropping those rows (`prefix`),
/// or the block alone, in place.
fn cached(network: &mut Transformer, folder: &Path, data: &Arrays, prefix: bool) -> Checked {
    let ids = data.ids("full.input_ids");
    let found = feed(network, &ids, 0)?;
    close("full.logits", &found, &data.floats("full.logits"))?;
    let rows = rows_of_first_layer(network, folder, ids.len());
    close("full.k_cache.0", &rows.0, &recorded_rows(data, "full.k_cache.0"))?;
    close("full.v_cache.0", &rows.1, &recorded_rows(data, "full.v_cache.0"))?;

    for call in 0.. {
        let name = |what: &str| format!("call{call}.{what}");
        if !data.has(&name("input_ids")) {
            break;
        }
        let fed = data.ids(&name("input_ids"));
        let positions: Vec<usize> = data.ids(&name("positions")).iter().map(|&position| position as usize).collect();
        if prefix {
            network.crop(positions[0]);
        }
        let wanted: Vec<usize> = (0..fed.len()).collect();
        let pass = Pass::new(&fed, &positions, Read::UpTo(ids.len()), &wanted);
        let found = network.forward(pass).map_err(|error| error.to_string())?;
        close(&name("logits"), &values(&found), &data.floats(&name("logits")))?;
    }
    if data.has("final.k_cache.0") {
        let rows = rows_of_first_layer(network, folder, ids.len());
        close("final.k_cache.0", &rows.0, &recorded_rows(data, "final.k_cache.0"))?;
    }

    network.reset();
    let found = feed(network, &data.ids("final.sequence"), 0)?;
    close("final.full_logits_without_cache", &found, &data.floats("final.full_logits_without_cache"))
}

/// Feeds consecutive ids from position `start` on and gives all their logits.
fn feed(network: &mut Transformer, ids: &[u32], start: usize) -> Result<Vec<f32>, String> {
    let positions: Vec<usize> = (start..start + ids.len()).collect();
    let wanted: Vec<usize> = (0..ids.len()).collect();
    let pass = Pass::new(ids, &positions, Read::UpTo(start + ids.len()), &wanted);
    network.forward(pass).map(|logits| values(&logits)).map_err(|error| error.to_string())
}

fn values(logits: &Logits) -> Vec<f32> {
    (0..logits.rows()).flat_map(|row| logits.row(row).to_vec()).collect()
}

/// Keys and values of layer 0 at positions `0..length`, row by row, the keys turned back: the reference keeps them
/// unrotated.
fn rows_of_first_layer(network: &Transformer, folder: &Path, length: usize) -> (Vec<f32>, Vec<f32>) {
    let config = json(&folder.join("config.json"));
    let field = |names: [&str; 2]| names.iter().find_map(|name| config[*name].as_f64()).unwrap();
    let heads = field(["num_attention_heads", "n_heads"]);
    let width = config["head_dim"].as_f64().unwrap_or(field(["hidden_size", "d_model"]) / heads) as usize;
    let theta = field(["rope_theta", "rope_theta"]);
    let (mut all_keys, mut all_values) = (Vec::new(), Vec::new());
    for position in 0..length {
        let (mut keys, values) = network.kv().row(0, position).unwrap();
        for head in keys.chunks_mut(width) {
            for i in 0..width / 2 {
                let angle = position as f64 / theta.powf(2.0 * i as f64 / width as f64);
                let (a, b) = (f64::from(head[i]), f64::from(head[i + width / 2]));
                head[i] = (a * angle.cos() + b * angle.sin()) as f32;
                head[i + width / 2] = (b * angle.cos() - a * angle.sin()) as f32;
            }
        }
        all_keys.extend(keys);
        all_values.extend(values);
    }
    (all_keys, all_values)
}

/// Recorded cache rows, row by row: `(1, rows, width)` as they are, `(1, heads, rows, head_dim)` turned around.
fn recorded_rows(data: &Arrays, name: &str) -> Vec<f32> {
    let values = data.floats(name);
    let &[_, heads, rows, width] = data.shape(name).as_slice() else { return values };
    let row = |row: usize| (0..heads).flat_map(move |head| (0..width).map(move |i| (head * rows + row) * width + i));
    (0..rows).flat_map(row).map(|index| values[index]).collect()
}

/// Whether all values agree; a difference that is no number is one.
fn close(name: &str, found: &[f32], expected: &[f32]) -> Checked {
    if found.len() != expected.len() {
        return Err(format!("{name} has {} values, expected {}", found.len(), expected.len()));
    }
    match found
        .iter()
        .zip(expected)
        .position(|(a, b)| (a - b).abs().partial_cmp(&TOLERANCE).is_none_or(Ordering::is_gt))
    {
        Some(i) => Err(format!("{name}[{i}] is {}, expected {}", found[i], expected[i])),
        None => Ok(()),
    }
}

/// A safetensors file of ids and floats.
struct Arrays(Vec<u8>);

impl Arrays {
    fn open(path: &Path) -> Self {
        Self(std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    fn file(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).unwrap()
    }

    fn has(&self, name: &str) -> bool {
        self.file().tensor(name).is_ok()
    }

    fn shape(&self, name: &str) -> Vec<usize> {
        self.file().tensor(name).unwrap().shape().to_vec()
    }

    fn ids(&self, name: &str) -> Vec<u32> {
        let file = self.file();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::I64, "{name}");
        tensor.data().as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as u32).collect()
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let file = self.file();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::F32, "{name}");
        tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }
}
