//! Columns of what a step may have beside its proposals: the guide's review, and the audit.

use super::{
    columns::Columns,
    ints::{IntReader, Ints},
    quantized::{probability, share},
};
use crate::decode::record::{
    AuditReport, AuditedPosition, DraftReview, GuideReading, GuideReview, GuideView, RowDrift, Verdict,
};

/// In the order of their numbers.
const VERDICTS: [Verdict; 5] =
    [Verdict::Agreed, Verdict::Rejected, Verdict::Forced, Verdict::Replaced, Verdict::NotReached];

/// In the order of their numbers.
const READINGS: [GuideReading; 2] = [GuideReading::Ids, GuideReading::Text];

// What a draft has of its own, in the bits of its kind above its verdict.
const HAS_VIEW: i64 = 1 << 3;
const HAS_INSTEAD: i64 = 1 << 4;
/// The draft is another token than the proposal at its position.
const OWN_DRAFT: i64 = 1 << 5;
/// The guide's most likely token is another one than the draft.
const OWN_TOKEN: i64 = 1 << 6;

/// The number of a value in a list of all.
fn number_of<T: PartialEq>(all: &[T], value: &T) -> i64 {
    all.iter().position(|one| one == value).unwrap_or_default() as i64
}

/// The value of a number, where there is one.
fn of_number<T: Copy>(all: &[T], number: i64, what: &str) -> Result<T, String> {
    let value = usize::try_from(number).ok().and_then(|number| all.get(number));
    value.copied().ok_or_else(|| format!("{number} is no {what}"))
}

/// The columns of what the guide said: the review, where its drafts are, their kinds, ids and numbers. `proposed` is what
/// stands as a proposal at a position.
pub(super) fn write_review(review: &GuideReview, proposed: impl Fn(usize) -> Option<u32>) -> [Ints; 5] {
    let [mut head, mut at, mut own, mut ids, mut numbers] = <[Ints; 5]>::default();
    head.push(review.accepted as i64);
    head.push(number_of(&READINGS, &review.reading));
    review.forwards.iter().for_each(|fed| head.push(*fed as i64));
    at.push_runs(review.drafts.iter().map(|draft| draft.position));
    let mut kinds = Vec::new();
    for draft in &review.drafts {
        let mut kind = number_of(&VERDICTS, &draft.verdict);
        if proposed(draft.position) != Some(draft.draft) {
            kind |= OWN_DRAFT;
            ids.push(draft.draft.into());
        }
        if let Some(view) = draft.view {
            let (top, share_own) = (share(view.top_probability), share(view.draft_probability));
            kind |= HAS_VIEW;
            numbers.push(i64::from(u16::MAX - top));
            if view.token != draft.draft || view.rank != 0 || top != share_own {
                kind |= OWN_TOKEN;
                ids.push(view.token.into());
                numbers.push(i64::from(top) - i64::from(share_own));
                numbers.push(view.rank.into());
            }
        }
        if let Some(instead) = draft.instead {
            kind |= HAS_INSTEAD;
            ids.push(instead.into());
        }
        kinds.push(kind);
    }
    own.push_repeats(kinds);
    [head, at, own, ids, numbers]
}

