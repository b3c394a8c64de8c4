//! Block schedules, block-causal attention, revisions, filters and early cuts: limits, edges, reasons.

use std::path::Path;

use diffuscope::{
    decode::{
        DecodeError, Decoder, Limits, check,
        filter::{BLOCK, Filter, FilterLayer},
        record::{KvStatus, Reason, StepRecord, StopReason},
    },
    model::{
        checkpoint::Checkpoint,
        device::ComputeDevice,
        network::{Alignment, Network},
    },
    settings::{
        AttentionChoice, CacheChoice, DelimiterWindow, EosStop, GuideRule, OrderScore, Revision, SamplerStyle,
        ScheduleChoice, Settings, UnmaskRule,
    },
};
use proptest::prelude::*;

use crate::support::{
    runs::Run,
    scripted::{EOS, MASK, PROMPT, Scripted, VOCAB, Visible, side, sure, tangled_over},
};

const COMMA: u32 = 5;

/// The committed token that is seen at `position`.
fn seen(position: usize, visible: Visible<'_>) -> Option<u32> {
    visible.get(position).copied().flatten().filter(|token| *token != MASK)
}

/// What a run is given beside its settings.
#[derive(Default)]
struct Aids {
    delimiters: Vec<u32>,
    filter: Option<Filter>,
}

fn attempt(
    network: &mut dyn Network,
    prompt: &[u32],
    gen_length: usize,
    settings: Settings,
    aids: Aids,
) -> Result<Run, DecodeError> {
    let decoder = Decoder::new(network.spec(), None, prompt, gen_length, settings)?
        .with_delimiters(aids.delimiters)
        .with_filter(aids.filter)?;
    Run::of(decoder, network, None)
}

fn decode(mut network: Scripted, gen_length: usize, settings: Settings) -> Run {
    attempt(&mut network, &PROMPT, gen_length, settings, Aids::default()).unwrap()
}

/// Where blocks began and ended.
fn blocks(run: &Run) -> Vec<(usize, usize)> {
    let mut blocks: Vec<_> = run.records.iter().map(|record| (record.region.start, record.region.end)).collect();
    blocks.dedup();
    blocks
}

fn refusal(settings: Settings) -> String {
    let limits = Limits { prompt: 10, gen_length: 64, max_positions: 128, has_guide: true };
    check(&settings, &limits).unwrap_err().to_string()
}

fn plain() -> Settings {
    Settings::default()
}

fn by_threshold(threshold: f32) -> Settings {
    Settings { unmask: UnmaskRule::Threshold, threshold, ..plain() }
}

fn adaptive(block_length: usize) -> Settings {
    Settings {
        schedule: ScheduleChoice::Adaptive,
        block_length: Some(block_length),
        delimiter_threshold: Some(0.5),
        ..by_threshold(0.9)
    }
}

fn block_causal(block_length: usize) -> Settings {
    Settings { attention: AttentionChoice::BlockCausal, block_length: Some(block_length), ..plain() }
}

// ---- AdaBlock

#[test]
fn a_block_ends_behind_the_surest_delimiter_and_its_first_forward_commits() {
    // Commas wait at 6 and 7, the second of them surer, and at 17, beyond the window of 20/4 positions.
    let script = |position: usize, _: Visible<'_>| match position {
        6 => sure(COMMA, 0.6),
        7 => sure(COMMA, 0.8),
        17 => sure(COMMA, 0.99),
        _ => sure(9, 0.95),
    };
    let mut network = Scripted::denoiser(Alignment::Aligned, script);
    let aids = Aids { delimiters: vec![COMMA], ..Aids::default() };
    let run = attempt(&mut network, &PROMPT, 20, adaptive(9), aids).unwrap();
    assert_eq!(blocks(&run), [(3, 8), (8, 17), (17, 18), (18, 23)]);
    assert_eq!(run.commits()[0], [(3, 9), (4, 9), (5, 9)]);
    assert_eq!(run.records[0].cost.nfe, 1);
    assert_eq!(run.records[0].region.end, 8, "the step that settles a block tells where it ends");
}

#[test]
fn the_papers_window_is_a_quarter_of_what_is_written() {
    let script =
        |position: usize, _: Visible<'_>| if position.is_multiple_of(2) { sure(COMMA, 0.99) } else { sure(9, 0.95) };
    let run = |delimiter_window| {
        let mut network = Scripted::denoiser(Alignment::Shifted, script);
        let aids = Aids { delimiters: vec![COMMA], ..Aids::default() };
        blocks(&attempt(&mut network, &PROMPT, 16, Settings { delimiter_window, ..adaptive(8) }, aids).unwrap())
    };
    assert_eq!(run(DelimiterWindow::Total)[..2], [(3, 5), (5, 7)]);
    assert_eq!(run(DelimiterWindow::Written)[..2], [(3, 11), (11, 13)]);
}

