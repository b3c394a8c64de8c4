//! How long one full forward takes, and how much memory loading and running take.
//!
//! `forward_torch.py` beside this file runs it against `PyTorch` on the same weights and makes the table of
//! `results/`; by itself it measures one checkpoint:
//!
//! ```sh
//! cargo bench --bench forward -- make FOLDER           # random LLaDA checkpoints: float32, Q8_0, Q4_K
//! cargo bench --bench forward -- measure PATH 64 512   # medians, and memory against weights and K/V rows
//! cargo bench --bench forward -- serve PATH            # reads numbers of positions, answers with milliseconds
//! cargo bench --bench forward -- products              # single products: floats, blocks, blocks unpacked to floats
//! ```

use std::fs::File;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use diffuscope::model::checkpoint::Checkpoint;
use diffuscope::model::device::{ComputeDevice, among_workers};
use diffuscope::model::network::{Network, Pass, Read};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

/// Sizes of a random network.
struct Size {
    name: &'static str,
    hidden: usize,
    inner: usize,
    layers: usize,
    heads: usize,
    vocab: usize,
}

/// About 5, 60 and 500 million weights. Widths are multiples of 256, which blocks of 256 numbers need.
const SIZES: [Size; 3] = [
    Size { name: "5M", hidden: 256, inner: 768, layers: 5, heads: 4, vocab: 1024 },
    Size { name: "60M", hidden: 512, inner: 1536, layers: 12, heads: 8, vocab: 16_384 },
    Size { name: "0.5B", hidden: 1024, inner: 3072, layers: 24, heads: 16, vocab: 81_920 },
];

/// Forwards before one that counts, in a program that waited for its turn.
const WARM_UP: Duration = Duration::from_millis(50);

/// Forwards per number of positions, after one that warms up.
const REPEATS: usize = 9;

fn main() -> Result<()> {
    diffuscope::process::prepare();
    // Cargo puts a flag of its own behind the arguments.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["make", folder] => SIZES.iter().try_for_each(|size| size.make(Path::new(folder))),
        ["measure", path, ref positions @ ..] => {
            let positions = positions.iter().map(|count| Ok(count.parse()?)).collect::<Result<Vec<usize>>>()?;
            measure(Path::new(path), &positions)
        }
        ["serve", path] => serve(Path::new(path)),
        ["products"] => products(),
        // Without arguments, as `cargo bench` alone runs it, there is nothing to measure.
        [] => Ok(()),
        _ => bail!("expected `make FOLDER`, `measure PATH POSITIONS...` or `serve PATH`"),
    }
}

