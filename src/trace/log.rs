//! The log itself: a header, the steps as differences, an end.
//!
//! Text travels with the log, so that it can be shown with no tokenizer: what a token *contributes* to the text
//! depends on its neighbours (implied spaces, characters split over tokens), so the pieces of committed tokens are
//! logged per position whenever they change; drafts and alternatives are logged per id, when the id first occurs.
//!
//! A step has a light part, which is kept as it is ([`Step`]), and a wide one with something for every position. Ids
//! and text are kept as the history of each position. Proposals, K/V use, the guide's review and the audit are packed as
//! differences to the step before, with a key step that refers to none every [`KEY`] steps: the record of any step is
//! rebuilt from its key step, in the same time at either end of a long run.

use std::{borrow::Borrow, collections::BTreeMap, sync::Arc};

use super::{
    End, Entry, Header, Piece, TokenText,
    changes::{DraftChanges, PositionChanges},
    columns::{Columns, Wide},
    foreign::{self, UnknownKnobs},
    history::History,
    quantized::Quantized,
    recent::{PositionDraft, Recent},
    step::{Step, Totals, cost_between},
};
use crate::{
    decode::record::{Commit, Cost, Edit, GuideReading, Reason, Region, StepRecord},
    printable,
    settings::{Knob, Settings},
};

/// Every so many steps one is packed without regard to the step before. A record takes at most as many steps to rebuild;
/// a key step takes about three times the room of another.
const KEY: usize = 32;

/// Why unpacking cannot fail.
const OWN: &str = "the log packed these columns itself";

/// A text as it was logged, and as a terminal may show it.
#[derive(Debug, Clone, PartialEq)]
enum LoggedText {
    /// Both are the same.
    Printable(Box<str>),
    /// The first is as it was logged.
    Replaced(Box<(Box<str>, Box<str>)>),
}

impl LoggedText {
    fn of(text: &str) -> Self {
        let shown = printable::text(text);
        if shown == text { Self::Printable(text.into()) } else { Self::Replaced(Box::new((text.into(), shown.into()))) }
    }

    fn logged(&self) -> &str {
        match self {
            Self::Printable(text) => text,
            Self::Replaced(both) => &both.0,
        }
    }

    fn shown(&self) -> &str {
        match self {
            Self::Printable(text) => text,
            Self::Replaced(both) => &both.1,
        }
    }

    /// Bytes of memory that it takes behind itself.
    fn memory(&self) -> usize {
        match self {
            Self::Printable(text) => text.len(),
            Self::Replaced(both) => size_of_val(&**both) + both.0.len() + both.1.len(),
        }
    }
}

/// What a position holds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Held {
    id: u32,
    /// After how many steps it was written; 0 where nothing wrote it.
    written: u32,
}

/// The canvas as it stood after a step (or before the first), with its text.
#[derive(Debug, Clone, Copy)]
pub struct CanvasView<'a> {
    log: &'a Log,
    steps: usize,
}

impl<'a> CanvasView<'a> {
    /// Number of positions.
    pub fn length(&self) -> usize {
        self.log.held.len()
    }

    /// The id at a position, the mask id where it is masked; `None` outside the canvas.
    pub fn id(&self, position: usize) -> Option<u32> {
        self.log.held.get(position)?.after(self.steps).map(|held| held.id)
    }

    /// All ids.
    pub fn ids(&self) -> impl Iterator<Item = u32> + use<'a> {
        let steps = self.steps;
        self.log.held.iter().filter_map(move |history| history.after(steps)).map(|held| held.id)
    }

    /// Text of a position, printable; empty where masked.
    pub fn piece(&self, position: usize) -> &'a str {
        self.log.pieces.get(position).and_then(|history| history.after(self.steps)).map_or("", LoggedText::shown)
    }

    /// Whether a position holds a token that was there before the first step.
    pub(super) fn is_given(&self, position: usize) -> bool {
        let header = &self.log.header;
        let held = self.log.held.get(position).and_then(|history| history.after(self.steps));
        position >= header.prompt_ids.len() && held.is_some_and(|held| held.written == 0 && held.id != header.mask_id)
    }

    /// The step that wrote a position, why, and its confidence then; `None` for the prompt, for masks and for what was given.
    pub fn written(&self, position: usize) -> Option<(usize, Reason, f32)> {
        let index = (self.log.held.get(position)?.after(self.steps)?.written as usize).checked_sub(1)?;
        let commit = self.log.steps.get(index)?.commit_at(position)?;
        Some((index, commit.reason, commit.confidence))
    }
}

