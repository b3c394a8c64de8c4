//! A network without tensors: its logits are a function of the tokens in its K/V rows.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
    mpsc::Receiver,
};

use diffuscope::model::network::{
    Alignment, Attention, AttentionRows, Bank, Control, Drift, LayerObserver, LayerView, Logits, Mask, Network,
    NetworkError, NetworkSpec, NetworkState, Pass, Read, RefreshHook,
};

/// Tokens of a scripted network, unless it is given another vocabulary.
pub const VOCAB: usize = 24;
pub const EOS: u32 = 0;
pub const MASK: u32 = 23;
/// A prompt in that vocabulary.
pub const PROMPT: [u32; 3] = [1, 2, 3];
const CONTEXT: usize = 128;
const LAYERS: usize = 3;

/// The tokens that a position sees, by the K/V slots in which they stand.
pub type Visible<'a> = &'a [Option<u32>];

/// Logits of a position from what it sees.
type Script = Box<dyn Fn(usize, Visible<'_>) -> Vec<f32> + Send>;

/// What a scripted network does instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// Fails with an error.
    Error,
    /// Panics.
    Panic,
    /// Answers NaN everywhere.
    Nan,
}

/// A network that answers from a script.
pub struct Scripted {
    spec: NetworkSpec,
    /// The token that each K/V slot was written under, for the run and for its audit.
    banks: [Vec<Option<u32>>; 2],
    /// Which of the run's slots a watched pass has fed.
    watched: Vec<bool>,
    script: Script,
    /// Forwards left until the mishap.
    mishap: Option<(usize, Mishap)>,
    /// Where there is one, each forward takes a permit first.
    gate: Option<Receiver<()>>,
    resets: Arc<AtomicUsize>,
    /// What its device is found to reach, and how often that was measured.
    peak: (Option<u64>, Arc<AtomicUsize>),
}

