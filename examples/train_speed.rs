//! Measures the fused engine: tokens per second of a training step.
#![allow(clippy::unwrap_used)]
use diffuscope::train::fused::Fused;
use diffuscope::train::gradient::{Chunk, Engine, Kind, Label, Wanted};
use diffuscope::train::parameters::{Layout, Shape};

fn main() {
    let arguments: Vec<usize> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let (parts, threads, story) = (arguments[0], arguments[1], arguments[2]);
    let layout = Layout::new(Shape { hidden: 192, layers: 6, heads: 6, ffn: 512 }, 900);
    let weights = layout.initial(1);
    let mut chunks = vec![Chunk::default(); parts];
    let mut total = 0;
    for s in 0..48 {
        let len = if s % 8 == 0 { story } else { 50 };
        let ids: Vec<u32> = (0..len).map(|i| ((i * 7919 + s * 31) % 900) as u32).collect();
        let wanted = (len / 2..len).filter(|r| r % 2 == 0).map(|row| Wanted { row, target: ids[row], weight: 1e-3, label: Label { family: 0, kind: Kind::Other } });
        chunks[s % parts].push(&ids, wanted);
        total += len;
    }
    let mut engine = Fused::new(layout.clone(), 512, threads);
    let mut gradient = vec![0.0; layout.len];
    for round in 0..6 {
        let start = std::time::Instant::now();
        engine.gradient(&weights, &chunks, 0.0, &mut gradient).unwrap();
        println!("round {round}: {:.0} tok/s ({total} tokens)", total as f64 / start.elapsed().as_secs_f64());
    }
}
