//! The wide part of a step, which has something for every position, as columns of differences to the step before.

use serde::{Deserialize, Serialize};

use super::{
    ints::{IntReader, Ints},
    quantized::{ProposalReader, ProposalWriter, Quantized},
    reports,
};
use crate::decode::record::{AuditReport, GuideReview, KvStatus, KvUse, LayerUse, StepRecord};

macro_rules! columns {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// The columns of a step. One that is empty is left out.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub(super) struct Columns {
            $($(#[doc = $doc])* #[serde(skip_serializing_if = "Ints::is_empty")] pub(super) $name: Ints,)*
        }

        impl Columns {
            fn all(&self) -> impl Iterator<Item = &Ints> {
                [$(&self.$name),*].into_iter()
            }

            fn all_mut(&mut self) -> impl Iterator<Item = &mut Ints> {
                [$(&mut self.$name),*].into_iter()
            }
        }
    };
}

// docs/trace-format.md describes them for readers of files.
columns! {
    /// Rows of K/V that were not used as foreseen: runs of positions, each with its status + 4 · age.
    kv,
    /// Rows that a layer computed and the one below it did not, or the other way round: runs over all layers, position by
    /// position, behind a 1 that says that it is known.
    layer_rows,
    /// Ages of other rows of the layers that are not as foreseen: runs as above, each with its age.
    layer_ages,
    /// Runs of the positions that have a proposal now and had none in the step before, or the other way round.
    at,
    /// What each proposal has of its own; repeated.
    kinds,
    /// Where each proposal's alternatives stood in the step before.
    order,
    /// Ids that stood nowhere in the step before: of alternatives, of tokens, without credit.
    ids,
    /// Probabilities in 1/65,535, as differences: of alternatives, of tokens, without credit.
    shares,
    /// Other numbers in 1/4,096, as differences: entropy, score, credit, movement.
    numbers,
    /// What the guide accepted, what it read, and tokens that it was fed in each forward.
    review,
    /// Runs of positions with a draft.
    drafts_at,
    /// What each draft has of its own; repeated.
    drafts,
    /// Ids of drafts, of the guide's tokens, of tokens in place of drafts.
    draft_ids,
    /// The guide's probabilities and ranks.
    draft_numbers,
    /// The five columns of a review by a guide that only looks on.
    shadow,
    /// As `drafts_at`.
    shadow_at,
    /// As `drafts`.
    shadow_drafts,
    /// As `draft_ids`.
    shadow_ids,
    /// As `draft_numbers`.
    shadow_numbers,
    /// Runs of audited positions, behind a 1 that says that there is an audit.
    audited_at,
    /// The truth at each of them.
    audited,
    /// Runs of positions with a reused row that was audited.
    drift_at,
    /// How many cosines of keys and of values each row has; repeated.
    drift_layers,
    /// Cosines, bit by bit, as differences to the one before.
    drift,
}

impl Columns {
    /// All of them in a row: which there are, then each behind its length.
    pub(super) fn pack(&self) -> Box<[u8]> {
        let present = |(index, column): (usize, &Ints)| if column.is_empty() { 0 } else { 1_i64 << index };
        let mut lengths = Ints::default();
        lengths.push(self.all().enumerate().map(present).sum());
        let filled = || self.all().filter(|column| !column.is_empty());
        filled().for_each(|column| lengths.push(column.bytes().len() as i64));
        filled().fold(lengths.bytes().to_vec(), |bytes, column| [&bytes, column.bytes()].concat()).into()
    }

    /// The columns out of what [`Self::pack`] made of them.
    pub(super) fn unpack(bytes: &[u8]) -> Result<Self, String> {
        let mut columns = Self::default();
        let mut reader = IntReader::new("columns", bytes);
        let present: i64 = reader.next()?;
        let mut lengths = Vec::new();
        for _ in 0..present.count_ones() {
            lengths.push(reader.narrow::<usize>()?);
        }
        let mut lengths = lengths.into_iter();
        for (index, column) in columns.all_mut().enumerate() {
            if present >> index & 1 == 1 {
                *column = Ints::from_bytes(reader.take(lengths.next().unwrap_or_default())?);
            }
        }
        Ok(columns)
    }
}