impl Scripted {
    /// A bidirectional network.
    pub fn denoiser(alignment: Alignment, script: impl Fn(usize, Visible<'_>) -> Vec<f32> + Send + 'static) -> Self {
        Self::new(Attention::Bidirectional, alignment, Some(MASK), Box::new(script))
    }

    /// A causal network.
    pub fn guide(script: impl Fn(usize, Visible<'_>) -> Vec<f32> + Send + 'static) -> Self {
        Self::new(Attention::Causal, Alignment::Shifted, None, Box::new(script))
    }

    fn new(attention: Attention, alignment: Alignment, mask_id: Option<u32>, script: Script) -> Self {
        let spec = NetworkSpec {
            architecture: "Scripted".into(),
            vocab_size: VOCAB,
            mask_id,
            eos_id: EOS,
            max_positions: CONTEXT,
            layers: LAYERS,
            parameters: 0,
            attention,
            alignment,
        };
        let network = Self {
            spec,
            banks: Default::default(),
            watched: Vec::new(),
            script,
            mishap: None,
            gate: None,
            resets: Arc::default(),
            peak: Default::default(),
        };
        network.with_context(CONTEXT)
    }

    /// The script answers with so many logits.
    pub fn with_vocabulary(mut self, size: usize) -> Self {
        self.spec.vocab_size = size;
        self
    }

    /// Another mask, which may lie outside of the vocabulary.
    pub fn with_mask(mut self, id: u32) -> Self {
        self.spec.mask_id = Some(id);
        self
    }

    /// Another end of text.
    pub fn with_end(mut self, id: u32) -> Self {
        self.spec.eos_id = id;
        self
    }

    /// Room for so many positions, and as many slots behind them.
    pub fn with_context(mut self, positions: usize) -> Self {
        self.spec.max_positions = positions;
        self.banks = [vec![None; 2 * positions], vec![None; 2 * positions]];
        self.watched = vec![false; 2 * positions];
        self
    }

    /// Has a mishap at forward number `at`, from 0, and none after it.
    pub fn with_mishap(mut self, at: usize, mishap: Mishap) -> Self {
        self.mishap = Some((at, mishap));
        self
    }

    /// Waits for a permit before each forward.
    pub fn with_gate(mut self, gate: Receiver<()>) -> Self {
        self.gate = Some(gate);
        self
    }

    /// A device that reaches so many operations a second; `measured` counts how often that is asked.
    pub fn with_peak(mut self, peak: u64, measured: &Arc<AtomicUsize>) -> Self {
        self.peak = (Some(peak), Arc::clone(measured));
        self
    }

    /// Counts how often it was reset; dropped with the network.
    pub fn resets(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.resets)
    }

    /// What goes wrong in this forward.
    fn mishap(&mut self) -> Option<Mishap> {
        let (left, mishap) = self.mishap.take()?;
        if left == 0 {
            return Some(mishap);
        }
        self.mishap = Some((left - 1, mishap));
        None
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
        self.watched.fill(false);
        self.resets.fetch_add(1, Ordering::SeqCst);
    }

    fn peak(&mut self) -> Option<u64> {
        self.peak.1.fetch_add(1, Ordering::SeqCst);
        self.peak.0
    }

    fn crop(&mut self, len: usize) {
        self.banks[Bank::Run as usize][len..].fill(None);
    }

    fn state(&self) -> Result<Option<NetworkState>, NetworkError> {
        let bytes = self.banks.iter().map(|rows| size_of_val(&rows[..])).sum::<usize>() + self.watched.len();
        Ok(Some(NetworkState::new(bytes as u64, (self.banks.clone(), self.watched.clone()))))
    }

    fn restore(&mut self, state: &NetworkState) -> Result<(), NetworkError> {
        (self.banks, self.watched) =
            state.get::<([Vec<Option<u32>>; 2], Vec<bool>)>().cloned().expect("a scripted network's state");
        Ok(())
    }

    fn forward(&mut self, pass: Pass<'_>) -> Result<Logits, NetworkError> {
        if let Some(gate) = &self.gate {
            // A closed gate is an open one: the test has seen enough.
            let _ = gate.recv();
        }
        let mishap = self.mishap();
        match mishap {
            Some(Mishap::Error) => return Err(NetworkError::Backend("scripted failure".into())),
            Some(Mishap::Panic) => panic!("scripted panic"),
            Some(Mishap::Nan) | None => {}
        }
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
        if mishap == Some(Mishap::Nan) {
            values.fill(f32::NAN);
        }
        Ok(Logits::new(self.spec.vocab_size, values))
    }

    /// Attention that changes with the tokens of the row and of the key.
    fn forward_observed(&mut self, pass: Pass<'_>, hook: &mut dyn LayerObserver) -> Result<Logits, NetworkError> {
        let Read::UpTo(end) = pass.read else { panic!("a watched pass reads a prefix") };
        let (rows_before, watched_before) = (self.banks[0].clone(), self.watched.clone());
        let logits = self.forward(pass)?;
        let mut fed = pass.write_slots().to_vec();
        for slot in &fed {
            self.watched[*slot] = true;
        }
        for layer in 0..LAYERS {
            let wants = hook.requests(layer);
            assert!(wants.attention.is_sorted_by(|a, b| a < b) && wants.before.is_sorted_by(|a, b| a < b));
            assert!(wants.before.iter().all(|slot| watched_before[*slot]), "{wants:?} was never watched");
            let looked_at: Vec<usize> = wants.attention.iter().map(|index| fed[*index]).collect();
            let view = LayerView {
                attention: attention(layer, &looked_at, &self.banks[0][..end]),
                before: attention(layer, &wants.before, &rows_before[..end]),
            };
            if hook.observe(layer, &view) == Control::Widen {
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

/// A distribution that depends on the position and on what is seen, and where; without ties.
pub fn tangled(seed: u64) -> impl Fn(usize, Visible<'_>) -> Vec<f32> + Send + Clone + 'static {
    tangled_over(seed, 6.0)
}

/// The same with logits from 0 to `spread`: the wider, the surer.
pub fn tangled_over(seed: u64, spread: f32) -> impl Fn(usize, Visible<'_>) -> Vec<f32> + Send + Clone + 'static {
    move |position, visible| {
        let mut state = seed ^ (position as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for (slot, token) in visible.iter().enumerate().filter_map(|(slot, token)| Some((slot, (*token)?))) {
            state = (state ^ (u64::from(token) + 31 * slot as u64)).wrapping_mul(0xD134_2543_DE82_EF95).rotate_left(23);
        }
        let logit = |id: u64| {
            let mixed = (state ^ id.wrapping_mul(0xA24B_AED4_963E_E407)).wrapping_mul(0x9FB2_1C65_1E98_DF25);
            ((mixed >> 40) as f32 / (1u64 << 24) as f32) * spread
        };
        (0..VOCAB as u64).map(logit).collect()
    }
}

/// Logits that put `token` first by `lead`.
pub fn favour(token: u32, lead: f32) -> Vec<f32> {
    favour_among(VOCAB, token, lead)
}

/// The same in another vocabulary.
pub fn favour_among(vocab: usize, token: u32, lead: f32) -> Vec<f32> {
    let mut logits = vec![0.0; vocab];
    logits[token as usize] = lead;
    logits
}

/// Logits that give `token` this probability and share the rest evenly.
pub fn sure(token: u32, probability: f32) -> Vec<f32> {
    favour(token, (probability / (1.0 - probability) * (VOCAB - 1) as f32).ln())
}

/// Where a network's logits stand.
pub fn side(shifted: bool) -> Alignment {
    if shifted { Alignment::Shifted } else { Alignment::Aligned }
}