// ---- Block-causal attention

#[test]
fn an_exact_cache_computes_a_finished_block_once_more_and_then_only_the_block() {
    let script = |_: usize, _: Visible<'_>| sure(9, 0.9);
    let settings = Settings { cache: CacheChoice::Exact, tokens_per_step: 2, ..block_causal(4) };
    let computed = |alignment| -> Vec<(u32, u32, u32)> {
        let run = decode(Scripted::denoiser(alignment, script), 6, settings);
        run.records.iter().map(|record| (record.cost.nfe, record.cost.computed, record.cost.reused)).collect()
    };
    // The prompt of 3, then the block of 4; its final tokens, then the short block of 2.
    assert_eq!(computed(Alignment::Aligned), [(2, 7, 3), (1, 4, 3), (2, 6, 10)]);
    // In a shifted network, the row left of the block predicts its first position and is fed with it.
    assert_eq!(computed(Alignment::Shifted), [(2, 7, 3), (1, 5, 2), (2, 6, 10)]);
    let uncached: Vec<u32> =
        decode(Scripted::denoiser(Alignment::Aligned, script), 6, Settings { cache: CacheChoice::Off, ..settings })
            .records
            .iter()
            .map(|record| record.cost.computed)
            .collect();
    assert_eq!(uncached, [7, 7, 9], "nothing right of the block is fed");
}

#[test]
fn nothing_sees_a_later_block() {
    // A network that writes how many rows it sees.
    let script = |_: usize, visible: Visible<'_>| sure(visible.iter().flatten().count() as u32, 0.9);
    for cache in [CacheChoice::Off, CacheChoice::Exact] {
        let settings = Settings { cache, tokens_per_step: 4, ..block_causal(4) };
        let run = decode(Scripted::denoiser(Alignment::Aligned, script), 8, settings);
        assert_eq!(run.ids[3..], [7, 7, 7, 7, 11, 11, 11, 11]);
        // Blocks that are counted from the start: 3 and 4 share one with the prompt's last token.
        let aligned = Settings { schedule: ScheduleChoice::Aligned, ..settings };
        let run = decode(Scripted::denoiser(Alignment::Aligned, script), 8, aligned);
        assert_eq!(blocks(&run), [(3, 4), (4, 8), (8, 11)]);
        assert_eq!(run.ids[3..], [4, 8, 8, 8, 8, 11, 11, 11]);
    }
}

/// Attention by blocks, with the exact cache and without, on a network with tensors.
#[test]
fn an_exact_cache_is_exact_on_a_real_network() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/models/a2d-qwen3-tiny");
    let open = || {
        let checkpoint = Checkpoint::open(&folder).unwrap().with_mask(509);
        checkpoint.network(&ComputeDevice::cpu()).unwrap()
    };
    let prompt: Vec<u32> = (0..11).map(|index| 40 + 7 * index).collect();
    for schedule in [ScheduleChoice::Blocks, ScheduleChoice::Aligned] {
        let run = |cache| {
            let settings = Settings { cache, schedule, ..block_causal(8) };
            attempt(&mut *open(), &prompt, 21, settings, Aids::default()).unwrap()
        };
        let (cached, uncached) = (run(CacheChoice::Exact), run(CacheChoice::Off));
        assert_eq!(cached.commits(), uncached.commits(), "{schedule:?}");
        for (one, other) in cached.records.iter().zip(&uncached.records) {
            for (one, other) in one.proposals.iter().zip(&other.proposals) {
                assert_eq!(one.position, other.position);
                assert!((one.confidence - other.confidence).abs() < 1e-5, "{one:?} {other:?}");
            }
        }
    }
}

// ---- Rules

fn confident(confidences: &'static [f32]) -> Scripted {
    Scripted::denoiser(Alignment::Aligned, move |position, _| sure(9, confidences[position - PROMPT.len()]))
}

#[test]
fn a_floor_is_the_quota_where_too_few_are_sure() {
    use Reason::{Quota, Threshold};

    let settings = Settings { unmask: UnmaskRule::ThresholdFloor, tokens_per_step: 2, ..by_threshold(0.9) };
    let run = decode(confident(&[0.95, 0.5, 0.6, 0.7, 0.96, 0.97]), 6, settings);
    assert_eq!(run.reasons(), [vec![Threshold, Threshold, Threshold], vec![Quota, Quota], vec![Quota]]);
    assert_eq!(run.commits()[1], [(5, 9), (6, 9)]);
}

#[test]
fn equals_of_the_best_go_with_it() {
    let settings = Settings { unmask: UnmaskRule::ThresholdTies, ..by_threshold(0.9) };
    let run = decode(confident(&[0.5, 0.8, 0.799_996, 0.79]), 4, settings);
    assert_eq!(run.commits(), [vec![(4, 9), (5, 9)], vec![(6, 9)], vec![(3, 9)]]);
    assert_eq!(run.reasons()[0], [Reason::BestOfStep; 2]);
}

