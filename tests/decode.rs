//! The decoding loop on a scripted network: no tensors, every edge case.

#![allow(clippy::unwrap_used)]

use diffuscope::{
    decode::{
        DecodeError, Decoder, Networks,
        clock::StoppedClock,
        filter::Filter,
        record::{KvStatus, Reason, StepRecord, StopReason, Verdict},
    },
    model::network::{Alignment, Network},
    settings::{
        CacheChoice, CreditRule, EarlyCommit, EosStop, GuideMismatch, GuideRule, KNOBS, Knob, Layers, OrderScore,
        Preset, SamplerStyle, Settings, UnmaskRule, presets,
    },
};
use proptest::prelude::*;

mod support;

use support::{
    runs::Run,
    scripted::{EOS, MASK, Mishap, PROMPT, Scripted, VOCAB, Visible, favour, side, tangled, tangled_over},
};

fn decode(
    mut denoiser: Scripted,
    mut guide: Option<Scripted>,
    gen_length: usize,
    settings: Settings,
) -> Result<Run, DecodeError> {
    let decoder = Decoder::new(denoiser.spec(), guide.as_ref().map(Network::spec), &PROMPT, gen_length, settings)?;
    Run::of(decoder, &mut denoiser, guide.as_mut())
}

fn plain() -> Settings {
    Settings::default()
}

/// A denoiser that is surest at its rightmost position.
fn right_to_left() -> Scripted {
    Scripted::denoiser(Alignment::Aligned, |position, _| favour(position as u32 + 2, position as f32))
}

#[test]
fn quota_commits_the_surest_first() {
    let outcome = decode(right_to_left(), None, 4, plain()).unwrap();
    assert_eq!(outcome.commits(), [[(6, 8)], [(5, 7)], [(4, 6)], [(3, 5)]]);
    assert_eq!(outcome.stop, Some(StopReason::NothingMasked));
    assert!(outcome.records.iter().all(|record| record.commits[0].reason == Reason::Quota));
}

#[test]
fn steps_are_split_evenly_with_the_remainder_first() {
    let settings = Settings { steps: Some(3), ..plain() };
    let outcome = decode(right_to_left(), None, 8, settings).unwrap();
    assert_eq!(outcome.counts(), [3, 3, 2]);
}

#[test]
fn more_steps_than_masks_waste_no_pass() {
    let settings = Settings { steps: Some(9), ..plain() };
    assert_eq!(decode(right_to_left(), None, 5, settings).unwrap().records.len(), 5);
}

#[test]
fn blocks_are_finished_from_left_to_right() {
    let settings = Settings { block_length: Some(3), ..plain() };
    let outcome = decode(right_to_left(), None, 5, settings).unwrap();
    let positions: Vec<usize> = outcome.records.iter().map(|record| record.commits[0].position).collect();
    assert_eq!(positions, [5, 4, 3, 7, 6]);
    assert_eq!(outcome.records[4].region.block, 1);
}

#[test]
fn nothing_above_the_threshold_commits_the_best() {
    let settings = Settings { unmask: UnmaskRule::Threshold, threshold: 1.0, ..plain() };
    let outcome = decode(right_to_left(), None, 4, settings).unwrap();
    assert_eq!(outcome.commits(), decode(right_to_left(), None, 4, plain()).unwrap().commits());
    assert!(outcome.records.iter().all(|record| record.commits[0].reason == Reason::BestOfStep));
}

#[test]
fn everything_above_the_threshold_is_committed_at_once() {
    let settings = Settings { unmask: UnmaskRule::Threshold, threshold: 0.0, ..plain() };
    let outcome = decode(right_to_left(), None, 6, settings).unwrap();
    assert_eq!(outcome.records.len(), 1);
    assert!(outcome.records[0].commits.iter().all(|commit| commit.reason == Reason::Threshold));
}

