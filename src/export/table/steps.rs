//! The columns of the table of steps: what a step wrote, and what it cost.

use super::{
    column::{
        Accessor::{Integer, Number, Text},
        TableColumn,
    },
    row::TableRow,
};
use crate::{
    decode::record::{KvStatus, Verdict},
    printable,
    trace::json,
};

const NO_GUIDE: &str = "where no guide decided";
const NO_AUDIT: &str = "where the step was not audited";
const NO_GAP: &str = "where no early commit waits for it";

/// Its columns.
pub(super) static COLUMNS: &[TableColumn] = &[
    TableColumn::new("step", "", "the step, counted from 1 as on the screen", Integer(|row| count(row.step))),
    TableColumn::new("block", "", "the active block, counted from 0", Integer(|row| count(row.record.region.block))),
    TableColumn::new("block_start", "", "its first position", Integer(|row| count(row.record.region.start))),
    TableColumn::new("block_end", "", "one past its last position", Integer(|row| count(row.record.region.end))),
    TableColumn::new(
        "committed",
        "tokens",
        "how many tokens the step wrote",
        Integer(|row| count(row.record.commits.len())),
    ),
    TableColumn::new("remasked", "tokens", "how many it masked again", Integer(|row| count(row.record.remasked.len()))),
    TableColumn::new("masked", "positions", "how many positions are masked after it", Integer(masked)),
    TableColumn::new(
        "proposals",
        "positions",
        "how many masks the denoiser scored",
        Integer(|row| count(row.record.proposals.len())),
    ),
    TableColumn::new(
        "confidence",
        "",
        "mean confidence of what was written, from 0 to 1",
        Number(|row| mean(row.record.commits.iter().map(|commit| commit.confidence))),
    )
    .empty("where nothing was written"),
    TableColumn::new(
        "entropy",
        "nats",
        "mean entropy of the proposals",
        Number(|row| mean(row.record.proposals.iter().map(|proposal| proposal.entropy))),
    )
    .empty("where nothing was proposed"),
    TableColumn::new(
        "passes",
        "passes",
        "passes of the denoiser (NFE)",
        Integer(|row| Some(row.record.cost.nfe.into())),
    ),
    TableColumn::new(
        "guide_passes",
        "passes",
        "passes of the guide",
        Integer(|row| Some(row.record.cost.guide_forwards.into())),
    ),
    TableColumn::new(
        "computed",
        "positions",
        "positions that the denoiser computed",
        Integer(|row| Some(row.record.cost.computed.into())),
    ),
    TableColumn::new(
        "reused",
        "positions",
        "positions whose K/V rows were read without being computed",
        Integer(|row| Some(row.record.cost.reused.into())),
    ),
    TableColumn::new(
        "guide_computed",
        "positions",
        "positions that the guide computed",
        Integer(|row| Some(row.record.cost.guide_computed.into())),
    ),
    TableColumn::new(
        "denoiser_us",
        "µs",
        "time in the denoiser",
        Integer(|row| Some(row.record.cost.denoiser_us as i64)),
    ),
    TableColumn::new("guide_us", "µs", "time in the guide", Integer(|row| Some(row.record.cost.guide_us as i64))),
    TableColumn::new("other_us", "µs", "time of everything else", Integer(|row| Some(row.record.cost.other_us as i64))),
    TableColumn::new(
        "time_us",
        "µs",
        "time from the start of the run to the end of the step",
        Integer(|row| Some(row.log.cost_up_to(row.step).total_us() as i64)),
    ),
    TableColumn::new(
        "kv_recomputed",
        "rows",
        "K/V rows that were computed in the step",
        Integer(|row| Some(row.kv_rows(KvStatus::Recomputed))),
    ),
    TableColumn::new(
        "kv_reused",
        "rows",
        "K/V rows that were reused",
        Integer(|row| Some(row.kv_rows(KvStatus::Reused))),
    ),
    TableColumn::new(
        "kv_stale",
        "rows",
        "reused K/V rows of positions that held another token then",
        Integer(|row| Some(row.kv_rows(KvStatus::Stale))),
    ),
    TableColumn::new(
        "kv_dropped",
        "rows",
        "K/V rows that nothing attended to",
        Integer(|row| Some(row.kv_rows(KvStatus::Dropped))),
    ),
    TableColumn::new("drafts", "tokens", "drafts that the guide verified", Integer(verified)).empty(NO_GUIDE),
    TableColumn::new(
        "accepted",
        "tokens",
        "drafts that it accepted",
        Integer(|row| count(row.record.guide.as_ref()?.accepted)),
    )
    .empty(NO_GUIDE),
    TableColumn::new(
        "gap",
        "logits",
        "by how much the best token leads the next one, mean over the watched masks",
        Number(|row| Some(row.record.gap?.mean)),
    )
    .empty(NO_GAP),
    TableColumn::new(
        "gap_needed",
        "logits",
        "from which gap on everything is committed",
        Number(|row| Some(row.record.gap?.needed)),
    )
    .empty(NO_GAP),
    TableColumn::new(
        "audited",
        "positions",
        "masks that the audit compared",
        Integer(|row| count(row.record.audit.as_ref()?.positions.len())),
    )
    .empty(NO_AUDIT),
    TableColumn::new(
        "flips",
        "positions",
        "those of them at which the cache changes the likeliest token",
        Integer(flips),
    )
    .empty(NO_AUDIT),
    TableColumn::new("kl", "nats", "mean divergence from the step without a cache", Number(divergence))
        .empty("where nothing was audited"),
    TableColumn::new(
        "audit_us",
        "µs",
        "time of the audit, in no other column",
        Integer(|row| Some(row.record.cost.audit_us as i64)),
    ),
    TableColumn::new(
        "shadow_us",
        "µs",
        "time of a guide that only looked on, in no other column",
        Integer(|row| Some(row.record.cost.shadow_us as i64)),
    ),
    TableColumn::new(
        "changes",
        "",
        "knobs that were turned before the step, as name=value, separated by blanks",
        Text(changes),
    )
    .empty("where none was"),
    TableColumn::new("edits", "", "what was changed by hand before the step, as in the trace", Text(edits))
        .empty("where nothing was"),
    TableColumn::new("stop", "", "why the run ended with the step, as in the trace", Text(stop))
        .empty("in all steps but the last"),
];