#[test]
fn the_best_of_every_run_of_masks_is_committed_above_the_low_threshold() {
    use Reason::{BestOfRun, BestOfStep, Threshold};

    let settings = Settings { unmask: UnmaskRule::Hierarchy, low_threshold: 0.4, ..by_threshold(0.9) };
    let run = decode(confident(&[0.5, 0.6, 0.95, 0.3, 0.35, 0.2]), 6, settings);
    // One run at first, whose best is above the full threshold; then two; nothing in the second is sure enough.
    assert_eq!(run.commits(), [vec![(5, 9)], vec![(4, 9)], vec![(3, 9)], vec![(7, 9)], vec![(6, 9)], vec![(8, 9)]]);
    assert_eq!(run.reasons().concat(), [Threshold, BestOfRun, BestOfRun, BestOfStep, BestOfStep, BestOfStep]);
}

// ---- WINO

fn wino(narrow_out: f32) -> Settings {
    Settings { unmask: UnmaskRule::WideIn, threshold: 0.7, narrow_out, ..plain() }
}

#[test]
fn the_shadow_judges_a_token_that_it_does_not_see() {
    // Certain of what it sees, less so of what it does not see.
    let script = |position: usize, visible: Visible<'_>| match seen(position, visible) {
        Some(token) => sure(token, 0.999),
        None => sure(9, if position < 9 { 0.75 } else { 0.6 }),
    };
    for alignment in [Alignment::Aligned, Alignment::Shifted] {
        let run = decode(Scripted::denoiser(alignment, script), 12, wino(0.9));
        assert_eq!(run.reasons()[0], [Reason::WideIn; 6]);
        assert!(run.records[0].remasked.is_empty(), "nothing stands yet");
        // One token is committed per step from here on, so none may be taken back.
        assert!(run.records[1..].iter().all(|record| record.remasked.is_empty()));
        // Where the rest of the canvas would write something else, tokens are taken back: fewer than are committed.
        let script = move |position: usize, visible: Visible<'_>| match seen(position, visible) {
            Some(token) => sure(token, 0.999),
            None if visible.iter().flatten().filter(|token| **token == MASK).count() > 20 => sure(9, 0.8),
            None => sure(10, 0.75),
        };
        let run = decode(Scripted::denoiser(alignment, script), 24, wino(0.9));
        assert_eq!(run.commits()[0].len(), 16);
        let second = &run.records[1];
        assert_eq!((second.commits.len(), second.remasked.len()), (5, 4), "{alignment:?}");
        assert!(second.remasked.iter().all(|position| run.records[0].ids[*position] == 9));
        assert!(second.remasked.iter().all(|position| second.ids[*position] == MASK));
    }
}

// ---- Edits

fn edits() -> Settings {
    Settings { revise: Revision::Edit, tokens_per_step: 2, ..plain() }
}

#[test]
fn a_token_is_overwritten_once_the_denoiser_is_sure_of_another() {
    // Position 4 is first written as 9; seen beside 7 at position 6, it should be an 8.
    let script = |position: usize, visible: Visible<'_>| match position {
        4 if seen(6, visible) == Some(7) => sure(8, 0.95),
        4 => sure(9, 0.9),
        3 => sure(9, 0.8),
        _ => sure(7, 0.5),
    };
    for alignment in [Alignment::Aligned, Alignment::Shifted] {
        let run = decode(Scripted::denoiser(alignment, script), 4, edits());
        assert_eq!(run.ids[3..], [9, 8, 7, 7]);
        // Two steps write, a third edits, a fourth finds nothing to edit.
        assert_eq!(run.commits(), [vec![(3, 9), (4, 9)], vec![(5, 7), (6, 7)], vec![(4, 8)], vec![]]);
        assert_eq!(run.reasons()[2], [Reason::Edit]);
        assert_eq!(run.stop, Some(StopReason::NothingMasked));
    }
}

#[test]
fn edits_come_to_an_end_and_leave_the_prompt_alone() {
    // Never content with what it sees.
    let script = |position: usize, visible: Visible<'_>| match seen(position, visible) {
        Some(9) => sure(10, 0.99),
        _ => sure(9, 0.99),
    };
    let settings = Settings {
        schedule: ScheduleChoice::Aligned,
        block_length: Some(4),
        edit_steps: 3,
        cache: CacheChoice::Exact,
        attention: AttentionChoice::BlockCausal,
        ..edits()
    };
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 5, settings);
    assert_eq!(run.ids[..3], PROMPT);
    // Each block: the steps that write, then three that edit. Blocks of 1 and 4 positions.
    assert_eq!(run.records.len(), (1 + 3) + (2 + 3));
    assert_eq!(run.stop, Some(StopReason::NothingMasked));
}

// ---- ReMDM

