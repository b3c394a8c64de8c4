//! The table.

use super::{CacheGain, Figure, FigureForm, FigureValue, Measured};
use crate::{
    decode::record::GuideReading,
    model::memory,
    printable,
    session::{SpeedUp, speed::is_plain},
    trace::{MODELLED, ModelCard},
};

/// Every figure, in the order of the pane.
pub static FIGURES: [&Figure; 29] = [
    &TOKENS,
    &ENDS,
    &TOKENS_PER_PASS,
    &TOKENS_PER_SECOND,
    &FASTER_BY_TIME,
    &FASTER_BY_PASSES,
    &FASTER_BY_ROWS,
    &REVISED,
    &PASSES,
    &GUIDE_PASSES,
    &ACCEPTED,
    &STEP_TIME,
    &REUSED,
    &GAIN,
    &OPERATIONS,
    &OPERATIONS_PER_SECOND,
    &PEAK,
    &KV_MEMORY,
    &WEIGHTS,
    &LAYER_ROWS,
    &SIMILARITY,
    &FLIPS,
    &AUDIT_PASSES,
    &SHADOW,
    &SHADOW_PASSES,
    &STEPS,
    &ROWS_COMPUTED,
    &ROWS_REUSED,
    &TIME,
];

/// A row that every log has.
const USUAL: Figure = Figure {
    label: "",
    short: "",
    explanation: "",
    form: FigureForm::Row,
    rank: 0,
    applies: |_| true,
    read: |_| FigureValue::Absent,
    remark: |_| String::new(),
};

/// Tokens before end of text.
pub static TOKENS: Figure = Figure {
    label: "tokens",
    short: "tokens",
    explanation: "Tokens before end of text that the run has decoded: what was given does not count.",
    read: |of| FigureValue::Count(of.figures.tokens as u64),
    remark: |of| match of.figures.masked {
        0 => String::new(),
        masked => format!("{masked} masked"),
    },
    ..USUAL
};

/// Positions that hold end of text.
pub static ENDS: Figure = Figure {
    label: "end of text",
    short: "end of text",
    explanation: "Positions that hold end of text. They add nothing to the answer, so they count apart.",
    read: |of| FigureValue::Count(of.figures.ends as u64),
    remark: |_| "counted apart".to_owned(),
    ..USUAL
};

/// Tokens for each pass of the denoiser.
pub static TOKENS_PER_PASS: Figure = Figure {
    label: "tokens per pass",
    short: "tokens/pass",
    explanation: "Tokens for each pass of the denoiser. Above 1 it writes several at once.",
    read: |of| FigureValue::Number(of.figures.tokens_per_forward()),
    ..USUAL
};

/// Tokens for each second of decoding.
pub static TOKENS_PER_SECOND: Figure = Figure {
    label: "tokens per second",
    short: "tokens/s",
    explanation: "Tokens for each second that the steps took, those of the guide included.",
    read: |of| {
        if of.figures.seconds() > 0.0 {
            FigureValue::Number(of.figures.tokens_per_second())
        } else {
            FigureValue::Absent
        }
    },
    remark: |of| match printable::line(&of.header().denoiser.device) {
        device if device.starts_with(MODELLED) => MODELLED.to_owned(),
        device => format!("on {device}"),
    },
    ..USUAL
};

static FASTER_BY_TIME: Figure = Figure {
    label: "speed-up by time",
    short: "faster by time",
    explanation: "Measured: tokens per second, beside those of the plain run of this prompt that is kept.",
    applies: |of| of.plain.is_some(),
    read: |of| times(speed_up(of).and_then(|speed| speed.time)),
    remark: |_| "measured".to_owned(),
    ..USUAL
};

static FASTER_BY_PASSES: Figure = Figure {
    label: "speed-up by passes",
    short: "faster by passes",
    explanation: "Measured: tokens per pass, beside those of the plain run of this prompt that is kept.",
    applies: |of| of.plain.is_some(),
    read: |of| times(speed_up(of).map(|speed| speed.passes)),
    remark: |_| "beside plain".to_owned(),
    ..USUAL
};

