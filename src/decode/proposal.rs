//! Slot 4, proposal: from a row of logits to a token, its confidence, and the score that ranks it.
//!
//! Two styles. *Gumbel* (LLaDA, released `generate.py`): the token maximises `ℓ + T·g` with Gumbel noise `g`, and its
//! confidence is the noise-free, temperature-free softmax probability. *Filtered* (Dream, released
//! `generation_utils.py`): divide by `T`, keep the top-p mass, keep the top-k tokens, softmax, draw; the confidence is
//! the probability among the tokens that were kept.
//!
//! The mask token is never drawn. It keeps its share of the softmax, as in the reference code.
//!
//! Greedy proposals from the whole distribution need no row: a few numbers of it say the same
//! ([`RowSummary`]), and those can be worked out on the device that holds the row.

use super::{
    Limits,
    context::StepContext,
    density::certainty_density,
    guide::weighs_rows,
    noise::{Noise, Purpose, gumbel},
    record::{Commit, Proposal, Reason},
    unmask::{self, RowNeed},
};
use crate::{
    model::network::{Reduce, RowSummary},
    settings::{CreditRule, EarlyCommit, GuideRule, OrderScore, SamplerStyle, Settings},
};

/// A proposal and its rank.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    pub proposal: Proposal,
    /// What orders the candidates; larger is committed earlier.
    pub score: f64,
    /// Whether an end-of-text proposal was put behind all others.
    pub suppressed: bool,
    /// Entropy of the network's own distribution, nats, whatever the temperature and the filters; where the unmask rule
    /// asks for it, else 0. Infinite where no logit is a number.
    pub entropy: f64,
    /// By how much the logit of the likeliest token leads every other one, the mask's included; where an early commit
    /// waits for that, else 0.
    pub gap: f64,
}

impl Candidate {
    /// Whether the proposal is confident enough for a test at `threshold`. What was put behind all others never is.
    pub fn reaches(&self, threshold: f32) -> bool {
        !self.suppressed && self.proposal.confidence >= threshold
    }

    /// `reason`, or credit where the network alone would not have passed a test at `threshold` with this token.
    pub fn reason_or_credit(&self, threshold: f32, reason: Reason) -> Reason {
        match self.proposal.credit {
            Some(raw) if raw.confidence < threshold || raw.token != self.proposal.token => Reason::Credit,
            _ => reason,
        }
    }

    /// Its token, written for `reason`.
    pub fn commit(&self, reason: Reason) -> Commit {
        let Proposal { position, token, confidence, .. } = self.proposal;
        Commit { position, token, confidence, reason }
    }
}

/// Turns rows into candidates; keeps its buffers between rows.
pub(super) struct Proposer<'a> {
    settings: &'a Settings,
    noise: &'a dyn Noise,
    step: usize,
    block: usize,
    density: Vec<f64>,
    mask: u32,
    /// Tokens that end a text or a turn.
    ends: &'a [u32],
    greedy: bool,
    /// Whether some positions may not end the text.
    bars_ends: bool,
    /// What the unmask rule needs of the rows.
    need: RowNeed,
    probabilities: Vec<f64>,
    uniforms: Vec<f64>,
    order: Vec<usize>,
}

/// What a candidate is made of.
struct CandidateParts {
    token: u32,
    confidence: f64,
    /// Sum of `p ln p`.
    plogp: f64,
    /// The lead of the most likely token in probability.
    margin: f64,
    /// Entropy in nats.
    entropy: f64,
    /// The lead of the most likely token in logits.
    gap: f64,
    alternatives: Vec<(u32, f32)>,
}

/// Added to the score of a suppressed end-of-text proposal: below every real score, yet finite, so that the
/// suppressed keep their order among themselves.
const SUPPRESSED: f64 = -1e9;

/// Added inside Dream's logarithm so that an impossible token contributes 0 and not NaN.
const DREAM_ENTROPY_EPSILON: f64 = 1e-10;