/// The wide part of a step as a log keeps it: what the columns of the next step are relative to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wide {
    /// Ascending by position.
    proposals: Vec<Quantized>,
    /// Empty before the first step.
    kv: Vec<KvUse>,
    /// The ages of the rows of every layer, one layer behind the other; empty where layers do not differ.
    layer_ages: Vec<u32>,
}

/// The most rows that the layers of a file may have together: far above those of any model.
const MOST_LAYER_ROWS: usize = 1 << 22;

/// In the order of their numbers.
const STATUSES: [KvStatus; 4] = [KvStatus::Recomputed, KvStatus::Reused, KvStatus::Stale, KvStatus::Dropped];

/// How a row is used in the next step if nothing happens to it.
fn foreseen(before: Option<&KvUse>) -> KvUse {
    match before {
        Some(KvUse { status, age }) if *status != KvStatus::Recomputed => {
            KvUse { status: *status, age: age.saturating_add(1) }
        }
        Some(KvUse { age, .. }) => KvUse { status: KvStatus::Recomputed, age: *age },
        None => KvUse { status: KvStatus::Recomputed, age: 0 },
    }
}

/// The age of a row of a layer that has not computed it: one step more than it was; where that is not known, as old as in
/// the layer below.
fn foreseen_age(before: &[u32], all: usize, at: usize, below: u32) -> u32 {
    if before.len() == all { before[at].saturating_add(1) } else { below.max(1) }
}

impl Wide {
    /// Bytes of memory that it takes behind itself.
    pub(super) fn memory(&self) -> usize {
        self.proposals.capacity() * size_of::<Quantized>()
            + self.kv.capacity() * size_of::<KvUse>()
            + self.layer_ages.capacity() * size_of::<u32>()
    }

    /// Moves on to `record`; returns the difference.
    pub(super) fn encode(&mut self, record: &StepRecord) -> Columns {
        let mut columns = Columns { kv: self.encode_kv(&record.kv), ..Columns::default() };
        let proposals: Vec<Quantized> = record.proposals.iter().map(Quantized::of).collect();
        self.encode_proposals(&proposals, &mut columns);
        self.proposals = proposals;
        self.kv.clone_from(&record.kv);
        self.encode_layers(&record.layers, &mut columns);
        let proposed = |position| self.token_at(position);
        if let Some(review) = &record.guide {
            [columns.review, columns.drafts_at, columns.drafts, columns.draft_ids, columns.draft_numbers] =
                reports::write_review(review, proposed);
        }
        if let Some(review) = &record.shadow {
            [columns.shadow, columns.shadow_at, columns.shadow_drafts, columns.shadow_ids, columns.shadow_numbers] =
                reports::write_review(review, proposed);
        }
        if let Some(report) = &record.audit {
            reports::write_audit(report, &mut columns);
        }
        columns
    }

    fn encode_kv(&self, kv: &[KvUse]) -> Ints {
        let mut column = Ints::default();
        let (mut behind, mut at) = (0, 0);
        while at < kv.len() {
            let differs = |position: usize| kv[position] != foreseen(self.kv.get(position));
            if !differs(at) {
                at += 1;
                continue;
            }
            let end = (at..kv.len()).find(|position| kv[*position] != kv[at] || !differs(*position));
            let end = end.unwrap_or(kv.len());
            column.push((at - behind) as i64);
            column.push((end - at) as i64);
            let status = STATUSES.iter().position(|status| *status == kv[at].status).unwrap_or_default();
            column.push(status as i64 | i64::from(kv[at].age) << 2);
            (behind, at) = (end, end);
        }
        column
    }