#[test]
fn extra_steps_mask_the_least_sure_again_and_write_it_anew() {
    let script = |position: usize, _: Visible<'_>| match position {
        3 => sure(9, 0.4),
        4 => sure(9, 0.7),
        _ => sure(9, 0.3 - 0.01 * position as f32),
    };
    let settings = Settings { revise: Revision::Remask, remdm_steps: 2, block_length: Some(8), ..plain() };
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 8, settings);
    // Seven of eight steps, two extra ones, the eighth.
    assert_eq!(run.records.len(), 10);
    let extra: Vec<usize> = (0..10).filter(|step| !run.records[*step].remasked.is_empty()).collect();
    assert_eq!(extra, [7, 8]);
    for step in extra {
        let record = &run.records[step];
        assert_eq!((record.remasked.len(), record.commits.len()), (1, 1));
        assert_eq!(record.commits[0].reason, Reason::Revised);
    }
    // The least sure when it was written was position 9, the seventh, and it still is.
    assert_eq!(run.records[7].remasked, [9]);
    assert_eq!(run.stop, Some(StopReason::NothingMasked));
}

#[test]
fn a_block_with_few_steps_is_revised_behind_its_last() {
    let settings = Settings {
        revise: Revision::Remask,
        remdm_steps: 3,
        remdm_tokens: 2,
        block_length: Some(8),
        steps: Some(4),
        ..plain()
    };
    let run = decode(Scripted::denoiser(Alignment::Shifted, tangled_over(3, 6.0)), 16, settings);
    assert_eq!(run.records.len(), 2 * (2 + 3));
    let sizes: Vec<(usize, usize)> =
        run.records[..5].iter().map(|record| (record.remasked.len(), record.commits.len())).collect();
    assert_eq!(sizes, [(0, 4), (0, 4), (2, 2), (2, 2), (2, 2)]);
}

// ---- Filters

fn layer(weight: impl Fn(usize, usize) -> f32, bias: f32) -> FilterLayer {
    let weight = (0..BLOCK * BLOCK).map(|index| weight(index / BLOCK, index % BLOCK)).collect();
    FilterLayer { weight, bias: vec![bias; BLOCK] }
}

/// A filter that takes a position for final where its confidence and its left neighbour's are above 1.2 together.
fn neighbours() -> Filter {
    let pass = |row: usize, column: usize| f32::from(u8::from(row == column));
    let both = |row: usize, column: usize| if row == column || column + 1 == row { 100.0 } else { 0.0 };
    Filter { about: String::new(), layers: [layer(pass, 0.0), layer(both, -120.0)] }
}

fn learned() -> Settings {
    Settings { unmask: UnmaskRule::Filter, block_length: Some(BLOCK), filter_threshold: 0.9, ..plain() }
}

#[test]
fn a_filter_commits_what_it_takes_for_final_and_the_quota_the_best() {
    let script = |position: usize, visible: Visible<'_>| match (position, seen(position, visible)) {
        // What is seen is certain.
        (_, Some(token)) => sure(token, 0.99),
        (3, _) => sure(9, 0.5),
        (4 | 5, _) => sure(9, 0.8),
        (6, _) => sure(9, 0.6),
        (7, _) => sure(9, 0.95),
        _ => sure(9, 0.05),
    };
    for alignment in [Alignment::Aligned, Alignment::Shifted] {
        let mut network = Scripted::denoiser(alignment, script);
        let aids = Aids { filter: Some(neighbours()), ..Aids::default() };
        let run = attempt(&mut network, &PROMPT, 40, learned(), aids).unwrap();
        // 4 with 3: 1.3; 5: 1.6; 6: 1.4; 7: 1.55. 8 with 7: 1.0.
        assert_eq!(run.commits()[0], [(4, 9), (5, 9), (6, 9), (7, 9)]);
        assert_eq!(run.reasons()[0], [Reason::Filter; 4]);
        // Now 7 is seen and 0.99 sure, which does not help 8; the quota takes 3, the best of the rest.
        assert_eq!(run.commits()[1], [(3, 9)]);
        assert_eq!(run.reasons()[1], [Reason::Quota]);
        assert!(!run.ids.contains(&MASK));
        // The last block has 8 positions; what is behind them counts as certain and is not written.
        assert_eq!(blocks(&run), [(3, 35), (35, 43)]);
    }
}

#[test]
fn the_rule_that_asks_a_filter_needs_one() {
    let mut network = Scripted::denoiser(Alignment::Aligned, tangled_over(0, 4.0));
    let message = attempt(&mut network, &PROMPT, 40, learned(), Aids::default()).err().expect("refused").to_string();
    assert!(message.starts_with("unmask 'filter' asks a filter that was trained on the denoiser"), "{message}");
    let mut decoder =
        Decoder::new(network.spec(), None, &PROMPT, 40, Settings { block_length: Some(32), ..plain() }).unwrap();
    let message = decoder.configure(learned()).unwrap_err().to_string();
    assert!(message.contains("--filter"), "{message}");
}