impl Size {
    /// Names and shapes of all tensors.
    fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        let (hidden, inner) = (self.hidden, self.inner);
        let mut shapes = vec![
            ("model.transformer.wte".to_owned(), vec![self.vocab, hidden]),
            ("model.transformer.ff_out".to_owned(), vec![self.vocab, hidden]),
            ("model.transformer.ln_f".to_owned(), vec![hidden]),
        ];
        for layer in 0..self.layers {
            let square = ["q_proj", "k_proj", "v_proj", "attn_out"].map(|part| (part, vec![hidden, hidden]));
            let inner = [
                ("ff_proj", vec![inner, hidden]),
                ("up_proj", vec![inner, hidden]),
                ("ff_out", vec![hidden, inner]),
                ("attn_norm", vec![hidden]),
                ("ff_norm", vec![hidden]),
            ];
            let parts = square.into_iter().chain(inner);
            shapes.extend(parts.map(|(part, shape)| (format!("model.transformer.blocks.{layer}.{part}"), shape)));
        }
        shapes.into_iter().map(|(name, shape)| (format!("{name}.weight"), shape)).collect()
    }

    /// Writes the network in float32 to a folder, and in blocks to files beside it, unless they are there.
    fn make(&self, folder: &Path) -> Result<()> {
        let plain = folder.join(self.name);
        if plain.join("config.json").exists() {
            return Ok(());
        }
        std::fs::create_dir_all(&plain)?;
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut tensors = Vec::new();
        for (name, shape) in self.shapes() {
            let count = shape.iter().product();
            let values: Vec<f32> = match shape.len() {
                1 => vec![1.0; count],
                _ => (0..count).map(|_| random.random_range(-0.04..0.04)).collect(),
            };
            tensors.push((name, Tensor::from_vec(values, shape, &Device::Cpu)?));
        }
        let named = tensors.iter().cloned().collect();
        candle_core::safetensors::save(&named, plain.join("model.safetensors"))?;
        for (suffix, encoding) in [("Q8_0", GgmlDType::Q8_0), ("Q4_K", GgmlDType::Q4K)] {
            self.gguf(&folder.join(format!("{}-{suffix}.gguf", self.name)), &tensors, encoding)?;
        }
        let config = json!({
            "model_type": "llada", "architectures": ["LLaDAModelLM"], "d_model": self.hidden,
            "mlp_hidden_size": self.inner, "n_layers": self.layers, "n_heads": self.heads, "n_kv_heads": self.heads,
            "vocab_size": self.vocab, "embedding_size": self.vocab, "max_sequence_length": 4096,
            "rms_norm_eps": 1e-5, "rope_theta": 500_000.0, "weight_tying": false, "include_bias": false,
            "activation_type": "silu", "block_type": "llama", "layer_norm_type": "rms", "rope": true,
            "mask_token_id": self.vocab - 1, "eos_token_id": self.vocab - 2
        });
        // Last, as the sign that everything is there.
        std::fs::write(plain.join("config.json"), serde_json::to_string_pretty(&config)?)?;
        Ok(())
    }

    fn gguf(&self, path: &Path, tensors: &[(String, Tensor)], encoding: GgmlDType) -> Result<()> {
        let whole = |number: usize| Value::U32(number as u32);
        let fields = [
            ("general.architecture", Value::String("llada".into())),
            ("llada.block_count", whole(self.layers)),
            ("llada.context_length", whole(4096)),
            ("llada.embedding_length", whole(self.hidden)),
            ("llada.feed_forward_length", whole(self.inner)),
            ("llada.attention.head_count", whole(self.heads)),
            ("llada.attention.head_count_kv", whole(self.heads)),
            ("llada.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
            ("llada.rope.freq_base", Value::F32(500_000.0)),
            ("tokenizer.ggml.mask_token_id", whole(self.vocab - 1)),
            ("tokenizer.ggml.eos_token_id", whole(self.vocab - 2)),
        ];
        let mut blocks = Vec::new();
        for (name, tensor) in tensors {
            let encoding = if tensor.rank() == 1 { GgmlDType::F32 } else { encoding };
            blocks.push((gguf_name(name)?, QTensor::quantize(&self.reordered(name, tensor)?, encoding)?));
        }
        let fields: Vec<(&str, &Value)> = fields.iter().map(|(key, value)| (*key, value)).collect();
        let tensors: Vec<(&str, &QTensor)> = blocks.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        Ok(gguf_file::write(&mut File::create(path)?, &fields, &tensors)?)
    }

    /// Rows of queries and keys in the order in which neighbours are a rotary pair.
    fn reordered(&self, name: &str, weight: &Tensor) -> Result<Tensor> {
        if !name.ends_with("q_proj.weight") && !name.ends_with("k_proj.weight") {
            return Ok(weight.clone());
        }
        let halves = weight.reshape((self.heads, 2, self.hidden / self.heads / 2, self.hidden))?;
        Ok(halves.transpose(1, 2)?.contiguous()?.reshape(weight.shape())?)
    }
}

fn gguf_name(name: &str) -> Result<String> {
    let base = name.strip_prefix("model.transformer.").and_then(|name| name.strip_suffix(".weight"));
    let base = base.context("a tensor outside the network")?;
    let (prefix, part) = match base.strip_prefix("blocks.").and_then(|rest| rest.split_once('.')) {
        Some((layer, part)) => (format!("blk.{layer}."), part),
        None => (String::new(), base),
    };
    let part = match (prefix.is_empty(), part) {
        (true, "wte") => "token_embd",
        (true, "ln_f") => "output_norm",
        (true, _) => "output",
        (_, "q_proj") => "attn_q",
        (_, "k_proj") => "attn_k",
        (_, "v_proj") => "attn_v",
        (_, "attn_out") => "attn_output",
        (_, "ff_proj") => "ffn_gate",
        (_, "up_proj") => "ffn_up",
        (_, "ff_out") => "ffn_down",
        (_, "attn_norm") => "attn_norm",
        (_, _) => "ffn_norm",
    };
    Ok(format!("{prefix}{part}.weight"))
}

/// One full forward of so many positions: milliseconds, and the first logit of the last row.
fn forward(network: &mut dyn Network, positions: usize) -> Result<(f64, f32)> {
    let vocab = network.spec().vocab_size;
    let ids: Vec<u32> = (0..positions).map(|position| ((position * 7919 + 13) % vocab) as u32).collect();
    let rows: Vec<usize> = (0..positions).collect();
    network.reset();
    let start = Instant::now();
    let logits = among_workers(|| network.forward(Pass::new(&ids, &rows, Read::UpTo(positions), &rows)))?;
    Ok((start.elapsed().as_secs_f64() * 1e3, logits.row(positions - 1)[0]))
}

