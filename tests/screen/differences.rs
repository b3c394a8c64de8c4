//! What two logs have in common: properties over any two of them.

use diffuscope::{
    decode::record::{Commit, Cost, KvStatus, KvUse, Reason, Region, StepRecord},
    session::{Axis, Caveat, Diff, Difference, DivergedRun, Passage},
    trace::{Entry, Header, Log, Piece, TokenText},
};
use proptest::prelude::*;

use super::common::{self, EOS, MASK, card, settings};

const PROMPT: usize = 2;
const TEXTS: [&str; 7] = ["", "", " a", "b", " c", " dog", "."];

/// What a step does: to each of these positions of the answer, a token or the mask; and its cost in passes and rows.
type StepPlan = (Vec<(usize, u32)>, u32, u32);

fn plan() -> impl Strategy<Value = Vec<StepPlan>> {
    let writes = prop::collection::vec((0usize..9, 0u32..7), 0..4);
    prop::collection::vec((writes, 0u32..3, 0u32..9), 0..9)
}

fn header(prompt: &str, length: usize) -> Header {
    Header {
        denoiser: card("tiny", "LLaDA", 10, 1),
        guide: None,
        preset: None,
        settings: settings("plain"),
        prompt: prompt.to_owned(),
        prompt_ids: vec![3; PROMPT],
        prompt_pieces: vec!["b".to_owned(); PROMPT],
        gen_length: length,
        mask_id: MASK,
        eos_id: EOS,
        end_ids: Vec::new(),
        given: Vec::new(),
        turns: Vec::new(),
        origin: None,
        peak: None,
    }
}

fn built(plan: &[StepPlan], prompt: &str, length: usize) -> Log {
    let mut log = Log::new(header(prompt, length));
    let mut ids: Vec<u32> = log.canvas(0).ids().collect();
    for (step, (writes, nfe, computed)) in plan.iter().enumerate() {
        let mut record = StepRecord {
            step,
            region: Region { block: 0, start: PROMPT, end: PROMPT + length },
            changes: Vec::new(),
            edits: Vec::new(),
            ids: Vec::new(),
            proposals: Vec::new(),
            commits: Vec::new(),
            remasked: Vec::new(),
            kv: vec![KvUse { status: KvStatus::Recomputed, age: 0 }; ids.len()],
            layers: Vec::new(),
            guide: None,
            shadow: None,
            gap: None,
            audit: None,
            cost: Cost { nfe: *nfe, computed: *computed, denoiser_us: u64::from(nfe * 5), ..Cost::default() },
            stop: None,
        };
        let writes: std::collections::BTreeMap<usize, u32> = writes.iter().copied().collect();
        let mut pieces = Vec::new();
        for (at, token) in writes.into_iter().filter(|(at, _)| *at < length) {
            let position = PROMPT + at;
            let commit = Commit { position, token, confidence: 0.5, reason: Reason::Quota };
            match (token, ids[position]) {
                (MASK, MASK) => continue,
                (MASK, _) => record.remasked.push(position),
                _ => record.commits.push(commit),
            }
            ids[position] = token;
            pieces.push(Piece { position, text: TEXTS[token as usize].to_owned() });
        }
        record.ids.clone_from(&ids);
        let texts = (2..7).map(|id| TokenText { id, text: TEXTS[id as usize].to_owned() });
        let texts = if step == 0 { texts.collect() } else { Vec::new() };
        log.push(Entry { record, pieces, texts });
    }
    log
}

/// The first `steps` steps of a log.
fn first(log: &Log, steps: usize) -> Log {
    let mut short = Log::new(log.header().clone());
    log.entries().take(steps).for_each(|entry| short.push(entry));
    short
}

fn mirrored(diff: Diff) -> Diff {
    let caveat = |caveat| match caveat {
        Caveat::Denoisers(a, b) => Caveat::Denoisers(b, a),
        Caveat::Lengths(a, b) => Caveat::Lengths(b, a),
        other => other,
    };
    let mut divergence = diff.divergence;
    if let Some(divergence) = &mut divergence {
        std::mem::swap(&mut divergence.a, &mut divergence.b);
    }
    Diff {
        caveats: diff.caveats.into_iter().map(caveat).collect(),
        divergence,
        differences: diff.differences.into_iter().map(|both| Difference { a: both.b, b: both.a }).collect(),
        order: diff.order,
    }
}