static FASTER_BY_ROWS: Figure = Figure {
    label: "speed-up by rows",
    short: "faster by rows",
    explanation: "Estimated, as no plain run is kept: rows of a plain run, by the rows computed here.",
    rank: 2,
    applies: |of| of.plain.is_none() && !is_plain(of.log),
    read: |of| match of.figures.cost.computed {
        0 => FigureValue::Absent,
        rows => FigureValue::Estimate(of.figures.plain_rows(of.header()) / f64::from(rows)),
    },
    remark: |_| "an estimate".to_owned(),
    ..USUAL
};

static REVISED: Figure = Figure {
    label: "tokens revised",
    short: "revised",
    explanation: "Tokens that were masked again, and tokens that others were written over.",
    rank: 1,
    applies: |of| of.log.has_revisions(),
    read: |of| FigureValue::Count((of.figures.remasked + of.figures.edited) as u64),
    remark: |of| match (of.figures.remasked, of.figures.edited) {
        (0, 0) => String::new(),
        (_, 0) => "masked again".to_owned(),
        (0, _) => "edited".to_owned(),
        (again, _) => format!("{again} again"),
    },
    ..USUAL
};

/// Passes of the denoiser.
pub static PASSES: Figure = Figure {
    label: "passes",
    short: "passes",
    explanation: "Passes of the denoiser, the literature's NFE. Two streams of guidance are one pass.",
    read: |of| FigureValue::Count(of.figures.cost.nfe.into()),
    remark: |_| "denoiser's".to_owned(),
    ..USUAL
};

/// Passes of the guide.
pub static GUIDE_PASSES: Figure = Figure {
    label: "guide passes",
    short: "guide passes",
    explanation: "Passes of the guide, a causal model that judges the drafts from left to right.",
    read: |of| FigureValue::Count(of.figures.cost.guide_forwards.into()),
    remark: |of| match of.log.guide_reading() {
        Some(GuideReading::Text) => "reads text".to_owned(),
        _ => String::new(),
    },
    ..USUAL
};

/// Share of the judged drafts that the guide accepted.
pub static ACCEPTED: Figure = Figure {
    label: "drafts accepted",
    short: "accepted",
    explanation: "Of the drafts that the guide judged. Forced are the steps in which it accepted none.",
    read: |of| share(of.figures.acceptance()),
    remark: |of| match of.figures.reviews {
        0 => "no guide".to_owned(),
        reviews => format!("{:.0}% forced", of.figures.forced as f64 / reviews as f64 * 100.0),
    },
    ..USUAL
};

static STEP_TIME: Figure = Figure {
    label: "ms per step",
    short: "ms/step",
    explanation: "Milliseconds of a step: passes of denoiser and guide, and all else that it took.",
    form: FigureForm::TimeSplit,
    read: |of| FigureValue::Number(of.figures.seconds() * 1e3 / of.figures.steps.max(1) as f64),
    ..USUAL
};

/// Share of the K/V rows that were reused.
pub static REUSED: Figure = Figure {
    label: "K/V rows reused",
    short: "reused",
    explanation: "Rows of earlier steps that are attended to as they are, instead of being computed.",
    form: FigureForm::RowSplit,
    read: |of| share((of.figures.steps > 0).then(|| of.figures.reuse())),
    ..USUAL
};

static GAIN: Figure = Figure {
    label: "cache gain",
    short: "cache gain",
    explanation: "Time of a step without cache, by that with it. Below 1 it costs more than it saves.",
    form: FigureForm::Verdict,
    rank: 2,
    applies: |of| CacheGain::is_in(of.log),
    read: |of| times(CacheGain::of(of).map(|gain| gain.times)),
    remark: |of| CacheGain::of(of).map_or_else(String::new, |gain| gain.basis.words().to_owned()),
};

