//! The columns of the table of tokens: what every position holds after a step, and what is known of it.

use super::{
    column::{
        Accessor::{Flag, Integer, Number, Text},
        TableColumn,
    },
    row::{TableRow, kv_word, verdict_word},
};
use crate::printable;

const NOT_PROPOSED: &str = "where the step proposed nothing";
const NOT_WRITTEN: &str = "where the run has not written it";
const NOT_ASKED: &str = "where no guide was asked";
const NOT_LOOKED: &str = "where no guide looked";
const NOT_AUDITED: &str = "where the position was not audited";
const NO_ROW: &str = "where no reused row was audited";

/// Its columns.
pub(super) static COLUMNS: &[TableColumn] = &[
    TableColumn::new("step", "", "the step, counted from 1 as on the screen", Integer(|row| Some(row.step as i64))),
    TableColumn::new(
        "position",
        "",
        "the position, counted from 0 at the first token of the prompt",
        Integer(|row| Some(row.position as i64)),
    ),
    TableColumn::new(
        "answer",
        "",
        "the same, counted from 0 at the first position of the answer",
        Integer(|row| row.position.checked_sub(row.prompt()).map(|at| at as i64)),
    )
    .empty("in the prompt"),
    TableColumn::new(
        "active",
        "",
        "whether it lies in the active block",
        Flag(|row| Some((row.record.region.start..row.record.region.end).contains(&row.position))),
    ),
    TableColumn::new("state", "", "prompt, given, masked or committed", Text(|row| Some(state(row).to_owned()))),
    TableColumn::new(
        "token",
        "",
        "id of the token that it holds; of the mask where it is masked",
        Integer(|row| Some(row.record.ids[row.position].into())),
    ),
    TableColumn::new(
        "text",
        "",
        "what that token adds to the text, with what is not printable shown as � and line breaks as ⏎",
        Text(text),
    )
    .empty("where it is masked or adds nothing"),
    TableColumn::new(
        "written",
        "",
        "the step that wrote the token, counted from 1",
        Integer(|row| Some(row.written()?.0 as i64)),
    )
    .empty(NOT_WRITTEN),
    TableColumn::new(
        "reason",
        "",
        "why it was written, in the words of the inspector",
        Text(|row| Some(row.written()?.1.short().to_owned())),
    )
    .empty(NOT_WRITTEN),
    TableColumn::new(
        "confidence",
        "",
        "from 0 to 1: of the token when it was written, or of the proposal where it is masked",
        Number(confidence),
    )
    .empty("where it is neither written nor proposed"),
    TableColumn::new(
        "entropy",
        "nats",
        "of the distribution at the same moment",
        Number(|row| Some(row.certainty()?.entropy)),
    )
    .empty("where nothing scored the position then"),
    TableColumn::new(
        "margin",
        "",
        "the likeliest token's probability less that of the next one, at the same moment",
        Number(|row| row.certainty()?.margin),
    )
    .empty("where nothing scored the position then"),
    TableColumn::new(
        "proposal",
        "",
        "id of the token that this step proposed here",
        Integer(|row| Some(row.proposal()?.token.into())),
    )
    .empty(NOT_PROPOSED),
    TableColumn::new("proposal_text", "", "its text", Text(|row| row.text_of(row.proposal()?.token)))
        .empty(NOT_PROPOSED),
    TableColumn::new(
        "score",
        "",
        "what ranks it among the proposals of the step",
        Number(|row| Some(row.proposal()?.score)),
    )
    .empty(NOT_PROPOSED),
    TableColumn::new(
        "credit",
        "",
        "the credit that it has for earlier steps",
        Number(|row| Some(row.proposal()?.credit?.amount)),
    )
    .empty("where no credit is given"),
    TableColumn::new(
        "moved",
        "nats",
        "how far the distribution moved since it was last computed",
        Number(|row| row.proposal()?.moved),
    )
    .empty("where no rule watches it"),
    TableColumn::new(
        "remasked",
        "",
        "whether this step masked it again",
        Flag(|row| Some(row.record.remasked.binary_search(&row.position).is_ok())),
    ),
    TableColumn::new("pinned", "", "whether it is pinned", Flag(|row| Some(row.log.is_pinned(row.step, row.position)))),
    TableColumn::new(
        "kv",
        "",
        "how its K/V row was used: recomputed, reused, stale or dropped",
        Text(|row| Some(kv_word(row.record.kv[row.position].status).to_owned())),
    ),
    TableColumn::new(
        "kv_age",
        "steps",
        "steps since the row was computed",
        Integer(|row| Some(row.record.kv[row.position].age.into())),
    ),
    TableColumn::new(
        "layers_computed",
        "layers",
        "how many layers computed the row in this step",
        Integer(layers_computed),
    )
    .empty("where layers do not differ"),
    TableColumn::new(
        "verdict",
        "",
        "the guide's verdict: agreed, rejected, forced, replaced or not-reached",
        Text(|row| Some(verdict_word(row.draft()?.verdict).to_owned())),
    )
    .empty(NOT_ASKED),
    TableColumn::new(
        "guide_token",
        "",
        "id of the guide's likeliest token",
        Integer(|row| Some(row.draft()?.view?.token.into())),
    )
    .empty(NOT_LOOKED),
    TableColumn::new("guide_text", "", "its text", Text(|row| row.text_of(row.draft()?.view?.token))).empty(NOT_LOOKED),
    TableColumn::new(
        "guide_probability",
        "",
        "its probability, from 0 to 1",
        Number(|row| Some(row.draft()?.view?.top_probability)),
    )
    .empty(NOT_LOOKED),
    TableColumn::new(
        "draft_probability",
        "",
        "the guide's probability of the draft, from 0 to 1",
        Number(|row| Some(row.draft()?.view?.draft_probability)),
    )
    .empty(NOT_LOOKED),
    TableColumn::new(
        "draft_rank",
        "",
        "how many tokens the guide finds likelier than the draft",
        Integer(|row| Some(row.draft()?.view?.rank.into())),
    )
    .empty(NOT_LOOKED),
    TableColumn::new(
        "audit_token",
        "",
        "id of the likeliest token without a cache",
        Integer(|row| Some(row.audited()?.token.into())),
    )
    .empty(NOT_AUDITED),
    TableColumn::new(
        "audit_probability",
        "",
        "its probability, from 0 to 1",
        Number(|row| Some(row.audited()?.probability)),
    )
    .empty(NOT_AUDITED),
    TableColumn::new(
        "flip",
        "",
        "whether the cache changes the likeliest token",
        Flag(|row| Some(row.audited()?.differs)),
    )
    .empty(NOT_AUDITED),
    TableColumn::new("kl", "nats", "divergence from the step without a cache", Number(|row| Some(row.audited()?.kl)))
        .empty(NOT_AUDITED),
    TableColumn::new(
        "key_cosine_",
        "",
        "cosine of a reused key and the one that computing it again gives",
        Number(|row| row.drift()?.keys.get(row.layer).copied()),
    )
    .empty(NO_ROW)
    .per_layer(),
    TableColumn::new(
        "value_cosine_",
        "",
        "the same of the value",
        Number(|row| row.drift()?.values.get(row.layer).copied()),
    )
    .empty(NO_ROW)
    .per_layer(),
];

fn state(row: &TableRow<'_>) -> &'static str {
    match row.written() {
        _ if row.position < row.prompt() => "prompt",
        _ if row.is_masked() => "masked",
        None => "given",
        Some(_) => "committed",
    }
}

fn text(row: &TableRow<'_>) -> Option<String> {
    let piece = row.canvas().piece(row.position);
    (!piece.is_empty()).then(|| printable::line(piece))
}

fn confidence(row: &TableRow<'_>) -> Option<f32> {
    row.written().map(|(.., confidence)| confidence).or_else(|| Some(row.proposal()?.confidence))
}

fn layers_computed(row: &TableRow<'_>) -> Option<i64> {
    let mut ages = row.record.layers.iter().map(|layer| layer.ages.get(row.position));
    ages.try_fold(0, |computed, age| Some(computed + i64::from(*age? == 0))).filter(|_| !row.record.layers.is_empty())
}
