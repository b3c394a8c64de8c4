//! What is done with logits, which proposals are committed, when everything is: limits, edges, reasons.

use diffuscope::{
    decode::{
        Decoder,
        record::{Reason, StopReason},
    },
    model::network::{Alignment, Network},
    settings::{
        AlphaSchedule, CacheChoice, ConfidenceTest, CreditRule, EarlyCommit, OrderScore, SamplerStyle, Settings,
        UnmaskRule,
    },
};
use proptest::prelude::*;

use crate::support::{
    runs::Run,
    scripted::{EOS, MASK, PROMPT, Scripted, VOCAB, Visible, favour, side, sure, tangled_over},
};

/// Every rule that commits at least one token in every step.
const STEADY: [UnmaskRule; 10] = [
    UnmaskRule::Quota,
    UnmaskRule::Threshold,
    UnmaskRule::ThresholdBudget,
    UnmaskRule::Alpha,
    UnmaskRule::Factor,
    UnmaskRule::Frechet,
    UnmaskRule::LocalLeap,
    UnmaskRule::EntropyThreshold,
    UnmaskRule::EntropyBound,
    UnmaskRule::Klass,
];

fn decode(mut denoiser: Scripted, gen_length: usize, settings: Settings) -> Run {
    let decoder = Decoder::new(denoiser.spec(), None, &PROMPT, gen_length, settings).unwrap();
    Run::of(decoder, &mut denoiser, None).unwrap()
}

/// A random network, a canvas, and settings beside which the rules are compared.
#[derive(Debug, Clone, Copy)]
struct Case {
    network: u64,
    spread: f32,
    shifted: bool,
    gen_length: usize,
    settings: Settings,
}