#[expect(clippy::unnecessary_wraps, reason = "what every accessor gives")]
fn count(number: usize) -> Option<i64> {
    Some(number as i64)
}

fn mean(values: impl ExactSizeIterator<Item = f32>) -> Option<f32> {
    let count = values.len();
    (count > 0).then(|| (values.map(f64::from).sum::<f64>() / count as f64) as f32)
}

fn masked(row: &TableRow<'_>) -> Option<i64> {
    let mask = row.log.header().mask_id;
    count(row.record.ids[row.prompt()..].iter().filter(|id| **id == mask).count())
}

fn verified(row: &TableRow<'_>) -> Option<i64> {
    let drafts = &row.record.guide.as_ref()?.drafts;
    count(drafts.iter().filter(|draft| draft.verdict != Verdict::NotReached).count())
}

fn flips(row: &TableRow<'_>) -> Option<i64> {
    count(row.record.audit.as_ref()?.positions.iter().filter(|audited| audited.differs).count())
}

fn divergence(row: &TableRow<'_>) -> Option<f32> {
    mean(row.record.audit.as_ref()?.positions.iter().map(|audited| audited.kl))
}

fn changes(row: &TableRow<'_>) -> Option<String> {
    let changes = row.record.changes.iter().map(|change| format!("{}={}", change.knob, change.value));
    let changes = changes.collect::<Vec<_>>().join(" ");
    (!changes.is_empty()).then(|| printable::line(&changes))
}

fn edits(row: &TableRow<'_>) -> Option<String> {
    // Numbers under fixed names: JSON refuses none of them.
    (!row.record.edits.is_empty()).then(|| json::text(&row.record.edits).unwrap_or_default())
}

fn stop(row: &TableRow<'_>) -> Option<String> {
    Some(json::text(&row.record.stop?).ok()?.trim_matches('"').to_owned())
}