#[test]
fn end_of_text_fills_the_canvas_once_its_prefix_is_settled() {
    let script = |position: usize, _: &[Option<u32>]| {
        if position >= 5 { favour(EOS, 10.0) } else { favour(7, 5.0) }
    };
    let settings = Settings { eos_stop: EosStop::Prefix, ..plain() };
    let outcome = decode(Scripted::denoiser(Alignment::Aligned, script), None, 8, settings).unwrap();
    // The surest go first, so the tail is committed one by one and nothing is left to fill.
    assert_eq!((outcome.records.len(), outcome.stop), (8, Some(StopReason::NothingMasked)));
    assert_eq!(outcome.ids[3..], [7, 7, EOS, EOS, EOS, EOS, EOS, EOS]);
    let all_eos = |_: usize, _: &[Option<u32>]| favour(EOS, 10.0);
    let outcome = decode(Scripted::denoiser(Alignment::Aligned, all_eos), None, 8, settings).unwrap();
    assert_eq!((outcome.records.len(), outcome.stop), (1, Some(StopReason::EndOfText)));
    let filled = outcome.records[0].commits.iter().filter(|commit| commit.reason == Reason::EndOfText).count();
    assert_eq!(filled, 7);
}

#[test]
fn end_of_text_in_a_finished_block_skips_the_later_blocks() {
    let script = |position: usize, _: &[Option<u32>]| favour(if position == 4 { EOS } else { 7 }, 5.0);
    let settings = Settings { eos_stop: EosStop::Block, block_length: Some(4), ..plain() };
    let outcome = decode(Scripted::denoiser(Alignment::Aligned, script), None, 12, settings).unwrap();
    assert_eq!(outcome.records.len(), 4);
    assert_eq!(outcome.ids[3..], [7, EOS, 7, 7, EOS, EOS, EOS, EOS, EOS, EOS, EOS, EOS]);
}

#[test]
fn end_of_text_can_be_committed_last() {
    let script = |position: usize, _: &[Option<u32>]| {
        if position >= 5 { favour(EOS, 10.0) } else { favour(7, 1.0) }
    };
    let settings = Settings { eos_last: true, ..plain() };
    let outcome = decode(Scripted::denoiser(Alignment::Aligned, script), None, 4, settings).unwrap();
    let positions: Vec<usize> = outcome.records.iter().map(|record| record.commits[0].position).collect();
    assert_eq!(positions, [3, 4, 5, 6]);
}

#[test]
fn the_end_of_a_turn_can_be_committed_last_too() {
    let script = |position: usize, _: &[Option<u32>]| match position {
        3 => favour(9, 10.0),
        4 => favour(EOS, 9.0),
        _ => favour(7, 1.0),
    };
    let mut denoiser = Scripted::denoiser(Alignment::Aligned, script);
    let spec = denoiser.spec().clone();
    let settings = Settings { eos_last: true, ..plain() };
    let mut decoder = Decoder::new(&spec, None, &[1, 2, 3], 4, settings).unwrap().with_ends([9]);
    let mut order = Vec::new();
    while decoder.stopped().is_none() {
        let record = decoder.step(Networks { denoiser: &mut denoiser, guide: None }, &StoppedClock).unwrap();
        order.push(record.commits[0].position);
    }
    assert_eq!(order, [5, 6, 3, 4]);
}

#[test]
fn a_one_token_canvas_takes_one_step() {
    for alignment in [Alignment::Aligned, Alignment::Shifted] {
        let outcome = decode(Scripted::denoiser(alignment, |_, _| favour(5, 1.0)), None, 1, plain()).unwrap();
        assert_eq!((outcome.records.len(), outcome.ids[3]), (1, 5));
    }
}

/// The settings of a built-in preset.
fn of_preset(preset: &Preset) -> Settings {
    let mut layers = Layers::default();
    layers.set_preset(preset.clone());
    layers.resolve()
}

/// Decodes with everything that a preset may need.
fn equipped(
    mut denoiser: Scripted,
    mut guide: Scripted,
    prompt: &[u32],
    gen_length: usize,
    settings: Settings,
) -> Result<Run, DecodeError> {
    let filter = Filter::parse(include_str!("../assets/filter.json")).unwrap();
    let decoder = Decoder::new(denoiser.spec(), Some(guide.spec()), prompt, gen_length, settings)?
        .with_delimiters(vec![5])
        .with_filter(Some(filter))?;
    Run::of(decoder, &mut denoiser, Some(&mut guide))
}

fn unread(run: Result<Run, DecodeError>) -> String {
    match run {
        Err(error @ DecodeError::NoNumbers(_)) => error.to_string(),
        Err(error) => panic!("{error}"),
        Ok(run) => panic!("a run of {} steps", run.records.len()),
    }
}

/// One logit of a row, and all others: rows without numbers.
const UNSOUND: [(f32, f32); 5] = [
    (f32::NAN, f32::NAN),
    (f32::NAN, 1.0),
    (f32::INFINITY, 1.0),
    (f32::INFINITY, f32::INFINITY),
    (f32::NEG_INFINITY, f32::NEG_INFINITY),
];