/// A run: everything that the screen, the file formats and the scores are functions of.
///
/// Numbers of proposals and of the guide's distribution are rounded when a step is pushed (see
/// [`Log::record`]); what decides and what is counted is kept exactly.
///
/// ```
/// use diffuscope::decode::record::{Commit, Cost, KvStatus, KvUse, Reason, Region, StepRecord};
/// use diffuscope::settings::Settings;
/// use diffuscope::trace::{Entry, Figures, Header, Log, ModelCard, Piece};
///
/// const MASK: u32 = 1;
/// let card = ModelCard {
///     name: "tiny".into(),
///     architecture: "LLaDA".into(),
///     parameters: 1000,
///     layers: 1,
///     device: "cpu".into(),
///     fingerprint: None,
///     chats: false,
///     shape: None,
/// };
/// let mut log = Log::new(Header {
///     denoiser: card,
///     guide: None,
///     preset: None,
///     settings: Settings::default(),
///     prompt: "Hi".into(),
///     prompt_ids: vec![7],
///     prompt_pieces: vec!["Hi".into()],
///     gen_length: 2,
///     mask_id: MASK,
///     eos_id: 0,
///     end_ids: Vec::new(),
///     given: Vec::new(),
///     turns: Vec::new(),
///     origin: None,
///     peak: None,
/// });
/// for (step, position, token, text) in [(0, 2, 9, "you"), (1, 1, 8, "there")] {
///     let mut ids: Vec<u32> = log.canvas(step).ids().collect();
///     ids[position] = token;
///     let record = StepRecord {
///         step,
///         region: Region { block: 0, start: 1, end: 3 },
///         changes: Vec::new(),
///         edits: Vec::new(),
///         ids,
///         proposals: Vec::new(),
///         commits: vec![Commit { position, token, confidence: 0.75, reason: Reason::Quota }],
///         remasked: Vec::new(),
///         kv: vec![KvUse { status: KvStatus::Recomputed, age: 0 }; 3],
///         layers: Vec::new(),
///         guide: None,
///         shadow: None,
///         gap: None,
///         audit: None,
///         cost: Cost { nfe: 1, computed: 3, ..Cost::default() },
///         stop: None,
///     };
///     log.push(Entry { record, pieces: vec![Piece { position, text: text.into() }], texts: Vec::new() });
/// }
/// assert!(log.canvas(0).ids().eq([7, MASK, MASK]));
/// assert!(log.canvas(1).ids().eq([7, MASK, 9]));
/// assert_eq!(log.canvas(2).piece(1), "there");
/// assert_eq!(log.canvas(2).written(1), Some((1, Reason::Quota, 0.75)));
/// let figures = Figures::of(&log, 1);
/// assert_eq!((figures.tokens, figures.masked, figures.cost.nfe), (1, 1, 1));
/// assert_eq!(Figures::of(&log, 2).tokens_per_forward(), 1.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    header: Header,
    steps: Vec<Step>,
    /// What every position holds.
    held: Vec<History<Held>>,
    /// The text of every position.
    pieces: Vec<History<LoggedText>>,
    settings: History<Settings>,
    /// Knobs of the file that this version does not know.
    unknown_knobs: UnknownKnobs,
    /// Whether a position is pinned, where it ever was.
    pins: BTreeMap<usize, History<bool>>,
    /// Texts of ids in the order in which they were logged, each with the number of steps after which it was.
    texts: Vec<(usize, u32, LoggedText)>,
    /// Where among them the newest text of an id is.
    text_of: BTreeMap<u32, usize>,
    /// The blocks begun, each as its last step left it, with the number of steps after which it was the active one.
    blocks: Vec<(usize, Region)>,
    /// Steps with an audit, counted from 1.
    audits: Vec<usize>,
    /// What the guide read in its newest review.
    reading: Option<GuideReading>,
    has_layers: bool,
    /// How often the draft of every position changed.
    drafts: Vec<DraftChanges>,
    /// The wide part of the newest step.
    wide: Wide,
    end: Option<End>,
    recent: Recent,
}