impl Case {
    fn run(&self, settings: Settings) -> Run {
        decode(
            Scripted::denoiser(side(self.shifted), tangled_over(self.network, self.spread)),
            self.gen_length,
            settings,
        )
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let style = prop_oneof![Just(SamplerStyle::Gumbel), Just(SamplerStyle::Filtered)];
    (
        (any::<u64>(), 4.0f32..10.0, any::<bool>(), 1usize..20),
        (prop::option::of(1usize..20), any::<u64>(), style, prop_oneof![Just(0.0f32), Just(0.7)]),
        (0.3f32..0.99, prop::bool::ANY),
    )
        .prop_map(
            |((network, spread, shifted, gen_length), (block, seed, sampler, temperature), (threshold, last))| {
                let block_length = block.map(|length| length.min(gen_length));
                let settings = Settings {
                    block_length,
                    seed,
                    sampler,
                    temperature,
                    threshold,
                    threshold_relaxed: threshold * 0.8,
                    eos_last: last,
                    ..Settings::default()
                };
                Case { network, spread, shifted, gen_length, settings }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Where nothing passes a rule's test, it commits the best one, as a quota of one does.
    #[test]
    fn a_test_that_nothing_passes_is_a_quota_of_one(case in cases()) {
        let base = case.settings;
        let one = case.run(base).commits();
        let never = [
            Settings { unmask: UnmaskRule::Threshold, threshold: 1.0, ..base },
            Settings { unmask: UnmaskRule::LocalLeap, threshold: 1.0, ..base },
            Settings { unmask: UnmaskRule::Factor, factor: 0.0, ..base },
            Settings { unmask: UnmaskRule::Frechet, frechet_margin: 1.0, ..base },
            Settings { unmask: UnmaskRule::EntropyBound, entropy_bound: 0.0, ..base },
            Settings { unmask: UnmaskRule::Klass, kl_threshold: 0.0, ..base },
            Settings { unmask: UnmaskRule::Klass, threshold: 1.0, kl_threshold: f32::MAX, kl_history: 1, ..base },
        ];
        for settings in never {
            let run = case.run(settings);
            prop_assert_eq!(run.commits(), one.clone(), "{:?}", settings.unmask);
            prop_assert!(run.reasons().iter().flatten().all(|reason| *reason == Reason::BestOfStep));
        }
        // The least entropy is the best of that order; a temperature or a filter changes the order's entropy only.
        let plain = Settings { temperature: 0.0, eos_last: false, ..base };
        let by_entropy = case.run(Settings { order: OrderScore::Entropy, ..plain }).commits();
        let never = Settings { unmask: UnmaskRule::EntropyThreshold, entropy_threshold: 0.0, ..plain };
        prop_assert_eq!(case.run(never).commits(), by_entropy);
    }

    /// Where everything passes a rule's test, every block is one step.
    #[test]
    fn a_test_that_everything_passes_is_one_step_per_block(case in cases()) {
        let base = Settings { eos_last: false, ..case.settings };
        let blocks = base.blocks(PROMPT.len(), case.gen_length);
        let always = [
            Settings { unmask: UnmaskRule::Threshold, threshold: 0.0, ..base },
            Settings { unmask: UnmaskRule::LocalLeap, threshold: 0.0, threshold_relaxed: 0.0, ..base },
            Settings { unmask: UnmaskRule::Factor, factor: 1e3, ..base },
            Settings { unmask: UnmaskRule::EntropyThreshold, entropy_threshold: 10.0, ..base },
            Settings { unmask: UnmaskRule::EntropyBound, entropy_bound: 1e3, ..base },
            Settings { unmask: UnmaskRule::Alpha, steps: Some(blocks), ..base },
        ];
        for settings in always {
            prop_assert_eq!(case.run(settings).records.len(), blocks, "{:?}", settings.unmask);
        }
    }

    /// From the same canvas, the whole profile of confidences commits what the factor rule does that counts each as the least,
    /// and no less.
    #[test]
    fn a_frechet_bound_commits_no_less_than_its_factor(case in cases(), margin in 0.0f32..1.0) {
        let first = |settings: Settings| {
            let settings = Settings { order: OrderScore::Confidence, order_temperature: None, ..settings };
            case.run(settings).commits().remove(0)
        };
        let base = case.settings;
        let factor = first(Settings { unmask: UnmaskRule::Factor, factor: 0.999 * (1.0 - margin), factor_last: false, ..base });
        let frechet = first(Settings { unmask: UnmaskRule::Frechet, frechet_margin: margin, ..base });
        prop_assert!(factor.iter().all(|commit| frechet.contains(commit)), "{factor:?} {frechet:?}");
    }

    /// A relaxed threshold that is not relaxed changes nothing.
    #[test]
    fn localleap_with_one_threshold_is_the_threshold(case in cases(), radius in 1usize..30, decay in any::<bool>()) {
        let threshold = Settings { unmask: UnmaskRule::Threshold, ..case.settings };
        let leap = Settings {
            unmask: UnmaskRule::LocalLeap, threshold_relaxed: threshold.threshold, radius, relaxed_decay: decay, ..threshold
        };
        let (leap, threshold) = (case.run(leap), case.run(threshold));
        prop_assert_eq!(leap.commits(), threshold.commits());
        prop_assert_eq!(leap.reasons(), threshold.reasons());
    }

    /// From the same canvas, a leap commits what the threshold does, and no more than the relaxed threshold would.
    #[test]
    fn a_leap_lies_between_its_thresholds(case in cases(), radius in 1usize..30, decay in any::<bool>(), share in 0.0f32..1.0) {
        let first = |unmask, threshold| {
            let settings = Settings {
                unmask, threshold, threshold_relaxed: case.settings.threshold * share, radius, relaxed_decay: decay,
                ..case.settings
            };
            case.run(settings).commits().remove(0)
        };
        let (high, low) = (case.settings.threshold, case.settings.threshold * share);
        let (least, leap, most) =
            (first(UnmaskRule::Threshold, high), first(UnmaskRule::LocalLeap, high), first(UnmaskRule::Threshold, low));
        prop_assert!(least.iter().all(|commit| leap.contains(commit)));
        prop_assert!(leap.len() == 1 || leap.iter().all(|commit| most.contains(commit)));
    }

    /// Credit that weighs nothing is no credit.
    #[test]
    fn credit_without_weight_is_none(case in cases(), decay in 0.0f32..1.0, power in 0.05f32..1.0, unmask in 0..STEADY.len()) {
        let settings = Settings { unmask: STEADY[unmask], ..case.settings };
        let credit = Settings {
            credit: CreditRule::Fixed, credit_weight: 0.0, credit_decay: decay, credit_power: power, ..settings
        };
        let (with, without) = (case.run(credit), case.run(settings));
        prop_assert_eq!(with.commits(), without.commits());
        prop_assert_eq!(with.reasons(), without.reasons());
        let all_equal = with.records.iter().flat_map(|record| &record.proposals).filter_map(|p| p.credit.map(|c| (p, c)))
            .all(|(proposal, credit)| credit.token == proposal.token && credit.confidence == proposal.confidence);
        prop_assert!(all_equal);
    }

    /// Credit raises the odds of the likeliest token and of no other one that never was.
    #[test]
    fn a_first_credit_makes_the_likeliest_surer(case in cases(), weight in 0.05f32..2.0) {
        let base = Settings { temperature: 0.0, unmask: UnmaskRule::Threshold, ..case.settings };
        let run = case.run(Settings { credit: CreditRule::Fixed, credit_weight: weight, ..base });
        for proposal in &run.records[0].proposals {
            if let Some(credit) = proposal.credit {
                prop_assert_eq!(credit.token, proposal.token);
                prop_assert!(credit.confidence <= proposal.confidence);
                // α·ln(1 + C) on a logit multiplies the odds by (1 + C)^α.
                let odds = |p: f32| f64::from(p) / (1.0 - f64::from(p));
                let (found, expected) =
                    (odds(proposal.confidence), odds(credit.confidence) * (1.0 + f64::from(credit.amount)).powf(f64::from(weight)));
                prop_assert!((found / expected - 1.0).abs() < 1e-3, "{} {}", found, expected);
            }
        }
    }

    /// A gap that cannot be reached changes nothing; one that is always reached ends the run in its first step.
    #[test]
    fn an_early_commit_at_the_extremes(
        case in cases(), unmask in 0..STEADY.len(), place in 0..3usize, start in 0usize..20, length in 1usize..20,
        committed in any::<bool>(),
    ) {
        let place = [EarlyCommit::Answer, EarlyCommit::Block, EarlyCommit::Canvas][place];
        let length = length.min(case.gen_length);
        let settings = Settings {
            unmask: STEADY[unmask],
            early_commit: place,
            answer_start: (start + length <= case.gen_length).then_some(start),
            answer_length: length,
            answer_committed: committed,
            ..case.settings
        };
        let gaps = |gap| Settings { gap_early: gap, gap_mid: gap, gap_late: gap, ..settings };
        let (never, always) = (case.run(gaps(f32::INFINITY)), case.run(gaps(f32::NEG_INFINITY)));
        let without = case.run(Settings { early_commit: EarlyCommit::Off, ..settings });
        prop_assert_eq!(never.commits(), without.commits());
        prop_assert_eq!(never.stop, Some(StopReason::NothingMasked));
        prop_assert_eq!(always.counts(), [case.gen_length]);
        prop_assert_eq!(always.stop, Some(StopReason::EarlyCommit));
        prop_assert!(always.reasons()[0].iter().all(|reason| *reason == Reason::EarlyCommit));
    }

    /// Guidance away from a stream that says the same goes nowhere, and costs a second look at every position.
    #[test]
    fn guidance_by_a_prompt_that_is_not_read_changes_nothing(case in cases(), scale in 0.25f32..4.0) {
        let run = |cfg_scale| {
            let answer = tangled_over(case.network, case.spread);
            let script = move |position: usize, visible: Visible<'_>| {
                let mut unprompted = visible.to_vec();
                unprompted[..PROMPT.len()].fill(None);
                answer(position, &unprompted)
            };
            let denoiser = Scripted::denoiser(side(case.shifted), script);
            decode(denoiser, case.gen_length, Settings { cfg_scale, ..case.settings })
        };
        let (guided, plain) = (run(scale), run(0.0));
        prop_assert_eq!(guided.commits(), plain.commits());
        for (guided, plain) in guided.records.iter().zip(&plain.records) {
            prop_assert_eq!((guided.cost.nfe, guided.cost.computed), (1, 2 * plain.cost.computed));
            prop_assert_eq!(&guided.kv, &plain.kv);
        }
    }

    /// End of text that is never proposed is never written.
    #[test]
    fn a_banned_end_of_text_is_not_written(case in cases(), unmask in 0..STEADY.len()) {
        let settings = Settings { unmask: STEADY[unmask], eos_ban: true, eos_last: false, ..case.settings };
        prop_assert!(!case.run(settings).ids.contains(&EOS));
    }

    /// An alpha schedule takes no more steps than it was given, and every one of them commits something; a linear one is
    /// LLaDA's even split where that has no remainder.
    #[test]
    fn an_alpha_schedule_keeps_its_steps(case in cases(), per_step in 1usize..4, draw in any::<bool>(), cosine in any::<bool>()) {
        let whole = Settings { block_length: None, unmask: UnmaskRule::Alpha, ..case.settings };
        let steps = case.gen_length.div_ceil(per_step);
        let settings = Settings {
            alpha_schedule: if cosine { AlphaSchedule::Cosine } else { AlphaSchedule::Linear },
            alpha_draw: draw,
            steps: Some(steps),
            ..whole
        };
        let counts = case.run(settings).counts();
        prop_assert!(counts.len() <= steps && counts.iter().all(|count| *count > 0), "{:?}", counts);
        prop_assert_eq!(counts.iter().sum::<usize>(), case.gen_length);
        if case.gen_length.is_multiple_of(steps) {
            let quota = Settings { unmask: UnmaskRule::Quota, ..settings };
            let linear = Settings { alpha_schedule: AlphaSchedule::Linear, alpha_draw: false, ..settings };
            prop_assert_eq!(case.run(linear).commits(), case.run(quota).commits());
        }
    }

    /// The released mistake adds one token at most.
    #[test]
    fn the_factors_mistake_adds_the_last_candidate(case in cases(), factor in 0.1f32..3.0) {
        let first = |factor_last| {
            let settings = Settings { unmask: UnmaskRule::Factor, factor, factor_last, ..case.settings };
            let run = case.run(settings);
            let length = run.records[0].region.end - run.records[0].region.start;
            (run.counts()[0], length)
        };
        let ((clean, length), (mistaken, _)) = (first(false), first(true));
        prop_assert_eq!(mistaken, if clean + 1 == length { length } else { clean });
    }

    /// Every step gets on, whatever the rule: never more steps than masks.
    #[test]
    fn every_step_commits_something(
        case in cases(), unmask in 0..STEADY.len(), credit in 0..3usize, test in any::<bool>(), history in 1usize..4,
        bounds in (0.0f32..3.0, 0.0f32..2.0, 0.0f32..1.0),
    ) {
        let settings = Settings {
            unmask: STEADY[unmask],
            credit: [CreditRule::Off, CreditRule::Fixed, CreditRule::MaskRate][credit],
            klass_test: if test { ConfidenceTest::Threshold } else { ConfidenceTest::Factor },
            kl_history: history,
            entropy_threshold: bounds.0,
            entropy_bound: bounds.1,
            kl_threshold: bounds.2,
            threshold_relaxed: case.settings.threshold * bounds.2,
            ..case.settings
        };
        let run = case.run(settings);
        prop_assert!(run.counts().iter().all(|count| *count > 0));
        prop_assert!(!run.ids.contains(&MASK));
    }
}

/// Settings of a rule on which its edges are tried.
fn rule(unmask: UnmaskRule) -> Settings {
    Settings { unmask, kl_history: 1, ..Settings::default() }
}

#[test]
fn no_rule_commits_a_predicted_mask() {
    for unmask in STEADY {
        for credit in [CreditRule::Off, CreditRule::Fixed, CreditRule::MaskRate] {
            let settings = Settings { credit, ..rule(unmask) };
            let run = decode(Scripted::denoiser(Alignment::Aligned, |_, _| favour(MASK, 20.0)), 4, settings);
            assert!(!run.ids.contains(&MASK), "{unmask:?}");
        }
    }
}

#[test]
fn a_predicted_mask_keeps_the_gap_narrow() {
    let settings = Settings { early_commit: EarlyCommit::Canvas, gap_early: 1.0, ..Settings::default() };
    let run = decode(Scripted::denoiser(Alignment::Aligned, |_, _| favour(MASK, 20.0)), 4, settings);
    assert_eq!(run.records[0].gap.unwrap().mean, -20.0);
    assert_eq!(run.stop, Some(StopReason::NothingMasked));
}

#[test]
fn ties_go_to_the_left() {
    for unmask in STEADY {
        let run = decode(Scripted::denoiser(Alignment::Aligned, |_, _| vec![0.0; VOCAB]), 4, rule(unmask));
        assert_eq!(run.commits(), [[(3, 0)], [(4, 0)], [(5, 0)], [(6, 0)]], "{unmask:?}");
    }
}

#[test]
fn a_one_token_canvas_takes_one_step_by_every_rule() {
    for unmask in STEADY {
        for credit in [CreditRule::Off, CreditRule::MaskRate] {
            let settings = Settings { credit, early_commit: EarlyCommit::Block, ..rule(unmask) };
            let run = decode(Scripted::denoiser(Alignment::Shifted, |_, _| favour(5, 0.5)), 1, settings);
            assert_eq!(run.commits(), [[(3, 5)]], "{unmask:?}");
        }
    }
}

#[test]
fn a_canvas_of_nothing_but_end_of_text_passes_every_test_but_suppression() {
    for unmask in STEADY {
        let settings = Settings { entropy_threshold: 0.1, entropy_bound: 1.0, steps: Some(1), ..rule(unmask) };
        let certain = |_: usize, _: Visible<'_>| favour(EOS, 30.0);
        let run = decode(Scripted::denoiser(Alignment::Aligned, certain), 4, settings);
        // KLASS has nothing to compare the first step with.
        let expected: &[usize] = if unmask == UnmaskRule::Klass { &[1, 3] } else { &[4] };
        assert_eq!(run.counts(), expected, "{unmask:?}");
        let run = decode(
            Scripted::denoiser(Alignment::Aligned, certain),
            4,
            Settings { eos_last: true, steps: None, ..settings },
        );
        assert_eq!(run.counts(), [1, 1, 1, 1], "{unmask:?}");
    }
}

#[test]
fn a_factor_asks_more_of_every_rank() {
    // Confidences .95, .85, .70 at positions 5, 3, 4: with factor 1 ranks need 1/2, 2/3 and 3/4.
    let script = |position: usize, _: Visible<'_>| sure(7, [0.85, 0.7, 0.95][position - 3]);
    let first =
        |settings: Settings| decode(Scripted::denoiser(Alignment::Aligned, script), 3, settings).commits().remove(0);
    let settings = rule(UnmaskRule::Factor);
    assert_eq!(first(settings), [(3, 7), (5, 7)]);
    assert_eq!(first(Settings { factor: 1.3, ..settings }).len(), 3);
    assert_eq!(first(Settings { factor: 0.2, ..settings }), [(5, 7)]);
    assert_eq!(first(Settings { factor_last: true, ..settings }).len(), 3);
}

#[test]
fn a_frechet_bound_counts_every_doubt_once_and_the_largest_twice() {
    let first = |confidences: [f32; 4], frechet_margin: f32| {
        let script = move |position: usize, _: Visible<'_>| sure(7, confidences[position - 3]);
        let run = decode(
            Scripted::denoiser(Alignment::Aligned, script),
            4,
            Settings { frechet_margin, ..rule(UnmaskRule::Frechet) },
        );
        (run.counts()[0], run.reasons()[0][0])
    };
    // Scores: 0.98, 0.95, 0.91 and 0.5; the factor rule asks the last one for 0.8.
    let uneven = [0.99, 0.98, 0.97, 0.78];
    assert_eq!(first(uneven, 0.49), (4, Reason::Together));
    assert_eq!(first(uneven, 0.51), (3, Reason::Together));
    assert_eq!(first(uneven, 0.94), (2, Reason::Together));
    // Alike: 1 - (n + 1) 0.2, as the factor rule has it.
    assert_eq!(first([0.8; 4], 0.01), (3, Reason::Together));
    assert_eq!(first([0.8; 4], 0.21), (2, Reason::Together));
    // In doubt, the best one all the same.
    assert_eq!(first([0.4, 0.3, 0.3, 0.3], 0.0), (1, Reason::BestOfStep));
}

#[test]
fn a_leap_reaches_as_far_as_its_radius() {
    // An anchor at 6; everything else at 0.8.
    let script = |position: usize, _: Visible<'_>| sure(7, if position == 6 { 0.95 } else { 0.8 });
    let first =
        |settings: Settings| decode(Scripted::denoiser(Alignment::Aligned, script), 8, settings).records.remove(0);
    let settings = Settings { radius: 2, ..rule(UnmaskRule::LocalLeap) };
    let record = first(settings);
    let found: Vec<(usize, Reason)> = record.commits.iter().map(|c| (c.position, c.reason)).collect();
    let (near, anchor) = (Reason::Neighbour, Reason::Threshold);
    assert_eq!(found, [(4, near), (5, near), (6, anchor), (7, near), (8, near)]);
    // With decay the relaxed threshold is .8 at distance 1 and .85 at distance 2.
    let positions = |settings| -> Vec<usize> { first(settings).commits.iter().map(|commit| commit.position).collect() };
    assert_eq!(positions(Settings { relaxed_decay: true, threshold_relaxed: 0.74, ..settings }), [5, 6, 7]);
}

#[test]
fn an_entropy_bound_leaves_the_largest_out() {
    // Entropies of a lead l over 23 others.
    let entropy = |p: f32| {
        let (p, n) = (f64::from(p), (VOCAB - 1) as f64);
        -(p * p.ln() + (1.0 - p) * ((1.0 - p) / n).ln())
    };
    let confidences = [0.99_f32, 0.95, 0.6, 0.5];
    let script = move |position: usize, _: Visible<'_>| sure(7, confidences[position - 3]);
    let first = |bound: f64| {
        let settings = Settings { entropy_bound: bound as f32, ..rule(UnmaskRule::EntropyBound) };
        decode(Scripted::denoiser(Alignment::Aligned, script), 4, settings).counts()[0]
    };
    let sums: Vec<f64> = (1..4).map(|count| confidences[..count].iter().map(|p| entropy(*p)).sum()).collect();
    assert_eq!(first(sums[0] * 0.99), 1);
    assert_eq!(first(sums[0] * 1.01), 2);
    assert_eq!(first(sums[1] * 1.01), 3);
    assert_eq!(first(sums[2] * 1.01), 4);
}

#[test]
fn dparallel_tells_its_two_models_apart_at_the_threshold() {
    let script = |_: usize, _: Visible<'_>| sure(7, 0.9);
    let run = |sampler, entropy_threshold| {
        let settings = Settings { sampler, entropy_threshold, ..rule(UnmaskRule::EntropyThreshold) };
        decode(Scripted::denoiser(Alignment::Aligned, script), 3, settings)
    };
    // A distribution that is certain has an entropy of exactly 0.
    let certain = |sampler| {
        let settings = Settings { sampler, entropy_threshold: 0.0, ..rule(UnmaskRule::EntropyThreshold) };
        decode(Scripted::denoiser(Alignment::Aligned, |_, _| favour(7, 1e4)), 3, settings).counts()
    };
    assert_eq!(certain(SamplerStyle::Gumbel), [3]);
    assert_eq!(certain(SamplerStyle::Filtered), [1, 1, 1]);
    assert_eq!(run(SamplerStyle::Gumbel, 0.7).counts(), [3]);
    assert_eq!(run(SamplerStyle::Gumbel, 0.5).reasons()[0], [Reason::BestOfStep]);
}

#[test]
fn klass_waits_until_a_distribution_rests() {
    let script = |_: usize, _: Visible<'_>| sure(7, 0.95);
    let run = |kl_history, threshold| {
        let settings = Settings { kl_history, threshold, ..rule(UnmaskRule::Klass) };
        decode(Scripted::denoiser(Alignment::Aligned, script), 6, settings)
    };
    assert_eq!(run(1, 0.9).counts(), [1, 5]);
    assert_eq!(run(2, 0.9).counts(), [1, 1, 4]);
    assert_eq!(run(2, 0.99).counts(), [1; 6]);
    let rested = run(2, 0.9);
    assert_eq!(rested.reasons()[2], [Reason::Stable; 4]);
    let moved: Vec<Option<f32>> = rested.records.iter().map(|record| record.proposals[0].moved).collect();
    assert!(moved[0].is_none() && moved[1..].iter().all(|moved| moved.unwrap().abs() < 1e-6), "{moved:?}");
    // A distribution that moves never rests: its lead changes with the number of committed tokens.
    let restless = |_: usize, visible: Visible<'_>| {
        let committed = visible.iter().filter(|token| **token != Some(MASK)).count();
        sure(7, if committed.is_multiple_of(2) { 0.99 } else { 0.91 })
    };
    let run = decode(Scripted::denoiser(Alignment::Aligned, restless), 6, rule(UnmaskRule::Klass));
    assert_eq!(run.counts(), [1; 6]);
}

#[test]
fn klass_with_the_factor_tests_the_best_too() {
    // All stable at .4: the first rank needs 1 - 1/2.
    let script = |_: usize, _: Visible<'_>| sure(7, 0.4);
    let settings = Settings { klass_test: ConfidenceTest::Factor, ..rule(UnmaskRule::Klass) };
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 4, settings);
    assert!(run.reasons().iter().flatten().all(|reason| *reason == Reason::BestOfStep));
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 4, Settings { factor: 3.0, ..settings });
    assert_eq!(run.reasons()[1], [Reason::Stable; 3]);
}

