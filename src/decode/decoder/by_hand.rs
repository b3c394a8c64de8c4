//! What hands do to a run: tokens that are given before its first step, written or masked between two steps; and what of the
//! answer they left to the rules.

use super::{DecodeError, Decoder, RunState};
use crate::decode::{
    edit::Edit,
    plan::Plan,
    record::{Change, Cost, StepRecord, StopReason},
};

impl Decoder {
    /// Writes tokens into the generated part before the first step: `(position, token, pinned)`.
    ///
    /// # Errors
    /// When one of them cannot stand there.
    pub fn with_given(mut self, given: impl IntoIterator<Item = (usize, u32, bool)>) -> Result<Self, DecodeError> {
        for (position, token, pinned) in given {
            let write = Edit::Write { position, token };
            if let Some(refusal) = write.refusal(&self.run.canvas, self.run.vocab_size) {
                return Err(DecodeError::Unusable(refusal));
            }
            self.run.canvas.write_by_hand(position, token);
            self.run.canvas.pin(position, pinned);
        }
        Ok(self)
    }

    /// Changes the canvas by hand before the next step. A run that was over continues; one in which nothing is masked
    /// ends with the next step, which computes nothing.
    ///
    /// What depends on a changed token is computed again before it is read; what was remembered of its position is
    /// forgotten; and a block in which something is masked again begins again.
    ///
    /// # Errors
    /// When one of the changes cannot be made; none is made then.
    pub fn edit(&mut self, edits: &[Edit]) -> Result<(), DecodeError> {
        if edits.is_empty() {
            return Ok(());
        }
        let run = &mut self.run;
        let mut canvas = run.canvas.clone();
        for edit in edits {
            if let Some(refusal) = edit.refusal(&canvas, run.vocab_size) {
                return Err(DecodeError::Unusable(refusal));
            }
            edit.apply(&mut canvas);
        }
        self.edits.make(edits, &mut run.canvas);
        self.stopped = None;
        Ok(())
    }

    /// Puts the canvas right where a step that was repeated gave other tokens than before, as it may on a GPU. What was
    /// computed of them is computed again.
    pub fn correct(&mut self, ids: &[u32]) {
        let canvas = &mut self.run.canvas;
        let before = canvas.ids().to_vec();
        for (position, id) in ids.iter().enumerate().take(canvas.len()).filter(|(at, id)| before[*at] != **id) {
            canvas.write(position, *id);
        }
        self.stopped = None;
        self.changed(&before);
    }

    /// The canvas, which was `before`, was changed from outside.
    pub(super) fn changed(&mut self, before: &[u32]) {
        let run = &mut self.run;
        let cuts_text = run.canvas.fixed(&run.ends) > run.canvas.live();
        let positions: Vec<usize> =
            (0..before.len()).filter(|position| before[*position] != run.canvas.ids()[*position]).collect();
        if positions.is_empty() && !cuts_text {
            return;
        }
        run.canvas.uncut();
        self.cache.edited();
        self.early.edited();
        self.credits.edited(&positions);
        self.unmask.edited(&positions);
        self.reviser.edited(&positions);
        let opened = run.schedule.region().end;
        self.reopens |= positions.iter().any(|position| *position < opened && run.canvas.is_masked(*position));
        let run = &self.run;
        let is_done = run.schedule.is_closed(&run.canvas) && !self.reviser.holds(run.context());
        self.block_is_new |= self.reopens || is_done;
        self.counted_before = run.steps - self.reviser.revisions();
    }

    /// A step after which nothing is masked by hand: nothing is computed.
    pub(super) fn step_without_masks(&mut self, changes: Vec<Change>, cost: Cost) -> StepRecord {
        let (commits, remasked) = self.edits.outcome(&self.run.canvas);
        let plan = Plan { passes: Vec::new(), only: None };
        let kv = self.cache.report(&plan, self.run.context());
        self.run.steps += 1;
        self.stopped = Some(StopReason::NothingMasked);
        StepRecord {
            step: self.run.steps - 1,
            region: self.run.schedule.region(),
            changes,
            edits: self.edits.take(),
            ids: self.run.canvas.ids().to_vec(),
            proposals: Vec::new(),
            commits,
            remasked,
            kv,
            layers: Vec::new(),
            guide: None,
            shadow: None,
            gap: None,
            audit: None,
            cost,
            stop: self.stopped,
        }
    }

    /// The tokens of the answer as it stands: up to the first end of text behind all that is pinned, masks and ends left
    /// out.
    pub fn answer(&self) -> Vec<u32> {
        self.text().map(|position| self.run.canvas.ids()[position]).collect()
    }

    /// Where they stand.
    pub fn answer_positions(&self) -> Vec<usize> {
        self.text().collect()
    }

    /// Where the end of text stands that ends the answer, if one does.
    pub fn answer_end(&self) -> Option<usize> {
        self.run.canvas.end_of_text(&self.run.ends)
    }

    /// How many of them a rule has written: the others were given, or written by hand.
    pub fn decoded(&self) -> usize {
        self.text().filter(|position| !self.run.canvas.is_by_hand(*position)).count()
    }

    /// Positions of the answer.
    fn text(&self) -> impl Iterator<Item = usize> {
        let RunState { canvas, ends, .. } = &self.run;
        let end = canvas.end_of_text(ends).unwrap_or(canvas.len());
        (canvas.prompt()..end).filter(|at| !canvas.is_masked(*at) && !ends.contains(&canvas.ids()[*at]))
    }
}
