//! Hand-made logs: plausible runs, written without any network, and logs of anything at all.

use std::{collections::BTreeMap, sync::Arc};

use diffuscope::{
    decode::record::{
        Change, Commit, Cost, DraftReview, GuideReading, GuideReview, GuideView, KvStatus, KvUse, Proposal, Reason,
        Region, StepRecord, StopReason, Verdict,
    },
    settings::{Layers, Settings, preset},
    trace::{End, Header, Log, ModelCard, Recorder},
};

pub const MASK: u32 = 1;
pub const EOS: u32 = 0;

/// A source of numbers that look random and never change.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub fn share(&mut self) -> f32 {
        (self.next() % 10_000) as f32 / 10_000.0
    }
}

/// Words to ids and back, with the implied space of the embedded tokenizer.
#[derive(Default)]
pub struct Vocabulary(BTreeMap<String, u32>);

impl Vocabulary {
    pub fn id(&mut self, word: &str) -> u32 {
        let next = 300 + self.0.len() as u32;
        *self.0.entry(word.to_owned()).or_insert(next)
    }

    fn text(&self, id: u32) -> String {
        match id {
            EOS => String::new(),
            MASK => "<mask>".to_owned(),
            _ => self.0.iter().find(|(_, known)| **known == id).map_or(String::new(), |(word, _)| word.clone()),
        }
    }

    pub fn pieces(&self, ids: &[u32]) -> Vec<String> {
        let texts: Vec<String> = ids.iter().map(|id| self.text(*id)).collect();
        let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
        (0..texts.len())
            .map(|at| {
                let joins = at > 0 && letter(texts[at - 1].chars().last()) && letter(texts[at].chars().next());
                if joins { format!(" {}", texts[at]) } else { texts[at].clone() }
            })
            .collect()
    }
}

/// Letter runs, single digits, and whatever is between them; one space between letters is no token.
pub fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let kind = |c: char| {
        if c.is_ascii_alphabetic() {
            0
        } else if c.is_ascii_digit() {
            1
        } else {
            2
        }
    };
    for c in text.chars() {
        match tokens.last_mut() {
            Some(last) if kind(c) != 1 && last.chars().last().is_some_and(|before| kind(before) == kind(c)) => {
                last.push(c);
            }
            _ => tokens.push(c.to_string()),
        }
    }
    let letters = |token: Option<&String>| token.is_some_and(|token| token.chars().all(|c| c.is_ascii_alphabetic()));
    (0..tokens.len())
        .filter(|at| {
            !(tokens[*at] == " "
                && letters(at.checked_sub(1).and_then(|at| tokens.get(at)))
                && letters(tokens.get(at + 1)))
        })
        .map(|at| tokens[at].clone())
        .collect()
}

pub const STORY_PROMPT: &str = "Write a story with Laura, a violin and a goat.";
pub const STORY: &str = "One day Laura went to the farm. She carried her old violin in a green bag. At the gate she met a \
goat with a broken horn. The goat looked at the violin and wanted to hear a song. So Laura sat on a stone and played a \
slow song about the sea. The goat listened until the end and danced once around the stone. Then it ran into the barn and \
came back with a red apple. Laura laughed, shared the apple with the goat and promised to return. In the evening she \
walked home with the violin, and she was happy.";

pub fn card(name: &str, architecture: &str, parameters: usize, layers: usize) -> ModelCard {
    ModelCard {
        name: name.to_owned(),
        architecture: architecture.to_owned(),
        parameters,
        layers,
        device: "cpu".to_owned(),
        fingerprint: None,
        chats: false,
        shape: None,
    }
}

pub fn settings(name: &str) -> Settings {
    let mut layers = Layers::default();
    layers.set_preset(preset(name).unwrap());
    layers.resolve()
}

pub fn header(vocabulary: &mut Vocabulary, prompt: &str, gen_length: usize, name: &str) -> Header {
    let mut prompt_ids = vec![vocabulary.id("<user>")];
    prompt_ids.extend(tokens(prompt).iter().map(|word| vocabulary.id(word)));
    prompt_ids.push(vocabulary.id("<bot>"));
    let mut prompt_pieces = vocabulary.pieces(&prompt_ids);
    // Template tokens are special: they contribute no text.
    prompt_pieces[0].clear();
    prompt_pieces.last_mut().unwrap().clear();
    Header {
        denoiser: card("embedded", "Dream", 3_014_000, 6),
        guide: Some(card("embedded guide", "Qwen2", 812_000, 3)),
        preset: Some(name.to_owned()),
        settings: settings(name),
        prompt: prompt.to_owned(),
        prompt_ids,
        prompt_pieces,
        gen_length,
        mask_id: MASK,
        eos_id: EOS,
        end_ids: Vec::new(),
        given: Vec::new(),
        turns: Vec::new(),
        origin: None,
        peak: None,
    }
}

