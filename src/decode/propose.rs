//! The passes of a step, and what their rows become: candidates at masks, and new scores of committed tokens.

use super::{
    adjust::{self, Credits},
    audit::{self, AuditedRows},
    cache::Cache,
    clock::Clock,
    context::{self, StepContext},
    decoder::DecodeError,
    guide,
    leave_one_out::LeaveOneOut,
    numbers,
    plan::{PassPlan, Plan},
    proposal::{Candidate, Proposer},
    record::{Cost, Region},
    stop::Early,
    unmask::{Rescore, Rescored, Unmask},
};
use crate::model::network::{Logits, Network, Pass, RowSummary};

/// The network that is named where its rows hold no numbers.
const DENOISER: &str = "denoiser";

/// The passes of a step, with the slots that take part in them.
pub(super) struct Passes<'a> {
    context: StepContext<'a>,
    rescore: Rescore,
    cache: &'a mut Cache,
    credits: &'a mut Credits,
    unmask: &'a mut Unmask,
    /// Holds a row that is adjusted.
    buffer: Vec<f32>,
}

/// What came of them.
#[derive(Default)]
pub(super) struct Proposed {
    /// Candidates at masked positions, ascending.
    pub masked: Vec<Candidate>,
    /// Committed positions that were scored again, ascending.
    pub rescored: Vec<Rescored>,
    /// The rows that drafts were drawn from, ascending by position, where the guide's rule weighs them.
    pub draft_rows: Vec<(usize, Vec<f32>)>,
    /// The rows that the step decides on, where they are audited.
    pub audited: Option<AuditedRows>,
}

/// The rows of a pass whose logits are needed.
struct WantedRows {
    /// Their indexes in the pass, ascending; those that verify tokens come last.
    indexes: Vec<usize>,
    /// Every scored position, and its place among the wanted rows.
    scored: Vec<(usize, usize)>,
}

/// The wanted rows of a pass.
struct PassResult {
    logits: Logits,
    /// The stream without the prompt, under classifier-free guidance.
    unconditional: Option<Logits>,
    /// The rows in a few numbers each, where those are all that is needed of them.
    summaries: Option<Vec<RowSummary>>,
    /// By row, the committed tokens at the positions that it predicts.
    committed: Vec<Vec<u32>>,
}

impl<'a> Passes<'a> {
    pub fn new(
        context: StepContext<'a>,
        rescore: Rescore,
        cache: &'a mut Cache,
        credits: &'a mut Credits,
        unmask: &'a mut Unmask,
    ) -> Self {
        Self { context, rescore, cache, credits, unmask, buffer: Vec::new() }
    }

    /// Runs the passes of the plan; scores every masked position whose row was computed, the committed positions of the
    /// block where they are rescored, and those that the gap of an early commit is measured at.
    ///
    /// # Errors
    /// When the network fails, or its rows hold no numbers.
    pub fn run(
        mut self,
        denoiser: &mut dyn Network,
        plan: &Plan,
        clock: &dyn Clock,
        cost: &mut Cost,
    ) -> Result<Proposed, DecodeError> {
        let StepContext { settings, noise, step, canvas, ends, .. } = self.context;
        let greedy = guide::drafts_greedily(settings);
        let positions: Vec<usize> = (0..canvas.live()).filter(|position| self.is_scored(*position)).collect();
        let mut proposer =
            Proposer::new(settings, noise, step, canvas.mask(), ends, greedy).over(&positions, self.context);
        let verifying = if self.rescore == Rescore::LeaveOneOut { LeaveOneOut::of(self.context) } else { None };
        let audited = audit::is_due(self.context).then(AuditedRows::default);
        let mut proposed = Proposed { audited, ..Proposed::default() };
        for (number, pass) in plan.passes.iter().enumerate() {
            let later = &plan.passes[number + 1..];
            let verifying = verifying.as_ref().filter(|_| later.is_empty());
            let mut wanted = self.wanted(pass, later, &positions);
            let (logits, unconditional) = self.forward(denoiser, pass, verifying, &mut wanted, clock, cost)?;
            let is_audited = proposed.audited.is_some();
            let answer = self.read(logits, unconditional, &wanted, &proposer, is_audited)?;
            for (position, row) in wanted.scored {
                self.score(position, row, &answer, &mut proposer, &mut proposed);
            }
        }
        proposed.masked.sort_unstable_by_key(|candidate| candidate.proposal.position);
        proposed.rescored.sort_unstable_by_key(|rescored| rescored.candidate.proposal.position);
        proposed.draft_rows.sort_unstable_by_key(|(position, _)| *position);
        Ok(proposed)
    }

