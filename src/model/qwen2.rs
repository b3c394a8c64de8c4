//! The Qwen2 body in its two uses: bidirectional denoiser (Dream) and causal language model (Qwen2, Qwen2.5).
//!
//! Pre-norm blocks of grouped-query attention with rotary positions and biased q, k, v, then SwiGLU; the head may
//! be the transposed embedding. Tensor names are those of the published checkpoints. Logits are returned as the
//! head gives them: row `i` predicts token `i + 1` in both uses.

use candle_core::{Device, Tensor};

use crate::model::config::Qwen2Config;
use crate::model::device::ComputeDevice;
use crate::model::kv::{KvBuffers, KvPlan, KvShape, as_run, index};
use crate::model::layers::{Linear, RmsNorm, Rotary, SwiGlu, attend, split_heads};
use crate::model::network::{Logits, Network, NetworkError, NetworkSpec, Pass};
use crate::model::weights::{LoadError, Weights};

/// A Qwen2 body with its K/V buffers.
#[derive(Debug)]
pub struct Qwen2Network {
    spec: NetworkSpec,
    embedding: Embedding,
    layers: Vec<Layer>,
    norm: RmsNorm,
    head: Tensor,
    rotary: Rotary,
    kv: KvBuffers,
    device: Device,
}

/// Where token vectors come from.
#[derive(Debug)]
enum Embedding {
    /// Rows of `(vocab, hidden)`.
    Own(Tensor),
    /// Columns of the head, `(hidden, vocab)`: held once, in the order that the head needs.
    Tied,
}

#[derive(Debug)]
struct Layer {
    input_norm: RmsNorm,
    qkv: Linear,
    output: Linear,
    post_norm: RmsNorm,
    mlp: SwiGlu,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
}

impl Qwen2Network {
    /// Builds the body of a validated configuration; every tensor is checked against it.
    pub fn new(config: &Qwen2Config, weights: &Weights, device: &ComputeDevice) -> Result<Self, LoadError> {
        let device = device.tensors();
        let (vocab, hidden) = (config.vocab_size, config.hidden_size);
        let embedding = weights.take("model.embed_tokens.weight", &[vocab, hidden], device)?;
        let (embedding, head) = if config.tie_word_embeddings {
            (Embedding::Tied, embedding)
        } else {
            (Embedding::Own(embedding), weights.take("lm_head.weight", &[vocab, hidden], device)?)
        };
        let layers = (0..config.num_hidden_layers).map(|layer| Layer::new(config, weights, layer, device));
        let layers = layers.collect::<Result<_, _>>()?;
        let norm = RmsNorm::new(weights.take("model.norm.weight", &[hidden], device)?, config.rms_norm_eps);
        let shape = KvShape {
            layers: config.num_hidden_layers,
            kv_heads: config.kv_heads(),
            head_dim: config.head_width(),
            max_positions: config.max_position_embeddings,
        };
        Ok(Self {
            spec: config.spec(weights.taken()),
            embedding,
            layers,
            norm,
            head: head.t()?.contiguous()?,
            rotary: Rotary::new(config.head_width(), config.rope_theta, device)?,
            kv: KvBuffers::new(shape, device)?,
            device: device.clone(),
        })
    }

    /// The K/V buffers, for views and tests.
    pub fn kv(&self) -> &KvBuffers {
        &self.kv
    }

    /// Runs a checked and planned pass: `(wanted, vocab)`.
    fn run(&mut self, pass: &Pass<'_>, plan: &KvPlan) -> candle_core::Result<Tensor> {
        let ids = Tensor::new(pass.ids, &self.device)?;
        let mut x = match &self.embedding {
            Embedding::Own(table) => table.index_select(&ids, 0)?,
            Embedding::Tied => self.head.index_select(&ids, 1)?.t()?.contiguous()?,
        };
        let turn = self.rotary.rows(pass.positions)?;
        let last = self.layers.len() - 1;
        for (number, layer) in self.layers.iter().enumerate() {
            let (q, k, v) = layer.project(&x, &turn)?;
            self.kv.write(number, plan, &k, &v)?;
            // Above the last layer's K/V only the wanted rows matter.
            let narrowed = number == last && pass.wanted.len() < pass.ids.len();
            if narrowed && pass.wanted.is_empty() {
                return Tensor::zeros((0, self.spec.vocab_size), x.dtype(), &Device::Cpu);
            }
            let (keys, values) = self.kv.read(number, plan)?;
            x = if narrowed {
                let visible = plan.visible().map(|all| pass.wanted.iter().map(|&row| all[row]).collect::<Vec<_>>());
                let (q, x) = (rows(&q, 1, pass.wanted)?, rows(&x, 0, pass.wanted)?);
                layer.finish(&x, &attend(&q, &keys, &values, visible.as_deref())?)?
            } else {
                layer.finish(&x, &attend(&q, &keys, &values, plan.visible())?)?
            };
        }
        self.norm.forward(&x)?.matmul(&self.head)
    }
}