impl<'a> Proposer<'a> {
    /// `greedy` overrules the temperature: guided drafts are always the most likely tokens.
    pub fn new(
        settings: &'a Settings,
        noise: &'a dyn Noise,
        step: usize,
        mask: u32,
        ends: &'a [u32],
        greedy: bool,
    ) -> Self {
        let (probabilities, uniforms, order) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            settings,
            noise,
            step,
            block: 0,
            density: Vec::new(),
            mask,
            ends,
            greedy,
            bars_ends: false,
            need: unmask::rule(settings.unmask).row_need(),
            probabilities,
            uniforms,
            order,
        }
    }

    /// Takes what is needed of the canvas to propose at `positions`, ascending: the block, for its drawn order, the density
    /// of what is committed, and whether some of them may not end the text.
    #[must_use]
    pub fn over(mut self, positions: &[usize], context: StepContext<'_>) -> Self {
        self.bars_ends = positions.first().is_some_and(|first| context.bars_ends(*first));
        self.block = context.schedule.region().block;
        if self.settings.order == OrderScore::Density {
            self.density = certainty_density(context.canvas, self.settings.density_sigma);
        }
        self
    }

    /// Whether summaries of the rows hold all that is needed of them: proposals are greedy and unfiltered, and no slot
    /// changes or compares rows.
    pub fn reads_summaries(&self) -> bool {
        let settings = self.settings;
        let is_greedy = self.greedy || settings.temperature <= 0.0;
        let is_whole = settings.top_k.is_none() && settings.top_p.is_none_or(|top_p| top_p >= 1.0);
        let is_as_given =
            settings.cfg_scale <= 0.0 && !settings.eos_ban && !self.bars_ends && settings.credit == CreditRule::Off;
        let is_compared = self.need == RowNeed::Whole && settings.guide == GuideRule::Off || weighs_rows(settings);
        is_greedy && (is_whole || settings.sampler == SamplerStyle::Gumbel) && is_as_given && !is_compared
    }

    /// What is asked of rows then, and of the tokens `asked` for.
    pub fn reduce<'b>(&self, asked: &'b [&'b [u32]]) -> Reduce<'b> {
        Reduce { excluded: Some(self.mask), top: Proposal::ALTERNATIVES, asked }
    }

    /// The candidate for `position` from a summary of its row.
    pub fn propose_reduced(&self, position: usize, row: &RowSummary) -> Candidate {
        let (token, confidence) = row.top.first().map_or((0, 0.0), |best| (best.id, best.probability));
        let figures = CandidateParts {
            token,
            confidence,
            // A row without a number has no entropy.
            plogp: if row.entropy.is_finite() { -row.entropy } else { 0.0 },
            margin: row.margin(),
            entropy: row.entropy,
            gap: row.lead(),
            alternatives: row.top.iter().map(|choice| (choice.id, choice.probability as f32)).collect(),
        };
        self.candidate(position, figures)
    }

    /// The candidate for `position` from its row of logits.
    pub fn propose(&mut self, position: usize, logits: &[f32]) -> Candidate {
        let temperature = if self.greedy { 0.0 } else { f64::from(self.settings.temperature) };
        softmax(logits, 1.0, &mut self.probabilities);
        let alternatives = self.alternatives();
        let entropy = if self.asks_entropy() { entropy(&self.probabilities) } else { 0.0 };
        let gap = if self.watches_gap() { gap(logits, self.mask) } else { 0.0 };
        let token = match self.settings.sampler {
            SamplerStyle::Gumbel => self.draw_gumbel(position, logits, temperature),
            SamplerStyle::Filtered => {
                if temperature > 0.0 {
                    softmax(logits, temperature, &mut self.probabilities);
                }
                self.filter(logits);
                self.draw_categorical(position, logits, temperature)
            }
        };
        let figures = CandidateParts {
            token,
            confidence: self.probabilities[token as usize],
            plogp: self.probabilities.iter().map(|p| p * (p + DREAM_ENTROPY_EPSILON).ln()).sum(),
            margin: if self.settings.order == OrderScore::Margin { self.margin() } else { 0.0 },
            entropy,
            gap,
            alternatives,
        };
        self.candidate(position, figures)
    }

    fn candidate(&self, position: usize, figures: CandidateParts) -> Candidate {
        let CandidateParts { token, confidence, plogp, margin, entropy, gap, alternatives } = figures;
        let suppressed = self.settings.eos_last && self.ends.contains(&token);
        let score = match self.settings.order {
            OrderScore::Confidence => confidence,
            OrderScore::Margin => margin,
            OrderScore::Entropy => plogp,
            OrderScore::Random => self.noise.uniform(Purpose::Order, self.step, position),
            OrderScore::Density => confidence * self.density.get(position).copied().unwrap_or(1.0),
            OrderScore::Drawn => self.noise.uniform(Purpose::BlockOrder, self.block, position),
        } + if suppressed { SUPPRESSED } else { 0.0 };
        let proposal = Proposal {
            position,
            token,
            confidence: confidence as f32,
            entropy: (-plogp).max(0.0) as f32,
            score: score as f32,
            alternatives,
            credit: None,
            moved: None,
        };
        let entropy = if self.asks_entropy() { entropy } else { 0.0 };
        Candidate { proposal, score, suppressed, entropy, gap: if self.watches_gap() { gap } else { 0.0 } }
    }

    fn asks_entropy(&self) -> bool {
        self.need == RowNeed::Entropy
    }

    fn watches_gap(&self) -> bool {
        self.settings.early_commit != EarlyCommit::Off
    }

    /// The probability of `token` in the row that was proposed from last, as confidences are measured.
    pub fn probability(&self, token: u32) -> f32 {
        self.probabilities.get(token as usize).map_or(0.0, |probability| *probability as f32)
    }

    fn draw_gumbel(&mut self, position: usize, logits: &[f32], temperature: f64) -> u32 {
        if temperature <= 0.0 {
            return self.most_likely(logits);
        }
        self.uniforms.resize(logits.len(), 0.0);
        self.noise.fill(Purpose::Token, self.step, position, &mut self.uniforms);
        let noisy = |(id, logit): (usize, &f32)| (id, finite(*logit) + temperature * gumbel(self.uniforms[id]));
        best(logits.iter().enumerate().map(noisy), self.mask)
    }

    /// Inverse of the cumulative distribution: the first token at which it reaches the uniform draw.
    fn draw_categorical(&self, position: usize, logits: &[f32], temperature: f64) -> u32 {
        if temperature <= 0.0 {
            return self.most_likely(logits);
        }
        let allowed = |id: usize| id as u32 != self.mask;
        let mass: f64 = self.probabilities.iter().enumerate().filter(|(id, _)| allowed(*id)).map(|(_, p)| p).sum();
        let target = self.noise.uniform(Purpose::Token, self.step, position) * mass;
        let mut cumulative = 0.0;
        for (id, probability) in self.probabilities.iter().enumerate() {
            if allowed(id) && *probability > 0.0 {
                cumulative += probability;
                if cumulative >= target {
                    return id as u32;
                }
            }
        }
        self.most_likely(logits)
    }

    /// Top-p, then top-k, then renormalises. Equal logits at the k-th place all stay, as in the reference code.
    fn filter(&mut self, logits: &[f32]) {
        let Settings { top_p, top_k, .. } = *self.settings;
        if top_p.is_none() && top_k.is_none() {
            return;
        }
        self.order.clear();
        self.order.extend(0..logits.len());
        self.order.sort_by(|a, b| finite(logits[*b]).total_cmp(&finite(logits[*a])).then(a.cmp(b)));
        let mut kept = self.order.len();
        if let Some(top_p) = top_p.filter(|top_p| *top_p < 1.0) {
            let mut before = 0.0;
            for (rank, id) in self.order.iter().enumerate() {
                if rank > 0 && before > f64::from(top_p) {
                    kept = rank;
                    break;
                }
                before += self.probabilities[*id];
            }
        }
        if let Some(top_k) = top_k.filter(|top_k| *top_k < kept) {
            let last = logits[self.order[top_k - 1]];
            kept = self.order[..kept].partition_point(|id| finite(logits[*id]) >= finite(last));
        }
        for id in &self.order[kept..] {
            self.probabilities[*id] = 0.0;
        }
        normalise(&mut self.probabilities);
    }

    /// The most likely of the tokens that the filters left; where they left the mask alone, of all.
    fn most_likely(&self, logits: &[f32]) -> u32 {
        let best_left = best(self.probabilities.iter().copied().enumerate(), self.mask);
        if self.probabilities.get(best_left as usize).is_some_and(|probability| *probability > 0.0) {
            return best_left;
        }
        best(logits.iter().map(|logit| finite(*logit)).enumerate(), self.mask)
    }

    fn margin(&self) -> f64 {
        let (mut first, mut second) = (0.0, 0.0);
        for p in &self.probabilities {
            if *p > first {
                (first, second) = (*p, first);
            } else if *p > second {
                second = *p;
            }
        }
        first - second
    }

    fn alternatives(&self) -> Vec<(u32, f32)> {
        let mut top: Vec<(u32, f64)> = Vec::with_capacity(Proposal::ALTERNATIVES + 1);
        for (id, p) in self.probabilities.iter().enumerate() {
            let full = top.len() == Proposal::ALTERNATIVES;
            if id as u32 == self.mask || (full && top.last().is_some_and(|(_, least)| least >= p)) {
                continue;
            }
            let at = top.partition_point(|(_, other)| other >= p);
            top.insert(at, (id as u32, *p));
            top.truncate(Proposal::ALTERNATIVES);
        }
        top.into_iter().map(|(id, p)| (id, p as f32)).collect()
    }
}

