//! Caches: without anything to reuse they are no cache; whatever is reused, they read no row that was not written, tell
//! what they did, and change neither the noise nor the end of a run.

use std::sync::{Arc, Mutex};

use diffuscope::{
    decode::{
        Decoder, Networks,
        clock::StoppedClock,
        record::{KvStatus, KvUse, Reason, StepRecord},
    },
    model::network::{Alignment, LayerObserver, Logits, Network, NetworkError, NetworkSpec, Pass, Read, RefreshHook},
    model::{checkpoint::Checkpoint, device::ComputeDevice},
    settings::{
        CacheChoice, DriftAxis, EosStop, FreezeChoice, GuideRule, OrderScore, SamplerStyle, ScheduleChoice, Settings,
        UnmaskRule,
    },
};
use proptest::prelude::*;

use crate::support::{
    runs::{Run, commits},
    scripted::{EOS, MASK, PROMPT, Scripted, Visible, favour, side, tangled},
};

/// A distribution that depends on the position alone.
fn blind(seed: u64) -> impl Fn(usize, Visible<'_>) -> Vec<f32> + Send + 'static {
    let answer = tangled(seed);
    move |position, _| answer(position, &[])
}

fn decode(denoiser: &mut dyn Network, gen_length: usize, settings: Settings) -> Vec<StepRecord> {
    let decoder = Decoder::new(denoiser.spec(), None, &PROMPT, gen_length, settings).unwrap();
    let run = Run::of(decoder, denoiser, None).unwrap();
    assert!(!run.ids.contains(&MASK));
    run.records
}

fn computed(records: &[StepRecord]) -> Vec<u32> {
    records.iter().map(|record| record.cost.computed).collect()
}

const CACHES: [CacheChoice; 14] = [
    CacheChoice::Off,
    CacheChoice::Block,
    CacheChoice::Window,
    CacheChoice::Prompt,
    CacheChoice::FastPrefix,
    CacheChoice::FastDual,
    CacheChoice::DkvDecode,
    CacheChoice::DkvPrefill,
    CacheChoice::DkvPrefillDecode,
    CacheChoice::DkvGreedy,
    CacheChoice::SlidingBlock,
    CacheChoice::Elastic,
    CacheChoice::D2,
    CacheChoice::Dllm,
];

/// Whatever else is asked for, what a cache needs beside it.
fn beside(cache: CacheChoice, settings: Settings) -> Settings {
    let settings = Settings { cache, ..settings };
    match cache {
        CacheChoice::FastPrefix | CacheChoice::FastDual => {
            Settings { block_length: settings.block_length.or(Some(4)), schedule: ScheduleChoice::Blocks, ..settings }
        }
        CacheChoice::DkvGreedy => Settings {
            unmask: UnmaskRule::Quota,
            order: OrderScore::Drawn,
            order_temperature: None,
            eos_last: false,
            ..settings
        },
        CacheChoice::Elastic | CacheChoice::SlidingBlock => {
            Settings { schedule: ScheduleChoice::Leftmost, ..in_a_window(settings) }
        }
        _ => settings,
    }
}

fn in_a_window(settings: Settings) -> Settings {
    let unmask = match settings.unmask {
        UnmaskRule::Quota => UnmaskRule::Quota,
        _ => UnmaskRule::Threshold,
    };
    ranked_by_what_is_asked(Settings { unmask, steps: None, ..settings })
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let unmask = prop_oneof![
        Just(UnmaskRule::Quota),
        Just(UnmaskRule::Time),
        Just(UnmaskRule::Threshold),
        Just(UnmaskRule::ThresholdBudget)
    ];
    let order = prop_oneof![
        Just(OrderScore::Confidence),
        Just(OrderScore::Margin),
        Just(OrderScore::Random),
        Just(OrderScore::Density),
        Just(OrderScore::Drawn)
    ];
    (
        (prop::sample::select(&CACHES[..]), unmask, order, any::<u64>(), any::<bool>(), any::<bool>()),
        (1usize..5, prop::option::of(1usize..8), 0.0f32..1.0, prop::option::of(1usize..6), 0usize..5, any::<bool>()),
        (1usize..8, 0.0f32..2.0, any::<bool>(), 1usize..4, 1usize..6, prop::option::of(2usize..9), any::<bool>()),
        (1usize..12, 0.0f32..1.0, 0usize..5, 1usize..8, 1usize..5, 0.0f32..1.0),
    )
        .prop_map(|((cache, unmask, order, seed, filtered, leftmost), b, c, d)| {
            let schedule = if leftmost { ScheduleChoice::Leftmost } else { ScheduleChoice::Blocks };
            let settings = Settings {
                unmask,
                order,
                seed,
                schedule,
                sampler: if filtered { SamplerStyle::Filtered } else { SamplerStyle::Gumbel },
                tokens_per_step: b.0,
                block_length: b.1,
                threshold: b.2,
                cache_refresh: b.3,
                dkv_neighbours: b.4,
                dkv_freeze: if b.5 { FreezeChoice::Both } else { FreezeChoice::Target },
                window_length: c.0,
                drift_threshold: c.1,
                drift_axis: if c.2 { DriftAxis::Keys } else { DriftAxis::Heads },
                drift_tokens: c.3,
                window_left: c.4,
                window_right: c.5,
                eos_stop: if c.6 { EosStop::Cut } else { EosStop::Off },
                d2_masks: d.0,
                rollout_mass: d.1,
                inflate: d.2,
                prompt_refresh: d.3,
                response_refresh: d.4,
                refresh_share: d.5,
                ..Settings::default()
            };
            ranked_by_what_is_asked(beside(cache, if leftmost { in_a_window(settings) } else { settings }))
        })
}

/// A rule that asks how sure a proposal is goes with an order that says so.
fn ranked_by_what_is_asked(settings: Settings) -> Settings {
    match (settings.unmask, settings.order) {
        (UnmaskRule::Quota | UnmaskRule::Time, _) => settings,
        (_, OrderScore::Random | OrderScore::Drawn) => Settings { order: OrderScore::Confidence, ..settings },
        _ => settings,
    }
}

/// Blocks no longer than the canvas.
fn fitting(settings: Settings, gen_length: usize) -> Settings {
    Settings { block_length: settings.block_length.map(|length| length.min(gen_length)), ..settings }
}

/// What a pass fed, and up to where it read.
struct Note {
    fed: Vec<usize>,
    end: usize,
}

/// A network that notes what every pass does.
struct Noted {
    network: Scripted,
    notes: Arc<Mutex<Vec<Note>>>,
}

impl Noted {
    fn note(&self, pass: &Pass<'_>) {
        let Read::UpTo(end) = pass.read else { panic!("every policy here reads a prefix") };
        self.notes.lock().unwrap().push(Note { fed: pass.positions.to_vec(), end });
    }
}

impl Network for Noted {
    fn spec(&self) -> &NetworkSpec {
        self.network.spec()
    }

    fn reset(&mut self) {
        self.network.reset();
    }

    fn crop(&mut self, len: usize) {
        self.network.crop(len);
    }

    fn forward(&mut self, pass: Pass<'_>) -> Result<Logits, NetworkError> {
        self.note(&pass);
        self.network.forward(pass)
    }

    fn forward_observed(&mut self, pass: Pass<'_>, hook: &mut dyn LayerObserver) -> Result<Logits, NetworkError> {
        self.note(&pass);
        self.network.forward_observed(pass, hook)
    }

    fn forward_refreshed(&mut self, pass: Pass<'_>, hook: &mut dyn RefreshHook) -> Result<Logits, NetworkError> {
        self.note(&pass);
        self.network.forward_refreshed(pass, hook)
    }
}

/// What became of every row, from nothing but the forwards: which fed it last, under which token, and who read it.
fn expected_use(notes: &[Note], records: &[StepRecord], length: usize) -> Vec<Vec<KvUse>> {
    let mut rows = vec![None; length];
    let mut before: Vec<u32> = PROMPT.iter().copied().chain(std::iter::repeat_n(MASK, length - PROMPT.len())).collect();
    let mut uses = Vec::new();
    for (step, (Note { fed, end }, record)) in notes.iter().zip(records).enumerate() {
        for position in fed {
            rows[*position] = Some((step, before[*position]));
        }
        let used = |position: usize| {
            let (written, token) = rows[position].unwrap();
            let status = match () {
                () if fed.contains(&position) => KvStatus::Recomputed,
                () if position >= *end => KvStatus::Dropped,
                () if token == before[position] => KvStatus::Reused,
                () => KvStatus::Stale,
            };
            KvUse { status, age: (step - written) as u32 }
        };
        uses.push((0..length).map(used).collect());
        before.clone_from(&record.ids);
    }
    uses
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Refreshed in every step, a cache is none.
    #[test]
    fn a_refresh_in_every_step_is_no_cache(
        settings in any_settings(), gen_length in 1usize..20, network in any::<u64>(), shifted in any::<bool>(),
        cache in prop::sample::select(&[
            CacheChoice::FastPrefix, CacheChoice::FastDual, CacheChoice::DkvDecode, CacheChoice::DkvGreedy,
        ][..]),
    ) {
        let settings = fitting(ranked_by_what_is_asked(beside(cache, settings)), gen_length);
        let run = |cache| {
            let settings = Settings { cache, cache_refresh: Some(1), ..settings };
            decode(&mut Scripted::denoiser(side(shifted), tangled(network)), gen_length, settings)
        };
        let (cached, uncached) = (run(cache), run(CacheChoice::Off));
        prop_assert_eq!(commits(&cached), commits(&uncached));
        prop_assert_eq!(computed(&cached), computed(&uncached));
    }

    /// dLLM-Cache without pauses, and d²Cache with every mask promising and every committed token important.
    #[test]
    fn a_cache_that_computes_everything_is_no_cache(
        settings in any_settings(), gen_length in 1usize..20, network in any::<u64>(), shifted in any::<bool>(),
        dllm in any::<bool>(),
    ) {
        let settings = Settings {
            prompt_refresh: 1, response_refresh: 1, d2_masks: 64, rollout_mass: 1.0, cache: CacheChoice::Off,
            ..fitting(settings, gen_length)
        };
        let cache = if dllm { CacheChoice::Dllm } else { CacheChoice::D2 };
        let run = |cache| {
            let settings = Settings { cache, ..settings };
            decode(&mut Scripted::denoiser(side(shifted), tangled(network)), gen_length, settings)
        };
        let (cached, uncached) = (run(cache), run(CacheChoice::Off));
        prop_assert_eq!(commits(&cached), commits(&uncached));
        if dllm {
            prop_assert_eq!(computed(&cached), computed(&uncached));
        }
    }

    /// A sliding block that is refreshed after every commit, or that reaches over the whole canvas, is no cache.
    #[test]
    fn a_sliding_block_of_one_mask_or_of_all_is_no_cache(
        settings in any_settings(), gen_length in 1usize..20, network in any::<u64>(), shifted in any::<bool>(),
        whole in any::<bool>(),
    ) {
        let (window_length, window_left) = if whole { (64, 64) } else { (1, 0) };
        let settings = Settings {
            window_length, window_left, block_length: None, eos_stop: EosStop::Off,
            ..beside(CacheChoice::SlidingBlock, settings)
        };
        let run = |cache| {
            decode(&mut Scripted::denoiser(side(shifted), tangled(network)), gen_length, Settings { cache, ..settings })
        };
        let (cached, uncached) = (run(CacheChoice::SlidingBlock), run(CacheChoice::Off));
        prop_assert_eq!(commits(&cached), commits(&uncached));
        prop_assert_eq!(computed(&cached), computed(&uncached));
    }

    /// However little is computed left of a sliding block, no token keeps the row of a mask; what is reused in between are
    /// rows of tokens and of masks that nothing has touched.
    #[test]
    fn a_sliding_block_leaves_no_stale_row(
        settings in any_settings(), gen_length in 2usize..20, network in any::<u64>(), shifted in any::<bool>(),
        window_length in 1usize..8, window_left in 0usize..4,
    ) {
        let settings = Settings {
            window_length, window_left, block_length: None, eos_stop: EosStop::Off,
            ..beside(CacheChoice::SlidingBlock, settings)
        };
        let records = decode(&mut Scripted::denoiser(side(shifted), tangled(network)), gen_length, settings);
        let mut committed = 0;
        for record in &records {
            let full = record.cost.reused == 0;
            prop_assert!(record.kv.iter().all(|row| matches!(row.status, KvStatus::Recomputed | KvStatus::Reused)));
            prop_assert!(full || committed < window_length, "step {}", record.step);
            committed = if full { 0 } else { committed } + record.commits.len();
        }
    }

    /// Blocks of one token leave nothing to reuse to a cache that is refreshed on entering a block.
    #[test]
    fn blocks_of_one_token_are_no_cache(
        gen_length in 1usize..20, network in any::<u64>(), shifted in any::<bool>(), dual in any::<bool>(),
    ) {
        let run = |cache| {
            let settings = Settings { cache, block_length: Some(1), ..Settings::default() };
            decode(&mut Scripted::denoiser(side(shifted), tangled(network)), gen_length, settings)
        };
        let cached = run(if dual { CacheChoice::FastDual } else { CacheChoice::FastPrefix });
        prop_assert_eq!(commits(&cached), commits(&run(CacheChoice::Off)));
        prop_assert!(cached.iter().all(|record| record.cost.reused == 0));
    }

    /// Where a row is a function of its token alone, nothing is lost by reusing it: with every attention called drifted
    /// all layers above the first compute everything, whatever the window's length.
    #[test]
    fn elastic_cache_that_always_drifts_is_no_cache(
        settings in any_settings(), gen_length in 1usize..20, network in any::<u64>(), shifted in any::<bool>(),
        window_length in 1usize..30,
    ) {
        let run = |cache| {
            let settings = Settings {
                drift_threshold: 2.0, window_length, block_length: None, eos_stop: EosStop::Off,
                ..ranked_by_what_is_asked(beside(CacheChoice::Elastic, settings))
            };
            decode(&mut Scripted::denoiser(side(shifted), tangled(network)), gen_length, Settings { cache, ..settings })
        };
        let (cached, uncached) = (run(CacheChoice::Elastic), run(CacheChoice::Off));
        prop_assert_eq!(commits(&cached), commits(&uncached));
        for record in &cached[1..] {
            let length = record.ids.len() as u32;
            prop_assert!(record.layers[1..].iter().all(|layer| layer.computed == length));
            prop_assert!(record.layers[0].computed <= length);
        }
    }

    /// Whatever is turned in the middle of a run, no row is read before it was written, every step gets on, and the run
    /// ends with nothing masked.
    #[test]
    fn caches_can_be_switched_at_any_moment(
        all in prop::collection::vec((any_settings(), 1usize..4), 1..12), gen_length in 1usize..24,
        network in any::<u64>(), shifted in any::<bool>(),
    ) {
        let mut network = Scripted::denoiser(side(shifted), tangled(network));
        let mut turns = all.iter().cycle();
        let first = turns.next().unwrap();
        let spec = network.spec().clone();
        let mut decoder = Decoder::new(&spec, None, &PROMPT, gen_length, fitting(first.0, gen_length)).unwrap();
        let mut left = first.1;
        let mut steps = 0;
        while decoder.stopped().is_none() {
            if left == 0 {
                let (settings, stays) = turns.next().unwrap();
                decoder.configure(fitting(*settings, gen_length)).unwrap();
                left = *stays;
            }
            left -= 1;
            let record = decoder.step(Networks { denoiser: &mut network, guide: None }, &StoppedClock).unwrap();
            steps += 1;
            prop_assert!(record.stop.is_some() || steps < 4 * gen_length);
        }
        prop_assert!(!decoder.ids().contains(&MASK));
    }

    /// The report of a step is what its pass did.
    #[test]
    fn reports_are_what_the_forwards_did(
        settings in any_settings(), gen_length in 1usize..20, network in any::<u64>(), shifted in any::<bool>(),
    ) {
        // There a row that is fed need not be computed.
        prop_assume!(settings.cache != CacheChoice::Dllm);
        let notes = Arc::default();
        let network = Scripted::denoiser(side(shifted), tangled(network));
        let mut network = Noted { network, notes: Arc::clone(&notes) };
        let records = decode(&mut network, gen_length, fitting(settings, gen_length));
        let notes = notes.lock().unwrap();
        prop_assert_eq!(notes.len(), records.len(), "one pass per step");
        let expected = expected_use(&notes, &records, PROMPT.len() + gen_length);
        for (record, expected) in records.iter().zip(expected) {
            prop_assert_eq!(&record.kv, &expected, "step {}", record.step);
            let count = |statuses: &[KvStatus]| {
                record.kv.iter().filter(|row| statuses.contains(&row.status)).count() as u32
            };
            prop_assert_eq!(record.cost.reused, count(&[KvStatus::Reused, KvStatus::Stale]));
            for layer in &record.layers {
                prop_assert_eq!(layer.ages.len(), record.kv.len());
                prop_assert_eq!(layer.ages.iter().filter(|age| **age == 0).count(), layer.computed as usize);
            }
            match record.layers.first() {
                None => prop_assert_eq!(record.cost.computed, count(&[KvStatus::Recomputed])),
                Some(first) => prop_assert_eq!(first.computed, count(&[KvStatus::Recomputed])),
            }
        }
    }

    /// The first layer computes what an Elastic-Cache feeds, so the report of its rows is that of the step; and a row of
    /// dLLM-Cache is as old as the layer above the first that computed it last says.
    #[test]
    fn the_rows_of_the_layers_agree_with_those_of_the_step(
        settings in any_settings(), gen_length in 1usize..20, network in any::<u64>(), shifted in any::<bool>(),
        is_elastic in any::<bool>(),
    ) {
        let cache = if is_elastic { CacheChoice::Elastic } else { CacheChoice::Dllm };
        let settings = Settings { cache, block_length: None, eos_stop: EosStop::Off, ..beside(cache, settings) };
        let records = decode(&mut Scripted::denoiser(side(shifted), tangled(network)), gen_length, settings);
        for record in records.iter().filter(|record| !record.layers.is_empty()) {
            let of_step: Vec<u32> = record.kv.iter().map(|row| row.age).collect();
            let above = if is_elastic { &record.layers[..1] } else { &record.layers[1.min(record.layers.len() - 1)..] };
            let youngest = |position: usize| above.iter().map(|layer| layer.ages[position]).min().unwrap();
            for (position, age) in of_step.into_iter().enumerate() {
                let never = record.step as u32 + 1;
                prop_assert_eq!(youngest(position), if youngest(position) == never { never } else { age });
            }
        }
    }

    /// What is drawn at a position in a step does not depend on what else was computed.
    #[test]
    fn noise_does_not_depend_on_the_cache(
        settings in any_settings(), gen_length in 2usize..20, network in any::<u64>(), shifted in any::<bool>(),
    ) {
        let settings = Settings { temperature: 1.0, ..fitting(settings, gen_length) };
        let run = |cache| {
            let settings = Settings { cache, ..settings };
            decode(&mut Scripted::denoiser(side(shifted), blind(network)), gen_length, settings)
        };
        let (cached, uncached) = (run(settings.cache), run(CacheChoice::Off));
        for (cached, uncached) in cached.iter().zip(&uncached) {
            for proposal in &cached.proposals {
                let other = uncached.proposals.iter().find(|other| other.position == proposal.position);
                prop_assert!(other.is_none_or(|other| other.token == proposal.token));
            }
        }
    }

    /// dKV-Cache freezes no row whose logits are still needed, and with `both` none that is masked.
    #[test]
    fn dkv_freezes_what_it_may(
        settings in any_settings(), gen_length in 2usize..20, network in any::<u64>(), shifted in any::<bool>(),
        prefill in any::<bool>(),
    ) {
        let cache = if prefill { CacheChoice::DkvPrefillDecode } else { CacheChoice::DkvDecode };
        let settings = Settings { cache, eos_stop: EosStop::Off, ..fitting(settings, gen_length) };
        let records = decode(&mut Scripted::denoiser(side(shifted), tangled(network)), gen_length, settings);
        let mut before: Vec<u32> = PROMPT.iter().copied().chain(std::iter::repeat_n(MASK, gen_length)).collect();
        for record in &records {
            let masked: Vec<usize> = (0..before.len()).filter(|position| before[*position] == MASK).collect();
            let scored: Vec<usize> = record.proposals.iter().map(|proposal| proposal.position).collect();
            prop_assert_eq!(&scored, &masked, "every mask is scored");
            for (position, row) in record.kv.iter().enumerate() {
                let delayed = row.status != KvStatus::Stale && (before[position] != MASK || row.age == 0);
                prop_assert!(delayed || shifted && settings.dkv_freeze == FreezeChoice::Target, "{:?}", record);
            }
            before.clone_from(&record.ids);
        }
    }
}

#[test]
fn fast_dllm_commits_the_first_position_of_a_block_on_entering_it_where_logits_are_shifted() {
    use Reason::{BlockEntry, Threshold};

    for cache in [CacheChoice::FastPrefix, CacheChoice::FastDual] {
        let settings = Settings {
            cache,
            block_length: Some(4),
            unmask: UnmaskRule::Threshold,
            threshold: 0.0,
            ..Settings::default()
        };
        let records = decode(&mut Scripted::denoiser(Alignment::Shifted, tangled(3)), 8, settings);
        let reasons: Vec<Vec<(usize, Reason)>> = records
            .iter()
            .map(|record| record.commits.iter().map(|commit| (commit.position, commit.reason)).collect())
            .collect();
        assert_eq!(
            reasons,
            [
                vec![(3, BlockEntry)],
                vec![(4, Threshold), (5, Threshold), (6, Threshold)],
                vec![(7, BlockEntry)],
                vec![(8, Threshold), (9, Threshold), (10, Threshold)],
            ]
        );
        let (prefix, dual) = ([11, 8, 11, 4], [11, 4, 11, 4]);
        assert_eq!(computed(&records), if cache == CacheChoice::FastDual { dual } else { prefix });
        // Every block is entered with fresh rows.
        assert!(records.iter().all(|record| record.kv.iter().all(|row| row.status != KvStatus::Stale)));
    }
}

#[test]
fn fast_dllm_takes_no_forward_after_a_block_that_was_filled_on_entering_it() {
    let settings = Settings {
        cache: CacheChoice::FastPrefix,
        block_length: Some(4),
        unmask: UnmaskRule::Threshold,
        threshold: 0.0,
        ..Settings::default()
    };
    assert_eq!(computed(&decode(&mut Scripted::denoiser(Alignment::Aligned, tangled(3)), 8, settings)), [11, 11]);
}

#[test]
fn dkv_greedy_computes_what_is_next_what_was_last_and_neighbours() {
    let run = |shifted, dkv_neighbours| {
        let settings = Settings {
            cache: CacheChoice::DkvGreedy,
            order: OrderScore::Drawn,
            dkv_neighbours,
            seed: 4,
            ..Settings::default()
        };
        decode(&mut Scripted::denoiser(side(shifted), tangled(1)), 12, settings)
    };
    for shifted in [false, true] {
        let records = run(shifted, 0);
        for pair in records.windows(2) {
            let (last, next) = (pair[0].commits[0].position, pair[1].commits[0].position);
            let fed: Vec<usize> =
                (0..15).filter(|position| pair[1].kv[*position].status == KvStatus::Recomputed).collect();
            let mut expected = vec![last, next];
            expected.extend(shifted.then(|| next - 1));
            expected.sort_unstable();
            expected.dedup();
            assert_eq!(fed, expected);
        }
        assert_eq!(computed(&run(false, 3))[1], 5);
    }
    // The order is the seed's, not the network's.
    let order = |records: &[StepRecord]| records.iter().map(|record| record.commits[0].position).collect::<Vec<_>>();
    assert_eq!(order(&run(false, 0)), order(&run(true, 3)));
}

#[test]
fn a_cut_leaves_the_masks_left_of_end_of_text_to_be_denoised() {
    // The surest position is 9, and it ends the text; nothing right of it is ever looked at again.
    let script = |position: usize, _: &[Option<u32>]| {
        if position == 9 { favour(EOS, 9.0) } else { favour(position as u32, 4.0) }
    };
    for cache in [CacheChoice::Off, CacheChoice::Elastic] {
        let settings = Settings { eos_stop: EosStop::Cut, window_length: 20, ..beside(cache, Settings::default()) };
        let records = decode(&mut Scripted::denoiser(Alignment::Aligned, script), 10, settings);
        assert_eq!(records[0].commits.iter().map(|commit| commit.position).collect::<Vec<_>>(), [9, 10, 11, 12]);
        assert_eq!(records.len(), 7);
        assert_eq!(records[6].ids[3..], [3, 4, 5, 6, 7, 8, 0, 0, 0, 0]);
        for record in &records[1..] {
            let tail = if cache == CacheChoice::Elastic { KvStatus::Stale } else { KvStatus::Dropped };
            assert!(record.kv[10..].iter().all(|row| row.status == tail), "{cache:?}: {:?}", record.kv);
        }
    }
}

#[test]
fn a_guide_goes_with_block_caches() {
    for (cache, shifted) in [CacheChoice::FastPrefix, CacheChoice::FastDual, CacheChoice::DkvDecode]
        .into_iter()
        .flat_map(|cache| [(cache, false), (cache, true)])
    {
        let script = |position: usize, _: Visible<'_>| favour(position as u32 + 2, 3.0);
        let mut network = Scripted::denoiser(side(shifted), script);
        let mut guide = Scripted::guide(script);
        let settings =
            Settings { cache, block_length: Some(4), guide: GuideRule::Deterministic, ..Settings::default() };
        let decoder = Decoder::new(network.spec(), Some(guide.spec()), &PROMPT, 8, settings).unwrap();
        let run = Run::of(decoder, &mut network, Some(&mut guide)).unwrap();
        assert_eq!(run.ids[3..], [5, 6, 7, 8, 9, 10, 11, 12], "{cache:?}");
    }
}

/// A random transformer of few layers, of the golden set.
fn transformer(name: &str) -> Box<dyn Network> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models").join(name);
    Checkpoint::open(&folder).unwrap().network(&ComputeDevice::cpu()).unwrap()
}