impl Layer {
    fn new(config: &Qwen2Config, weights: &Weights, number: usize, device: &Device) -> Result<Self, LoadError> {
        let (hidden, inner, head_dim) = (config.hidden_size, config.intermediate_size, config.head_width());
        let (heads, kv_heads) = (config.num_attention_heads, config.kv_heads());
        let take = |name: &str, shape: &[usize]| weights.take(&format!("model.layers.{number}.{name}"), shape, device);
        let norm = |name: &str| Ok::<_, LoadError>(RmsNorm::new(take(name, &[hidden])?, config.rms_norm_eps));
        // The scale of attention goes into the queries' map once, instead of into every score.
        let scale = 1.0 / (head_dim as f64).sqrt();
        let qkv = Linear::stacked(
            &[
                (take("self_attn.q_proj.weight", &[heads * head_dim, hidden])? * scale)?,
                take("self_attn.k_proj.weight", &[kv_heads * head_dim, hidden])?,
                take("self_attn.v_proj.weight", &[kv_heads * head_dim, hidden])?,
            ],
            Some(&[
                (take("self_attn.q_proj.bias", &[heads * head_dim])? * scale)?,
                take("self_attn.k_proj.bias", &[kv_heads * head_dim])?,
                take("self_attn.v_proj.bias", &[kv_heads * head_dim])?,
            ]),
        )?;
        Ok(Self {
            input_norm: norm("input_layernorm.weight")?,
            qkv,
            output: Linear::new(&take("self_attn.o_proj.weight", &[hidden, heads * head_dim])?, None)?,
            post_norm: norm("post_attention_layernorm.weight")?,
            mlp: SwiGlu::new(
                take("mlp.gate_proj.weight", &[inner, hidden])?,
                take("mlp.up_proj.weight", &[inner, hidden])?,
                &take("mlp.down_proj.weight", &[hidden, inner])?,
            )?,
            heads,
            kv_heads,
            head_dim,
        })
    }

    /// Rotated queries `(heads, rows, head_dim)`, rotated keys and values `(kv_heads, rows, head_dim)`.
    fn project(&self, x: &Tensor, turn: &(Tensor, Tensor)) -> candle_core::Result<(Tensor, Tensor, Tensor)> {
        let turned = self.heads + self.kv_heads;
        let qkv = self.qkv.forward(&self.input_norm.forward(x)?)?;
        let heads = split_heads(&qkv, self.head_dim, turned, turn)?;
        Ok((
            heads.narrow(0, 0, self.heads)?,
            heads.narrow(0, self.heads, self.kv_heads)?,
            heads.narrow(0, turned, self.kv_heads)?,
        ))
    }

    /// The rest of the block for the rows `x`, given what their queries gathered.
    fn finish(&self, x: &Tensor, context: &Tensor) -> candle_core::Result<Tensor> {
        let x = (x + self.output.forward(context)?)?;
        let inner = self.mlp.forward(&self.post_norm.forward(&x)?)?;
        x + inner
    }
}

/// The rows at these ascending indexes of dimension `dim`, contiguous.
fn rows(x: &Tensor, dim: usize, wanted: &[usize]) -> candle_core::Result<Tensor> {
    match as_run(wanted) {
        Some(run) => x.narrow(dim, run.start, run.len())?.contiguous(),
        None => x.contiguous()?.index_select(&index(wanted, x.device())?, dim),
    }
}

impl Network for Qwen2Network {
    fn spec(&self) -> &NetworkSpec {
        &self.spec
    }

    fn reset(&mut self) {
        self.kv.reset();
    }

    fn crop(&mut self, len: usize) {
        self.kv.crop(len);
    }