#[test]
fn a_token_that_stays_likely_is_committed_on_credit() {
    // At p = .8 the odds are 4, the threshold's 9: credit must multiply them by 2.25, which (1 + C)^0.7 does from C = 2.2
    // on. C is .956, then 1.72, then 2.33.
    let script = |_: usize, _: Visible<'_>| sure(7, 0.8);
    let settings = Settings { credit: CreditRule::Fixed, ..rule(UnmaskRule::Threshold) };
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 6, settings);
    assert_eq!(run.counts(), [1, 1, 4]);
    assert_eq!(run.reasons()[2], [Reason::Credit; 4]);
    let credit = run.records[2].proposals[0].credit.unwrap();
    let p = 0.8_f64.powf(0.2);
    assert!((f64::from(credit.amount) - (p + 0.8 * (p + 0.8 * p))).abs() < 1e-3, "{credit:?}");
    assert!((credit.confidence - 0.8).abs() < 1e-4);
}

#[test]
fn credit_can_outvote_the_last_step() {
    // Token 7 leads until three tokens stand, then token 8 does by a little.
    let script = |_: usize, visible: Visible<'_>| {
        let mut logits = favour(7, 3.0);
        let committed = visible.iter().filter(|token| **token != Some(MASK)).count() - PROMPT.len();
        logits[8] = if committed < 3 { 1.0 } else { 3.1 };
        logits
    };
    let settings = Settings { credit: CreditRule::Fixed, ..rule(UnmaskRule::Quota) };
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 6, settings);
    let proposal = &run.records[3].proposals[0];
    assert_eq!((proposal.token, proposal.credit.unwrap().token), (7, 8));
    assert_eq!(run.records[3].commits[0].token, 7);
}