impl Log {
    /// An empty log.
    pub fn new(header: Header) -> Self {
        let length = header.canvas_length();
        let mut held = vec![History::new(); length];
        for (history, id) in held.iter_mut().zip(header.canvas()) {
            history.note(0, Held { id, written: 0 });
        }
        let mut pieces = vec![History::new(); length];
        for (history, piece) in pieces.iter_mut().zip(&header.prompt_pieces) {
            history.note(0, LoggedText::of(piece));
        }
        let mut pins = BTreeMap::new();
        for token in &header.given {
            pieces[token.position].note(0, LoggedText::of(&token.text));
            if token.pinned {
                pins.entry(token.position).or_insert_with(History::new).note(0, true);
            }
        }
        let mut settings = History::new();
        settings.note(0, header.settings);
        Self {
            header,
            steps: Vec::new(),
            held,
            pieces,
            settings,
            unknown_knobs: UnknownKnobs::default(),
            pins,
            texts: Vec::new(),
            text_of: BTreeMap::new(),
            blocks: Vec::new(),
            audits: Vec::new(),
            reading: None,
            has_layers: false,
            drafts: vec![DraftChanges::default(); length],
            wide: Wide::default(),
            end: None,
            recent: Recent::default(),
        }
    }

    /// Appends a step. Positions of its proposals, commits and pieces ascend.
    pub fn push(&mut self, entry: impl Borrow<Entry>) {
        let entry = entry.borrow();
        let record = &entry.record;
        let steps = self.len() + 1;
        self.note_ids(steps, record);
        for piece in &entry.pieces {
            if let Some(history) = self.pieces.get_mut(piece.position) {
                history.note(steps, LoggedText::of(&piece.text));
            }
        }
        for token in &entry.texts {
            self.text_of.insert(token.id, self.texts.len());
            self.texts.push((steps, token.id, LoggedText::of(&token.text)));
        }
        self.note_settings(steps, record);
        self.note_pins(steps, record);
        self.note_drafts(steps, record);
        self.index(steps, record);
        if self.steps.len().is_multiple_of(KEY) {
            self.wide = Wide::default();
        }
        let packed = self.wide.encode(record).pack();
        let certainty = |commit: &Commit| self.wide.proposal(commit.position).map(Quantized::certainty);
        let certainties = record.commits.iter().map(certainty).collect();
        let mut totals = self.totals(steps - 1);
        totals += record;
        self.steps.push(Step::new(record, certainties, totals, packed));
    }

    /// Notes what each position holds, and what wrote it.
    fn note_ids(&mut self, steps: usize, record: &StepRecord) {
        let (mut remasked, mut commits) = (record.remasked.iter().peekable(), record.commits.iter().peekable());
        for (position, (history, id)) in self.held.iter_mut().zip(&record.ids).enumerate() {
            let before = history.after(steps).copied();
            let mut written = before.map_or(0, |held| held.written);
            if remasked.next_if(|at| **at == position).is_some() {
                written = 0;
            }
            if commits.next_if(|commit| commit.position == position).is_some() {
                written = steps as u32;
            }
            let held = Held { id: *id, written };
            if before != Some(held) {
                history.note(steps, held);
            }
        }
    }

    fn note_settings(&mut self, steps: usize, record: &StepRecord) {
        if record.changes.is_empty() {
            return;
        }
        let mut settings = self.settings_at(steps);
        for change in &record.changes {
            // A file can name knobs that this program does not have; the rest of it is still worth seeing.
            if Knob::find(&change.knob).and_then(|knob| knob.set(&mut settings, &change.value)).is_err() {
                self.unknown_knobs.note(steps, foreign::setting(&change.knob, Some(&change.value)));
            }
        }
        self.settings.note(steps, settings);
    }