    fn forward(&mut self, pass: Pass<'_>) -> Result<Logits, NetworkError> {
        pass.check(&self.spec)?;
        let plan = self.kv.plan(&pass, self.spec.attention)?;
        let logits = self.run(&pass, &plan)?;
        self.kv.commit(&plan);
        Ok(Logits::new(self.spec.vocab_size, logits.flatten_all()?.to_vec1()?))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Mutex;

    use proptest::prelude::*;
    use proptest::sample::subsequence;

    use super::*;
    use crate::model::network::Read;
    use crate::model::testing::{CONTEXT, Tiny, VOCAB};

    /// Logits of every fed row.
    fn feed(network: &mut Qwen2Network, ids: &[u32], positions: &[usize], read: Read<'_>) -> Logits {
        let wanted: Vec<usize> = (0..ids.len()).collect();
        network.forward(Pass::new(ids, positions, read, &wanted)).unwrap()
    }

    /// A sequence from its beginning, with nothing kept from before.
    fn whole(network: &mut Qwen2Network, ids: &[u32]) -> Logits {
        network.reset();
        let positions: Vec<usize> = (0..ids.len()).collect();
        feed(network, ids, &positions, Read::UpTo(ids.len()))
    }

    fn pick<T: Copy>(values: &[T], indexes: &[usize]) -> Vec<T> {
        indexes.iter().map(|&index| values[index]).collect()
    }

    /// The rows of `found` equal those of `all` at `indexes`.
    fn same_rows(found: &Logits, all: &Logits, indexes: &[usize]) -> Result<(), TestCaseError> {
        prop_assert_eq!(found.rows(), indexes.len());
        for (row, &index) in indexes.iter().enumerate() {
            for (a, b) in found.row(row).iter().zip(all.row(index)) {
                prop_assert!((a - b).abs() < 2e-5, "row {index}: {a} and {b}");
            }
        }
        Ok(())
    }

    /// A denoiser and a guide, made once.
    fn networks() -> &'static Mutex<[Qwen2Network; 2]> {
        static NETWORKS: std::sync::OnceLock<Mutex<[Qwen2Network; 2]>> = std::sync::OnceLock::new();
        NETWORKS.get_or_init(|| Mutex::new([Tiny::new("Dream", false).network(), Tiny::new("qwen2", true).network()]))
    }