#[test]
fn credit_is_void_in_the_next_block() {
    let script = |_: usize, _: Visible<'_>| sure(7, 0.8);
    let settings = Settings { credit: CreditRule::Fixed, block_length: Some(3), ..rule(UnmaskRule::Quota) };
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 6, settings);
    let amount = |step: usize| run.records[step].proposals[0].credit.unwrap().amount;
    assert_eq!(amount(3), amount(0));
    assert!(amount(2) > amount(0));
    // Positions of later blocks are proposed for, and given nothing.
    assert!(run.records[0].proposals[3..].iter().all(|proposal| proposal.credit.is_none()));
}

#[test]
fn credit_without_parameters_weighs_more_as_the_block_fills() {
    let script = |_: usize, _: Visible<'_>| sure(7, 0.8);
    let settings = Settings { credit: CreditRule::MaskRate, ..rule(UnmaskRule::Quota) };
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 4, settings);
    let confidences: Vec<f32> = run.records.iter().map(|record| record.proposals[0].confidence).collect();
    assert!((confidences[0] - 0.8).abs() < 1e-4, "nothing has settled: no weight");
    assert!(confidences.windows(2).all(|pair| pair[0] < pair[1]), "{confidences:?}");
}

#[test]
fn guidance_moves_away_from_what_is_said_without_the_prompt() {
    // With its prompt the network leans to 7, without it to 8.
    let script = |_: usize, visible: Visible<'_>| {
        let mut logits = vec![0.0; VOCAB];
        (logits[7], logits[8]) = if visible[0] == Some(MASK) { (0.0, 2.0) } else { (1.0, 1.5) };
        logits
    };
    let run = |cfg_scale| {
        decode(Scripted::denoiser(Alignment::Aligned, script), 2, Settings { cfg_scale, ..Settings::default() }).ids
    };
    assert_eq!(run(0.0)[3..], [8, 8]);
    // 7: 0 + 1.5·1 = 1.5; 8: 2 + 1.5·(1.5 - 2) = 1.25.
    assert_eq!(run(0.5)[3..], [7, 7]);
}