    /// Whether a position is scored from the rows of the canvas.
    fn is_scored(&self, position: usize) -> bool {
        let StepContext { canvas, schedule, .. } = self.context;
        let Region { start, end, .. } = schedule.region();
        let is_rescored = self.rescore == Rescore::InPlace && (start.max(canvas.prompt())..end).contains(&position);
        canvas.is_masked(position) || is_rescored || Early::needs(position, self.context)
    }

    /// The rows of `pass` that score one of `positions`. A row counts in the last pass that computes it.
    fn wanted(&self, pass: &PassPlan, later: &[PassPlan], positions: &[usize]) -> WantedRows {
        let (positions, indexes): (Vec<usize>, Vec<usize>) = positions
            .iter()
            .filter_map(|position| {
                let source = self.context.source(*position);
                let index = pass.query.binary_search(&source).ok()?;
                (!later.iter().any(|later| later.computes(source))).then_some((*position, index))
            })
            .unzip();
        let (indexes, places) = context::shared(indexes);
        WantedRows { indexes, scored: positions.into_iter().zip(places).collect() }
    }

    /// Runs a pass, with the rows that verify committed tokens where there are any; they add themselves to the wanted ones.
    /// Returns the wanted rows, and those of the stream without the prompt.
    fn forward(
        &mut self,
        denoiser: &mut dyn Network,
        pass: &PassPlan,
        verifying: Option<&LeaveOneOut>,
        wanted: &mut WantedRows,
        clock: &dyn Clock,
        cost: &mut Cost,
    ) -> Result<(Logits, Option<Logits>), DecodeError> {
        let began = clock.now();
        let unconditional = self.unconditional(denoiser, pass, &wanted.indexes, cost)?;
        let StepContext { settings, canvas, .. } = self.context;
        let ids: Vec<u32> = pass.query.iter().map(|position| canvas.ids()[*position]).collect();
        let (logits, added) = match verifying {
            None => {
                let plain = self.plain(pass, &ids, &wanted.indexes);
                (self.cache.forward(denoiser, plain, settings)?, 0)
            }
            Some(verifying) => {
                let augmented = verifying.augment(ids, &pass.query, 0..pass.end);
                for (row, verified) in &augmented.verifies {
                    wanted.scored.push((*verified, wanted.indexes.len()));
                    wanted.indexes.push(*row);
                }
                let added = augmented.ids.len() - pass.query.len();
                (self.cache.forward(denoiser, augmented.pass(&wanted.indexes), settings)?, added)
            }
        };
        cost.denoiser_us += clock.micros_since(began);
        cost.nfe += 1;
        cost.computed += self.cache.computed(pass) + added as u32;
        cost.reused += self.cache.reused(pass);
        self.cache.record(pass, self.context);
        Ok((logits, unconditional))
    }

    /// Runs the stream without the prompt, under classifier-free guidance. It comes first, and the stream with the prompt
    /// writes over its rows: nothing is cached beside guidance.
    fn unconditional(
        &self,
        denoiser: &mut dyn Network,
        pass: &PassPlan,
        wanted: &[usize],
        cost: &mut Cost,
    ) -> Result<Option<Logits>, DecodeError> {
        if self.context.settings.cfg_scale <= 0.0 {
            return Ok(None);
        }
        let ids = adjust::without_prompt(&pass.query, self.context);
        cost.computed += pass.query.len() as u32;
        Ok(Some(denoiser.forward(self.plain(pass, &ids, wanted))?))
    }