/// A row with one odd logit.
fn odd(one: f32, others: f32) -> Vec<f32> {
    (0..VOCAB).map(|id| if id == 7 { one } else { others }).collect()
}

#[test]
fn a_denoiser_that_gives_no_numbers_ends_the_run_under_every_preset() {
    for preset in presets() {
        for (one, others) in UNSOUND {
            for alignment in [Alignment::Aligned, Alignment::Shifted] {
                let denoiser = Scripted::denoiser(alignment, move |_, _| odd(one, others));
                let message = unread(equipped(denoiser, Scripted::guide(tangled(1)), &PROMPT, 64, of_preset(preset)));
                assert!(message.starts_with("the denoiser gives no numbers at "), "{}: {message}", preset.name);
                let end = "(step 1): its weights are damaged, or 16 bits are too few for them";
                assert!(message.ends_with(end), "{}: {message}", preset.name);
            }
        }
    }
}

#[test]
fn a_guide_that_gives_no_numbers_ends_the_run() {
    for guide_rule in [
        GuideRule::Deterministic,
        GuideRule::TopK,
        GuideRule::TopKRelative,
        GuideRule::Probability,
        GuideRule::Aggressive,
        GuideRule::Chance,
        GuideRule::Product,
    ] {
        for (one, others) in UNSOUND {
            let guide = Scripted::guide(move |_, _| odd(one, others));
            let denoiser = Scripted::denoiser(Alignment::Shifted, tangled(2));
            let settings = Settings { guide: guide_rule, verify_batch: 3, ..plain() };
            assert_eq!(
                unread(decode(denoiser, Some(guide), 8, settings)),
                "the guide gives no numbers at 3 of 3 positions (step 1): its weights are damaged, or 16 bits are too few for them"
            );
        }
    }
}

#[test]
fn numbers_that_are_lost_on_the_way_end_the_run_there() {
    let some = |position: usize, _: Visible<'_>| odd(if position == 5 { f32::NAN } else { 9.0 }, 1.0);
    assert_eq!(
        unread(decode(Scripted::denoiser(Alignment::Aligned, some), None, 4, plain())),
        "the denoiser gives no numbers at 1 of 4 positions (step 1): its weights are damaged, or 16 bits are too few for \
         them"
    );
    let late = |settings| decode(right_to_left().with_mishap(2, Mishap::Nan), None, 4, settings);
    let third = "the denoiser gives no numbers at 2 of 2 positions (step 3): its weights are damaged, or 16 bits are too \
                 few for them";
    assert_eq!(unread(late(plain())), third);
    // Rows that are wanted whole, and the second stream of guidance.
    assert_eq!(unread(late(Settings { temperature: 0.5, ..plain() })), third);
    assert!(unread(late(Settings { cfg_scale: 1.0, ..plain() })).contains("at 3 of 3 positions (step 2)"));
    // The truth that a cache is audited by.
    let audited = Settings { cache: CacheChoice::Prompt, audit: Some(1), ..plain() };
    assert!(unread(late(audited)).contains("at 3 of 3 positions (step 2)"));
}

/// What an end-of-text ban or a network itself rules out is no flaw.
#[test]
fn tokens_that_are_ruled_out_leave_a_row_of_numbers() {
    let script = |_: usize, _: Visible<'_>| odd(1.0, f32::NEG_INFINITY);
    let outcome = decode(Scripted::denoiser(Alignment::Aligned, script), None, 4, plain()).unwrap();
    assert_eq!(outcome.ids[3..], [7; 4]);
    let outcome = decode(
        Scripted::denoiser(Alignment::Aligned, |_, _| favour(EOS, 5.0)),
        None,
        4,
        Settings { eos_ban: true, ..plain() },
    );
    assert_eq!(outcome.unwrap().ids[3..], [1; 4]);
}

