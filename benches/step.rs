//! What a decoder's own work takes per step, without the networks: schedule, cache, proposals, selection, record.
//!
//! ```sh
//! cargo bench --bench step
//! ```

use anyhow::{Context, Result};
use diffuscope::{
    decode::{Decoder, Networks, clock::WallClock},
    model::network::Alignment,
    settings::{Layers, preset},
};

#[path = "../tests/support/scripted.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "made for tests")]
mod scripted;

use scripted::{MASK, PROMPT, Scripted, VOCAB};

const STEPS: usize = 31;

fn main() -> Result<()> {
    println!("microseconds per step beside the network, median of {STEPS} steps from the first on");
    println!("{:<20} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}", "preset", 64, 128, 256, 512, 1024, 2048);
    for name in ["plain", "threshold", "fast-dllm-dual", "elastic-cache", "dkv-decode", "klass"] {
        print!("{name:<20}");
        for masks in [64, 128, 256, 512, 1024, 2048] {
            print!(" {:>8}", median(name, masks)?);
        }
        println!();
    }
    Ok(())
}

/// Microseconds of a step on so many masks.
fn median(name: &str, masks: usize) -> Result<u64> {
    let mut layers = Layers::default();
    layers.set_preset(preset(name).with_context(|| format!("no preset {name}"))?.clone());
    // Hardly sure of anything, and never twice of the same.
    let script = |position: usize, seen: scripted::Visible<'_>| {
        let known = seen.iter().flatten().filter(|id| **id != MASK).count();
        (0..VOCAB).map(|id| ((id * 7 + position * 13 + known * 5) % 17) as f32 / 8.0).collect()
    };
    let mut network = Scripted::denoiser(Alignment::Aligned, script).with_context(2 * masks);
    let spec = diffuscope::model::network::Network::spec(&network).clone();
    let mut decoder = Decoder::new(&spec, None, &PROMPT, masks, layers.resolve())?;
    let mut micros = Vec::new();
    while micros.len() < STEPS && decoder.stopped().is_none() {
        let record = decoder.step(Networks { denoiser: &mut network, guide: None }, &WallClock::default())?;
        micros.push(record.cost.other_us);
    }
    micros.sort_unstable();
    Ok(micros[micros.len() / 2])
}
