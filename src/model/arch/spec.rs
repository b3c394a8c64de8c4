//! What a configuration comes to: the parts of a transformer, and the names of its tensors.

use super::Arch;
use crate::model::config::Dims;
use crate::model::layers::RopeStretch;
use crate::model::network::NetworkSpec;

/// What a transformer is made of, by its configuration.
#[derive(Debug)]
pub(in crate::model) struct ArchSpec {
    /// What does not depend on the configuration.
    pub arch: &'static Arch,
    /// Sizes.
    pub dims: Dims,
    /// Whether the head is the embedding, transposed.
    pub tied: bool,
    /// Which linear maps have biases.
    pub biases: Biases,
    /// How the configuration has the rotary embedding stretched.
    pub rope_stretch: Option<RopeStretch>,
    /// What token vectors are multiplied with.
    pub embedding_scale: Option<f64>,
    /// What logits are multiplied with.
    pub logit_scale: Option<f64>,
    /// The mask token, if the configuration names one.
    pub mask_id: Option<u32>,
    /// The end of text, if the configuration names one.
    pub eos_id: Option<u32>,
}

impl ArchSpec {
    /// The facts that decoding depends on, once both tokens are settled; the number of weights is filled in by loading.
    pub(in crate::model) fn network(&self, mask_id: Option<u32>, eos_id: u32) -> NetworkSpec {
        NetworkSpec {
            architecture: self.arch.label.to_owned(),
            vocab_size: self.dims.vocab,
            mask_id,
            eos_id,
            max_positions: self.dims.max_positions,
            layers: self.dims.layers,
            parameters: 0,
            attention: self.arch.attention,
            alignment: self.arch.alignment,
        }
    }

    /// Every tensor that the network takes, with its shape. One by one: a configuration may ask for more of them than any
    /// file holds.
    pub(in crate::model) fn tensors(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        let (names, table) = (self.arch.names, vec![self.dims.vocab, self.dims.hidden]);
        let head = (!self.tied).then(|| (format!("{}.weight", names.head), table.clone()));
        let ends = [
            (format!("{}.weight", names.embedding), table),
            (format!("{}.weight", names.norm), vec![self.dims.hidden]),
        ];
        ends.into_iter().chain(head).chain((0..self.dims.layers).flat_map(|layer| self.block_tensors(layer)))
    }

    fn block_tensors(&self, layer: usize) -> Vec<(String, Vec<usize>)> {
        let (dims, biases, block) = (&self.dims, &self.biases, &self.arch.names.block);
        let (hidden, inner) = (dims.hidden, dims.intermediate_size);
        let (queries, keys) = (dims.heads * dims.head_dim, dims.kv_heads * dims.head_dim);
        let maps = [
            (block.query, queries, hidden, biases.qkv),
            (block.key, keys, hidden, biases.qkv),
            (block.value, keys, hidden, biases.qkv),
            (block.output, hidden, queries, biases.output),
            (block.gate, inner, hidden, biases.feed_forward),
            (block.up, inner, hidden, biases.feed_forward),
            (block.down, hidden, inner, biases.feed_forward),
        ];
        let norms = [(block.input_norm, hidden), (block.post_norm, hidden)];
        let head_norms = block.head_norms.map(|(query, key)| [(query, dims.head_dim), (key, dims.head_dim)]);
        let name = |part: &str, kind: &str| format!("{}.{layer}.{part}.{kind}", self.arch.names.blocks);
        let mut tensors = Vec::new();
        for (part, outputs, inputs, has_bias) in maps {
            tensors.push((name(part, "weight"), vec![outputs, inputs]));
            if has_bias {
                tensors.push((name(part, "bias"), vec![outputs]));
            }
        }
        let norms = norms.into_iter().chain(head_norms.into_iter().flatten());
        tensors.extend(norms.map(|(part, width)| (name(part, "weight"), vec![width])));
        tensors
    }

    /// The tensors that a checkpoint may hold beside those.
    pub(in crate::model) fn optional_tensors(&self) -> Vec<String> {
        let factors = self.arch.names.rope_factors.map(|name| format!("{name}.weight"));
        self.spare_head().into_iter().chain(factors).collect()
    }

    /// The tensor that rows are only looked up in, if there is one: with a tied head, the embedding is more than that.
    pub(in crate::model) fn table(&self) -> Option<String> {
        (!self.tied).then(|| format!("{}.weight", self.arch.names.embedding))
    }

    /// The tensor that a checkpoint may hold although it is the embedding once more.
    pub(in crate::model) fn spare_head(&self) -> Option<String> {
        self.tied.then(|| format!("{}.weight", self.arch.names.head))
    }
}

/// Which linear maps have biases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::model) struct Biases {
    /// Those to queries, keys and values.
    pub qkv: bool,
    /// The one out of attention.
    pub output: bool,
    /// Those of the feed-forward part.
    pub feed_forward: bool,
}

/// Names of a checkpoint's tensors, without `.weight` and `.bias`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) struct TensorNames {
    pub embedding: &'static str,
    pub head: &'static str,
    pub norm: &'static str,
    /// Factors by which the rotary embedding's wavelengths are stretched, in files that have them.
    pub rope_factors: Option<&'static str>,
    /// Prefix of the blocks, before their number.
    pub blocks: &'static str,
    /// Names within a block.
    pub block: BlockNames,
}

/// Names within a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) struct BlockNames {
    pub input_norm: &'static str,
    pub query: &'static str,
    pub key: &'static str,
    pub value: &'static str,
    /// Norms over each head of queries and keys.
    pub head_norms: Option<(&'static str, &'static str)>,
    pub output: &'static str,
    pub post_norm: &'static str,
    pub gate: &'static str,
    pub up: &'static str,
    pub down: &'static str,
}