// ---- Early cuts

/// Proposes end of text at position 8 from the start, unsurely, and something else once 7 is written.
fn hasty(position: usize, visible: Visible<'_>) -> Vec<f32> {
    match position {
        8 if seen(7, visible).is_some() => sure(9, 0.9),
        8 => sure(EOS, 0.3),
        9 => sure(9, 0.95),
        _ => sure(9, 0.5),
    }
}

#[test]
fn a_proposed_end_of_text_cuts_the_canvas() {
    let settings = Settings { eos_stop: EosStop::Predicted, ..plain() };
    for alignment in [Alignment::Aligned, Alignment::Shifted] {
        let run = decode(Scripted::denoiser(alignment, hasty), 12, settings);
        // The surest, at 9, is committed first and cut off at once.
        let first = &run.records[0];
        assert_eq!(first.commits.iter().map(|commit| commit.position).collect::<Vec<_>>(), [9, 10, 11, 12, 13, 14]);
        assert!(first.commits.iter().all(|commit| commit.token == EOS && commit.reason == Reason::EndOfText));
        assert_eq!(run.records[1].cost.computed, 9, "what is cut off is not computed");
        assert_eq!(run.records[1].kv[9].status, KvStatus::Dropped);
        // Something else came to stand at 8; nothing follows it.
        assert_eq!(run.ids[3..], [9, 9, 9, 9, 9, 9, EOS, EOS, EOS, EOS, EOS, EOS]);
        assert_eq!((run.records.len(), run.stop), (7, Some(StopReason::EndOfText)));
    }
}

#[test]
fn a_cut_can_ask_for_certainty_or_for_a_commit() {
    let doubtful = Settings { eos_stop: EosStop::Predicted, eos_confidence: 0.5, ..plain() };
    let run = decode(Scripted::denoiser(Alignment::Aligned, hasty), 12, doubtful);
    assert_eq!((run.records.len(), run.stop), (12, Some(StopReason::NothingMasked)));
    // Committed first, position 5 ends the text; 3 and 4 are still denoised.
    let script = |position: usize, _: Visible<'_>| if position == 5 { sure(EOS, 0.9) } else { sure(9, 0.5) };
    let run = decode(Scripted::denoiser(Alignment::Aligned, script), 8, Settings { eos_stop: EosStop::Cut, ..plain() });
    assert_eq!(run.ids[3..], [9, 9, EOS, EOS, EOS, EOS, EOS, EOS]);
    assert_eq!((run.records.len(), run.stop), (3, Some(StopReason::EndOfText)));
}

#[test]
fn the_first_end_of_text_that_a_filter_accepts_cuts() {
    let script = |position: usize, _: Visible<'_>| if position >= 6 { sure(EOS, 0.9) } else { sure(9, 0.8) };
    let mut network = Scripted::denoiser(Alignment::Aligned, script);
    let aids = Aids { filter: Some(neighbours()), ..Aids::default() };
    let settings = Settings { eos_stop: EosStop::Predicted, ..learned() };
    let run = attempt(&mut network, &PROMPT, 40, settings, aids).unwrap();
    // 3 has no neighbour, so the filter leaves it to the next step's quota.
    assert_eq!(run.commits()[0][..3], [(4, 9), (5, 9), (6, EOS)]);
    assert_eq!(run.reasons()[0][..4], [Reason::Filter, Reason::Filter, Reason::Filter, Reason::EndOfText]);
    assert_eq!((run.records.len(), run.stop), (2, Some(StopReason::EndOfText)));
}

// ---- What does not go together