/// What a step by hand has to say; the rest of its record follows from it.
struct Step {
    region: Region,
    proposals: Vec<Proposal>,
    commits: Vec<Commit>,
    kv: Vec<KvUse>,
    guide: Option<GuideReview>,
    changes: Vec<Change>,
    stop: Option<StopReason>,
}

/// A run that is being written by hand.
pub struct Fixture {
    pub vocabulary: Vocabulary,
    pub recorder: Recorder,
    pub log: Log,
    pub answer: Vec<u32>,
    pub ids: Vec<u32>,
    dice: Dice,
    others: Vec<u32>,
    kv_written: Vec<Option<(usize, u32)>>,
    /// Where the answer fails.
    pub failed: Option<std::ops::Range<usize>>,
}

impl Fixture {
    pub fn new(prompt: &str, answer: &str, gen_length: usize, name: &str) -> Self {
        let mut vocabulary = Vocabulary::default();
        let header = header(&mut vocabulary, prompt, gen_length, name);
        let mut answer: Vec<u32> = tokens(answer).iter().map(|word| vocabulary.id(word)).collect();
        let others = answer.clone();
        answer.resize(gen_length, EOS);
        let mut ids = header.prompt_ids.clone();
        ids.resize(header.canvas_length(), MASK);
        Self {
            recorder: Recorder::new(&header),
            kv_written: vec![None; ids.len()],
            log: Log::new(header),
            vocabulary,
            answer,
            ids,
            dice: Dice::new(7),
            others,
            failed: None,
        }
    }

    fn prompt(&self) -> usize {
        self.log.header().prompt_ids.len()
    }

    fn masked(&self) -> Vec<usize> {
        (self.prompt()..self.ids.len()).filter(|at| self.ids[*at] == MASK).collect()
    }

    /// What the denoiser proposes: the right token near what is written, something else further away.
    fn proposals(&mut self, positions: &[usize], certain: f32) -> Vec<Proposal> {
        let prompt = self.prompt();
        positions
            .iter()
            .map(|position| {
                let near = (1..8).find(|by| position.checked_sub(*by).is_some_and(|at| self.ids[at] != MASK));
                let distance = near.unwrap_or(9) as f32;
                let right = self.answer[position - prompt];
                let confidence = (certain + 0.12 - 0.085 * distance * self.dice.share()).clamp(0.04, 0.999);
                let is_right = right == EOS || self.dice.share() < confidence + 0.25;
                let token = if is_right { right } else { self.others[self.dice.below(self.others.len())] };
                let confidence = if right == EOS { 0.9 + 0.09 * self.dice.share() } else { confidence };
                let mut left = 1.0 - confidence;
                let mut alternatives = vec![(token, confidence)];
                for _ in 1..Proposal::ALTERNATIVES {
                    let share = left * (0.4 + 0.3 * self.dice.share());
                    left -= share;
                    let others = self.others.clone();
                    let start = self.dice.below(others.len());
                    let fresh = |id: &u32| alternatives.iter().all(|(known, _)| known != id);
                    let Some(other) = others[start..].iter().chain(&others).copied().find(|id| fresh(id)) else {
                        break;
                    };
                    alternatives.push((other, share));
                }
                alternatives.sort_by(|a, b| b.1.total_cmp(&a.1));
                let entropy = -alternatives.iter().map(|(_, p)| p * (p + 1e-9).ln()).sum::<f32>();
                let (credit, moved) = (None, None);
                Proposal {
                    position: *position,
                    token,
                    confidence,
                    score: confidence,
                    entropy,
                    alternatives,
                    credit,
                    moved,
                }
            })
            .collect()
    }

    /// K/V rows with a window: what lies left of it was computed once and is kept.
    fn kv(&mut self, from: usize, end: usize) -> Vec<KvUse> {
        let step = self.log.len();
        (0..self.ids.len())
            .map(|at| {
                let first = self.kv_written[at].is_none();
                if at >= end && !first {
                    return KvUse { status: KvStatus::Dropped, age: 0 };
                }
                match self.kv_written[at] {
                    Some((written, token)) if at < from => KvUse {
                        status: if token == self.ids[at] { KvStatus::Reused } else { KvStatus::Stale },
                        age: (step - written) as u32,
                    },
                    _ => {
                        self.kv_written[at] = Some((step, self.ids[at]));
                        KvUse { status: KvStatus::Recomputed, age: 0 }
                    }
                }
            })
            .collect()
    }