/// Without a prompt every preset denoises a canvas of masks alone, or says why it does not.
#[test]
fn every_preset_denoises_without_a_prompt_or_says_why_not() {
    let mut denoised = 0;
    for preset in presets() {
        let settings = of_preset(preset);
        for (network, gen_length) in [(0, 64), (1, 33), (2, 3), (3, 3), (4, 1)] {
            for alignment in [Alignment::Aligned, Alignment::Shifted] {
                let run = |prompt: &[u32]| {
                    let denoiser = Scripted::denoiser(alignment, tangled_over(network, 12.0));
                    equipped(denoiser, Scripted::guide(tangled(network ^ 1)), prompt, gen_length, settings)
                };
                match run(&[]) {
                    Ok(run) => {
                        assert_eq!(run.ids.len(), gen_length, "{}", preset.name);
                        assert!(!run.ids.contains(&MASK), "{}: {:?}", preset.name, run.ids);
                        assert_ne!(run.stop, Some(StopReason::StepBudget), "{}", preset.name);
                        denoised += usize::from(gen_length == 64);
                    }
                    Err(error) => {
                        let guide = Knob::find("guide").unwrap().get(&settings);
                        let with_prompt = run(&PROMPT).err().map(|error| error.to_string());
                        // Some canvases are too short for a preset, prompt or not.
                        let expected = with_prompt.unwrap_or_else(|| {
                            format!(
                                "guide '{guide}' judges drafts by what stands before them, and there is no prompt: set \
                                 guide to 'off', or type a prompt"
                            )
                        });
                        assert_eq!(error.to_string(), expected, "{}", preset.name);
                    }
                }
            }
        }
    }
    let unguided = presets().iter().filter(|preset| of_preset(preset).guide == GuideRule::Off).count();
    assert_eq!(denoised, 2 * unguided);
}

#[test]
fn an_answer_that_reaches_beyond_the_canvas_is_cut_at_its_end() {
    let wide = 1e6;
    let settings = Settings {
        early_commit: EarlyCommit::Answer,
        answer_start: Some(4),
        answer_length: 5,
        answer_committed: true,
        gap_early: wide,
        gap_mid: wide,
        gap_late: wide,
        ..plain()
    };
    let outcome = decode(right_to_left(), None, 6, settings).unwrap();
    assert_eq!(outcome.records.len(), 6);
    for record in outcome.records {
        let gap = record.gap.unwrap();
        assert_eq!((gap.positions, gap.mean), (2, 7.5), "positions 7 and 8 lead by as much");
    }
}

#[test]
fn a_predicted_mask_is_never_committed() {
    let outcome = decode(Scripted::denoiser(Alignment::Aligned, |_, _| favour(MASK, 20.0)), None, 4, plain()).unwrap();
    assert!(!outcome.ids.contains(&MASK));
}

/// A denoiser that drafts 5, 6, 7, … and a guide that agrees up to some position.
fn guided(agreeing_until: usize, settings: Settings) -> Run {
    let denoiser = Scripted::denoiser(Alignment::Shifted, |position, _| favour(position as u32 + 2, 3.0));
    let guide = Scripted::guide(move |position, _| {
        favour(if position < agreeing_until { position as u32 + 2 } else { 1 }, 3.0)
    });
    decode(denoiser, Some(guide), 8, settings).unwrap()
}

fn with_guide() -> Settings {
    Settings { guide: GuideRule::Deterministic, ..plain() }
}

#[test]
fn the_longest_agreed_run_is_committed_and_a_disagreement_costs_one_token() {
    use Verdict::{Agreed, NotReached, Rejected};

    let outcome = guided(7, with_guide());
    assert_eq!(outcome.counts(), [4, 1, 1, 1, 1]);
    let review = outcome.records[0].guide.as_ref().unwrap();
    let verdicts: Vec<Verdict> = review.drafts.iter().map(|draft| draft.verdict).collect();
    assert_eq!(verdicts[..6], [Agreed, Agreed, Agreed, Agreed, Rejected, NotReached]);
    assert_eq!(outcome.records[1].guide.as_ref().unwrap().drafts[0].verdict, Verdict::Forced);
    assert_eq!(outcome.records[1].commits[0].reason, Reason::Forced);
    // Every token is the denoiser's own draft.
    assert_eq!(outcome.ids[3..], [5, 6, 7, 8, 9, 10, 11, 12]);
}

#[test]
fn the_verify_batch_changes_the_forwards_and_nothing_else() {
    let whole = guided(9, with_guide());
    for verify_batch in 1..10 {
        let batched = guided(9, Settings { verify_batch, ..with_guide() });
        assert_eq!(batched.commits(), whole.commits(), "verify-batch {verify_batch}");
        let forwards = &batched.records[0].guide.as_ref().unwrap().forwards;
        // The prompt but its last token, then as many batches as reach the first rejection.
        assert_eq!(forwards.len(), 1 + 7usize.div_ceil(verify_batch), "verify-batch {verify_batch}");
    }
}