/// Why the sampler does not go together with the filters of tokens, if so.
pub(super) fn conflict(settings: &Settings, _limits: &Limits) -> Option<String> {
    (settings.sampler == SamplerStyle::Gumbel && (settings.top_p.is_some() || settings.top_k.is_some())).then(|| {
        "top-p and top-k belong to sampler 'filtered', and sampler is 'gumbel': set sampler to 'filtered', \
         or top-p and top-k to 'off'"
            .to_owned()
    })
}

/// A logit for comparisons: what is not a number can never win.
pub(super) fn finite(logit: f32) -> f64 {
    if logit.is_nan() { f64::NEG_INFINITY } else { f64::from(logit) }
}

/// The id of the largest value that is not the mask, the lowest id among equals.
pub(super) fn best(values: impl Iterator<Item = (usize, f64)>, mask: u32) -> u32 {
    let mut winner: Option<(usize, f64)> = None;
    for (id, value) in values {
        if id as u32 != mask && winner.is_none_or(|(_, most)| value > most) {
            winner = Some((id, value));
        }
    }
    winner.map_or(0, |(id, _)| id as u32)
}

/// Entropy in nats; infinite where nothing has a probability, because nothing is known then.
fn entropy(probabilities: &[f64]) -> f64 {
    let (mut sum, mut mass) = (0.0, 0.0);
    for p in probabilities.iter().filter(|p| **p > 0.0) {
        sum -= p * p.ln();
        mass += p;
    }
    if mass > 0.0 { sum.max(0.0) } else { f64::INFINITY }
}