    fn note_pins(&mut self, steps: usize, record: &StepRecord) {
        for edit in &record.edits {
            match *edit {
                Edit::Write { .. } => {}
                Edit::Pin { position, pinned } => {
                    self.pins.entry(position).or_insert_with(History::new).note(steps, pinned);
                }
                Edit::Remask { start, end } => {
                    self.pins.range_mut(start..end).for_each(|(_, pin)| pin.note(steps, false));
                }
            }
        }
    }

    /// Notes which positions have another draft than before.
    fn note_drafts(&mut self, steps: usize, record: &StepRecord) {
        for proposal in &record.proposals {
            if let Some(drafts) = self.drafts.get_mut(proposal.position) {
                drafts.propose(steps, proposal.token);
            }
        }
        for commit in &record.commits {
            if let Some(drafts) = self.drafts.get_mut(commit.position) {
                drafts.written();
            }
        }
    }

    /// Notes what a view asks of all steps up to one.
    fn index(&mut self, steps: usize, record: &StepRecord) {
        match self.blocks.last_mut() {
            Some((_, last)) if last.block == record.region.block => *last = record.region,
            _ => self.blocks.push((steps, record.region)),
        }
        if record.audit.is_some() {
            self.audits.push(steps);
        }
        if let Some(review) = record.guide.as_ref().or(record.shadow.as_ref()) {
            self.reading = Some(review.reading);
        }
        self.has_layers |= !record.layers.is_empty();
    }

    /// Notes how the run ended.
    pub fn finish(&mut self, end: End) {
        self.end = Some(end);
    }

    /// Bytes of memory that it takes. What was rebuilt of it for the last frames is left out, which is a few steps' worth
    /// however long it is. Walks over all of it.
    pub fn memory(&self) -> usize {
        let held: usize = self.held.iter().map(|held| size_of_val(held) + held.memory(|_| 0)).sum();
        let pieces: usize = self.pieces.iter().map(|piece| size_of_val(piece) + piece.memory(LoggedText::memory)).sum();
        let steps: usize = self.steps.iter().map(super::Step::memory).sum();
        let texts: usize = self.texts.iter().map(|(.., text)| text.memory()).sum();
        let end =
            self.end.as_ref().map_or(0, |end| end.answer.capacity() + end.verdict.as_ref().map_or(0, String::capacity));
        // The nodes of a tree are two thirds full, as a rule.
        let tree = self.text_of.len() * size_of::<(u32, usize)>() * 3 / 2;
        size_of::<Self>()
            + self.header.memory()
            + self.settings.memory(|_| 0)
            + self.steps.capacity() * size_of::<super::Step>()
            + self.texts.capacity() * size_of::<(usize, u32, LoggedText)>()
            + self.blocks.capacity() * size_of::<(usize, Region)>()
            + self.audits.capacity() * size_of::<usize>()
            + self.wide.memory()
            + self.drafts.iter().map(|drafts| size_of_val(drafts) + drafts.memory()).sum::<usize>()
            + (held + pieces + steps + texts + tree + end)
    }

    /// What the run started from.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How it ended, if it did.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The light parts of its steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is no step yet.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The light part of the `steps`-th step, counted from 1; `None` for 0, the canvas before the first step.
    pub fn step(&self, steps: usize) -> Option<&Step> {
        self.steps.get(steps.checked_sub(1)?)
    }

    /// What the `steps`-th step cost.
    pub fn cost(&self, steps: usize) -> Option<Cost> {
        let step = self.step(steps)?;
        Some(cost_between(self.totals(steps - 1).cost, step.totals.cost))
    }

    /// What the first `steps` steps cost together; all of them where there are fewer.
    pub fn cost_up_to(&self, steps: usize) -> Cost {
        self.totals(steps).cost
    }

