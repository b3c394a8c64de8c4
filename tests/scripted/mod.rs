//! A network without tensors: its logits are a function of the tokens in its K/V rows.

#![allow(dead_code, clippy::unwrap_used)]

use diffuscope::model::network::{Alignment, Attention, Logits, Network, NetworkError, NetworkSpec, Pass, Read};

pub const EOS: u32 = 0;
const CONTEXT: usize = 128;

/// Logits of a position from what stands at all readable positions.
type Script = Box<dyn Fn(usize, &[Option<u32>]) -> Vec<f32> + Send>;

/// A network that answers from a script.
pub struct Scripted {
    spec: NetworkSpec,
    rows: Vec<Option<u32>>,
    script: Script,
}

impl Scripted {
    /// A bidirectional network. `mask_id` may lie outside of the vocabulary.
    pub fn denoiser(
        alignment: Alignment,
        vocab_size: usize,
        mask_id: u32,
        script: impl Fn(usize, &[Option<u32>]) -> Vec<f32> + Send + 'static,
    ) -> Self {
        Self::new(Attention::Bidirectional, alignment, vocab_size, Some(mask_id), Box::new(script))
    }

    /// A causal network.
    pub fn guide(vocab_size: usize, script: impl Fn(usize, &[Option<u32>]) -> Vec<f32> + Send + 'static) -> Self {
        Self::new(Attention::Causal, Alignment::Shifted, vocab_size, None, Box::new(script))
    }

    fn new(
        attention: Attention,
        alignment: Alignment,
        vocab_size: usize,
        mask_id: Option<u32>,
        script: Script,
    ) -> Self {
        let spec = NetworkSpec {
            architecture: "Scripted".into(),
            vocab_size,
            mask_id,
            eos_id: EOS,
            max_positions: CONTEXT,
            layers: 1,
            parameters: 0,
            attention,
            alignment,
        };
        Self { spec, rows: vec![None; CONTEXT], script }
    }
}

impl Network for Scripted {
    fn spec(&self) -> &NetworkSpec {
        &self.spec
    }

    fn reset(&mut self) {
        self.rows.fill(None);
    }

    fn crop(&mut self, len: usize) {
        self.rows[len..].fill(None);
    }

    fn forward(&mut self, pass: Pass<'_>) -> Result<Logits, NetworkError> {
        for (id, position) in pass.ids.iter().zip(pass.positions) {
            self.rows[*position] = Some(*id);
        }
        let Read::UpTo(end) = pass.read else { panic!("every policy here reads a prefix") };
        if let Some(position) = self.rows[..end].iter().position(Option::is_none) {
            return Err(NetworkError::Unwritten { position });
        }
        let offset = usize::from(self.spec.alignment == Alignment::Shifted);
        let mut values = Vec::new();
        for row in pass.wanted {
            let position = pass.positions[*row];
            let visible = if self.spec.attention == Attention::Causal { position + 1 } else { end };
            values.extend((self.script)(position + offset, &self.rows[..visible]));
        }
        Ok(Logits::new(self.spec.vocab_size, values))
    }
}