#[test]
fn an_early_commit_follows_the_stairs() {
    // The gap is 4 throughout: too little in the first phase (7.5) and the second (5), enough in the last (2.5).
    let script = |_: usize, _: Visible<'_>| favour(7, 4.0);
    let settings = Settings { early_commit: EarlyCommit::Canvas, ..Settings::default() };
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 12, settings);
    // The 9th of 12 steps is the first behind 0.67.
    assert_eq!(run.counts(), [1, 1, 1, 1, 1, 1, 1, 1, 4]);
    assert_eq!(run.stop, Some(StopReason::EarlyCommit));
    let needed: Vec<f32> = run.records.iter().map(|record| record.gap.unwrap().needed).collect();
    assert_eq!(needed, [7.5, 7.5, 7.5, 5.0, 5.0, 5.0, 5.0, 5.0, 2.5]);
    // A rule that counts no steps measures its progress in tokens.
    let run = decode(
        Scripted::denoiser(Alignment::Aligned, script),
        12,
        Settings { threshold: 1.0, unmask: UnmaskRule::Threshold, ..settings },
    );
    assert_eq!(run.records.len(), 9);
}

#[test]
fn an_answer_span_alone_decides() {
    // The last three positions are sure, the others are not, and are committed last.
    let script = |position: usize, _: Visible<'_>| favour(7, if position >= 8 { 9.0 } else { 1.0 });
    let answer = Settings { early_commit: EarlyCommit::Answer, answer_length: 3, ..Settings::default() };
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 8, answer);
    assert_eq!(run.counts(), [8]);
    assert_eq!(run.records[0].gap.unwrap().positions, 3);
    let elsewhere = Settings { answer_start: Some(0), ..answer };
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 8, elsewhere);
    assert_eq!(run.stop, Some(StopReason::NothingMasked));
    assert_eq!(run.records[0].gap.unwrap().mean, 1.0);
    // Nothing is measured once the span is committed, unless committed positions count.
    let first = Settings { order: OrderScore::Confidence, gap_early: 50.0, gap_mid: 50.0, gap_late: 50.0, ..answer };
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 8, first);
    assert!(run.records[2].gap.is_some() && run.records[3].gap.is_none());
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 8, Settings { answer_committed: true, ..first });
    assert!(run.records.iter().all(|record| record.gap.unwrap().positions == 3));
}

#[test]
fn an_early_commit_beside_a_cache_waits_for_what_it_has_not_scored() {
    // Wide gaps from the second step of a block on; a dual cache scores the active block only.
    let script = |_: usize, visible: Visible<'_>| {
        let committed = visible.iter().filter(|token| **token != Some(MASK)).count() - PROMPT.len();
        favour(7, if committed.is_multiple_of(4) { 1.0 } else { 9.0 })
    };
    let settings = Settings {
        early_commit: EarlyCommit::Block,
        cache: CacheChoice::FastDual,
        block_length: Some(4),
        ..Settings::default()
    };
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 12, settings);
    // One token, then the block; the pass that enters the next block scores the whole canvas.
    assert_eq!(run.counts(), [1, 3, 8]);
    assert_eq!(run.stop, Some(StopReason::EarlyCommit));
}