/// What a position holds that counts: a token of the answer.
fn token(log: &Log, steps: usize, position: usize) -> Option<u32> {
    log.canvas(steps).id(position).filter(|id| *id != MASK && *id != EOS)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_does_not_differ_from_itself_or_from_its_beginning(plan in plan(), short in 0usize..9) {
        let log = built(&plan, "p", 9);
        for axis in Axis::ALL {
            let diff = Diff::of(&log, &log, axis);
            prop_assert!(diff.is_empty());
            prop_assert!(diff.order.is_none_or(|order| order.tau == 1.0), "{:?}", diff.order);
            let divergence = Diff::of(&first(&log, short), &log, axis).divergence;
            prop_assert_eq!(divergence, None);
        }
    }

    #[test]
    fn which_log_comes_first_changes_nothing(a in plan(), b in plan(), lengths in (1usize..10, 1usize..10), other in any::<bool>()) {
        let (a, b) = (built(&a, "p", lengths.0), built(&b, if other { "q" } else { "p" }, lengths.1));
        for axis in Axis::ALL {
            let diff = Diff::of(&a, &b, axis);
            prop_assert_eq!(diff.is_by_text(), other);
            prop_assert_eq!(diff.clone(), mirrored(Diff::of(&b, &a, axis)));
            prop_assert!(diff.order.is_none_or(|order| (-1.0..=1.0).contains(&order.tau)));
        }
    }

    #[test]
    fn the_divergence_is_the_first_place_at_which_the_canvases_differ(a in plan(), b in plan()) {
        let (a, b) = (built(&a, "p", 9), built(&b, "p", 9));
        let first_by = |axis: Axis| {
            let last = axis.place(&a, a.len()).min(axis.place(&b, b.len()));
            let differs = |place: u64| {
                let steps = [axis.steps(&a, place), axis.steps(&b, place)];
                (PROMPT..PROMPT + 9).find(|at| token(&a, steps[0], *at) != token(&b, steps[1], *at))
            };
            (0..=last).find_map(|place| differs(place).map(|position| (place, position)))
        };
        for axis in Axis::ALL {
            let expected = first_by(axis).filter(|_| first_by(Axis::Steps).is_some());
            let found = Diff::of(&a, &b, axis).divergence;
            prop_assert_eq!(found.as_ref().map(|found| (found.place, found.position)), expected);
            if let Some(found) = found {
                for (log, run) in [(&a, &found.a), (&b, &found.b)] {
                    let steps = axis.steps(log, found.place);
                    let newest = Passage::at(log, log.len(), found.position);
                    prop_assert_eq!(run, &DivergedRun { steps, then: Passage::at(log, steps, found.position), newest });
                }
            }
        }
    }

    #[test]
    fn the_differences_are_the_positions_that_hold_other_tokens(a in plan(), b in plan()) {
        let (a, b) = (built(&a, "p", 9), built(&b, "p", 9));
        let end = |log: &Log| (PROMPT..PROMPT + 9).find(|at| log.canvas(9).id(*at) == Some(EOS)).unwrap_or(PROMPT + 9);
        let held = |log: &Log, at: usize| log.canvas(9).id(at).filter(|id| *id != MASK);
        let expected: Vec<usize> = (PROMPT..PROMPT + 9)
            .filter(|at| *at <= end(&a).max(end(&b)))
            .filter(|at| held(&a, *at).zip(held(&b, *at)).is_some_and(|(a, b)| a != b))
            .collect();
        let differences = Diff::of(&a, &b, Axis::Steps).differences;
        let mut found: Vec<usize> = differences.iter().map(|difference| difference.a.positions.start).collect();
        let arises = |both: &Difference| [&both.a, &both.b].map(|it| it.written.unwrap().step).into_iter().min();
        prop_assert!(differences.is_sorted_by_key(arises), "in the order in which they arose");
        found.sort_unstable();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_place_on_an_axis_is_found_again(a in plan(), b in plan(), place in 0u64..90) {
        let (a, b) = (built(&a, "p", 9), built(&b, "p", 9));
        for axis in Axis::ALL {
            let steps = axis.steps(&a, place);
            prop_assert!(axis.place(&a, steps) <= place);
            prop_assert!(steps == a.len() || axis.place(&a, steps + 1) > place);
            let stops = || [&a, &b].into_iter().flat_map(|log| (0..=log.len()).map(|steps| axis.place(log, steps)));
            prop_assert_eq!(axis.next_stop([&a, &b], place), stops().filter(|stop| *stop > place).min());
            prop_assert_eq!(axis.previous_stop([&a, &b], place), stops().filter(|stop| *stop < place).max());
            prop_assert_eq!(Some(axis.end([&a, &b])), stops().max());
        }
    }
}

#[test]
fn where_two_runs_part_both_sides_are_named() {
    // B writes the position of A's full stop four steps later, and writes "dog" there.
    let a = built(&[(vec![(0, 2)], 1, 9), (vec![(1, 6)], 1, 9), (vec![(2, 0)], 1, 9)], "p", 9);
    let b = built(&[(vec![(0, 2)], 1, 9), (vec![(3, 4)], 2, 9), (vec![(2, 3)], 2, 9), (vec![(1, 5)], 1, 9)], "p", 9);
    let diff = Diff::of(&a, &b, Axis::Steps);
    let divergence = diff.divergence.as_ref().unwrap();
    assert_eq!((divergence.place, divergence.position), (2, PROMPT + 1));
    let then = divergence.a.then.as_ref().unwrap();
    assert_eq!((then.text.as_str(), then.written.unwrap().step, then.written.unwrap().reason), (".", 2, Reason::Quota));
    assert_eq!(divergence.b.then, None, "it is masked there");
    let later = divergence.b.newest.as_ref().unwrap();
    assert_eq!((later.text.as_str(), later.written.unwrap().step), (" dog", 4));
    assert_eq!(diff.differences.len(), 2, "the full stop and what stands in place of the end of text");
    let by_passes = Diff::of(&a, &b, Axis::Passes).divergence.unwrap();
    assert_eq!((by_passes.place, by_passes.a.steps, by_passes.b.steps), (2, 2, 1));
}

#[test]
fn a_position_that_was_masked_again_counts_as_it_is_now() {
    let a = built(&[(vec![(0, 2)], 1, 1), (vec![(0, MASK)], 1, 1), (vec![(0, 5)], 1, 1)], "p", 2);
    let b = built(&[(vec![(0, 2)], 1, 1), (vec![(1, 3)], 1, 1)], "p", 2);
    let diff = Diff::of(&a, &b, Axis::Steps);
    assert_eq!(diff.divergence.as_ref().map(|divergence| (divergence.place, divergence.position)), Some((2, PROMPT)));
    let [difference] = diff.differences.as_slice() else { panic!("{:?}", diff.differences) };
    assert_eq!((difference.a.text.as_str(), difference.a.written.unwrap().step), (" dog", 3));
    assert_eq!((difference.b.text.as_str(), difference.b.written.unwrap().step), (" a", 1));
    let masked = built(&[(vec![(0, 2)], 1, 1), (vec![(0, MASK)], 1, 1)], "p", 2);
    assert!(Diff::of(&masked, &b, Axis::Steps).differences.is_empty(), "a mask is no token that differs");
}

#[test]
fn words_are_compared_where_positions_cannot_be() {
    let a = built(&[(vec![(0, 2), (1, 3), (2, 4), (3, 0)], 1, 1)], "p", 9);
    let b = built(&[(vec![(0, 2), (1, 3), (2, 5), (3, 4)], 1, 1)], "another prompt", 5);
    let diff = Diff::of(&a, &b, Axis::Steps);
    assert_eq!(diff.caveats, [Caveat::Prompts]);
    assert_eq!((&diff.divergence, diff.order), (&None, None));
    let [difference] = diff.differences.as_slice() else { panic!("{:?}", diff.differences) };
    assert_eq!((difference.a.text.as_str(), difference.b.text.as_str()), ("", "dog"));
    assert!(difference.a.positions.is_empty());
    assert_eq!(difference.b.positions, PROMPT + 2..PROMPT + 3);
    assert_eq!(diff.caveats[0].to_string(), "the prompts differ, so the answers are compared word by word");
}

#[test]
fn other_texts_for_an_id_are_another_tokenizer() {
    let (story, code) = (common::story(), common::code());
    let mut header = code.header().clone();
    header.prompt.clone_from(&story.header().prompt);
    let mut renamed = Log::new(header);
    code.entries().for_each(|entry| renamed.push(entry));
    assert_eq!(Diff::of(&story, &renamed, Axis::Steps).caveats, [Caveat::Tokenizers]);
    let mut other = built(&[(vec![(0, 2)], 1, 1)], "p", 4).header().clone();
    other.denoiser.name = "larger".to_owned();
    let (a, b) = (built(&[], "p", 9), Log::new(other));
    let caveats = Diff::of(&a, &b, Axis::Steps).caveats;
    assert_eq!(caveats, [Caveat::Lengths(9, 4), Caveat::Denoisers("tiny".to_owned(), "larger".to_owned())]);
}