    /// The whole record of the `steps`-th step, counted from 1; `None` for 0, the canvas before the first step. It is the
    /// one that was pushed, but for numbers that are only shown: probabilities of proposals and of the guide are rounded
    /// to 1/65,535, a proposal's entropy, score, credit and movement to 1/4,096.
    pub fn record(&self, steps: usize) -> Option<Arc<StepRecord>> {
        self.step(steps)?;
        Some(self.recent.record(steps, || {
            // The newest step is at hand, and leaves the place among the others that was reached before.
            if steps == self.len() {
                return self.rebuild(steps, &WideCursor::at(self, steps));
            }
            let cursor = WideCursor::near(self, steps);
            let record = self.rebuild(steps, &cursor);
            self.recent.keep_wide(steps, cursor.wide);
            record
        }))
    }

    /// The `steps`-th step as it was pushed, rounded as [`Self::record`] is.
    pub fn entry(&self, steps: usize) -> Option<Entry> {
        self.step(steps)?;
        Some(self.entry_of(steps, &WideCursor::at(self, steps)))
    }

    /// All steps as they were pushed, rounded as [`Self::record`] is.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let mut cursor = WideCursor { log: self, steps: 0, wide: Wide::default(), columns: Columns::default() };
        std::iter::from_fn(move || {
            self.step(cursor.steps + 1)?;
            cursor.advance();
            Some(self.entry_of(cursor.steps, &cursor))
        })
    }

    fn entry_of(&self, steps: usize, cursor: &WideCursor<'_>) -> Entry {
        let pieces =
            self.pieces.iter().enumerate().filter_map(|(position, history)| {
                Some(Piece { position, text: history.at(steps)?.logged().to_owned() })
            });
        let first = self.texts.partition_point(|(since, ..)| *since < steps);
        let texts = self.texts[first..].iter().take_while(|(since, ..)| *since == steps);
        Entry {
            record: self.rebuild(steps, cursor),
            pieces: pieces.collect(),
            texts: texts.map(|(_, id, text)| TokenText { id: *id, text: text.logged().to_owned() }).collect(),
        }
    }

    /// The record of a step that there is, out of the wide part at `cursor`.
    fn rebuild(&self, steps: usize, cursor: &WideCursor<'_>) -> StepRecord {
        let (step, length) = (&self.steps[steps - 1], self.held.len());
        let WideCursor { wide, columns, .. } = cursor;
        StepRecord {
            step: steps - 1,
            region: step.region,
            changes: step.changes().to_vec(),
            edits: step.edits().to_vec(),
            ids: self.canvas(steps).ids().collect(),
            proposals: wide.proposals().iter().map(Quantized::proposal).collect(),
            commits: step.commits.to_vec(),
            remasked: step.remasked().to_vec(),
            kv: wide.kv().to_vec(),
            layers: wide.layers(step.layers()),
            guide: wide.review(columns, length).expect(OWN),
            shadow: wide.shadow(columns, length).expect(OWN),
            gap: step.gap(),
            audit: Wide::audit(columns, length).expect(OWN),
            cost: self.cost(steps).unwrap_or_default(),
            stop: step.stop,
        }
    }

    /// The drafts of a position in the first `steps` steps, where there were any, in the order of the steps.
    pub fn drafts(&self, position: usize, steps: usize) -> Vec<PositionDraft> {
        self.recent.drafts(position, steps, |drafts| {
            if drafts.steps == self.len() {
                return;
            }
            let mut cursor = WideCursor::at(self, drafts.steps + 1);
            loop {
                let found = cursor.wide.proposal(position);
                drafts.found.extend(found.map(|proposal| PositionDraft {
                    steps: cursor.steps,
                    token: proposal.token(),
                    confidence: proposal.confidence(),
                }));
                if cursor.steps == self.len() {
                    break;
                }
                cursor.advance();
            }
            drafts.steps = self.len();
        })
    }

    /// How often a position changed in the first `steps` steps.
    pub fn changes(&self, position: usize, steps: usize) -> PositionChanges {
        let drafts = self.drafts.get(position).map_or(0, |drafts| drafts.until(steps));
        let mut changes = PositionChanges { drafts, ..PositionChanges::default() };
        let notes = self.held.get(position).map_or(&[][..], |held| held.until(steps));
        for ((_, before), (step, now)) in notes.iter().zip(notes.iter().skip(1)) {
            if before.id == self.header.mask_id {
                continue;
            }
            let is_remasked = || self.step(*step as usize).is_some_and(|step| step.remasked().contains(&position));
            if now.id == self.header.mask_id || is_remasked() {
                changes.masked_again += 1;
            } else if now.id != before.id {
                changes.written_over += 1;
            }
        }
        changes
    }

    /// After how many of the first `steps` steps a position first held the token, or the mask, that it held ever since;
    /// 0 outside the canvas.
    pub(super) fn token_since(&self, position: usize, steps: usize) -> usize {
        let notes = self.held.get(position).map_or(&[][..], |held| held.until(steps));
        let same = |(_, held): &&(u32, Held)| notes.last().is_some_and(|(_, last)| last.id == held.id);
        notes.iter().rev().take_while(same).last().map_or(0, |(since, _)| *since as usize)
    }

    /// The canvas after `steps` steps; the last one where there are fewer.
    pub fn canvas(&self, steps: usize) -> CanvasView<'_> {
        CanvasView { log: self, steps: steps.min(self.len()) }
    }

    /// Notes knobs that the settings of the header had in their file and that this version does not know, printable.
    pub(super) fn note_unknown_knobs(&mut self, knobs: impl IntoIterator<Item = String>) {
        knobs.into_iter().for_each(|knob| self.unknown_knobs.note(0, knob));
    }

    /// Knobs that its file sets for one of the first `steps` steps and that this version does not know, printable.
    pub fn unknown_knobs(&self, steps: usize) -> impl Iterator<Item = &str> {
        self.unknown_knobs.until(steps)
    }

    /// Whether a position is pinned after `steps` steps.
    pub fn is_pinned(&self, steps: usize, position: usize) -> bool {
        self.pins.get(&position).and_then(|pin| pin.after(steps)).is_some_and(|pinned| *pinned)
    }

    /// Positions that are pinned after `steps` steps, ascending.
    pub fn pinned(&self, steps: usize) -> impl Iterator<Item = usize> + '_ {
        let pinned = move |(position, pin): (&usize, &History<bool>)| {
            pin.after(steps).is_some_and(|pinned| *pinned).then_some(*position)
        };
        self.pins.iter().filter_map(pinned)
    }

    /// What the first `steps` steps changed of the canvas: step (counted from 1), position and the id that it got, by
    /// position and step.
    pub(super) fn id_changes(&self, steps: usize) -> impl Iterator<Item = (usize, usize, u32)> {
        self.held.iter().enumerate().flat_map(move |(position, history)| {
            let notes = history.until(steps);
            let changed = notes.iter().zip(notes.iter().skip(1)).filter(|((_, before), (_, now))| before.id != now.id);
            changed.map(move |(_, (step, now))| (*step as usize, position, now.id))
        })
    }

    /// The text of a position after `steps` steps, as it was logged; empty where masked.
    pub(super) fn logged_piece(&self, steps: usize, position: usize) -> &str {
        self.pieces.get(position).and_then(|history| history.after(steps)).map_or("", LoggedText::logged)
    }

    /// The ids that a position has held, each with the number of steps after which it came, ascending from 0.
    pub fn held(&self, position: usize) -> impl Iterator<Item = (usize, u32)> + '_ {
        self.held.get(position).into_iter().flat_map(History::iter).map(|(steps, held)| (steps, held.id))
    }

    /// The settings that the `steps`-th step (counted from 1) used; those of the start for 0.
    pub fn settings_at(&self, steps: usize) -> Settings {
        *self.settings.after(steps).unwrap_or(&self.header.settings)
    }

    /// The newest among the first `steps` steps, counted from 1, that was the first to use a turned knob.
    pub fn turned_at(&self, steps: usize) -> Option<usize> {
        self.settings.since(steps).filter(|step| *step > 0)
    }

    /// The text of a token id by itself, printable; `None` where the log never named it.
    pub fn text_of(&self, id: u32) -> Option<&str> {
        self.text_of.get(&id).map(|at| self.texts[*at].2.shown())
    }

    /// Every id that was named so far, ascending, with the text that [`Self::text_of`] gives.
    pub fn named(&self) -> impl Iterator<Item = (u32, &str)> {
        self.text_of.iter().map(|(id, at)| (*id, self.texts[*at].2.shown()))
    }

    /// The newest step with an audit among the first `steps`, counted from 1.
    pub fn audited_at(&self, steps: usize) -> Option<usize> {
        let later = self.audits.partition_point(|audited| *audited <= steps);
        later.checked_sub(1).map(|newest| self.audits[newest])
    }

    /// Whether the guide judged any draft in the first `steps` steps, with a say or without.
    pub fn has_reviews(&self, steps: usize) -> bool {
        let totals = self.totals(steps);
        totals.reviews + totals.shadows > 0
    }

    /// Whether a guide looked on in any step without deciding.
    pub fn has_shadow(&self) -> bool {
        self.totals(self.len()).shadows > 0
    }

    /// What the guide read in its newest review.
    pub fn guide_reading(&self) -> Option<GuideReading> {
        self.reading
    }

    /// Whether any step masked tokens again or wrote over others.
    pub fn has_revisions(&self) -> bool {
        let totals = self.totals(self.len());
        totals.remasked + totals.edited > 0
    }

    /// Whether any step was audited.
    pub fn has_audits(&self) -> bool {
        self.totals(self.len()).cost.audit_forwards > 0
    }

    /// Whether layers differ in any step.
    pub fn has_layers(&self) -> bool {
        self.has_layers
    }

    /// The blocks that were begun in the first `steps` steps, each as it was last in them.
    pub fn blocks(&self, steps: usize) -> impl Iterator<Item = Region> + '_ {
        let begun = self.blocks.partition_point(|(since, _)| *since <= steps);
        let before = &self.blocks[..begun.saturating_sub(1)];
        let active = self.step(steps.min(self.len())).map(|step| step.region);
        before.iter().map(|(_, region)| *region).chain(active)
    }

    /// The first step of each block that was begun, counted from 1, ascending.
    pub fn block_starts(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.blocks.iter().map(|(since, _)| *since)
    }

    /// Sums over the first `steps` steps.
    pub(super) fn totals(&self, steps: usize) -> Totals {
        self.step(steps.min(self.len())).map_or_else(Totals::default, |step| step.totals)
    }
}