#[test]
fn what_does_not_go_together_is_refused_with_the_reason() {
    let cases = [
        (Settings { guide: GuideRule::TopK, ..adaptive(8) }, "schedule 'adablock' ends blocks for the unmask rule"),
        (Settings { cache: CacheChoice::Window, ..adaptive(8) }, "schedule 'adablock' looks for delimiters"),
        (Settings { unmask: UnmaskRule::Quota, steps: Some(64), ..adaptive(8) }, "steps 64 are spread over the blocks"),
        (Settings { cache: CacheChoice::Exact, ..plain() }, "cache 'exact-prefix' keeps finished blocks"),
        (Settings { block_length: None, ..block_causal(8) }, "attention 'block-causal' needs blocks, and"),
        (
            Settings { schedule: ScheduleChoice::Adaptive, ..block_causal(8) },
            "attention 'block-causal' needs blocks of one length",
        ),
        (Settings { cache: CacheChoice::Window, ..block_causal(8) }, "cache 'freecache-window' approximates attention"),
        (Settings { cache: CacheChoice::FastDual, ..block_causal(8) }, "cache 'fast-dual' approximates attention"),
        (Settings { block_length: Some(16), ..learned() }, "unmask 'filter' reads blocks of 32"),
        (Settings { block_length: None, ..learned() }, "unmask 'filter' reads blocks of 32"),
        (Settings { schedule: ScheduleChoice::Aligned, ..learned() }, "unmask 'filter' reads whole blocks of 32"),
        (Settings { cache: CacheChoice::Prompt, ..wino(0.9) }, "unmask 'wino' verifies tokens"),
        (
            Settings { attention: AttentionChoice::BlockCausal, block_length: Some(8), ..wino(0.9) },
            "unmask 'wino' decides itself who attends",
        ),
        (Settings { cfg_scale: 1.0, ..wino(0.9) }, "unmask 'wino' asks one stream"),
        (Settings { revise: Revision::Edit, ..wino(0.9) }, "unmask 'wino' takes its own tokens back"),
        (Settings { guide: GuideRule::TopK, ..edits() }, "revise 'edit' goes back to committed tokens, and guide"),
        (Settings { cache: CacheChoice::Prompt, ..edits() }, "revise 'edit' goes back to tokens that cache"),
        (Settings { schedule: ScheduleChoice::Leftmost, ..edits() }, "revise 'edit' goes back within a block"),
        (Settings { revise: Revision::Remask, ..by_threshold(0.9) }, "revise 'remdm' puts its steps into a schedule"),
        (Settings { eos_stop: EosStop::Predicted, eos_last: true, ..plain() }, "eos-last holds end of text back"),
    ];
    for (settings, start) in cases {
        let message = refusal(settings);
        assert!(message.starts_with(start), "expected {start:?}: {message}");
        assert!(message.contains(": set ") || message.contains(", or "), "no way out: {message}");
    }
    // The shadow of a block takes room behind the canvas.
    let tight = Limits { prompt: 60, gen_length: 64, max_positions: 124, has_guide: false };
    let message = check(&wino(0.9), &tight).unwrap_err().to_string();
    assert!(message.ends_with("set block-length to at most 62"), "{message}");
}

// ---- Limits and edges, whatever the network

fn any_rule() -> impl Strategy<Value = UnmaskRule> {
    prop_oneof![
        Just(UnmaskRule::Quota),
        Just(UnmaskRule::Threshold),
        Just(UnmaskRule::ThresholdFloor),
        Just(UnmaskRule::ThresholdTies),
        Just(UnmaskRule::Hierarchy),
        Just(UnmaskRule::Alpha),
    ]
}