    fn push(&mut self, step: Step) {
        let Step { region, proposals, commits, kv, guide, changes, stop } = step;
        for commit in &commits {
            self.ids[commit.position] = commit.token;
        }
        let computed = kv.iter().filter(|kv| kv.status == KvStatus::Recomputed).count() as u32;
        let reused = kv.iter().filter(|kv| matches!(kv.status, KvStatus::Reused | KvStatus::Stale)).count() as u32;
        let guide_forwards = guide.as_ref().map_or(0, |guide| guide.forwards.len() as u32);
        let record = StepRecord {
            step: self.log.len(),
            region,
            changes,
            edits: Vec::new(),
            ids: self.ids.clone(),
            proposals,
            commits,
            remasked: Vec::new(),
            kv,
            layers: Vec::new(),
            audit: None,
            cost: Cost {
                nfe: 1,
                guide_forwards,
                computed,
                reused,
                guide_computed: guide_forwards * 24,
                denoiser_us: 1800 + u64::from(computed) * 31,
                guide_us: u64::from(guide_forwards) * 940,
                other_us: 260,
                ..Cost::default()
            },
            guide,
            shadow: None,
            gap: None,
            stop,
        };
        let Self { vocabulary, recorder, log, .. } = self;
        let entry = recorder.entry(record, |ids| vocabulary.pieces(ids));
        log.push(Arc::new(entry));
    }

    /// A guided step: the guide accepts a run of drafts from the first mask on, or none.
    pub fn guided_step(&mut self, changes: Vec<Change>) -> bool {
        let masked = self.masked();
        let Some(first) = masked.first().copied() else {
            return false;
        };
        let (prompt, length) = (self.prompt(), self.ids.len());
        let region = Region { block: 0, start: prompt, end: length };
        let mut proposals = self.proposals(&masked, 0.93);
        // The drafts that get accepted are the right ones.
        let kind = self.dice.below(10);
        let accepted = match kind {
            0 | 1 => 0,
            _ => (1 + self.dice.below(7)).min(masked.len()),
        };
        for proposal in proposals.iter_mut().take(accepted.max(1)) {
            let right = self.answer[proposal.position - prompt];
            proposal.token = right;
            proposal.alternatives[0].0 = right;
        }
        let drafts: Vec<DraftReview> = proposals
            .iter()
            .enumerate()
            .map(|(index, proposal)| {
                let verdict = match index {
                    0 if accepted == 0 => Verdict::Forced,
                    _ if index < accepted => Verdict::Agreed,
                    _ if index == accepted => Verdict::Rejected,
                    _ => Verdict::NotReached,
                };
                let other = self.others[self.dice.below(self.others.len())];
                let agrees = verdict == Verdict::Agreed;
                let view = (verdict != Verdict::NotReached).then_some(GuideView {
                    token: if agrees { proposal.token } else { other },
                    top_probability: 0.83,
                    draft_probability: if agrees { 0.83 } else { 0.06 },
                    rank: if agrees { 0 } else { 2 },
                });
                DraftReview { position: proposal.position, draft: proposal.token, verdict, view, instead: None }
            })
            .collect();
        let mut commits: Vec<Commit> = proposals
            .iter()
            .take(accepted.max(1))
            .map(|proposal| Commit {
                position: proposal.position,
                token: proposal.token,
                confidence: proposal.confidence,
                reason: if accepted == 0 { Reason::Forced } else { Reason::GuideAgreed },
            })
            .collect();
        let ends = commits.iter().position(|commit| commit.token == EOS);
        if let Some(at) = ends {
            commits.truncate(at + 1);
            let from = commits[at].position + 1;
            commits.extend((from..length).map(|position| Commit {
                position,
                token: EOS,
                confidence: 0.0,
                reason: Reason::EndOfText,
            }));
        }
        let kv = self.kv(first.saturating_sub(20).max(1), length);
        let review = GuideReview { drafts, accepted, forwards: vec![accepted + 2], reading: GuideReading::Ids };
        let stop = ends.map(|_| StopReason::EndOfText);
        self.push(Step { region, proposals, commits, kv, guide: Some(review), changes, stop });
        ends.is_none()
    }

