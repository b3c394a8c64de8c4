//! What a log read from a file must keep, so that every view of it can index without asking.

use super::{End, Entry, ForkOrigin, Header};
use crate::decode::record::{Cost, Edit, GuideReview, Proposal, StepRecord};

/// The longest canvas that a file may ask for: far above any model's context, far below what memory holds.
const LONGEST_CANVAS: usize = 1 << 20;

/// Digits of the hash of a run.
const HASH_DIGITS: usize = 32;

/// The most layers that a file may list: far above any model's.
const MOST_LAYERS: usize = 1 << 12;

/// "1 step", "2 steps".
pub(super) fn plural(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// Checks a header.
pub(super) fn header(header: &Header) -> Result<(), String> {
    let prompt = header.prompt_ids.len();
    if header.prompt_pieces.len() != prompt {
        let pieces = plural(header.prompt_pieces.len(), "piece");
        return Err(format!("the prompt has {} but {pieces} of text", plural(prompt, "id")));
    }
    if header.gen_length == 0 {
        return Err("gen_length is 0".to_owned());
    }
    match prompt.checked_add(header.gen_length) {
        Some(length) if length <= LONGEST_CANVAS => {
            given(header, length)?;
            header.origin.as_ref().map_or(Ok(()), origin)
        }
        _ => Err(format!(
            "a prompt of {} and {} exceed the longest canvas of {LONGEST_CANVAS}",
            plural(prompt, "token"),
            plural(header.gen_length, "mask")
        )),
    }
}

/// Checks the tokens that were there before the first step.
fn given(header: &Header, length: usize) -> Result<(), String> {
    let mut next = header.prompt_ids.len();
    for token in &header.given {
        if token.position >= length || token.position < next {
            let position = token.position;
            return Err(format!("the given token at position {position} is outside of the answer, or out of order"));
        }
        if token.token == header.mask_id {
            return Err(format!("the token given at position {} is the mask", token.position));
        }
        next = token.position + 1;
    }
    Ok(())
}

/// Checks where it branched off.
fn origin(origin: &ForkOrigin) -> Result<(), String> {
    let is_hash = origin.parent.len() == HASH_DIGITS && origin.parent.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hash {
        return Err(format!("the parent of a fork is named by {HASH_DIGITS} hexadecimal digits, and this one is not"));
    }
    if origin.exact && origin.cold {
        return Err("a fork that is cold repeated no step, and cannot have done so exactly".to_owned());
    }
    Ok(())
}

/// Checks how the run that `header` opens ended.
pub(super) fn end(header: &Header, end: &End) -> Result<(), String> {
    let Some(failed) = &end.failed else { return Ok(()) };
    let generated = header.prompt_ids.len()..header.canvas_length();
    if failed.is_empty() || failed.start < generated.start || failed.end > generated.end {
        return Err(format!(
            "the answer fails at {}..{}, and its positions are {}..{}",
            failed.start, failed.end, generated.start, generated.end
        ));
    }
    Ok(())
}

/// Checks entries one after the other.
#[derive(Debug)]
pub(super) struct Steps {
    prompt: usize,
    mask_id: u32,
    length: usize,
    next: usize,
    cost: [u64; 12],
}

impl Steps {
    /// For the log that `header` opens.
    pub(super) fn new(header: &Header) -> Self {
        Self {
            prompt: header.prompt_ids.len(),
            mask_id: header.mask_id,
            length: header.canvas_length(),
            next: 0,
            cost: [0; 12],
        }
    }

    /// Checks the next entry.
    pub(super) fn check(&mut self, entry: &Entry) -> Result<(), String> {
        let record = &entry.record;
        if record.step != self.next {
            return Err(format!("step {} stands where step {} is expected", record.step, self.next));
        }
        self.canvas(record)?;
        self.edits(&record.edits)?;
        self.proposals(&record.proposals)?;
        self.commits(record)?;
        self.remasked(record)?;
        self.layers(record)?;
        record.guide.iter().chain(&record.shadow).try_for_each(|review| self.review(review))?;
        if record.gap.is_some_and(|gap| !gap.mean.is_finite() || !gap.needed.is_finite()) {
            return Err("a gap is not finite".to_owned());
        }
        self.audit(record)?;
        self.ascending("piece", entry.pieces.iter().map(|piece| piece.position))?;
        self.cost(&record.cost)?;
        self.next += 1;
        Ok(())
    }

    fn canvas(&self, record: &StepRecord) -> Result<(), String> {
        for (what, found) in [("ids", record.ids.len()), ("kv", record.kv.len())] {
            if found != self.length {
                let found = plural(found, "value");
                return Err(format!("{what} has {found} and the canvas has {}", self.positions()));
            }
        }
        let region = record.region;
        if region.start > region.end || region.end > self.length {
            return Err(format!(
                "the region {}..{} is outside the canvas of {}",
                region.start,
                region.end,
                self.positions()
            ));
        }
        Ok(())
    }

    fn edits(&self, edits: &[Edit]) -> Result<(), String> {
        let ends = edits.iter().map(|edit| match *edit {
            // A position of a file can be the largest number that there is.
            Edit::Write { position, .. } | Edit::Pin { position, .. } => (position, position.saturating_add(1)),
            Edit::Remask { start, end } => (start, end),
        });
        for (start, end) in ends {
            if start < self.prompt || start >= end || end > self.length {
                return Err(format!("an edit of the positions {start}..{end} is outside of the answer"));
            }
        }
        let mask = |edit: &&Edit| matches!(edit, Edit::Write { token, .. } if *token == self.mask_id);
        match edits.iter().find(mask) {
            Some(_) => Err("a mask is written by hand, which masking again would be".to_owned()),
            None => Ok(()),
        }
    }

    fn proposals(&self, proposals: &[Proposal]) -> Result<(), String> {
        self.ascending("proposal", proposals.iter().map(|proposal| proposal.position))?;
        for proposal in proposals {
            probability("a proposal's confidence", proposal.confidence)?;
            if !proposal.entropy.is_finite() || !proposal.score.is_finite() {
                return Err("a proposal's entropy or score is not finite".to_owned());
            }
            if proposal.alternatives.len() > Proposal::ALTERNATIVES {
                return Err(format!(
                    "a proposal has {} alternatives, and {} is the most",
                    proposal.alternatives.len(),
                    Proposal::ALTERNATIVES
                ));
            }
            if let Some(credit) = proposal.credit {
                probability("the confidence of a proposal without its credit", credit.confidence)?;
            }
            if proposal.credit.is_some_and(|credit| !credit.amount.is_finite())
                || proposal.moved.is_some_and(|moved| !moved.is_finite())
            {
                return Err("a proposal's credit or movement is not finite".to_owned());
            }
            for (_, value) in &proposal.alternatives {
                probability("an alternative's probability", *value)?;
            }
        }
        Ok(())
    }

    fn commits(&self, record: &StepRecord) -> Result<(), String> {
        self.ascending("commit", record.commits.iter().map(|commit| commit.position))?;
        for commit in &record.commits {
            if commit.position < self.prompt {
                return Err(format!("a commit at position {} writes into the prompt", commit.position));
            }
            if record.ids[commit.position] != commit.token {
                return Err(format!(
                    "the commit at position {} writes token {}, and ids has {} there",
                    commit.position, commit.token, record.ids[commit.position]
                ));
            }
            probability("a commit's confidence", commit.confidence)?;
        }
        Ok(())
    }

    fn remasked(&self, record: &StepRecord) -> Result<(), String> {
        self.ascending("re-masked token", record.remasked.iter().copied())?;
        let Some(position) = record.remasked.iter().find(|position| **position < self.prompt) else { return Ok(()) };
        Err(format!("position {position} is masked again, and it belongs to the prompt"))
    }

    fn layers(&self, record: &StepRecord) -> Result<(), String> {
        if record.layers.len() > MOST_LAYERS {
            return Err(format!("{} layers are listed, and {MOST_LAYERS} is the most", record.layers.len()));
        }
        for layer in &record.layers {
            if layer.computed as usize > self.length {
                return Err(format!("a layer computes {} of {}", layer.computed, self.positions()));
            }
            if !layer.ages.is_empty() && layer.ages.len() != self.length {
                let rows = plural(layer.ages.len(), "row");
                return Err(format!("a layer has ages of {rows} and the canvas has {}", self.positions()));
            }
            let computed = layer.ages.iter().filter(|age| **age == 0).count();
            if !layer.ages.is_empty() && computed != layer.computed as usize {
                return Err(format!("a layer computes {} of its rows, and {computed} of them are new", layer.computed));
            }
            if let Some(similarity) = layer.similarity.filter(|value| !(-1.0..=1.0).contains(value)) {
                return Err(format!("a layer's similarity is {similarity}, not between -1 and 1"));
            }
        }
        Ok(())
    }

    fn review(&self, review: &GuideReview) -> Result<(), String> {
        self.ascending("draft", review.drafts.iter().map(|draft| draft.position))?;
        if review.accepted > review.drafts.len() {
            return Err(format!("{} of {} drafts are accepted", review.accepted, review.drafts.len()));
        }
        for view in review.drafts.iter().filter_map(|draft| draft.view) {
            probability("a guide's probability", view.top_probability)?;
            probability("a guide's probability", view.draft_probability)?;
        }
        Ok(())
    }

    fn audit(&self, record: &StepRecord) -> Result<(), String> {
        let Some(report) = &record.audit else { return Ok(()) };
        self.ascending("audited position", report.positions.iter().map(|audited| audited.position))?;
        self.ascending("drifting row", report.drift.iter().map(|row| row.position))?;
        for audited in &report.positions {
            probability("an audited probability", audited.probability)?;
            if !(audited.kl.is_finite() && audited.kl >= 0.0) {
                return Err(format!("a divergence is {}, not a number from 0", audited.kl));
            }
        }
        let counts = report.drift.iter().flat_map(|row| [row.keys.len(), row.values.len()]);
        if let Some(count) = counts.max().filter(|count| *count > MOST_LAYERS) {
            return Err(format!("a row of {count} layers is audited, and {MOST_LAYERS} is the most"));
        }
        let cosines = report.drift.iter().flat_map(|row| row.keys.iter().chain(&row.values));
        match cosines.into_iter().find(|cosine| !(-1.001..=1.001).contains(*cosine)) {
            Some(cosine) => Err(format!("a cosine is {cosine}, not between -1 and 1")),
            None => Ok(()),
        }
    }

    /// Figures add costs up, so their sums must stay within their types.
    fn cost(&mut self, cost: &Cost) -> Result<(), String> {
        let counts = [
            cost.nfe,
            cost.guide_forwards,
            cost.computed,
            cost.reused,
            cost.guide_computed,
            cost.audit_forwards,
            cost.shadow_forwards,
        ]
        .map(u64::from);
        let times = [cost.denoiser_us, cost.guide_us, cost.other_us, cost.audit_us, cost.shadow_us];
        let parts = counts.into_iter().chain(times);
        for (index, (sum, part)) in self.cost.iter_mut().zip(parts).enumerate() {
            let most = if index < counts.len() { u64::from(u32::MAX / 2) } else { u64::MAX / 4 };
            *sum = sum
                .checked_add(part)
                .filter(|sum| *sum <= most)
                .ok_or_else(|| format!("a cost of {part} makes an impossible sum"))?;
        }
        Ok(())
    }

    fn positions(&self) -> String {
        plural(self.length, "position")
    }

    fn ascending(&self, what: &str, positions: impl Iterator<Item = usize>) -> Result<(), String> {
        let mut last = None;
        for position in positions {
            if position >= self.length {
                return Err(format!("a {what} at position {position} is outside the canvas of {}", self.positions()));
            }
            if last.is_some_and(|last| last >= position) {
                return Err(format!("the {what} at position {position} is out of order"));
            }
            last = Some(position);
        }
        Ok(())
    }
}

fn probability(what: &str, value: f32) -> Result<(), String> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(format!("{what} is {value}, not between 0 and 1")) }
}
