//! A run repeats itself from the settings that it started with and the changes that its log holds.

use diffuscope::{
    decode::{
        Decoder, Networks,
        clock::StoppedClock,
        filter::{BLOCK, Filter},
        record::{Change, StepRecord},
    },
    model::network::{Alignment, Network},
    settings::{GuideRule, Knob, Layers, Preset, Settings, presets},
};

use crate::support::scripted::{PROMPT, Scripted, side, tangled_over};

/// Knobs that are turned while a run is under way: the steps done before, name and value. Where a value conflicts with the
/// others, the knob stays.
const TURNS: [(usize, &str, &str); 9] = [
    (1, "eos-last", "on"),
    (1, "eos-stop", "prefix"),
    (2, "threshold", "0.3"),
    (3, "temperature", "0.4"),
    (4, "block-length", "16"),
    (6, "cache", "dllm"),
    (9, "cache", "elastic"),
    (12, "guide", "off"),
    (12, "unmask", "klass"),
];

/// The preset on the shortest canvas that a filter takes.
pub fn short(preset: &Preset) -> Settings {
    let mut layers = Layers::default();
    layers.set_preset(preset.clone());
    let settings = layers.resolve();
    Settings { block_length: settings.block_length.map(|length| length.min(BLOCK)), ..settings }
}

/// A run under way, with a denoiser and a guide that see what they answer from.
pub struct Replay {
    pub decoder: Decoder,
    pub denoiser: Scripted,
    guide: Scripted,
    /// Steps done.
    pub steps: usize,
}

impl Replay {
    pub fn start(settings: Settings, alignment: Alignment) -> Self {
        let denoiser = Scripted::denoiser(alignment, tangled_over(1, 14.0));
        let guide = Scripted::guide(tangled_over(2, 14.0));
        let filter = Filter::parse(include_str!("../../assets/filter.json")).unwrap();
        let decoder = Decoder::new(denoiser.spec(), Some(guide.spec()), &PROMPT, BLOCK, settings).unwrap();
        let decoder = decoder.with_delimiters(vec![5]).with_filter(Some(filter)).unwrap();
        Self { decoder, denoiser, guide, steps: 0 }
    }

    /// The same with tokens in the answer: position, token, whether it is pinned.
    pub fn given(self, given: &[(usize, u32, bool)]) -> Self {
        Self { decoder: self.decoder.with_given(given.iter().copied()).unwrap(), ..self }
    }

    pub fn step(&mut self) -> StepRecord {
        self.steps += 1;
        let networks = Networks { denoiser: &mut self.denoiser, guide: Some(&mut self.guide) };
        self.decoder.step(networks, &StoppedClock).unwrap()
    }
}

/// Turns the knobs that are due after so many steps.
pub fn turn(decoder: &mut Decoder, requested: &mut Settings, steps: usize) {
    for (_, name, value) in TURNS.iter().filter(|(step, ..)| *step == steps) {
        let mut next = *requested;
        Knob::find(name).unwrap().set(&mut next, value).unwrap();
        if decoder.configure(next).is_ok() {
            *requested = next;
        }
    }
}

/// The records of a run whose knobs are turned on the way.
fn turned(settings: Settings, alignment: Alignment) -> Vec<StepRecord> {
    let mut run = Replay::start(settings, alignment);
    let (mut records, mut requested) = (Vec::new(), settings);
    while run.decoder.stopped().is_none() {
        turn(&mut run.decoder, &mut requested, records.len());
        records.push(run.step());
    }
    records
}

/// The records of a run that starts with `settings`, and makes the changes and edits of `records` at their steps.
pub fn replayed(mut run: Replay, settings: Settings, records: &[StepRecord]) -> Vec<StepRecord> {
    let mut in_force = settings;
    let step = |record: &StepRecord| {
        for Change { knob, value } in &record.changes {
            Knob::find(knob).unwrap().set(&mut in_force, value).unwrap();
        }
        run.decoder.configure(in_force).unwrap();
        run.decoder.edit(&record.edits).unwrap();
        run.step()
    };
    records.iter().map(step).collect()
}

/// The records of a run whose guide is turned on after some steps; what a guide said that only looked on is left out, and
/// with it its cost and its knob.
fn without_shadow(settings: Settings, alignment: Alignment) -> Vec<StepRecord> {
    let mut run = Replay::start(settings, alignment);
    let mut records = Vec::new();
    while run.decoder.stopped().is_none() {
        if records.len() == 5 {
            let guided = Settings { guide: GuideRule::TopK, shadow_guide: GuideRule::Off, ..settings };
            let _ = run.decoder.configure(guided);
        }
        let mut record = run.step();
        record.changes.retain(|change| change.knob != "shadow-guide");
        let (looked, passes) = (record.shadow.take(), std::mem::take(&mut record.cost.shadow_forwards));
        assert!(looked.is_some() || passes == 0);
        records.push(record);
    }
    records
}

#[test]
fn a_guide_that_only_looks_on_changes_nothing() {
    let (mut presets_tried, mut steps) = (0, 0);
    for preset in presets() {
        let settings = short(preset);
        if settings.guide != GuideRule::Off {
            continue;
        }
        presets_tried += 1;
        for alignment in [false, true].map(side) {
            let plain = without_shadow(settings, alignment);
            for shadow_guide in [GuideRule::Deterministic, GuideRule::Chance] {
                let watched = without_shadow(Settings { shadow_guide, ..settings }, alignment);
                assert_eq!(watched, plain, "{}", preset.name);
            }
            steps += plain.len();
        }
    }
    assert!(presets_tried > 30 && steps > 20 * presets_tried, "{presets_tried} {steps}");
}

#[test]
fn every_preset_repeats_itself_from_its_settings_and_the_logged_changes() {
    let (mut changed, mut steps) = (0, 0);
    for preset in presets() {
        for alignment in [false, true].map(side) {
            let settings = short(preset);
            let records = turned(settings, alignment);
            let changes: usize = records.iter().map(|record| record.changes.len()).sum();
            assert!(changes > 0, "{}: no knob was turned in {} steps", preset.name, records.len());
            // Every figure is compared: ids, commits, proposals, K/V use, verdicts, changes, costs.
            for (found, expected) in
                replayed(Replay::start(settings, alignment), settings, &records).iter().zip(&records)
            {
                assert_eq!(found, expected, "{}", preset.name);
            }
            changed += changes;
            steps += records.len();
        }
    }
    assert!(presets().len() > 50 && changed > 4 * presets().len() && steps > 20 * presets().len(), "{changed} {steps}");
}