/// The lead of the largest logit that is not the mask's over every other one; below 0 where the mask's is larger.
fn gap(logits: &[f32], mask: u32) -> f64 {
    let (mut first, mut second, mut masked) = (f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
    for (id, logit) in logits.iter().enumerate() {
        let logit = finite(*logit);
        if id as u32 == mask {
            masked = logit;
        } else if logit > first {
            (first, second) = (logit, first);
        } else if logit > second {
            second = logit;
        }
    }
    let lead = first - second.max(masked);
    // Two infinities have no difference, and nothing leads where there is one token only.
    if lead.is_nan() { 0.0 } else { lead.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) }
}

/// Softmax of `logits / temperature`, accumulated in f64. All zeros where no logit is finite.
pub(super) fn softmax(logits: &[f32], temperature: f64, out: &mut Vec<f64>) {
    let most = logits.iter().map(|logit| finite(*logit)).fold(f64::NEG_INFINITY, f64::max);
    out.clear();
    if most == f64::NEG_INFINITY {
        out.resize(logits.len(), 0.0);
        return;
    }
    out.extend(logits.iter().map(|logit| {
        let exponent = if finite(*logit) == most { 0.0 } else { (finite(*logit) - most) / temperature };
        f64::from((exponent as f32).exp())
    }));
    normalise(out);
}

