//! What the benches of logs and frames share: a long run with proposals as networks make them, and medians.

#![allow(dead_code, reason = "each bench uses its own part")]

use std::time::{Duration, Instant};

use diffuscope::{
    decode::record::{Commit, Cost, KvStatus, KvUse, Proposal, Reason, Region, StepRecord},
    settings::Settings,
    trace::{Entry, Header, ModelCard, Recorder},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MASK: u32 = 1;
const PROMPT: usize = 16;

/// Tokens that a position wavers between.
const CANDIDATES: usize = 12;

/// What a position thinks of its candidates, in logits.
struct Mind {
    ids: [u32; CANDIDATES],
    logits: [f32; CANDIDATES],
}

impl Mind {
    fn new(random: &mut ChaCha8Rng) -> Self {
        let lead = random.random_range(0.5..6.0);
        Self {
            ids: std::array::from_fn(|_| random.random_range(2..32_000)),
            logits: std::array::from_fn(|at| lead - at as f32 * random.random_range(0.3..1.5)),
        }
    }

    /// Another token was written at this distance: a near one says much, and every pass gives other numbers.
    fn hears(&mut self, distance: usize, random: &mut ChaCha8Rng) {
        let force = 0.02 + 1.5 * (-(distance as f32) / 6.0).exp();
        for logit in &mut self.logits {
            *logit += random.random_range(-force..force);
        }
    }

    fn proposal(&self, position: usize) -> Proposal {
        let sum: f32 = self.logits.iter().map(|logit| logit.exp()).sum();
        let mut all: Vec<(u32, f32)> =
            self.ids.iter().zip(self.logits).map(|(id, logit)| (*id, logit.exp() / sum)).collect();
        all.sort_by(|one, other| other.1.total_cmp(&one.1));
        let entropy = -all.iter().map(|(_, share)| share * share.ln()).sum::<f32>();
        let (token, confidence) = all[0];
        all.truncate(Proposal::ALTERNATIVES);
        let (credit, moved) = (None, None);
        Proposal { position, token, confidence, entropy, score: confidence, alternatives: all, credit, moved }
    }
}

/// The header of a run on so many masks.
pub fn header(masks: usize) -> Header {
    Header {
        denoiser: ModelCard {
            name: "made up".into(),
            architecture: "LLaDA".into(),
            parameters: 0,
            layers: 1,
            device: "cpu".into(),
            fingerprint: None,
            chats: false,
            shape: None,
        },
        guide: None,
        preset: None,
        settings: Settings::default(),
        prompt: "made up".into(),
        prompt_ids: (2..2 + PROMPT as u32).collect(),
        prompt_pieces: vec!["word ".into(); PROMPT],
        gen_length: masks,
        mask_id: MASK,
        eos_id: 0,
        end_ids: Vec::new(),
        given: Vec::new(),
        turns: Vec::new(),
        origin: None,
        peak: None,
    }
}

/// A run that writes the surest of all masks in each step, with every position computed again.
pub fn run(masks: usize) -> Vec<Entry> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let header = header(masks);
    let mut recorder = Recorder::new(&header);
    let mut minds: Vec<Mind> = (0..masks).map(|_| Mind::new(&mut random)).collect();
    let mut ids = header.prompt_ids.clone();
    ids.resize(header.canvas_length(), MASK);
    let mut entries = Vec::new();
    for step in 0..masks {
        let open = (PROMPT..ids.len()).filter(|position| ids[*position] == MASK);
        let proposals: Vec<Proposal> = open.map(|position| minds[position - PROMPT].proposal(position)).collect();
        let best = proposals.iter().max_by(|one, other| one.confidence.total_cmp(&other.confidence));
        let Some(&Proposal { position, token, confidence, .. }) = best else { break };
        ids[position] = token;
        for (at, mind) in minds.iter_mut().enumerate() {
            mind.hears((at + PROMPT).abs_diff(position), &mut random);
        }
        let record = StepRecord {
            step,
            region: Region { block: 0, start: PROMPT, end: ids.len() },
            changes: Vec::new(),
            edits: Vec::new(),
            ids: ids.clone(),
            proposals,
            commits: vec![Commit { position, token, confidence, reason: Reason::Quota }],
            remasked: Vec::new(),
            kv: vec![KvUse { status: KvStatus::Recomputed, age: 0 }; ids.len()],
            layers: Vec::new(),
            guide: None,
            shadow: None,
            gap: None,
            audit: None,
            cost: Cost { nfe: 1, computed: ids.len() as u32, denoiser_us: 20_000, ..Cost::default() },
            stop: None,
        };
        entries.push(recorder.entry(record, |ids| ids.iter().map(|id| format!(" w{id}")).collect()));
    }
    entries
}

/// The median duration of so many calls, each with its number.
pub fn median(times: usize, mut work: impl FnMut(usize)) -> Duration {
    let mut durations: Vec<Duration> = (0..times)
        .map(|number| {
            let begun = Instant::now();
            work(number);
            begun.elapsed()
        })
        .collect();
    durations.sort();
    durations[times / 2]
}