    fn sequence() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(0..VOCAB as u32, 2..40)
    }

    /// A sequence and two subsets of its indexes, neither empty.
    fn sequence_and_subsets() -> impl Strategy<Value = (Vec<u32>, Vec<usize>, Vec<usize>)> {
        sequence().prop_flat_map(|ids| {
            let some = || subsequence((0..ids.len()).collect::<Vec<_>>(), 1..=ids.len());
            (Just(ids.clone()), some(), some())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn refeeding_everything_equals_a_fresh_pass((old, new) in (sequence(), sequence())) {
            for network in networks().lock().unwrap().iter_mut() {
                let fresh = whole(network, &new);
                whole(network, &old);
                let positions: Vec<usize> = (0..new.len()).collect();
                let again = feed(network, &new, &positions, Read::UpTo(new.len()));
                same_rows(&again, &fresh, &positions)?;
            }
        }

        #[test]
        fn refeeding_a_part_unchanged_gives_the_same_logits((ids, part, wanted) in sequence_and_subsets()) {
            let everything: Vec<usize> = (0..ids.len()).collect();
            for network in networks().lock().unwrap().iter_mut() {
                let full = whole(network, &ids);
                let fed = pick(&ids, &part);
                same_rows(&feed(network, &fed, &part, Read::UpTo(ids.len())), &full, &part)?;
                // Naming the rows one by one is the same as their range.
                same_rows(&feed(network, &fed, &part, Read::Rows(&everything)), &full, &part)?;
                // Asking for fewer logits does not change them.
                let read = Read::UpTo(ids.len());
                let fewer = network.forward(Pass::new(&ids, &everything, read, &wanted)).unwrap();
                same_rows(&fewer, &full, &wanted)?;
            }
        }

        #[test]
        fn a_guide_reads_in_any_portions((ids, cuts, _) in sequence_and_subsets()) {
            let guide = &mut networks().lock().unwrap()[1];
            let full = whole(guide, &ids);
            guide.reset();
            let mut start = 0;
            for end in cuts.into_iter().chain([ids.len()]).filter(|&end| end > 0) {
                if end > start {
                    let positions: Vec<usize> = (start..end).collect();
                    same_rows(&feed(guide, &ids[start..end], &positions, Read::UpTo(end)), &full, &positions)?;
                    start = end;
                }
            }
        }

        #[test]
        fn only_distances_between_positions_matter((ids, part, _) in sequence_and_subsets(), shift in 1..300_usize) {
            for network in networks().lock().unwrap().iter_mut() {
                network.reset();
                let fed = pick(&ids, &part);
                let here = feed(network, &fed, &part, Read::Rows(&part));
                let there: Vec<usize> = part.iter().map(|position| position + shift).collect();
                let shifted = feed(network, &fed, &there, Read::Rows(&there));
                let all: Vec<usize> = (0..part.len()).collect();
                for (row, &index) in all.iter().enumerate() {
                    for (a, b) in here.row(row).iter().zip(shifted.row(index)) {
                        prop_assert!((a - b).abs() < 1e-3, "{a} and {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_context_of_a_denoiser_reaches_forward_and_a_guides_does_not() {
        let [denoiser, guide] = &mut *networks().lock().unwrap();
        let (one, other) = ([5, 6, 7], [5, 6, 8]);
        assert_ne!(whole(denoiser, &one).row(0), whole(denoiser, &other).row(0));
        assert_eq!(whole(guide, &one).row(0), whole(guide, &other).row(0));
    }

    #[test]
    fn no_logits_are_made_when_none_are_wanted() {
        let [denoiser, _] = &mut *networks().lock().unwrap();
        let full = whole(denoiser, &[5, 6, 7]);
        denoiser.reset();
        let pass = Pass::new(&[5, 6, 7], &[0, 1, 2], Read::UpTo(3), &[]);
        assert_eq!(denoiser.forward(pass).unwrap().rows(), 0);
        let later = feed(denoiser, &[7], &[2], Read::UpTo(3));
        same_rows(&later, &full, &[2]).unwrap();
    }

    /// Ids, positions, read rows and wanted indexes of a pass, and what its error says.
    type Refused = (&'static [u32], &'static [usize], Read<'static>, &'static [usize], &'static str);

    #[test]
    fn malformed_passes_are_refused_and_change_nothing() {
        let [denoiser, _] = &mut *networks().lock().unwrap();
        let full = whole(denoiser, &[5, 6, 7]);
        let cases: [Refused; 10] = [
            (&[], &[], Read::UpTo(3), &[], "no row is fed"),
            (&[5], &[0, 1], Read::UpTo(3), &[], "1 ids are fed at 2 positions"),
            (&[5, 5], &[1, 1], Read::UpTo(3), &[], "position 1 follows 1"),
            (&[5, 5], &[0, 1], Read::UpTo(3), &[1, 0], "wanted index 0 follows 1"),
            (&[5, 5], &[0, 1], Read::UpTo(3), &[2], "row 2 is wanted, but only 2 are fed"),
            (&[5], &[0], Read::Rows(&[2, 1]), &[], "read row 1 follows 2"),
            (&[5], &[0], Read::Rows(&[]), &[], "no K/V row is read"),
            (&[24], &[0], Read::UpTo(3), &[], "token id 24 is outside the vocabulary of 24"),
            (&[5], &[CONTEXT], Read::UpTo(3), &[], "position 1024 is beyond the network's context of 1024"),
            (&[5], &[0], Read::UpTo(4), &[], "K/V row 3 is read before it was written"),
        ];
        for (ids, positions, read, wanted, expected) in cases {
            let message = denoiser.forward(Pass::new(ids, positions, read, wanted)).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}, expected {expected}");
        }
        same_rows(&feed(denoiser, &[6], &[1], Read::UpTo(3)), &full, &[1]).unwrap();
    }

    #[test]
    fn a_sequence_can_fill_the_context() {
        let [denoiser, guide] = &mut *networks().lock().unwrap();
        let ids: Vec<u32> = (0..CONTEXT).map(|position| (position * 5 % VOCAB) as u32).collect();
        assert_eq!(whole(denoiser, &ids).rows(), CONTEXT);
        assert_eq!(whole(guide, &ids).rows(), CONTEXT);
    }
}