static OPERATIONS: Figure = Figure {
    label: "FLOPs",
    short: "FLOPs",
    explanation: "Products and sums that networks of these sizes take: linear maps, attention, logits.",
    rank: 3,
    applies: has_shape,
    read: |of| of.figures.flops(of.header()).map_or(FigureValue::Absent, FigureValue::Operations),
    remark: |_| "by sizes".to_owned(),
    ..USUAL
};

static OPERATIONS_PER_SECOND: Figure = Figure {
    label: "GFLOP/s",
    short: "GFLOP/s",
    explanation: "Billions of operations a second, over the whole time of the steps.",
    rank: 3,
    applies: has_shape,
    read: |of| match (of.figures.flops(of.header()), of.figures.seconds()) {
        (Some(operations), seconds) if seconds > 0.0 => FigureValue::Number(operations / seconds / 1e9),
        _ => FigureValue::Absent,
    },
    remark: |of| match (of.header().peak, of.figures.flops(of.header())) {
        (Some(peak), Some(operations)) if of.figures.seconds() > 0.0 => {
            format!("{:.0}% of peak", operations / of.figures.seconds() / peak as f64 * 100.0)
        }
        _ => String::new(),
    },
    ..USUAL
};

static PEAK: Figure = Figure {
    label: "peak GFLOP/s",
    short: "peak",
    explanation: "What a plain product of two matrices reached on this device, measured beforehand.",
    form: FigureForm::Fixed,
    rank: 4,
    applies: |of| has_shape(of) && of.header().peak.is_some(),
    read: |of| of.header().peak.map_or(FigureValue::Absent, |peak| FigureValue::Number(peak as f64 / 1e9)),
    remark: |_| "measured".to_owned(),
};

static KV_MEMORY: Figure = Figure {
    label: "K/V memory",
    short: "K/V memory",
    explanation: "Bytes of the denoiser's K/V rows for all of the canvas; those of its guide apart.",
    form: FigureForm::Fixed,
    rank: 4,
    applies: has_shape,
    read: |of| bytes(kv_bytes(of, &of.header().denoiser)),
    remark: |of| beside(of, |guide| kv_bytes(of, guide)),
};

static WEIGHTS: Figure = Figure {
    label: "weights",
    short: "weights",
    explanation: "Bytes of the denoiser's weights in memory; those of its guide stand apart.",
    form: FigureForm::Fixed,
    rank: 4,
    applies: has_shape,
    read: |of| bytes(weight_bytes(&of.header().denoiser)),
    remark: |of| beside(of, weight_bytes),
};

static LAYER_ROWS: Figure = Figure {
    label: "rows by layer",
    short: "rows by layer",
    explanation: "Rows that each layer computed in the shown step, from the first layer up.",
    form: FigureForm::LayerRows,
    rank: 1,
    applies: |of| of.log.has_layers(),
    ..USUAL
};

static SIMILARITY: Figure = Figure {
    label: "similarity",
    short: "similarity",
    explanation: "Cosine of each layer to the step before: what this cache decides by.",
    form: FigureForm::LayerSimilarity,
    rank: 1,
    applies: |of| of.log.has_layers(),
    ..USUAL
};

static FLIPS: Figure = Figure {
    label: "cache flips",
    short: "flips",
    explanation: "Of the audited masks: those with another likeliest token when nothing is reused.",
    rank: 1,
    applies: |of| of.log.has_audits(),
    read: |of| match of.figures.audited {
        0 => FigureValue::Absent,
        audited => FigureValue::Share(of.figures.flips as f64 / audited as f64),
    },
    remark: |of| format!("KL {:.3} nats", of.figures.mean_kl),
    ..USUAL
};

static AUDIT_PASSES: Figure = Figure {
    label: "audit passes",
    short: "audit passes",
    explanation: "Passes that only an audit asked for. They, and their time, are in no other figure.",
    rank: 1,
    applies: |of| of.log.has_audits(),
    read: |of| FigureValue::Count(of.figures.cost.audit_forwards.into()),
    remark: |of| millis(of.figures.cost.audit_us),
    ..USUAL
};