    /// A step that writes the `quota` surest proposals of the active block, wherever they are.
    pub fn quota_step(&mut self, quota: usize, block: Option<usize>) -> bool {
        let all = self.masked();
        let Some(first) = all.first().copied() else {
            return false;
        };
        let (prompt, length) = (self.prompt(), self.ids.len());
        let region = block.map_or(Region { block: 0, start: prompt, end: length }, |block| {
            let index = (first - prompt) / block;
            let start = prompt + index * block;
            Region { block: index, start, end: (start + block).min(length) }
        });
        let masked: Vec<usize> = all.iter().copied().filter(|at| (region.start..region.end).contains(at)).collect();
        let proposals = self.proposals(&masked, 0.86);
        let mut ranked: Vec<&Proposal> = proposals.iter().collect();
        ranked.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        let mut commits: Vec<Commit> = ranked
            .iter()
            .take(quota)
            .map(|proposal| Commit {
                position: proposal.position,
                token: proposal.token,
                confidence: proposal.confidence,
                reason: Reason::Quota,
            })
            .collect();
        commits.sort_by_key(|commit| commit.position);
        let kv = self.kv(block.map_or(0, |_| region.start), length);
        let done = all.len() <= quota;
        let stop = done.then_some(StopReason::NothingMasked);
        self.push(Step { region, proposals, commits, kv, guide: None, changes: Vec::new(), stop });
        !done
    }

    pub fn finish(mut self, correct: Option<bool>, verdict: Option<&str>) -> Log {
        let generated = &self.ids[self.prompt()..];
        let tokens = generated.iter().take_while(|id| **id != EOS && **id != MASK).count();
        let answer = self.vocabulary.pieces(&generated[..tokens]).concat();
        let reason = self.log.record(self.log.len()).and_then(|record| record.stop);
        let verdict = verdict.map(str::to_owned);
        self.log.finish(End { reason, answer, tokens, correct, verdict, failed: self.failed });
        self.log
    }
}

/// A story under FlashDLM: guided, with a window cache, a knob turned on the way, and a right answer.
pub fn story() -> Log {
    let mut fixture = Fixture::new(STORY_PROMPT, STORY, 160, "flashdlm");
    let change = Change { knob: "window-left".to_owned(), value: "48".to_owned() };
    for step in 0.. {
        let changes = if step == 9 { vec![change.clone()] } else { Vec::new() };
        if !fixture.guided_step(changes) {
            break;
        }
    }
    fixture.finish(Some(true), Some("9 sentences follow the grammar, and Laura, the violin and the goat are in it"))
}

/// Code by quota in blocks of sixteen under FreeCache: line breaks, indentation, masks everywhere, no guide.
pub fn code() -> Log {
    written_code(None).finish(Some(false), Some("the function counts the wrong things"))
}

/// The same, with the place at which it fails: the operator in its fourth line.
pub fn failing() -> Log {
    let reason = "line 4 should be \"        if v < 7:\", found \"        if v >= 7:\"";
    written_code(Some(">=")).finish(Some(false), Some(reason))
}

fn written_code(fails: Option<&str>) -> Fixture {
    let prompt = "Code a function find that counts the ages at least 7. Use v in the loop and acc for the answer.";
    let answer =
        "def find(ages):\n    acc = 0\n    for v in ages:\n        if v >= 7:\n            acc += 1\n    return acc";
    let mut fixture = Fixture::new(prompt, answer, 48, "freecache");
    while fixture.quota_step(2, Some(16)) {}
    fixture.failed = fails.and_then(|part| {
        let is_part = |at: &usize| fixture.vocabulary.text(fixture.ids[*at]).contains(part);
        (fixture.prompt()..fixture.ids.len()).find(is_part).map(|at| at..at + 1)
    });
    fixture
}

/// Text from hell: wide characters, escapes, direction overrides, tokens without text, endless words.
pub fn odd() -> Log {
    let prompt = "Übersetze: \u{1b}[31m日本語\u{7}\tund \u{202e}rechts";
    let answer = "日本語のテキスト, \u{1b}]0;evil\u{7} e\u{301}e\u{301} 👍🏽 \u{202e}gnorw\u{202c}\n\n\tindented\r\nline \
                  Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnungsentwurfsfassung. \u{200b}\u{fe0f}";
    let mut fixture = Fixture::new(prompt, answer, 32, "plain");
    while fixture.quota_step(3, None) {}
    fixture.finish(None, Some("\u{1b}[5mblink"))
}