    /// What is written about the rows of the layers follows from `kv`, which is that of the same step.
    fn encode_layers(&mut self, layers: &[LayerUse], columns: &mut Columns) {
        let before = std::mem::take(&mut self.layer_ages);
        let length = self.kv.len();
        if layers.is_empty() || layers.iter().any(|layer| layer.ages.len() != length) {
            return;
        }
        let (rows, ages) = (&mut columns.layer_rows, &mut columns.layer_ages);
        let mut now: Vec<u32> = Vec::with_capacity(layers.len() * length);
        let (mut toggled, mut others) = (Vec::new(), Vec::new());
        for age in layers.iter().flat_map(|layer| &layer.ages) {
            let (at, below) = (now.len(), self.age_below(&now, now.len()));
            if (*age == 0) != (below == 0) {
                toggled.push(at);
            }
            if *age != 0 && *age != foreseen_age(&before, layers.len() * length, at, below) {
                others.push((at, *age));
            }
            now.push(*age);
        }
        rows.push(1);
        rows.push_runs(toggled);
        let mut behind = 0;
        for run in others.chunk_by(|(at, age), (next, next_age)| at + 1 == *next && age == next_age) {
            let (first, age) = run[0];
            for number in [(first - behind) as i64, run.len() as i64, age.into()] {
                ages.push(number);
            }
            behind = first + run.len();
        }
        self.layer_ages = now;
    }

    /// The age of the row of a position, given by where it stands among the rows of all layers, in the layer below, 0
    /// where that has computed it; what stands below the first layer is `kv`.
    fn age_below(&self, ages: &[u32], at: usize) -> u32 {
        match at.checked_sub(self.kv.len()) {
            Some(below) => ages[below],
            None if self.kv[at].status == KvStatus::Recomputed => 0,
            None => self.kv[at].age.max(1),
        }
    }

    fn encode_proposals(&self, proposals: &[Quantized], columns: &mut Columns) {
        let (mut before, mut after) = (self.proposals.iter().peekable(), proposals.iter().peekable());
        let mut toggled = Vec::new();
        let mut writer = ProposalWriter::default();
        loop {
            let (old, new) = (before.peek().copied(), after.peek().copied());
            let first = match (old, new) {
                (None, None) => break,
                (old, new) => [old, new].into_iter().flatten().map(|proposal| proposal.position).min(),
            };
            let old = before.next_if(|old| Some(old.position) == first);
            let new = after.next_if(|new| Some(new.position) == first);
            if old.is_some() != new.is_some() {
                toggled.extend(first.map(|position| position as usize));
            }
            if let Some(new) = new {
                new.write(old.unwrap_or(&Quantized::default()), &mut writer);
            }
        }
        columns.at.push_runs(toggled);
        columns.kinds.push_repeats(writer.kinds);
        (columns.order, columns.ids) = (writer.order, writer.ids);
        (columns.shares, columns.numbers) = (writer.shares, writer.numbers);
    }

    /// Moves on to the step of `layers` layers that differ and a canvas of `length` positions that `columns` give the
    /// difference to.
    pub(super) fn decode(&mut self, columns: &Columns, layers: usize, length: usize) -> Result<(), String> {
        self.decode_kv(columns.kv.read("kv"), length)?;
        self.decode_layers(columns, layers, length)?;
        self.decode_proposals(columns, length)
    }

    fn decode_layers(&mut self, columns: &Columns, layers: usize, length: usize) -> Result<(), String> {
        let before = std::mem::take(&mut self.layer_ages);
        let (mut rows, mut ages) = (columns.layer_rows.read("layer_rows"), columns.layer_ages.read("layer_ages"));
        if rows.is_empty() {
            return ages.finish();
        }
        if rows.next()? != 1 {
            return Err(rows.out_of_range());
        }
        let all = layers.saturating_mul(length);
        if all > MOST_LAYER_ROWS {
            return Err(format!("{layers} layers of {length} rows are listed, and {MOST_LAYER_ROWS} rows is the most"));
        }
        let mut toggled = vec![false; all];
        let mut behind = 0;
        while let Some(run) = rows.run(behind, all)? {
            behind = run.end;
            toggled[run].fill(true);
        }
        let mut given = vec![None; all];
        let mut behind = 0;
        while let Some(run) = ages.run(behind, all)? {
            behind = run.end;
            given[run].fill(Some(ages.narrow()?));
        }
        let mut now: Vec<u32> = Vec::with_capacity(all);
        for (at, (toggled, given)) in toggled.into_iter().zip(given).enumerate() {
            let below = self.age_below(&now, at);
            let is_computed = (below == 0) != toggled;
            now.push(if is_computed { 0 } else { given.unwrap_or_else(|| foreseen_age(&before, all, at, below)) });
        }
        self.layer_ages = now;
        Ok(())
    }