/// Scales to a mass of 1. What has none (a row without a number) stays as it is.
fn normalise(probabilities: &mut [f64]) {
    let mass: f64 = probabilities.iter().sum();
    if mass > 0.0 {
        for p in probabilities {
            *p /= mass;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::settings::UnmaskRule;
    use crate::{decode::noise::Seeded, model::network::Logits};

    const MASK: u32 = 3;
    const EOS: u32 = 0;

    fn propose(settings: &Settings, logits: &[f32]) -> Candidate {
        Proposer::new(settings, &Seeded(0), 0, MASK, &[EOS], false).propose(7, logits)
    }

    #[test]
    fn the_mask_is_never_proposed() {
        let candidate = propose(&Settings::default(), &[0.0, 2.0, 1.0, 9.0]);
        assert_eq!(candidate.proposal.token, 1);
        assert!(candidate.proposal.confidence < 0.01, "its share of the softmax stays with the mask");
        assert!(candidate.proposal.alternatives.iter().all(|(id, _)| *id != MASK));
    }

    #[test]
    fn equal_logits_go_to_the_lowest_id() {
        assert_eq!(propose(&Settings::default(), &[1.0, 4.0, 4.0, 0.0]).proposal.token, 1);
    }

    #[test]
    fn what_is_not_a_number_never_wins() {
        let candidate = propose(&Settings::default(), &[f32::NAN, 1.0, 2.0, 0.0]);
        assert_eq!(candidate.proposal.token, 2);
        assert!(candidate.proposal.confidence.is_finite());
        let nothing = propose(&Settings::default(), &[f32::NAN; 4]);
        assert_eq!((nothing.proposal.confidence, nothing.score), (0.0, 0.0));
    }

    #[test]
    fn infinite_logits_are_certain() {
        let candidate = propose(&Settings::default(), &[0.0, f32::INFINITY, 0.0, 0.0]);
        assert_eq!((candidate.proposal.token, candidate.proposal.confidence), (1, 1.0));
    }

    #[test]
    fn scores_follow_their_definitions() {
        let logits = [0.0_f32, 2.0, 1.0, -1e30];
        let z = 1.0 + 2f64.exp() + 1f64.exp();
        let (p0, p1, p2) = (1.0 / z, 2f64.exp() / z, 1f64.exp() / z);
        let score = |order| propose(&Settings { order, ..Settings::default() }, &logits).score;
        assert!((score(OrderScore::Confidence) - p1).abs() < 1e-6);
        assert!((score(OrderScore::Margin) - (p1 - p2)).abs() < 1e-6);
        let entropy = p0 * p0.ln() + p1 * p1.ln() + p2 * p2.ln();
        assert!((score(OrderScore::Entropy) - entropy).abs() < 1e-6);
    }

    #[test]
    fn a_filter_gives_its_mass_to_what_is_kept() {
        let settings = Settings { sampler: SamplerStyle::Filtered, top_k: Some(1), ..Settings::default() };
        let candidate = propose(&settings, &[0.0, 2.0, 1.9, -5.0]);
        assert_eq!((candidate.proposal.token, candidate.proposal.confidence), (1, 1.0));
        assert!(candidate.proposal.alternatives[0].1 < 0.6, "alternatives are those of the unfiltered distribution");
    }

    #[test]
    fn end_of_text_can_be_put_last() {
        let settings = Settings { eos_last: true, ..Settings::default() };
        let candidate = propose(&settings, &[9.0, 0.0, 0.0, 0.0]);
        assert!(candidate.suppressed && candidate.score < -1e8 && candidate.proposal.token == EOS);
    }

    #[test]
    fn the_gap_is_the_lead_of_the_best_token() {
        assert_eq!(gap(&[1.0, 4.0, 2.5, 0.0], MASK), 1.5);
        assert_eq!(gap(&[1.0, 4.0, 2.5, 3.5], MASK), 0.5);
        assert_eq!(gap(&[1.0, 4.0, 2.5, 5.0], MASK), -1.0);
        assert_eq!(gap(&[f32::NAN, 4.0, 2.5, 0.0], MASK), 1.5);
        assert_eq!(gap(&[f32::NAN; 4], MASK), 0.0);
        assert!(gap(&[0.0, f32::INFINITY, 0.0, 0.0], MASK) >= f64::from(f32::MAX));
    }

    #[test]
    fn the_entropy_of_rules_is_that_of_the_whole_distribution() {
        let settings = Settings {
            sampler: SamplerStyle::Filtered,
            unmask: UnmaskRule::EntropyBound,
            top_k: Some(1),
            temperature: 0.5,
            ..Settings::default()
        };
        let candidate = propose(&settings, &[0.0, 0.0, 0.0, 0.0]);
        assert!((candidate.entropy - 4f64.ln()).abs() < 1e-9, "{}", candidate.entropy);
        assert_eq!(propose(&settings, &[f32::NAN; 4]).entropy, f64::INFINITY);
    }

    #[test]
    fn a_greedy_proposer_ignores_the_temperature() {
        let settings = Settings { temperature: 2.0, ..Settings::default() };
        let logits = [0.0, 0.1, 0.2, 0.0];
        for step in 0..50 {
            let mut proposer = Proposer::new(&settings, &Seeded(0), step, MASK, &[EOS], true);
            assert_eq!(proposer.propose(0, &logits).proposal.token, 2);
        }
    }

    #[test]
    fn a_summary_gives_the_candidate_that_its_row_gives() {
        let rows: [&[f32]; 6] = [
            &[0.0, 2.0, 1.0, 9.0, -3.0, 1.5, 2.0],
            &[4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0],
            &[f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY, 0.0, 0.9, -80.0, 0.0],
            &[f32::NEG_INFINITY; 7],
            &[0.0, 0.0, 0.0, 12.0, f32::NEG_INFINITY, 1.0, 5.0],
            &[-1.0, 1.0, 0.5, f32::NEG_INFINITY, 0.25, 0.125, 0.75],
        ];
        let plain = Settings { eos_last: true, temperature: 0.7, ..Settings::default() };
        let watched = Settings { early_commit: EarlyCommit::Block, unmask: UnmaskRule::EntropyBound, ..plain };
        let filtered = Settings { sampler: SamplerStyle::Filtered, top_p: Some(1.0), ..plain };
        for order in [OrderScore::Confidence, OrderScore::Margin, OrderScore::Entropy, OrderScore::Random] {
            for settings in [plain, watched, filtered] {
                let settings = Settings { order, ..settings };
                let mut proposer = Proposer::new(&settings, &Seeded(0), 0, MASK, &[EOS], true);
                assert!(proposer.reads_summaries());
                for row in rows {
                    let asked: [&[u32]; 1] = [&[6]];
                    let logits = Logits::new(row.len(), row.to_vec());
                    let summary = logits.summaries(proposer.reduce(&asked)).unwrap().remove(0);
                    let found = proposer.propose_reduced(7, &summary);
                    let expected = proposer.propose(7, row);
                    let close = |a: f64, b: f64| a == b || (a - b).abs() < 1e-5;
                    assert_eq!(
                        (found.proposal.token, found.suppressed),
                        (expected.proposal.token, expected.suppressed)
                    );
                    assert!(close(found.score, expected.score), "{found:?} {expected:?}");
                    assert!(close(found.entropy, expected.entropy) && close(found.gap, expected.gap));
                    let ids = |candidate: &Candidate| -> Vec<u32> {
                        candidate.proposal.alternatives.iter().map(|(id, _)| *id).collect()
                    };
                    assert_eq!(ids(&found), ids(&expected));
                    let (a, b) = (&found.proposal, &expected.proposal);
                    assert!(
                        close(a.confidence.into(), b.confidence.into()) && close(a.entropy.into(), b.entropy.into())
                    );
                    assert!(close(summary.asked[0].probability, proposer.probability(6).into()));
                }
            }
        }
    }

    #[test]
    fn rows_are_read_where_something_needs_them() {
        let greedy = Settings::default();
        let reads = |settings: &Settings, greedy| {
            Proposer::new(settings, &Seeded(0), 0, MASK, &[EOS], greedy).reads_summaries()
        };
        assert!(reads(&greedy, false));
        let filtered = Settings { sampler: SamplerStyle::Filtered, ..greedy };
        assert!(reads(&filtered, false));
        for settings in [
            Settings { temperature: 0.5, ..greedy },
            Settings { top_k: Some(50), ..filtered },
            Settings { top_p: Some(0.9), ..filtered },
            Settings { cfg_scale: 1.0, ..greedy },
            Settings { eos_ban: true, ..greedy },
            Settings { credit: CreditRule::Fixed, ..greedy },
            Settings { unmask: UnmaskRule::Klass, ..greedy },
            Settings { guide: GuideRule::Product, ..greedy },
        ] {
            assert!(!reads(&settings, false), "{settings:?}");
        }
    }
}