fn measure(path: &Path, positions: &[usize]) -> Result<()> {
    let device = ComputeDevice::cpu();
    let longest = positions.iter().copied().max().unwrap_or(1);
    let before = memory("VmRSS")?;
    let start = Instant::now();
    let checkpoint = Checkpoint::open(path)?;
    let need = checkpoint.memory_need(longest, &device)?;
    let mut network = checkpoint.network(&device)?;
    let (seconds, loaded, peak) = (start.elapsed().as_secs_f64(), memory("VmRSS")?, memory("VmHWM")?);
    let parameters = network.spec().parameters as f64 / 1e6;
    println!("{}: {parameters:.1} M weights, loaded in {seconds:.2} s", path.display());
    let mega = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "  memory, MB: need {:.0}; loaded {:.0}, peak {:.0}",
        mega(need),
        mega(loaded - before),
        mega(peak - before)
    );
    for &count in positions {
        forward(&mut *network, count)?;
        let mut times = (0..REPEATS).map(|_| Ok(forward(&mut *network, count)?.0)).collect::<Result<Vec<f64>>>()?;
        times.sort_by(f64::total_cmp);
        println!("  {count} positions: {:.2} ms (median of {REPEATS}, least {:.2})", times[REPEATS / 2], times[0]);
    }
    println!("  memory, MB: peak {:.0} after running", mega(memory("VmHWM")? - before));
    Ok(())
}

/// Answers each line with a number of positions by milliseconds and a logit, so that another program can take turns.
fn serve(path: &Path) -> Result<()> {
    let device = ComputeDevice::cpu();
    let mut network = Checkpoint::open(path)?.network(&device)?;
    let mut out = io::stdout();
    writeln!(out, "ready")?;
    for line in io::stdin().lock().lines() {
        let positions = line?.trim().parse()?;
        // Decoding does one forward after the other: the first ones after a pause only wake threads and the core.
        let begin = Instant::now();
        while begin.elapsed() < WARM_UP {
            forward(&mut *network, positions)?;
        }
        let (milliseconds, logit) = forward(&mut *network, positions)?;
        writeln!(out, "{milliseconds:.4} {logit:.6}")?;
    }
    Ok(())
}

/// One map of 2048 to 2048 for few rows and for many: microseconds in floats, and for each kind of block in integers and
/// unpacked to floats on the way.
fn products() -> Result<()> {
    use GgmlDType::{Q4K, Q5_0, Q5K, Q6K, Q8_0};
    const WIDTH: usize = 2048;
    let weight = Tensor::randn(0_f32, 1.0, (WIDTH, WIDTH), &Device::Cpu)?;
    let turned = weight.t()?.contiguous()?;
    let median = |product: &dyn Fn() -> candle_core::Result<Tensor>| -> Result<f64> {
        product()?;
        let mut times = Vec::new();
        for _ in 0..REPEATS {
            let start = Instant::now();
            product()?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        times.sort_by(f64::total_cmp);
        Ok(times[REPEATS / 2])
    };
    println!("rows | floats (in, out) | floats (out, in) | then for each kind: blocks, unpacked");
    for rows in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] {
        let x = Tensor::randn(0_f32, 1.0, (rows, WIDTH), &Device::Cpu)?;
        let straight = median(&|| x.matmul(&turned))?;
        let across = median(&|| x.matmul(&weight.t()?))?;
        print!("{rows} | {straight:.0} | {across:.0}");
        for kind in [Q8_0, Q4K, Q5K, Q6K, Q5_0] {
            let blocks = QTensor::quantize(&weight, kind)?;
            let integers = median(&|| x.apply_op1_no_bwd(&blocks))?;
            let unpacked = median(&|| x.matmul(&blocks.dequantize(&Device::Cpu)?.t()?))?;
            print!(" | {kind:?}: {integers:.0}, {unpacked:.0}");
        }
        println!();
    }
    Ok(())
}

/// A line of the system's account of this process, in bytes; 0 where there is none.
fn memory(field: &str) -> Result<u64> {
    let Ok(status) = std::fs::read_to_string(PathBuf::from("/proc/self/status")) else { return Ok(0) };
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kilobytes: u64 = line.context("no such line")?.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}
