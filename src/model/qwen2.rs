//! The Qwen2 body in its two uses: bidirectional denoiser (Dream) and causal language model (Qwen2, Qwen2.5).
//!
//! Pre-norm blocks of grouped-query attention with rotary positions and biased q, k, v, then SwiGLU; the head may
//! be the transposed embedding. Tensor names are those of the published checkpoints. Logits are returned as the
//! head gives them: row `i` predicts token `i + 1` in both uses.

use candle_core::{Device, Tensor};

use crate::model::config::Qwen2Config;
use crate::model::device::ComputeDevice;
use crate::model::kv::{KvBuffers, KvPlan, KvShape, as_run, index};
use crate::model::layers::{Linear, RmsNorm, Rotary, SwiGlu, attend, rotate};
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
            (
                Embedding::Own(embedding),
                weights.take("lm_head.weight", &[vocab, hidden], device)?,
            )
        };
        let layers = (0..config.num_hidden_layers).map(|layer| Layer::new(config, weights, layer, device));
        let layers = layers.collect::<Result<_, _>>()?;
        let norm = RmsNorm::new(
            weights.take("model.norm.weight", &[hidden], device)?,
            config.rms_norm_eps,
        );
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
                let visible = plan
                    .visible()
                    .map(|all| pass.wanted.iter().map(|&row| all[row]).collect::<Vec<_>>());
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
        let rows = x.dim(0)?;
        let all = self.heads + 2 * self.kv_heads;
        // (rows, heads * head_dim) -> (heads, rows, head_dim)
        let qkv = self
            .qkv
            .forward(&self.input_norm.forward(x)?)?
            .reshape((rows, all, self.head_dim))?;
        let qkv = qkv.transpose(0, 1)?.contiguous()?;
        let turned = rotate(&qkv.narrow(0, 0, self.heads + self.kv_heads)?, turn)?;
        Ok((
            turned.narrow(0, 0, self.heads)?,
            turned.narrow(0, self.heads, self.kv_heads)?,
            qkv.narrow(0, self.heads + self.kv_heads, self.kv_heads)?,
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