#[test]
fn the_guide_reads_no_token_twice() {
    let outcome = guided(7, with_guide());
    let computed: u32 = outcome.records.iter().map(|record| record.cost.guide_computed).sum();
    let forwards: Vec<&Vec<usize>> = outcome.records.iter().map(|r| &r.guide.as_ref().unwrap().forwards).collect();
    assert_eq!(forwards, [&vec![2, 8], &vec![4], &vec![3], &vec![2], &vec![1]]);
    assert_eq!(computed, 20);
}

#[test]
fn the_guide_works_in_blocks_and_with_any_cache() {
    for cache in [CacheChoice::Off, CacheChoice::Block, CacheChoice::Window, CacheChoice::Prompt] {
        let settings = Settings { block_length: Some(3), cache, window_left: 1, window_right: Some(4), ..with_guide() };
        let outcome = guided(99, settings);
        assert_eq!(outcome.ids[3..], [5, 6, 7, 8, 9, 10, 11, 12], "{cache:?}");
    }
}

#[test]
fn a_guide_that_is_switched_on_between_committed_tokens_reads_them_as_they_are() {
    let mut denoiser = Scripted::denoiser(Alignment::Shifted, |position, _| {
        favour(position as u32 + 2, if position == 5 { 9.0 } else { 3.0 })
    });
    let mut guide = Scripted::guide(|position, _| favour(position as u32 + 2, 3.0));
    let spec = (denoiser.spec().clone(), guide.spec().clone());
    let mut decoder = Decoder::new(&spec.0, Some(&spec.1), &[1, 2, 3], 6, plain()).unwrap();
    let mut step = |decoder: &mut Decoder| {
        decoder.step(Networks { denoiser: &mut denoiser, guide: Some(&mut guide) }, &StoppedClock).unwrap()
    };
    assert_eq!(step(&mut decoder).commits[0].position, 5);
    decoder.configure(with_guide()).unwrap();
    let record = step(&mut decoder);
    assert_eq!(record.changes.len(), 1);
    assert_eq!((record.changes[0].knob.as_str(), record.changes[0].value.as_str()), ("guide", "deterministic"));
    let positions: Vec<usize> = record.commits.iter().map(|commit| commit.position).collect();
    assert_eq!(positions, [3, 4, 6, 7, 8]);
}

#[test]
fn knobs_wait_for_their_moment() {
    let mut denoiser = right_to_left();
    let spec = denoiser.spec().clone();
    let start = Settings { block_length: Some(2), ..plain() };
    let mut decoder = Decoder::new(&spec, None, &[1, 2, 3], 8, start).unwrap();
    let mut step =
        |decoder: &mut Decoder| decoder.step(Networks { denoiser: &mut denoiser, guide: None }, &StoppedClock).unwrap();
    step(&mut decoder);
    decoder.configure(Settings { block_length: Some(4), order: OrderScore::Random, seed: 9, ..start }).unwrap();
    let names = |record: &StepRecord| record.changes.iter().map(|change| change.knob.clone()).collect::<Vec<_>>();
    let second = step(&mut decoder);
    assert_eq!((names(&second), second.region.end), (vec!["order".to_owned()], 5));
    let third = step(&mut decoder);
    assert_eq!((names(&third), third.region.end), (vec!["block-length".to_owned()], 9));
}

#[test]
fn settings_that_conflict_leave_the_old_ones_in_force() {
    let denoiser = right_to_left();
    let mut decoder = Decoder::new(denoiser.spec(), None, &[1, 2, 3], 8, plain()).unwrap();
    let message = decoder.configure(with_guide()).unwrap_err().to_string();
    assert_eq!(message, "guide is 'deterministic' but no guide model is loaded: load one, or set guide to 'off'");
    let message = decoder.configure(Settings { block_length: Some(9), ..plain() }).unwrap_err().to_string();
    assert!(message.starts_with("block-length 9 does not fit a gen-length of 8"), "{message}");
}

