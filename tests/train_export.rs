//! What the trainer writes is what the playground's networks read: the same logits from both.

#![allow(clippy::unwrap_used)]

mod support;

use diffuscope::model::checkpoint::Checkpoint;
use diffuscope::model::device::ComputeDevice;
use diffuscope::model::network::{Alignment, Attention, Pass, Read};
use diffuscope::train::export::{self, Use};
use diffuscope::train::fused::Fused;
use diffuscope::train::gradient::{Chunk, GradientEngine, Label, TokenKind, WantedRow};
use diffuscope::train::parameters::{ParameterLayout, Shape};
use support::files::Folder;

#[test]
fn an_exported_network_gives_the_trainers_logits() {
    let layout = ParameterLayout::new(Shape { hidden: 24, layers: 3, heads: 3, ffn: 40 }, 64);
    // Biases and norms off their initial values, and everything as the f16 of the file.
    let weights: Vec<f32> = layout
        .initial(11)
        .iter()
        .enumerate()
        .map(|(i, w)| half::f16::from_f32(w + (i % 7) as f32 * 0.03 - 0.09).to_f32())
        .collect();
    let ids: Vec<u32> = (0..20).map(|i| (i * 13 + 5) % 64).collect();
    let wanted = [3usize, 9, 18, 19];
    let mut chunk = Chunk::default();
    let label = Label { family: 0, kind: TokenKind::Other };
    chunk.push(&ids, wanted.map(|row| WantedRow { row, target: 0, weight: 1.0, label }));
    let positions: Vec<usize> = (0..ids.len()).collect();

    for (use_, future) in [(Use::Denoiser, 0.0), (Use::Guide, f32::NEG_INFINITY)] {
        let folder = Folder::new();
        let vocabulary = export::TokenNames { json: "{}", end: 0, mask: 1 };
        export::write(folder.root(), &layout, &weights, 128, vocabulary, use_).unwrap();
        let checkpoint = Checkpoint::open(folder.root()).unwrap();
        let mut network = checkpoint.network(&ComputeDevice::cpu()).unwrap();
        let spec = network.spec().clone();
        assert_eq!((spec.parameters, spec.max_positions, spec.eos_id), (layout.len, 128, 0));
        match use_ {
            Use::Denoiser => assert_eq!((spec.attention, spec.mask_id), (Attention::Bidirectional, Some(1))),
            Use::Guide => assert_eq!((spec.attention, spec.mask_id), (Attention::Causal, None)),
        }
        assert_eq!(spec.alignment, Alignment::Shifted);

        let pass = Pass::new(&ids, &positions, Read::UpTo(ids.len()), &wanted);
        let found = network.forward(pass).unwrap();
        let mut engine = Fused::new(layout.clone(), 128, 1);
        let expected = engine.logits(&weights, std::slice::from_ref(&chunk), future).unwrap().remove(0);
        for (row, expected) in expected.chunks_exact(64).enumerate() {
            for (a, b) in found.row(row).iter().zip(expected) {
                assert!((a - b).abs() < 1e-4, "{a} and {b}, {use_:?}");
            }
        }
    }
}