/// Decodes on a transformer.
fn on_transformer(name: &str, settings: Settings) -> Vec<StepRecord> {
    let mut network = transformer(name);
    let prompt: Vec<u32> = (20..32).collect();
    let decoder = Decoder::new(network.spec(), None, &prompt, 24, settings).unwrap();
    Run::of(decoder, &mut *network, None).unwrap().records
}

#[test]
fn caches_with_nothing_to_reuse_are_no_cache_on_transformers() {
    let blocks = Settings {
        block_length: Some(8),
        unmask: UnmaskRule::Threshold,
        threshold: 0.7,
        cache_refresh: Some(1),
        prompt_refresh: 1,
        response_refresh: 1,
        d2_masks: 64,
        rollout_mass: 1.0,
        ..Settings::default()
    };
    let window = Settings { schedule: ScheduleChoice::Leftmost, drift_threshold: 2.0, ..blocks };
    let all = [
        (CacheChoice::FastPrefix, blocks),
        (CacheChoice::FastDual, blocks),
        (CacheChoice::DkvDecode, blocks),
        (CacheChoice::DkvGreedy, Settings { unmask: UnmaskRule::Quota, order: OrderScore::Drawn, ..blocks }),
        (CacheChoice::D2, blocks),
        (CacheChoice::Dllm, blocks),
        // A widened pass continues from what the layer below last made of the rows that it does not feed, so that drift
        // everywhere is not enough: every committed token must be watched, and so be fed.
        (CacheChoice::Elastic, Settings { window_length: 24, drift_tokens: 64, ..window }),
    ];
    for model in ["llada-tiny", "dream-tiny"] {
        for (cache, settings) in all {
            let run = |cache| commits(&on_transformer(model, Settings { cache, ..settings }));
            assert_eq!(run(cache), run(CacheChoice::Off), "{cache:?} on {model}");
        }
    }
}