#[test]
fn what_cannot_be_denoised_is_refused_in_one_sentence() {
    let denoiser = right_to_left();
    let refuse = |prompt: &[u32], gen_length| {
        Decoder::new(denoiser.spec(), None, prompt, gen_length, plain()).err().expect("refused").to_string()
    };
    assert_eq!(refuse(&[1, MASK], 4), "the prompt holds the mask token: remove it from the prompt");
    assert_eq!(refuse(&[1], 0), "gen-length is 0, so there is nothing to denoise: choose at least 1");
    assert!(refuse(&[1; 128], 4).starts_with("the prompt takes 128 tokens and the model's context is 128"));
    assert!(refuse(&[1; 124], 8).contains("choose a gen-length of at most 4"));
    let guide = Scripted::guide(|_, _| favour(1, 1.0));
    let message = Decoder::new(guide.spec(), None, &[1], 4, plain()).err().expect("refused").to_string();
    assert!(message.contains("no mask token"), "{message}");
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let unmask = prop_oneof![
        Just(UnmaskRule::Quota),
        Just(UnmaskRule::Time),
        Just(UnmaskRule::Origin),
        Just(UnmaskRule::Threshold),
        Just(UnmaskRule::ThresholdBudget),
        Just(UnmaskRule::Alpha),
        Just(UnmaskRule::Factor),
        Just(UnmaskRule::LocalLeap),
        Just(UnmaskRule::EntropyThreshold),
        Just(UnmaskRule::EntropyBound),
        Just(UnmaskRule::Klass)
    ];
    let order = prop_oneof![
        Just(OrderScore::Confidence),
        Just(OrderScore::Margin),
        Just(OrderScore::Entropy),
        Just(OrderScore::Random)
    ];
    let cache = prop_oneof![
        Just(CacheChoice::Off),
        Just(CacheChoice::Block),
        Just(CacheChoice::Window),
        Just(CacheChoice::Prompt)
    ];
    let guide = prop_oneof![
        3 => Just(GuideRule::Off),
        1 => Just(GuideRule::Deterministic),
        1 => Just(GuideRule::TopK),
        1 => Just(GuideRule::TopKRelative),
        1 => Just(GuideRule::Probability),
        1 => Just(GuideRule::Aggressive),
        1 => Just(GuideRule::Chance),
        1 => Just(GuideRule::Product)
    ];
    let mismatch = prop_oneof![Just(GuideMismatch::Draft), Just(GuideMismatch::Guide)];
    (
        (unmask, order, cache, (guide, mismatch), any::<u64>()),
        (1usize..6, prop::option::of(1usize..20), 1usize..20, 0.0f32..1.0, 1usize..40),
        (1usize..10, prop::option::of(2usize..12), any::<bool>(), prop_oneof![Just(0.0f32), Just(0.8)], any::<bool>()),
        (0..3usize, 0..4usize, 0.0f32..4.0),
    )
        .prop_map(|(a, b, c, d)| Settings {
            unmask: a.0,
            order: match a.0 {
                UnmaskRule::Quota | UnmaskRule::Time | UnmaskRule::Origin | UnmaskRule::Alpha => a.1,
                _ => OrderScore::Confidence,
            },
            credit: [CreditRule::Off, CreditRule::Fixed, CreditRule::MaskRate][d.0],
            early_commit: match a.3.0 {
                GuideRule::Off => [EarlyCommit::Off, EarlyCommit::Answer, EarlyCommit::Block, EarlyCommit::Canvas][d.1],
                _ => EarlyCommit::Off,
            },
            answer_length: 1,
            gap_late: d.2,
            threshold_relaxed: b.3 / 2.0,
            entropy_threshold: d.2,
            entropy_bound: d.2 / 2.0,
            kl_threshold: d.2,
            factor: d.2,
            cache: a.2,
            guide: a.3.0,
            guide_mismatch: a.3.1,
            seed: a.4,
            tokens_per_step: b.0,
            block_length: b.1,
            threshold: b.3,
            verify_batch: b.4,
            window_left: c.0,
            window_right: c.1,
            clean_freeze: c.2,
            temperature: c.3,
            // Products are drawn with Gumbel noise.
            sampler: if c.4 && a.3.0 != GuideRule::Product { SamplerStyle::Filtered } else { SamplerStyle::Gumbel },
            eos_stop: EosStop::Prefix,
            ..Settings::default()
        })
}