    /// A pass as a network takes it, over the canvas alone.
    fn plain<'b>(&self, pass: &'b PassPlan, ids: &'b [u32], wanted: &'b [usize]) -> Pass<'b> {
        Pass { mask: self.context.mask(), ..Pass::new(ids, &pass.query, pass.read(), wanted) }
    }

    /// Reads as much of the wanted rows as is needed, and refuses rows that hold no numbers.
    fn read(
        &self,
        logits: Logits,
        unconditional: Option<Logits>,
        wanted: &WantedRows,
        proposer: &Proposer<'_>,
        is_audited: bool,
    ) -> Result<PassResult, DecodeError> {
        let step = self.context.step;
        let committed: Vec<Vec<u32>> =
            wanted.scored.chunk_by(|a, b| a.1 == b.1).map(|positions| self.committed(positions)).collect();
        let summaries = if proposer.reads_summaries() {
            let asked: Vec<&[u32]> = committed.iter().map(Vec::as_slice).collect();
            let summaries = logits.summaries(proposer.reduce(&asked))?;
            numbers::check(DENOISER, summaries.iter().map(|summary| summary.is_sound), step)?;
            Some(summaries)
        } else {
            None
        };
        if summaries.is_none() || is_audited {
            for logits in std::iter::once(&logits).chain(&unconditional) {
                logits.fetch()?;
                numbers::check(DENOISER, logits.soundness(), step)?;
            }
        }
        Ok(PassResult { logits, unconditional, summaries, committed })
    }

    /// The committed tokens at the positions that a row predicts.
    fn committed(&self, positions: &[(usize, usize)]) -> Vec<u32> {
        let canvas = self.context.canvas;
        let committed = positions.iter().map(|(position, _)| *position).filter(|position| !canvas.is_masked(*position));
        committed.map(|position| canvas.ids()[position]).collect()
    }

    /// Scores a position by its row.
    fn score(
        &mut self,
        position: usize,
        row: usize,
        answer: &PassResult,
        proposer: &mut Proposer<'a>,
        proposed: &mut Proposed,
    ) {
        let is_masked = self.context.canvas.is_masked(position);
        if let Some(audited) = proposed.audited.as_mut().filter(|_| is_masked) {
            audited.record(position, answer.logits.row(row));
        }
        if let Some(summaries) = &answer.summaries {
            self.score_summary(position, &summaries[row], &answer.committed[row], proposer, proposed);
        } else {
            self.score_row(position, row, answer, proposer, proposed);
        }
    }

    /// The same by a summary, which holds the probabilities of the `committed` tokens that its row predicts.
    fn score_summary(
        &self,
        position: usize,
        summary: &RowSummary,
        committed: &[u32],
        proposer: &Proposer<'_>,
        proposed: &mut Proposed,
    ) {
        let candidate = proposer.propose_reduced(position, summary);
        let token = self.context.canvas.ids()[position];
        match committed.iter().position(|committed| *committed == token) {
            None => proposed.masked.push(candidate),
            Some(at) => {
                let current_probability = summary.asked[at].probability as f32;
                proposed.rescored.push(Rescored { candidate, current_probability });
            }
        }
    }

    /// The same by a whole row, which guidance and credit may change.
    fn score_row(
        &mut self,
        position: usize,
        row: usize,
        answer: &PassResult,
        proposer: &mut Proposer<'a>,
        proposed: &mut Proposed,
    ) {
        let StepContext { settings, canvas, .. } = self.context;
        let without = answer.unconditional.as_ref().map(|logits| logits.row(row));
        let logits = adjust::guided(answer.logits.row(row), without, position, self.context, &mut self.buffer);
        let candidate = proposer.propose(position, logits);
        if !canvas.is_masked(position) {
            let current_probability = proposer.probability(canvas.ids()[position]);
            proposed.rescored.push(Rescored { candidate, current_probability });
            return;
        }
        if guide::weighs_rows(settings) {
            proposed.draft_rows.push((position, logits.to_vec()));
        }
        let mut candidate = self.credits.fuse(candidate, logits, proposer, self.context);
        self.unmask.observe(&mut candidate, logits, settings);
        proposed.masked.push(candidate);
    }
}