    fn decode_kv(&mut self, mut column: IntReader<'_>, length: usize) -> Result<(), String> {
        if self.kv.is_empty() {
            self.kv = vec![foreseen(None); length];
        } else {
            self.kv.iter_mut().for_each(|row| *row = foreseen(Some(row)));
        }
        let mut behind = 0;
        while let Some(run) = column.run(behind, length)? {
            let code: u64 = column.narrow()?;
            let age = u32::try_from(code >> 2).map_err(|_| column.out_of_range())?;
            behind = run.end;
            self.kv[run].fill(KvUse { status: STATUSES[(code & 3) as usize], age });
        }
        Ok(())
    }

    fn decode_proposals(&mut self, columns: &Columns, length: usize) -> Result<(), String> {
        let mut reader = ProposalReader {
            kinds: columns.kinds.read("kinds").repeats(),
            order: columns.order.read("order"),
            ids: columns.ids.read("ids"),
            shares: columns.shares.read("shares"),
            numbers: columns.numbers.read("numbers"),
        };
        let mut before = std::mem::take(&mut self.proposals).into_iter().peekable();
        let mut toggled = columns.at.read("at");
        let mut run = toggled.run(0, length)?;
        loop {
            let toggle = run.as_ref().map(|run| run.start);
            let old = before.peek().map(|old| old.position as usize);
            let Some(position) = [toggle, old].into_iter().flatten().min() else { break };
            let old = before.next_if(|old| old.position as usize == position);
            let is_toggled = toggle == Some(position);
            if old.is_some() != is_toggled {
                let proposal = Quantized::read(position, &old.unwrap_or_default(), &mut reader)?;
                self.proposals.push(proposal);
            }
            if let Some(rest) = run.as_mut().filter(|_| is_toggled) {
                rest.start += 1;
                if rest.start == rest.end {
                    run = toggled.run(rest.end, length)?;
                }
            }
        }
        reader.kinds.finish()?;
        [reader.order, reader.ids, reader.shares, reader.numbers].iter().try_for_each(IntReader::finish)
    }

    /// The proposals, in the order of their positions.
    pub(super) fn proposals(&self) -> &[Quantized] {
        &self.proposals
    }

    /// What was proposed at a position.
    pub(super) fn proposal(&self, position: usize) -> Option<&Quantized> {
        let at = self.proposals.binary_search_by_key(&position, |proposal| proposal.position as usize);
        at.ok().map(|at| &self.proposals[at])
    }

    fn token_at(&self, position: usize) -> Option<u32> {
        self.proposal(position).map(Quantized::token)
    }

    /// How the K/V rows were used.
    pub(super) fn kv(&self) -> &[KvUse] {
        &self.kv
    }

    /// What the layers did, with the ages of their rows, where these are known.
    pub(super) fn layers(&self, layers: &[LayerUse]) -> Vec<LayerUse> {
        let mut layers = layers.to_vec();
        for (layer, ages) in layers.iter_mut().zip(self.layer_ages.chunks(self.kv.len().max(1))) {
            layer.ages = ages.to_vec();
        }
        layers
    }

    /// What the guide said in this step.
    pub(super) fn review(&self, columns: &Columns, length: usize) -> Result<Option<GuideReview>, String> {
        let from = [
            columns.review.read("review"),
            columns.drafts_at.read("drafts_at"),
            columns.drafts.read("drafts"),
            columns.draft_ids.read("draft_ids"),
            columns.draft_numbers.read("draft_numbers"),
        ];
        reports::read_review(from, |position| self.token_at(position), length)
    }

    /// What a guide thought of this step that only looked on.
    pub(super) fn shadow(&self, columns: &Columns, length: usize) -> Result<Option<GuideReview>, String> {
        let from = [
            columns.shadow.read("shadow"),
            columns.shadow_at.read("shadow_at"),
            columns.shadow_drafts.read("shadow_drafts"),
            columns.shadow_ids.read("shadow_ids"),
            columns.shadow_numbers.read("shadow_numbers"),
        ];
        reports::read_review(from, |position| self.token_at(position), length)
    }

    /// The audit of this step.
    pub(super) fn audit(columns: &Columns, length: usize) -> Result<Option<AuditReport>, String> {
        reports::read_audit(columns, length)
    }
}
