//! A network without tensors: its logits are a function of the tokens in its K/V rows.

#![allow(dead_code, clippy::unwrap_used)]

use diffuscope::model::network::{
    Alignment, Attention, Bank, Drift, Logits, Mask, Network, NetworkError, NetworkSpec, Pass, Read,
};

pub const EOS: u32 = 0;
const CONTEXT: usize = 128;

/// Logits of a position from what stands at all readable positions.
type Script = Box<dyn Fn(usize, &[Option<u32>]) -> Vec<f32> + Send>;

/// A network that answers from a script.
pub struct Scripted {
    spec: NetworkSpec,
    /// The token that each K/V slot was written under, for the run and for its audit.
    banks: [Vec<Option<u32>>; 2],
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
        Self { spec, banks: [vec![None; 2 * CONTEXT], vec![None; 2 * CONTEXT]], script }
    }
}

impl Network for Scripted {
    fn spec(&self) -> &NetworkSpec {
        &self.spec
    }

    fn reset(&mut self) {
        for rows in &mut self.banks {
            rows.fill(None);
        }
    }

    fn crop(&mut self, len: usize) {
        self.banks[Bank::Run as usize][len..].fill(None);
    }

    fn forward(&mut self, pass: Pass<'_>) -> Result<Logits, NetworkError> {
        pass.check(&self.spec)?;
        let rows = &mut self.banks[pass.bank as usize];
        for (id, slot) in pass.ids.iter().zip(pass.write_slots()) {
            rows[*slot] = Some(*id);
        }
        let read: Vec<usize> = match pass.read {
            Read::UpTo(end) => (0..end).collect(),
            Read::Rows(slots) => slots.to_vec(),
        };
        if let Some(position) = read.iter().find(|slot| rows[**slot].is_none()) {
            return Err(NetworkError::Unwritten { position: *position });
        }
        let offset = usize::from(self.spec.alignment == Alignment::Shifted);
        let mut values = Vec::new();
        for row in pass.wanted {
            let position = pass.positions[*row];
            let attends = |(index, slot): (usize, usize)| match pass.mask {
                Mask::Own => self.spec.attention == Attention::Bidirectional || slot <= position,
                Mask::BlockCausal { length, offset } => (slot + offset) / length <= (position + offset) / length,
                Mask::Dense(mask) => mask[row * read.len() + index],
            };
            // What is not attended to is not there.
            let mut visible = vec![None; read.last().map_or(0, |last| last + 1)];
            for (_, slot) in read.iter().copied().enumerate().filter(|at| attends(*at)) {
                visible[slot] = rows[slot];
            }
            if self.spec.attention == Attention::Causal {
                visible.truncate(position + 1);
            }
            values.extend((self.script)(position + offset, &visible));
        }
        Ok(Logits::new(self.spec.vocab_size, values))
    }

    /// Rows agree where they were written under the same token.
    fn drift(&self, positions: &[usize]) -> Result<Drift, NetworkError> {
        let cosine = |position: &usize| f32::from(u8::from(self.banks[0][*position] == self.banks[1][*position]));
        let cosines: Vec<f32> = positions.iter().map(cosine).collect();
        Ok(Drift { layers: 1, keys: cosines.clone(), values: cosines })
    }
}