/// A frozen window leaves rows behind that were written under masks; the truth has none of them.
#[test]
fn an_audit_names_what_the_cache_changed() {
    let settings = Settings { cache: CacheChoice::Block, block_length: Some(2), audit: Some(2), ..plain() };
    let outcome = decode(Scripted::denoiser(Alignment::Aligned, tangled(5)), None, 6, settings).unwrap();
    let audited: Vec<usize> =
        outcome.records.iter().filter(|record| record.audit.is_some()).map(|record| record.step).collect();
    assert_eq!(audited, [2, 4], "step 0 computes everything, and every second step is audited");
    let report = outcome.records[4].audit.as_ref().unwrap();
    let drifting: Vec<usize> = report.drift.iter().filter(|row| row.keys[0] < 1.0).map(|row| row.position).collect();
    let stale: Vec<usize> =
        (0..9).filter(|position| outcome.records[4].kv[*position].status == KvStatus::Stale).collect();
    assert_eq!(drifting, stale);
    assert!(!stale.is_empty());
    let positions: Vec<usize> = report.positions.iter().map(|audited| audited.position).collect();
    let scored: Vec<usize> = outcome.records[4].proposals.iter().map(|proposal| proposal.position).collect();
    assert_eq!(positions, scored);
    assert!(report.positions.iter().all(|audited| audited.kl > 0.0));
    assert_eq!(outcome.records.iter().map(|record| record.cost.audit_forwards).sum::<u32>(), 2);
}

