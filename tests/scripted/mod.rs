//! A network without tensors: its logits are a function of the tokens in its K/V rows.

#![allow(dead_code, clippy::unwrap_used, clippy::needless_for_each)]

use diffuscope::model::network::{
    Alignment, Attention, AttentionRows, Bank, Drift, Flow, LayerHook, LayerView, Logits, Mask, Network, NetworkError,
    NetworkSpec, Pass, Read, RefreshHook,
};

pub const EOS: u32 = 0;
const CONTEXT: usize = 128;
const LAYERS: usize = 3;

/// Logits of a position from what stands at all readable positions.
type Script = Box<dyn Fn(usize, &[Option<u32>]) -> Vec<f32> + Send>;

/// A network that answers from a script.
pub struct Scripted {
    spec: NetworkSpec,
    /// The token that each K/V slot was written under, for the run and for its audit.
    banks: [Vec<Option<u32>>; 2],
    /// Which of the run's slots a watched pass has fed.
    watched: Vec<bool>,
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
            layers: LAYERS,
            parameters: 0,
            attention,
            alignment,
        };
        let banks = [vec![None; 2 * CONTEXT], vec![None; 2 * CONTEXT]];
        Self { spec, banks, watched: vec![false; 2 * CONTEXT], script }
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
        // A mask may lie outside of the vocabulary here.
        pass.check(&NetworkSpec { vocab_size: usize::MAX, ..self.spec.clone() })?;
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

    /// Attention that changes with the tokens of the row and of the key.
    fn forward_hooked(&mut self, pass: Pass<'_>, hook: &mut dyn LayerHook) -> Result<Logits, NetworkError> {
        let Read::UpTo(end) = pass.read else { panic!("a watched pass reads a prefix") };
        let (rows_before, watched_before) = (self.banks[0].clone(), self.watched.clone());
        let logits = self.forward(pass)?;
        let mut fed = pass.write_slots().to_vec();
        fed.iter().for_each(|slot| self.watched[*slot] = true);
        for layer in 0..LAYERS {
            let wants = hook.wants(layer);
            assert!(wants.attention.is_sorted_by(|a, b| a < b) && wants.before.is_sorted_by(|a, b| a < b));
            assert!(wants.before.iter().all(|slot| watched_before[*slot]), "{wants:?} was never watched");
            let looked_at: Vec<usize> = wants.attention.iter().map(|index| fed[*index]).collect();
            let view = LayerView {
                attention: attention(layer, &looked_at, &self.banks[0][..end]),
                before: attention(layer, &wants.before, &rows_before[..end]),
            };
            if hook.saw(layer, &view) == Flow::Widen {
                assert!(self.watched[..end].iter().all(|watched| *watched), "widened to a row that was never watched");
                fed = (0..end).collect();
            }
        }
        Ok(logits)
    }

    /// Values that are the same under the same token, and the opposite under another one.
    fn forward_refreshed(&mut self, pass: Pass<'_>, hook: &mut dyn RefreshHook) -> Result<Logits, NetworkError> {
        let same = |(id, slot): (&u32, &usize)| match self.banks[0][*slot] {
            Some(token) if token != *id => -1.0,
            _ => 1.0,
        };
        let similarity: Vec<f32> = pass.ids.iter().zip(pass.write_slots()).map(same).collect();
        for layer in 0..LAYERS {
            let picked = hook.refresh(layer, &similarity);
            assert!(picked.is_sorted_by(|a, b| a < b) && picked.last().is_none_or(|last| *last < pass.ids.len()));
        }
        self.forward(pass)
    }

    /// Rows agree where they were written under the same token.
    fn drift(&self, positions: &[usize]) -> Result<Drift, NetworkError> {
        let cosine = |position: &usize| f32::from(u8::from(self.banks[0][*position] == self.banks[1][*position]));
        let cosines: Vec<f32> = positions.iter().map(cosine).collect();
        Ok(Drift { layers: 1, keys: cosines.clone(), values: cosines })
    }
}

/// Two heads whose weights depend on layer, head, and the tokens of row and key.
fn attention(layer: usize, slots: &[usize], rows: &[Option<u32>]) -> AttentionRows {
    const HEADS: usize = 2;
    let weight = |head: usize, slot: usize, key: usize| {
        let token = |slot: usize| u64::from(rows[slot].unwrap_or(u32::MAX)) + 1;
        let mixed = (token(slot) * 31 + token(key) * 17 + (key * 7 + layer * 3 + head) as u64)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        1.0 + (mixed >> 56) as f32
    };
    let mut values = Vec::new();
    for head in 0..HEADS {
        for &slot in slots {
            let row: Vec<f32> = (0..rows.len()).map(|key| weight(head, slot, key)).collect();
            let mass: f32 = row.iter().sum();
            values.extend(row.iter().map(|weight| weight / mass));
        }
    }
    AttentionRows { heads: HEADS, rows: slots.len(), read: rows.len(), values }
}