#[test]
fn layers_tell_what_they_computed() {
    for model in ["llada-tiny", "dream-tiny"] {
        let layers = transformer(model).spec().layers;
        let elastic = Settings {
            unmask: UnmaskRule::Threshold,
            window_length: 6,
            ..beside(CacheChoice::Elastic, Settings::default())
        };
        let records = on_transformer(model, elastic);
        assert!(records[0].layers.iter().all(|layer| layer.computed == 36 && layer.similarity.is_none()));
        for record in &records[1..] {
            assert_eq!(record.layers.len(), layers);
            let fed = record.layers[0].computed;
            assert!(fed < 36 && record.cost.computed >= fed);
            let widened = record.layers.iter().position(|layer| layer.computed == 36).unwrap_or(layers);
            for (number, layer) in record.layers.iter().enumerate() {
                assert_eq!(layer.computed, if number < widened { fed } else { 36 });
                assert_eq!(layer.similarity.is_some(), number < widened, "compared until it drifts");
                let drifts = layer.similarity.is_some_and(|similarity| similarity < elastic.drift_threshold);
                assert_eq!(drifts && number + 1 < layers, number + 1 == widened && widened < layers);
            }
        }
        let dllm = Settings { cache: CacheChoice::Dllm, response_refresh: 4, ..Settings::default() };
        let records = on_transformer(model, dllm);
        for record in &records[1..] {
            let due = (record.step + 1).is_multiple_of(4);
            // A quarter of 24; in a shifted network the last prompt row is fed while it predicts the first mask.
            let fed = record.layers[0].computed;
            assert!(fed == 24 || fed == 25 && model == "dream-tiny");
            for layer in &record.layers[1..] {
                assert_eq!(layer.computed, if due { fed } else { 6 }, "step {}", record.step);
            }
            let recomputed = record.kv.iter().filter(|row| row.status == KvStatus::Recomputed).count() as u32;
            assert!((6..=fed).contains(&recomputed) && recomputed + record.cost.reused == 36);
        }
    }
}

#[test]
fn d2_cache_computes_the_promising_and_the_important() {
    let settings = Settings {
        cache: CacheChoice::D2,
        order: OrderScore::Density,
        d2_masks: 4,
        rollout_mass: 0.2,
        density_sigma: 2.0,
        ..Settings::default()
    };
    for model in ["llada-tiny", "dream-tiny"] {
        let records = on_transformer(model, settings);
        assert_eq!(records.len(), 24);
        let mut masks = 23;
        for record in &records[1..] {
            assert!((1..=masks).contains(&record.proposals.len()));
            assert!(record.cost.computed < 24, "{}", record.cost.computed);
            // What was committed last is computed once with its token in place.
            assert!(record.kv.iter().all(|row| row.status != KvStatus::Stale));
            masks -= 1;
        }
        // The certainty prior keeps close to what is written.
        let gaps = records.iter().map(|record| {
            let at = record.commits[0].position;
            (12..at).rev().take_while(|left| record.ids[*left] == records[0].ids[35]).count()
        });
        assert!(gaps.max().unwrap() < 12);
    }
}