/// A denoiser that sees nothing but its position loses nothing to a cache.
#[test]
fn an_audit_finds_nothing_where_nothing_changed() {
    let settings = Settings { cache: CacheChoice::Prompt, audit: Some(1), ..plain() };
    let blind = Scripted::denoiser(Alignment::Shifted, |position, _| favour(position as u32, 3.0));
    let outcome = decode(blind, None, 4, settings).unwrap();
    for record in &outcome.records[1..] {
        let report = record.audit.as_ref().unwrap();
        assert!(report.positions.iter().all(|audited| !audited.differs && audited.kl == 0.0));
        assert!(report.drift.iter().all(|row| row.keys == [1.0] && row.values == [1.0]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the settings, a run ends with nothing masked, every step makes sense, and nothing is written twice.
    #[test]
    fn every_run_ends_and_its_log_is_consistent(
        settings in any_settings(), gen_length in 1usize..24, network in any::<u64>(), shifted in any::<bool>(),
    ) {
        let settings = Settings {
            block_length: settings.block_length.map(|length| length.min(gen_length)),
            ..settings
        };
        let denoiser = Scripted::denoiser(side(shifted), tangled(network));
        let outcome = decode(denoiser, Some(Scripted::guide(tangled(network ^ 1))), gen_length, settings).unwrap();
        prop_assert!(!outcome.ids.contains(&MASK));
        prop_assert_eq!(&outcome.ids[..3], &[1, 2, 3]);
        let mut written = vec![false; outcome.ids.len()];
        for record in &outcome.records {
            prop_assert_eq!(record.kv.len(), outcome.ids.len());
            for commit in &record.commits {
                prop_assert!(!std::mem::replace(&mut written[commit.position], true));
                prop_assert_eq!(record.ids[commit.position], commit.token);
            }
            let computed = record.kv.iter().filter(|row| row.status == KvStatus::Recomputed).count();
            prop_assert_eq!(computed as u32, record.cost.computed);
            let reused = record.kv.iter().filter(|row| matches!(row.status, KvStatus::Reused | KvStatus::Stale)).count();
            prop_assert_eq!(reused as u32, record.cost.reused);
            prop_assert!(record.proposals.is_sorted_by_key(|proposal| proposal.position));
            prop_assert!(record.commits.is_sorted_by_key(|commit| commit.position));
        }
        prop_assert_eq!(written.iter().filter(|written| **written).count(), gen_length);
    }

    /// A window as large as the canvas is no cache at all.
    #[test]
    fn a_window_as_large_as_the_canvas_equals_no_cache(
        settings in any_settings(), gen_length in 1usize..24, network in any::<u64>(), shifted in any::<bool>(),
    ) {
        let run = |cache, window| {
            let settings = Settings {
                cache, window_left: window, window_right: Some(window), block_length: None, ..settings
            };
            let denoiser = Scripted::denoiser(side(shifted), tangled(network));
            decode(denoiser, Some(Scripted::guide(tangled(network ^ 1))), gen_length, settings).unwrap()
        };
        let (window, uncached) = (run(CacheChoice::Window, 64), run(CacheChoice::Off, 64));
        prop_assert_eq!(window.commits(), uncached.commits());
        prop_assert!(window.records.iter().all(|record| record.cost.reused == 0));
    }

    /// A threshold that nothing reaches is one token per step in order of confidence.
    #[test]
    fn an_unreachable_threshold_equals_a_quota_of_one(gen_length in 1usize..20, network in any::<u64>()) {
        let run = |settings| {
            let denoiser = Scripted::denoiser(Alignment::Aligned, tangled(network));
            decode(denoiser, None, gen_length, settings).unwrap().commits()
        };
        let threshold = Settings { unmask: UnmaskRule::Threshold, threshold: 1.0, ..plain() };
        prop_assert_eq!(run(threshold), run(plain()));
    }

    /// A guide that agrees with everything commits the whole canvas in one step; one that agrees with nothing,
    /// one token per step from left to right.
    #[test]
    fn guides_at_the_extremes(gen_length in 1usize..20, network in any::<u64>()) {
        let run = |rule| {
            let settings = Settings { guide: rule, guide_probability: 0.0, guide_top_k: 1, ..plain() };
            let denoiser = Scripted::denoiser(Alignment::Shifted, tangled(network));
            // The mask is never a draft.
            decode(denoiser, Some(Scripted::guide(|_, _| favour(MASK, 9.0))), gen_length, settings).unwrap()
        };
        prop_assert_eq!(run(GuideRule::Probability).records.len(), 1);
        let refusing = run(GuideRule::Deterministic).commits();
        let order: Vec<Vec<usize>> =
            refusing.iter().map(|commits| commits.iter().map(|(position, _)| *position).collect()).collect();
        let left_to_right: Vec<Vec<usize>> = (0..gen_length).map(|index| vec![PROMPT.len() + index]).collect();
        prop_assert_eq!(order, left_to_right);
    }

    /// An audit looks and does not touch.
    #[test]
    fn an_audit_changes_nothing(
        settings in any_settings(), gen_length in 1usize..20, network in any::<u64>(), every in 1usize..4,
    ) {
        let settings = Settings { block_length: settings.block_length.map(|length| length.min(gen_length)), ..settings };
        let run = |audit| {
            let denoiser = Scripted::denoiser(Alignment::Shifted, tangled(network));
            let guide = Scripted::guide(tangled(network ^ 1));
            decode(denoiser, Some(guide), gen_length, Settings { audit, ..settings }).unwrap()
        };
        let (plain, audited) = (run(None), run(Some(every)));
        prop_assert_eq!(plain.commits(), audited.commits());
        for (plain, audited) in plain.records.iter().zip(&audited.records) {
            prop_assert_eq!((plain.cost.nfe, plain.cost.computed), (audited.cost.nfe, audited.cost.computed));
            prop_assert_eq!(&plain.kv, &audited.kv);
        }
    }

    /// What the knob pane calls without effect has none: whatever the other knobs are, turning it changes no commit.
    #[test]
    fn a_knob_without_effect_changes_nothing(
        turns in prop::collection::vec((0..KNOBS.len(), -3i64..4), 0..8), idle in (0..KNOBS.len(), -5i64..6),
        network in any::<u64>(), shifted in any::<bool>(),
    ) {
        let run = |settings| {
            let denoiser = Scripted::denoiser(side(shifted), tangled(network));
            decode(denoiser, Some(Scripted::guide(tangled(network ^ 1))), 12, settings)
        };
        let mut settings = plain();
        for (index, presses) in turns {
            KNOBS[index].nudge(&mut settings, presses);
        }
        let (knob, mut turned) = (&KNOBS[idle.0], settings);
        knob.nudge(&mut turned, idle.1);
        if let (false, Ok(before)) = (knob.acts(&settings), run(settings)) {
            // A knob may be refused beside others that it has no effect with.
            if let Ok(after) = run(turned) {
                prop_assert_eq!(before.commits(), after.commits(), "{} does something", knob.name);
            }
        }
    }

    /// The same seed gives the same run.
    #[test]
    fn a_run_is_a_function_of_its_seed(settings in any_settings(), network in any::<u64>()) {
        let settings = Settings { block_length: None, ..settings };
        let run = || {
            let denoiser = Scripted::denoiser(Alignment::Shifted, tangled(network));
            decode(denoiser, Some(Scripted::guide(tangled(network ^ 1))), 12, settings).unwrap().records
        };
        prop_assert_eq!(run(), run());
    }
}