static SHADOW: Figure = Figure {
    label: "shadow guide",
    short: "shadow guide",
    explanation: "Of the written tokens: those that a guide would have accepted which only looked on.",
    rank: 1,
    applies: |of| of.log.has_shadow(),
    read: |of| share(of.figures.shadow_acceptance()),
    remark: |_| "would pass".to_owned(),
    ..USUAL
};

static SHADOW_PASSES: Figure = Figure {
    label: "shadow passes",
    short: "shadow passes",
    explanation: "Passes of a guide that only looked on. They and their time are in no other figure.",
    rank: 1,
    applies: |of| of.log.has_shadow(),
    read: |of| FigureValue::Count(of.figures.cost.shadow_forwards.into()),
    remark: |of| millis(of.figures.cost.shadow_us),
    ..USUAL
};

/// Steps of the decoding loop.
pub static STEPS: Figure = Figure {
    label: "steps",
    short: "steps",
    explanation: "Turns of the decoding loop, each with a pass at least.",
    form: FigureForm::Compared,
    read: |of| FigureValue::Count(of.figures.steps as u64),
    ..USUAL
};

/// K/V rows that the denoiser computed.
pub static ROWS_COMPUTED: Figure = Figure {
    label: "rows computed",
    short: "rows computed",
    explanation: "K/V rows that the denoiser computed; their mean over the layers, where those differ.",
    form: FigureForm::Compared,
    read: |of| FigureValue::Count(of.figures.cost.computed.into()),
    ..USUAL
};

/// K/V rows that the denoiser read without computing them.
pub static ROWS_REUSED: Figure = Figure {
    label: "rows reused",
    short: "rows reused",
    explanation: "K/V rows that were attended to without being computed in that pass.",
    form: FigureForm::Compared,
    read: |of| FigureValue::Count(of.figures.cost.reused.into()),
    ..USUAL
};

/// Seconds that the steps took.
pub static TIME: Figure = Figure {
    label: "time",
    short: "time",
    explanation: "Seconds that the steps took, without audits and guides that only looked on.",
    form: FigureForm::Compared,
    read: |of| FigureValue::Seconds(of.figures.seconds()),
    ..USUAL
};

fn times(value: Option<f64>) -> FigureValue {
    value.map_or(FigureValue::Absent, FigureValue::Times)
}

fn share(value: Option<f64>) -> FigureValue {
    value.map_or(FigureValue::Absent, FigureValue::Share)
}

fn bytes(value: Option<u64>) -> FigureValue {
    value.map_or(FigureValue::Absent, FigureValue::Bytes)
}

fn speed_up(of: &Measured<'_>) -> Option<SpeedUp> {
    SpeedUp::of(&of.figures, &of.plain?)
}

fn has_shape(of: &Measured<'_>) -> bool {
    of.header().denoiser.shape.is_some()
}

fn kv_bytes(of: &Measured<'_>, card: &ModelCard) -> Option<u64> {
    card.kv_bytes(of.header().canvas_length())
}

fn weight_bytes(card: &ModelCard) -> Option<u64> {
    Some(card.shape?.weight_bytes)
}

/// What the guide takes, beside the denoiser; without one, in which numbers rows and sums are kept.
fn beside(of: &Measured<'_>, take: impl Fn(&ModelCard) -> Option<u64>) -> String {
    match (of.header().guide.as_ref().and_then(take), of.header().denoiser.shape) {
        (Some(guide), _) => format!("guide {}", memory::bytes(guide)),
        (None, Some(shape)) => format!("{} bits", shape.kv_number.saturating_mul(8)),
        (None, None) => String::new(),
    }
}

fn millis(micros: u64) -> String {
    format!("{:.1} ms", micros as f64 / 1e3)
}