/// The wide part of a step, on its way over a log.
struct WideCursor<'a> {
    log: &'a Log,
    /// Of which step, counted from 1; before the first one for 0.
    steps: usize,
    wide: Wide,
    /// What led to it from the step before.
    columns: Columns,
}

impl<'a> WideCursor<'a> {
    /// At a step that there is.
    fn at(log: &'a Log, steps: usize) -> Self {
        if steps == log.len() {
            let columns = Columns::unpack(&log.steps[steps - 1].wide).expect(OWN);
            return Self { log, steps, wide: log.wide.clone(), columns };
        }
        let key = (steps - 1) / KEY * KEY;
        Self { log, steps: key, wide: Wide::default(), columns: Columns::default() }.forward_to(steps)
    }

    /// The same, from the step that was rebuilt last where that is nearer than the key step.
    fn near(log: &'a Log, steps: usize) -> Self {
        let key = (steps - 1) / KEY * KEY;
        match log.recent.take_wide() {
            Some((last, wide)) if (key + 1..steps).contains(&last) => {
                Self { log, steps: last, wide, columns: Columns::default() }.forward_to(steps)
            }
            _ => Self::at(log, steps),
        }
    }

    fn forward_to(mut self, steps: usize) -> Self {
        while self.steps < steps {
            self.advance();
        }
        self
    }

    /// Moves on to the next step, which there is.
    fn advance(&mut self) {
        if self.steps.is_multiple_of(KEY) {
            self.wide = Wide::default();
        }
        self.columns = Columns::unpack(&self.log.steps[self.steps].wide).expect(OWN);
        let layers = self.log.steps[self.steps].layers().len();
        self.wide.decode(&self.columns, layers, self.log.held.len()).expect(OWN);
        self.steps += 1;
    }
}