/// Reads what [`write_review`] wrote.
pub(super) fn read_review(
    from: [IntReader<'_>; 5],
    proposed: impl Fn(usize) -> Option<u32>,
    length: usize,
) -> Result<Option<GuideReview>, String> {
    let [mut review, at, own, mut ids, mut numbers] = from;
    if review.is_empty() {
        return Ok(None);
    }
    let accepted = review.narrow()?;
    let reading = of_number(&READINGS, review.next()?, "way to read drafts")?;
    let mut forwards = Vec::new();
    while !review.is_empty() {
        forwards.push(review.narrow()?);
    }
    let mut kinds = own.repeats();
    let mut drafts = Vec::new();
    for position in at.positions(length)? {
        let kind = kinds.next()?;
        let draft = match proposed(position) {
            Some(token) if kind & OWN_DRAFT == 0 => token,
            _ => ids.narrow()?,
        };
        let view = match kind & HAS_VIEW {
            0 => None,
            _ => Some(read_view(draft, kind & OWN_TOKEN != 0, &mut ids, &mut numbers)?),
        };
        let instead = if kind & HAS_INSTEAD == 0 { None } else { Some(ids.narrow()?) };
        drafts.push(DraftReview {
            position,
            draft,
            verdict: of_number(&VERDICTS, kind & 7, "verdict")?,
            view,
            instead,
        });
    }
    kinds.finish()?;
    ids.finish()?;
    numbers.finish()?;
    Ok(Some(GuideReview { drafts, accepted, forwards, reading }))
}

fn read_view(
    draft: u32,
    has_token: bool,
    ids: &mut IntReader<'_>,
    numbers: &mut IntReader<'_>,
) -> Result<GuideView, String> {
    let top = u16::MAX - numbers.narrow::<u16>()?;
    if !has_token {
        let probability = probability(top);
        return Ok(GuideView { token: draft, top_probability: probability, draft_probability: probability, rank: 0 });
    }
    let token = ids.narrow()?;
    let below = numbers.next()?;
    let own = i64::from(top).checked_sub(below).and_then(|own| u16::try_from(own).ok());
    Ok(GuideView {
        token,
        top_probability: probability(top),
        draft_probability: probability(own.ok_or_else(|| numbers.out_of_range())?),
        rank: numbers.narrow()?,
    })
}

/// Numbers bit by bit, as differences to the one before: exact, and short where neighbours are near.
#[derive(Debug, Default)]
struct Bits(u32);

impl Bits {
    fn write(&mut self, value: f32, to: &mut Ints) {
        to.push(i64::from(value.to_bits()) - i64::from(self.0));
        self.0 = value.to_bits();
    }

    fn read(&mut self, from: &mut IntReader<'_>) -> Result<f32, String> {
        self.0 = from.from(self.0)?;
        Ok(f32::from_bits(self.0))
    }
}

/// Appends an audit.
pub(super) fn write_audit(report: &AuditReport, to: &mut Columns) {
    to.audited_at.push(1);
    to.audited_at.push_runs(report.positions.iter().map(|audited| audited.position));
    let (mut probability, mut kl) = (Bits::default(), Bits::default());
    for audited in &report.positions {
        to.audited.push(i64::from(audited.token) << 1 | i64::from(audited.differs));
        probability.write(audited.probability, &mut to.audited);
        kl.write(audited.kl, &mut to.audited);
    }
    to.drift_at.push_runs(report.drift.iter().map(|row| row.position));
    to.drift_layers.push_repeats(report.drift.iter().map(|row| (row.keys.len() | row.values.len() << 16) as i64));
    let mut bits = Bits::default();
    for cosine in report.drift.iter().flat_map(|row| row.keys.iter().chain(&row.values)) {
        bits.write(*cosine, &mut to.drift);
    }
}

/// Reads what [`write_audit`] wrote.
pub(super) fn read_audit(from: &Columns, length: usize) -> Result<Option<AuditReport>, String> {
    let mut at = from.audited_at.read("audited_at");
    if at.is_empty() {
        return Ok(None);
    }
    if at.next()? != 1 {
        return Err(at.out_of_range());
    }
    let mut numbers = from.audited.read("audited");
    let (mut probability, mut kl) = (Bits::default(), Bits::default());
    let mut positions = Vec::new();
    for position in at.positions(length)? {
        let token: u64 = numbers.narrow()?;
        positions.push(AuditedPosition {
            position,
            token: u32::try_from(token >> 1).map_err(|_| numbers.out_of_range())?,
            probability: probability.read(&mut numbers)?,
            differs: token & 1 == 1,
            kl: kl.read(&mut numbers)?,
        });
    }
    numbers.finish()?;
    Ok(Some(AuditReport { positions, drift: read_drift(from, length)? }))
}

fn read_drift(from: &Columns, length: usize) -> Result<Vec<RowDrift>, String> {
    let mut layers = from.drift_layers.read("drift_layers").repeats();
    let mut cosines = from.drift.read("drift");
    let mut bits = Bits::default();
    let mut some = |count: i64| -> Result<Vec<f32>, String> {
        // Nothing is set aside for a count that may be a lie.
        (0..count).map(|_| bits.read(&mut cosines)).collect()
    };
    let mut drift = Vec::new();
    for position in from.drift_at.read("drift_at").positions(length)? {
        let counts = layers.next()?;
        drift.push(RowDrift { position, keys: some(counts & 0xffff)?, values: some(counts >> 16)? });
    }
    layers.finish()?;
    cosines.finish()?;
    Ok(drift)
}