/// Settings of everything that this file is about; not all of them go together.
fn any_settings() -> impl Strategy<Value = Settings> {
    let schedule =
        prop_oneof![Just(ScheduleChoice::Blocks), Just(ScheduleChoice::Aligned), Just(ScheduleChoice::Adaptive)];
    let cache = prop_oneof![
        2 => Just(CacheChoice::Off), 1 => Just(CacheChoice::Exact), 1 => Just(CacheChoice::FastPrefix),
        1 => Just(CacheChoice::FastDual), 1 => Just(CacheChoice::Block)
    ];
    let revise = prop_oneof![2 => Just(Revision::Off), 1 => Just(Revision::Edit), 1 => Just(Revision::Remask)];
    let eos = prop_oneof![
        Just(EosStop::Off),
        Just(EosStop::Prefix),
        Just(EosStop::Block),
        Just(EosStop::Cut),
        Just(EosStop::Predicted)
    ];
    let rule = prop_oneof![4 => any_rule(), 1 => Just(UnmaskRule::WideIn), 1 => Just(UnmaskRule::Filter)];
    (
        (rule, schedule, cache, revise, eos),
        (prop::option::of(1usize..12), any::<bool>(), 0.1f32..1.0, 0.0f32..1.0, 0.0f32..1.0),
        (1usize..4, 0usize..4, 0usize..4, 1usize..3, any::<bool>(), any::<u64>()),
    )
        .prop_map(|(a, b, c)| Settings {
            unmask: a.0,
            schedule: a.1,
            cache: a.2,
            revise: a.3,
            eos_stop: a.4,
            block_length: if a.0 == UnmaskRule::Filter { Some(BLOCK) } else { b.0 },
            attention: if b.1 { AttentionChoice::BlockCausal } else { AttentionChoice::Own },
            threshold: b.2,
            narrow_out: b.3,
            filter_threshold: b.3,
            edit_threshold: b.4,
            eos_confidence: b.4,
            tokens_per_step: c.0,
            edit_steps: c.1,
            remdm_steps: c.2,
            remdm_tokens: c.3,
            sampler: if c.4 { SamplerStyle::Filtered } else { SamplerStyle::Gumbel },
            seed: c.5,
            ..Settings::default()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever goes together comes to an end within its steps, leaves no mask and the prompt alone, and tells what it did.
    #[test]
    fn every_run_ends_and_its_log_is_consistent(
        settings in any_settings(), gen_length in 1usize..40, prompt in 1usize..20, network in any::<u64>(),
        shifted in any::<bool>(), spread in 2.0f32..14.0,
    ) {
        let prompt: Vec<u32> = (0..prompt as u32).map(|index| 1 + index % 20).collect();
        let mut denoiser = Scripted::denoiser(side(shifted), tangled_over(network, spread));
        let aids = Aids { delimiters: vec![COMMA, 6, 7], filter: Some(neighbours()) };
        let run = match attempt(&mut denoiser, &prompt, gen_length, settings, aids) {
            Err(DecodeError::Settings(_)) => return Ok(()),
            run => run.unwrap(),
        };
        prop_assert!(!run.ids.contains(&MASK), "{:?}", run.stop);
        prop_assert_ne!(run.stop, Some(StopReason::StepBudget));
        prop_assert_eq!(&run.ids[..prompt.len()], &prompt[..]);
        let mut before = vec![MASK; run.ids.len()];
        before[..prompt.len()].copy_from_slice(&prompt);
        for record in &run.records {
            prop_assert!(record.commits.is_sorted_by(|a, b| a.position < b.position));
            prop_assert!(record.remasked.is_sorted_by(|a, b| a < b));
            let mut after = before.clone();
            for position in &record.remasked {
                prop_assert!(before[*position] != MASK && *position >= prompt.len());
                after[*position] = MASK;
            }
            for commit in &record.commits {
                let (here, fill) = (after[commit.position], commit.reason == Reason::EndOfText);
                prop_assert!(here == MASK || commit.reason == Reason::Edit || fill, "{commit:?} over {here}");
                prop_assert!(commit.position >= prompt.len());
                after[commit.position] = commit.token;
            }
            prop_assert_eq!(&after, &record.ids);
            // A step gets on, or revises.
            let masks = |ids: &[u32]| ids.iter().filter(|id| **id == MASK).count();
            let revises = settings.revise != Revision::Off;
            prop_assert!(masks(&after) < masks(&before) || revises, "a step without progress");
            before = after;
        }
    }

    /// A delimiter that is never sure enough leaves fixed blocks.
    #[test]
    fn adaptive_blocks_without_delimiters_are_fixed_blocks(
        block_length in 1usize..10, gen_length in 10usize..30, network in any::<u64>(), shifted in any::<bool>(),
        cache in prop_oneof![Just(CacheChoice::Off), Just(CacheChoice::FastPrefix), Just(CacheChoice::FastDual)],
        rule in any_rule(), threshold in 0.2f32..1.0,
    ) {
        let run = |schedule, delimiter_threshold, delimiters| {
            let mut network = Scripted::denoiser(side(shifted), tangled_over(network, 8.0));
            let settings = Settings {
                schedule, delimiter_threshold, block_length: Some(block_length), cache, unmask: rule, threshold, ..plain()
            };
            let aids = Aids { delimiters, ..Aids::default() };
            attempt(&mut network, &PROMPT, gen_length, settings, aids).unwrap().commits()
        };
        let fixed = run(ScheduleChoice::Blocks, Some(0.0), vec![COMMA]);
        prop_assert_eq!(&run(ScheduleChoice::Adaptive, None, (0..VOCAB as u32).collect()), &fixed);
        prop_assert_eq!(&run(ScheduleChoice::Adaptive, Some(0.0), vec![]), &fixed);
    }

    /// Blocks that a prompt of whole blocks precedes are aligned.
    #[test]
    fn aligned_blocks_behind_whole_blocks_are_fixed_blocks(
        blocks in 1usize..4, gen_length in 1usize..20, network in any::<u64>(), shifted in any::<bool>(), cached in any::<bool>(),
    ) {
        let prompt = vec![4; 5 * blocks];
        let run = |schedule| {
            let cache = if cached { CacheChoice::Exact } else { CacheChoice::Off };
            let length = 5.min(gen_length);
            let settings = Settings { schedule, cache, ..block_causal(length) };
            let mut network = Scripted::denoiser(side(shifted), tangled_over(network, 8.0));
            attempt(&mut network, &prompt, gen_length, settings, Aids::default()).unwrap().commits()
        };
        if gen_length >= 5 {
            prop_assert_eq!(run(ScheduleChoice::Aligned), run(ScheduleChoice::Blocks));
        }
    }

    /// Where no block sees a later one, keeping finished blocks changes nothing.
    #[test]
    fn an_exact_cache_changes_nothing(
        settings in any_settings(), rule in any_rule(), gen_length in 1usize..30, prompt in 1usize..20,
        block_length in 1usize..10, network in any::<u64>(), shifted in any::<bool>(),
    ) {
        let prompt: Vec<u32> = (0..prompt as u32).map(|index| 1 + index % 20).collect();
        let run = |cache| {
            let settings = Settings {
                cache,
                unmask: rule,
                attention: AttentionChoice::BlockCausal,
                block_length: Some(block_length.min(gen_length)),
                ..settings
            };
            let mut network = Scripted::denoiser(side(shifted), tangled_over(network, 8.0));
            attempt(&mut network, &prompt, gen_length, settings, Aids::default())
        };
        match (run(CacheChoice::Exact), run(CacheChoice::Off)) {
            (Err(DecodeError::Settings(_)), Err(DecodeError::Settings(_))) => {}
            (cached, uncached) => {
                let (cached, uncached) = (cached.unwrap(), uncached.unwrap());
                prop_assert_eq!(cached.commits(), uncached.commits());
                let stale = |record: &StepRecord| record.kv.iter().any(|row| row.status == KvStatus::Stale);
                prop_assert!(!cached.records.iter().any(stale), "an exact cache has no stale row");
            }
        }
    }

    /// ReMDM without extra steps is LLaDA's sampler; so are edits that nothing is sure enough for.
    #[test]
    fn revisions_that_revise_nothing_change_nothing(
        block_length in 1usize..10, gen_length in 10usize..30, network in any::<u64>(), shifted in any::<bool>(),
        tokens_per_step in 1usize..4,
    ) {
        let plain = Settings { block_length: Some(block_length), tokens_per_step, ..plain() };
        let denoiser = || Scripted::denoiser(side(shifted), tangled_over(network, 8.0));
        let run = |settings| decode(denoiser(), gen_length, settings).commits();
        prop_assert_eq!(run(Settings { revise: Revision::Remask, remdm_steps: 0, ..plain }), run(plain));
        let never = Settings { revise: Revision::Edit, edit_threshold: 1.0, edit_steps: 0, ..plain };
        prop_assert_eq!(run(never), run(plain));
    }

    /// WINO that doubts nothing masks nothing again and needs no shadow block; with a threshold that nothing reaches it is one
    /// token per step.
    #[test]
    fn wino_without_doubt_is_a_threshold(
        gen_length in 1usize..30, network in any::<u64>(), shifted in any::<bool>(), threshold in 0.1f32..0.9,
    ) {
        let denoiser = || Scripted::denoiser(side(shifted), tangled_over(network, 8.0));
        let run = |settings| decode(denoiser(), gen_length, settings);
        let wide = run(Settings { threshold, ..wino(0.0) });
        prop_assert!(wide.records.iter().all(|record| record.remasked.is_empty()));
        prop_assert!(wide.records.iter().all(|record| record.cost.computed as usize == wide.ids.len()));
        // Five are the least that a step may commit, so on five masks the limit does not act.
        let few = |settings| decode(denoiser(), 5, settings).commits();
        prop_assert_eq!(few(Settings { threshold, ..wino(0.0) }), few(by_threshold(threshold)));
        prop_assert_eq!(run(Settings { threshold: 1.0, ..wino(0.9) }).commits(), run(plain()).commits());
    }

    /// A floor of nothing above it is the quota; a low threshold of 1 is the threshold; ties without ties are too.
    #[test]
    fn rules_of_block_diffusion_in_their_limits(
        gen_length in 1usize..30, network in any::<u64>(), tokens_per_step in 1usize..4, threshold in 0.1f32..1.0,
    ) {
        let denoiser = || Scripted::denoiser(Alignment::Aligned, tangled_over(network, 8.0));
        let run = |settings| decode(denoiser(), gen_length, settings).commits();
        let floor = Settings { unmask: UnmaskRule::ThresholdFloor, tokens_per_step, ..by_threshold(1.0) };
        prop_assert_eq!(run(floor), run(Settings { tokens_per_step, ..plain() }));
        let threshold = by_threshold(threshold);
        let plain = decode(denoiser(), gen_length, threshold);
        let close = |record: &StepRecord| {
            let mut sure: Vec<f32> = record.proposals.iter().map(|proposal| proposal.confidence).collect();
            sure.sort_by(|a, b| b.total_cmp(a));
            sure.len() > 1 && sure[0] - sure[1] < 1e-4
        };
        if !plain.records.iter().any(close) {
            prop_assert_eq!(run(Settings { unmask: UnmaskRule::ThresholdTies, ..threshold }), plain.commits());
        }
        prop_assert_eq!(
            run(Settings { unmask: UnmaskRule::Hierarchy, low_threshold: 1.0, ..threshold }), run(threshold)
        );
    }

    /// Every rule that needs confidence refuses a random order.
    #[test]
    fn rules_by_confidence_refuse_a_random_order(rule in any_rule()) {
        let settings = Settings { unmask: rule, order: OrderScore::Random, ..plain() };
        let asks = matches!(rule, UnmaskRule::Threshold | UnmaskRule::ThresholdTies | UnmaskRule::Hierarchy);
        let limits = Limits { prompt: 10, gen_length: 64, max_positions: 128, has_guide: true };
        prop_assert_eq!(check(&settings, &limits).is_err(), asks);
    }
}
