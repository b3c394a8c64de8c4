//! Guides: those that write, those that weigh, and those of another vocabulary.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, LazyLock},
};

use diffuscope::{
    decode::{
        DecodeError, Decoder, GuideText, SpelledToken,
        noise::{Noise, Purpose, Seeded},
        record::{GuideReading, Reason, StepRecord, Verdict},
    },
    engine::CrossVocabularyGuide,
    model::{
        network::{Alignment, Network},
        template::ChatTemplate,
        tokenizer::Tokenizer,
    },
    settings::{CacheChoice, EosStop, GuideMismatch, GuideRule, OrderScore, SamplerStyle, Settings, UnmaskRule},
};
use proptest::prelude::*;
mod support;

use support::{
    runs::{Run, commits},
    scripted::{EOS, MASK, PROMPT, Scripted, VOCAB, favour, favour_among, tangled},
};

/// A whole run.
fn finish(decoder: Decoder, mut denoiser: Scripted, mut guide: Scripted) -> (Vec<StepRecord>, Vec<u32>) {
    let run = Run::of(decoder, &mut denoiser, Some(&mut guide)).unwrap();
    (run.records, run.ids)
}

fn run(settings: Settings, gen_length: usize, seed: u64) -> (Vec<StepRecord>, Vec<u32>) {
    let denoiser = Scripted::denoiser(Alignment::Shifted, tangled(seed));
    let guide = Scripted::guide(tangled(seed ^ 1));
    let decoder = Decoder::new(denoiser.spec(), Some(guide.spec()), &PROMPT, gen_length, settings).unwrap();
    finish(decoder, denoiser, guide)
}

fn plain() -> Settings {
    Settings::default()
}

fn rule(guide: GuideRule) -> Settings {
    Settings { guide, ..plain() }
}

// ---- guides that write ----

fn speculative(guide: GuideRule) -> Settings {
    Settings { guide_mismatch: GuideMismatch::Guide, ..rule(guide) }
}

#[test]
fn a_rejected_draft_is_replaced_by_the_guides_token() {
    let denoiser = Scripted::denoiser(Alignment::Shifted, |position, _| favour(position as u32 + 2, 3.0));
    let guide = Scripted::guide(|position, _| favour(if position == 5 { 1 } else { position as u32 + 2 }, 3.0));
    let settings = speculative(GuideRule::Deterministic);
    let decoder = Decoder::new(denoiser.spec(), Some(guide.spec()), &PROMPT, 6, settings).unwrap();
    let (records, ids) = finish(decoder, denoiser, guide);
    assert_eq!(ids[3..], [5, 6, 1, 8, 9, 10]);
    assert_eq!(records.len(), 2);
    let review = records[0].guide.as_ref().unwrap();
    assert_eq!((review.accepted, review.drafts[2].verdict), (2, Verdict::Replaced));
    let reasons: Vec<Reason> = records[0].commits.iter().map(|commit| commit.reason).collect();
    assert_eq!(reasons, [Reason::GuideAgreed, Reason::GuideAgreed, Reason::GuideWrote]);
    assert!(records[0].commits[2].confidence > 0.4, "the guide's own probability");
    // The guide keeps what it read of the accepted drafts, and continues behind them.
    assert_eq!(records[1].guide.as_ref().unwrap().forwards, [3]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// With most likely tokens compared, the speculative variant writes the guide's greedy text, whatever the denoiser
    /// drafts, and however many drafts are read at once.
    #[test]
    fn speculation_writes_the_guides_greedy_text(seed in any::<u64>(), gen_length in 1usize..20, batch in 1usize..24) {
        let settings = Settings { verify_batch: batch, ..speculative(GuideRule::Deterministic) };
        let (_, ids) = run(settings, gen_length, seed);
        let guide = tangled(seed ^ 1);
        let mut greedy = PROMPT.to_vec();
        while greedy.len() < PROMPT.len() + gen_length {
            let visible: Vec<Option<u32>> = greedy.iter().copied().map(Some).collect();
            let row = guide(greedy.len(), &visible);
            // Neither of the two may write the mask.
            let best = (0..VOCAB as u32).filter(|id| *id != MASK).max_by(|a, b| row[*a as usize].total_cmp(&row[*b as usize]));
            greedy.push(best.unwrap());
        }
        prop_assert_eq!(ids, greedy);
    }

    /// How many drafts are read at once is a matter of cost alone, under every rule.
    #[test]
    fn the_verify_batch_never_changes_the_result(
        seed in any::<u64>(), gen_length in 1usize..20, batch in 1usize..24, writes in any::<bool>(),
        guide in prop::sample::select(vec![
            GuideRule::Deterministic, GuideRule::TopK, GuideRule::TopKRelative, GuideRule::Probability,
            GuideRule::Aggressive, GuideRule::Chance, GuideRule::Product,
        ]),
        temperature in prop::sample::select(vec![0.0f32, 0.7]),
    ) {
        let guide_mismatch = if writes { GuideMismatch::Guide } else { GuideMismatch::Draft };
        let settings = Settings { guide_mismatch, temperature, seed, ..rule(guide) };
        let whole = run(Settings { verify_batch: 512, ..settings }, gen_length, seed);
        let batched = run(Settings { verify_batch: batch, ..settings }, gen_length, seed);
        prop_assert_eq!(commits(&whole.0), commits(&batched.0));
        let verdicts = |records: &[StepRecord]| -> Vec<Verdict> {
            records.iter().flat_map(|record| record.guide.iter().flat_map(|review| &review.drafts)).map(|draft| draft.verdict).collect()
        };
        prop_assert_eq!(verdicts(&whole.0), verdicts(&batched.0));
    }

    // ---- products of experts ----

    /// R = 1: the denoiser alone decides, so everything is committed at once, as drawn.
    #[test]
    fn a_product_of_the_denoiser_alone_commits_all(
        seed in any::<u64>(), gen_length in 1usize..20, temperature in prop::sample::select(vec![0.0f32, 0.9]),
    ) {
        let settings = Settings { guide_mixture: 1.0, temperature, seed, ..rule(GuideRule::Product) };
        let (records, ids) = run(settings, gen_length, seed);
        let all_at_once = Settings { unmask: UnmaskRule::Threshold, threshold: 0.0, temperature, seed, ..plain() };
        let (_, drawn) = run(all_at_once, gen_length, seed);
        prop_assert_eq!(records.len(), 1);
        prop_assert_eq!(ids, drawn);
    }

    /// R = 0: a draft is accepted if the guide's own draw with the same noise is the same token.
    #[test]
    fn a_product_of_the_guide_alone_is_agreement_with_its_draw(
        seed in any::<u64>(), gen_length in 1usize..12, temperature in prop::sample::select(vec![0.0f32, 0.9]),
    ) {
        let settings = Settings { guide_mixture: 0.0, temperature, seed, ..rule(GuideRule::Product) };
        let (records, _) = run(settings, gen_length, seed);
        let guide = tangled(seed ^ 1);
        for record in &records {
            let review = record.guide.as_ref().unwrap();
            let mut visible = PROMPT.map(Some).to_vec();
            let before = record.region.start..review.drafts[0].position;
            visible.extend(record.ids[before].iter().copied().map(Some));
            let mut expected = 0;
            for draft in &review.drafts {
                let mut row = guide(draft.position, &visible);
                let mut uniforms = vec![0.0; VOCAB];
                Seeded(seed).fill(Purpose::Token, record.step, draft.position, &mut uniforms);
                row[MASK as usize] = f32::NEG_INFINITY;
                let noisy = |id: usize| {
                    let noise = -(-uniforms[id].ln()).ln();
                    f64::from(row[id]) + if temperature > 0.0 { f64::from(temperature) * noise } else { 0.0 }
                };
                let draw = (0..VOCAB).max_by(|a, b| noisy(*a).total_cmp(&noisy(*b))).unwrap();
                if draw as u32 != draft.draft {
                    break;
                }
                visible.push(Some(draft.draft));
                expected += 1;
            }
            prop_assert_eq!(review.accepted, expected);
            prop_assert_eq!(record.commits.len(), expected.max(1), "the first token is always written");
        }
    }

    /// At temperature 0 a product compares most likely tokens; that of the guide alone is the deterministic rule.
    #[test]
    fn a_greedy_product_of_the_guide_alone_is_the_deterministic_rule(seed in any::<u64>(), gen_length in 1usize..20) {
        // A guide that never wants the mask: the product never draws it, the deterministic rule may prefer it.
        let script = tangled(seed ^ 1);
        let result = |settings| {
            let script = script.clone();
            let denoiser = Scripted::denoiser(Alignment::Shifted, tangled(seed));
            let guide = Scripted::guide(move |position, visible| {
                let mut row = script(position, visible);
                row[MASK as usize] = -9.0;
                row
            });
            let decoder = Decoder::new(denoiser.spec(), Some(guide.spec()), &PROMPT, gen_length, settings).unwrap();
            commits(&finish(decoder, denoiser, guide).0)
        };
        let product = Settings { guide_mixture: 0.0, ..rule(GuideRule::Product) };
        prop_assert_eq!(result(product), result(rule(GuideRule::Deterministic)));
    }

    /// What lies beyond the lookahead is never computed, attended to or drafted.
    #[test]
    fn a_product_never_looks_beyond_its_lookahead(seed in any::<u64>(), ahead in 2usize..6, left in 1usize..6) {
        let settings = Settings {
            cache: CacheChoice::Window, window_left: left, window_right: Some(ahead), ..rule(GuideRule::Product)
        };
        let (records, ids) = run(settings, 16, seed);
        prop_assert!(!ids.contains(&MASK));
        let mut first_masked = 3;
        for record in &records {
            let end = (first_masked - 1 + ahead).min(19);
            let drafts = &record.guide.as_ref().unwrap().drafts;
            prop_assert_eq!(drafts.last().unwrap().position, end - 1);
            let most = if record.step == 0 { end } else { left + ahead + 1 };
            prop_assert!(record.cost.computed as usize <= most);
            first_masked += record.commits.len();
        }
    }
}

// ---- ends of text ----

#[test]
fn ends_of_text_agree_with_one_another() {
    const OTHER_END: u32 = 7;
    let result = |ends: &[u32], settings: Settings| {
        let denoiser =
            Scripted::denoiser(Alignment::Shifted, |position, _| favour(if position < 5 { 9 } else { EOS }, 3.0));
        let guide = Scripted::guide(|position, _| favour(if position < 5 { 9 } else { OTHER_END }, 3.0));
        let decoder = Decoder::new(denoiser.spec(), Some(guide.spec()), &PROMPT, 6, settings).unwrap();
        finish(decoder.with_ends(ends.iter().copied()), denoiser, guide)
    };
    let settings = Settings { eos_stop: EosStop::Prefix, ..rule(GuideRule::Deterministic) };
    let (records, ids) = result(&[OTHER_END], settings);
    assert_eq!((records.len(), &ids[3..]), (1, &[9, 9, EOS, EOS, EOS, EOS][..]));
    assert_eq!(records[0].commits[2].reason, Reason::GuideAgreed);
    let (records, _) = result(&[], settings);
    assert_eq!((records.len(), records[1].commits[0].reason), (2, Reason::Forced));
    // An end that the guide writes ends the run as well.
    let writes = Settings { guide: GuideRule::TopK, guide_top_k: 1, guide_mismatch: GuideMismatch::Guide, ..settings };
    let denoiser = Scripted::denoiser(Alignment::Shifted, |_, _| favour(9, 3.0));
    let guide = Scripted::guide(|position, _| favour(if position < 5 { 9 } else { OTHER_END }, 3.0));
    let decoder = Decoder::new(denoiser.spec(), Some(guide.spec()), &PROMPT, 6, writes).unwrap();
    let (records, ids) = finish(decoder.with_ends([OTHER_END]), denoiser, guide);
    assert_eq!((records.len(), &ids[3..]), (1, &[9, 9, OTHER_END, EOS, EOS, EOS][..]));
}

// ---- guides of another vocabulary ----

const CORPUS: [&str; 3] = [
    "The quick brown fox jumps over the lazy dog. The dog was not amused; the fox was quick.",
    "Falsches Üben von Xylophonmusik quält jeden größeren Zwerg. Ärger, Öl, Übermut.",
    "いろはにほへと 散りぬるを 🦀 Rust 🦀 👍🏽 e\u{301}",
];
const TEMPLATE: &str = "<|im_start|>{{ messages[0].content }}<|im_end|>";

/// A byte-level BPE of `size` tokens and the specials of `ChatML`, its end of text first.
fn byte_level(size: usize) -> Arc<Tokenizer> {
    let specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|mask|>"];
    let json = support::models::byte_level(size, &specials, &CORPUS).to_string(false).unwrap();
    let template = ChatTemplate::new("template", TEMPLATE, BTreeMap::new()).unwrap();
    Arc::new(Tokenizer::from_bytes(json.as_bytes()).unwrap().with_template(template))
}

static SMALL: LazyLock<Arc<Tokenizer>> = LazyLock::new(|| byte_level(290));
static LARGE: LazyLock<Arc<Tokenizer>> = LazyLock::new(|| byte_level(420));

/// A denoiser that drafts `written` behind a prompt, whatever happens.
fn drafting(tokenizer: &Tokenizer, prompt: usize, written: Vec<u32>) -> Scripted {
    let vocab = tokenizer.vocab_size();
    let script = move |position: usize, _: &[Option<u32>]| {
        favour_among(vocab, written.get(position.wrapping_sub(prompt)).copied().unwrap_or(1), 4.0)
    };
    Scripted::denoiser(Alignment::Shifted, script).with_vocabulary(vocab).with_mask(tokenizer.mask_id().unwrap())
}

/// A guide that expects `read` from its start on, but for the places in `against`.
fn expecting(tokenizer: &Tokenizer, read: Vec<u32>, against: Vec<usize>) -> Scripted {
    let vocab = tokenizer.vocab_size();
    let script = move |place: usize, _: &[Option<u32>]| {
        let expected = read.get(place).copied().unwrap_or(1);
        favour_among(vocab, if against.contains(&place) { 2 + (expected + 1) % 200 } else { expected }, 4.0)
    };
    Scripted::guide(script).with_vocabulary(vocab)
}

const QUESTION: &str = "fox?";

struct Pair {
    denoiser: Arc<Tokenizer>,
    guide: Arc<Tokenizer>,
}

impl Pair {
    /// A run that drafts the ids `written` under a guide that expects their text but for some of its tokens, by text or
    /// by ids.
    fn run(
        &self,
        written: &[u32],
        against: &[usize],
        by_text: bool,
        settings: Settings,
    ) -> (Vec<StepRecord>, Vec<u32>) {
        let prompt = self.denoiser.encode_prompt(QUESTION).unwrap();
        let guide_text = self.guide_text();
        let ends = self.denoiser.end_ids();
        let text_end = written.iter().position(|id| ends.contains(id)).unwrap_or(written.len());
        let (text, _) = guide_text.decode(&written[..text_end]);
        let mut read: Vec<u32> = guide_text.encode(&text).unwrap().into_iter().map(|(id, _)| id).collect();
        read.extend(written[text_end..].iter().map(|_| self.guide.eos_id()));
        let denoiser = drafting(&self.denoiser, prompt.len(), written.to_vec());
        let guide = expecting(&self.guide, read, against.to_vec());
        let specs = (denoiser.spec().clone(), guide.spec().clone());
        let mut decoder = Decoder::new(&specs.0, Some(&specs.1), &prompt, written.len(), settings)
            .unwrap()
            .with_ends(ends.iter().copied());
        if by_text {
            decoder = decoder.with_guide_text(Box::new(guide_text)).unwrap();
        }
        let (records, ids) = finish(decoder, denoiser, guide);
        (records, ids[prompt.len()..].to_vec())
    }

    fn guide_text(&self) -> CrossVocabularyGuide {
        CrossVocabularyGuide::new(&self.denoiser, &self.guide, self.guide.eos_id(), &[], QUESTION).unwrap()
    }
}

fn accepted(records: &[StepRecord]) -> Vec<usize> {
    records.iter().map(|record| record.guide.as_ref().unwrap().accepted).collect()
}

/// How many tokens of the denoiser the guide's agreement covers, counted by decoding prefixes: the text that it agreed
/// with must begin with what the tokens have a part in.
fn covered(pair: &Pair, written: &[u32], from: usize, disagrees_at: usize) -> usize {
    let guide_text = pair.guide_text();
    let (text, _) = guide_text.decode(written);
    let encoded = guide_text.encode(&text).unwrap();
    // A token of nothing but committed text is not judged.
    let committed = pair.denoiser.decode(&written[..from]).trim_end_matches('\u{FFFD}').len();
    let judged = encoded.get(disagrees_at).filter(|(_, span)| span.end > committed);
    let agreed = judged.map_or(text.len(), |(_, span)| span.start);
    let mut bytes = 0;
    (from..written.len())
        .take_while(|index| {
            bytes = pair.denoiser.decode(&written[..=*index]).trim_end_matches('\u{FFFD}').len();
            let open = pair.denoiser.decode(&written[..=*index]).ends_with('\u{FFFD}');
            let reach = if open { bytes + text[bytes..].chars().next().map_or(0, char::len_utf8) } else { bytes };
            reach <= agreed
        })
        .count()
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-ZéÜ中日🦀👍🏽 .]{1,20}", prop::sample::select(CORPUS.to_vec()).prop_map(str::to_owned),]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same vocabulary read as text gives the accepts that its ids give.
    #[test]
    fn by_text_and_by_ids_is_the_same_for_one_vocabulary(
        text in any_text(), against in prop::collection::vec(0usize..40, 0..4), batch in 1usize..12,
    ) {
        let pair = Pair { denoiser: LARGE.clone(), guide: LARGE.clone() };
        let written = LARGE.encode(&text).unwrap();
        let prompt = LARGE.encode_prompt(QUESTION).unwrap().len();
        let against: Vec<usize> = against.into_iter().map(|place| place + prompt).collect();
        let settings = Settings { verify_batch: batch, ..rule(GuideRule::Deterministic) };
        let (by_ids, ids) = pair.run(&written, &against, false, settings);
        let (by_text, same) = pair.run(&written, &against, true, settings);
        prop_assert_eq!(&ids, &written);
        prop_assert_eq!(&same, &written);
        // Half a character cannot be agreed with, so ids may accept one token of it more than text does, and then the
        // rest of it a step later.
        let is_clean = LARGE.parts(&written).iter().all(|part| !part.open);
        if is_clean {
            prop_assert_eq!(commits(&by_ids), commits(&by_text));
            let forwards = |records: &[StepRecord]| -> Vec<Vec<usize>> {
                records.iter().map(|record| record.guide.as_ref().unwrap().forwards.clone()).collect()
            };
            prop_assert_eq!(forwards(&by_ids), forwards(&by_text), "and nothing is read twice");
            let probabilities = |records: &[StepRecord]| -> Vec<Option<u32>> {
                let drafts = records.iter().flat_map(|record| record.guide.as_ref().unwrap().drafts.clone());
                drafts.map(|draft| draft.view.map(|view| view.rank)).collect()
            };
            prop_assert_eq!(probabilities(&by_ids), probabilities(&by_text));
        }
        prop_assert!(by_text.iter().all(|record| record.guide.as_ref().unwrap().reading == GuideReading::Text));
    }

    /// Other merges, characters in several drafts: a draft is accepted when every guide token that touches it is agreed
    /// with, and text comes out whole.
    #[test]
    fn drafts_are_accepted_as_far_as_agreement_covers_them(
        text in any_text(), against in 0usize..60, swapped in any::<bool>(), batch in 1usize..12,
    ) {
        let (denoiser, guide) = if swapped { (LARGE.clone(), SMALL.clone()) } else { (SMALL.clone(), LARGE.clone()) };
        let pair = Pair { denoiser, guide };
        let written = pair.denoiser.encode(&text).unwrap();
        let place = pair.guide.encode_prompt(QUESTION).unwrap().len() + against;
        let settings = Settings { verify_batch: batch, ..rule(GuideRule::Deterministic) };
        let (records, ids) = pair.run(&written, &[place], true, settings);
        prop_assert_eq!(pair.denoiser.decode(&ids), text);
        let mut at = 0;
        for record in &records {
            let review = record.guide.as_ref().unwrap();
            prop_assert_eq!(review.accepted, covered(&pair, &written, at, place), "from {}", at);
            at += record.commits.len();
        }
        prop_assert!(records.last().unwrap().guide.as_ref().unwrap().forwards.iter().sum::<usize>() > 0);
    }
}

// ---- guides that only look on ----

fn looking_on(shadow_guide: GuideRule) -> Settings {
    Settings { shadow_guide, ..plain() }
}

/// The verdicts of a guide that only looked on, by position.
fn looked(record: &StepRecord) -> Vec<(usize, Verdict)> {
    let review = record.shadow.as_ref().unwrap();
    review.drafts.iter().map(|draft| (draft.position, draft.verdict)).collect()
}

#[test]
fn a_guide_that_looks_on_judges_each_token_whatever_it_said_of_those_before() {
    use Verdict::{Agreed, Rejected};

    // The denoiser is sure of position 6, and the guide would have another token at 4 and at 6.
    let denoiser = Scripted::denoiser(Alignment::Shifted, |position, _| {
        favour(position as u32 + 2, if position == 6 { 9.0 } else { 3.0 })
    });
    let guide =
        Scripted::guide(|position, _| favour(if [4, 6].contains(&position) { 1 } else { position as u32 + 2 }, 3.0));
    let decoder =
        Decoder::new(denoiser.spec(), Some(guide.spec()), &PROMPT, 5, looking_on(GuideRule::Deterministic)).unwrap();
    let (records, ids) = finish(decoder, denoiser, guide);
    assert_eq!(ids[3..], [5, 6, 7, 8, 9], "it has no say");
    assert_eq!(records[0].commits[0].position, 6);
    assert_eq!(looked(&records[0]), [(3, Agreed), (4, Rejected), (5, Agreed), (6, Rejected), (7, Agreed)]);
    let review = records[0].shadow.as_ref().unwrap();
    let view = review.of(6).unwrap().view.unwrap();
    assert_eq!((review.accepted, view.token, view.rank), (1, 1, 8), "one would have been written, by FlashDLM");
    assert_eq!((records[0].cost.guide_forwards, records[0].cost.guide_computed, records[0].cost.guide_us), (0, 0, 0));
    assert_eq!((records[0].cost.shadow_forwards, records[0].guide.is_some()), (2, false), "the prompt, and the drafts");
    // What stands already is read and not judged again; what was read is not read twice.
    assert_eq!(looked(&records[1]), [(3, Agreed), (4, Rejected), (5, Agreed), (7, Agreed)]);
    assert_eq!(records[1].shadow.as_ref().unwrap().forwards, [5]);
}

#[test]
fn an_end_of_text_behind_another_one_is_not_judged() {
    let denoiser = Scripted::denoiser(Alignment::Shifted, |position, _| {
        favour(if position < 5 { position as u32 + 2 } else { EOS }, 3.0)
    });
    let guide = Scripted::guide(|position, _| favour(if position < 5 { position as u32 + 2 } else { EOS }, 3.0));
    let settings = Settings { unmask: UnmaskRule::Threshold, threshold: 0.0, ..looking_on(GuideRule::Deterministic) };
    let decoder = Decoder::new(denoiser.spec(), Some(guide.spec()), &PROMPT, 6, settings).unwrap();
    let (records, ids) = finish(decoder, denoiser, guide);
    assert_eq!(ids[3..], [5, 6, EOS, EOS, EOS, EOS]);
    let judged: Vec<usize> =
        looked(&records[0]).iter().filter(|(_, verdict)| *verdict == Verdict::Agreed).map(|(at, _)| *at).collect();
    assert_eq!(judged, [3, 4, 5]);
    assert_eq!(records[0].shadow.as_ref().unwrap().forwards, [2, 3], "and not read either");
}

#[test]
fn what_lies_behind_a_mask_that_nothing_is_proposed_for_is_not_judged() {
    // dKV-Cache leaves masks unscored in most steps, so that there are drafts with gaps between them.
    let denoiser = Scripted::denoiser(Alignment::Aligned, tangled(3));
    let guide = Scripted::guide(tangled(4));
    let settings = Settings { cache: CacheChoice::DkvGreedy, order: OrderScore::Drawn, ..looking_on(GuideRule::TopK) };
    let decoder = Decoder::new(denoiser.spec(), Some(guide.spec()), &PROMPT, 16, settings).unwrap();
    let (records, _) = finish(decoder, denoiser, guide);
    let mut gaps = 0;
    for (record, before) in records.iter().skip(1).zip(&records) {
        let looked = looked(record);
        let is_known = |position: usize| looked.iter().any(|(at, _)| *at == position);
        let gap = (PROMPT.len()..record.ids.len()).find(|at| before.ids[*at] == MASK && !is_known(*at));
        let gap = gap.unwrap_or(record.ids.len());
        for (position, verdict) in looked {
            assert_eq!(verdict == Verdict::NotReached, position > gap, "{position} in step {}", record.step);
            gaps += usize::from(verdict == Verdict::NotReached);
        }
    }
    assert!(gaps > 0, "there was no gap to see");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// By text as by ids: a draft is doubted if the guide doubts a token of its own that touches it.
    #[test]
    fn a_guide_of_another_vocabulary_looks_on_as_it_would_judge(
        text in any_text(), against in 0usize..60, swapped in any::<bool>(), batch in 1usize..12,
    ) {
        let (denoiser, guide) = if swapped { (LARGE.clone(), SMALL.clone()) } else { (SMALL.clone(), LARGE.clone()) };
        let pair = Pair { denoiser, guide };
        let written = pair.denoiser.encode(&text).unwrap();
        let place = pair.guide.encode_prompt(QUESTION).unwrap().len() + against;
        let settings = Settings { verify_batch: batch, ..looking_on(GuideRule::Deterministic) };
        let (records, ids) = pair.run(&written, &[place], true, settings);
        prop_assert_eq!(&ids, &written);
        let review = records[0].shadow.as_ref().unwrap();
        prop_assert_eq!(review.accepted, covered(&pair, &written, 0, place));
        prop_assert_eq!(review.reading, GuideReading::Text);
        prop_assert!(review.drafts.iter().all(|draft| draft.verdict != Verdict::NotReached));
        let (without, _) = pair.run(&written, &[place], true, plain());
        prop_assert_eq!(commits(&records), commits(&without));
    }
}

#[test]
fn a_guide_cannot_look_on_where_there_is_none_or_where_it_decides() {
    let denoiser = Scripted::denoiser(Alignment::Shifted, tangled(0));
    let guide = Scripted::guide(tangled(1));
    let refused = |settings, guide, prompt: &[u32]| {
        Decoder::new(denoiser.spec(), guide, prompt, 4, settings).err().expect("refused").to_string()
    };
    let shadow = looking_on(GuideRule::TopK);
    assert_eq!(
        refused(shadow, None, &PROMPT),
        "shadow-guide is 'topk' but no guide model is loaded: load one, or set shadow-guide to 'off'"
    );
    assert_eq!(
        refused(Settings { guide: GuideRule::Chance, ..shadow }, Some(guide.spec()), &PROMPT),
        "shadow-guide is 'topk' and guide is 'chance', which decides already: set one of them to 'off'"
    );
    assert_eq!(
        refused(looking_on(GuideRule::Product), Some(guide.spec()), &PROMPT),
        "shadow-guide 'product' would draw the drafts together with the guide, and a guide that only looks on draws nothing: \
         set shadow-guide to another rule"
    );
    assert_eq!(
        refused(shadow, Some(guide.spec()), &[]),
        "shadow-guide 'topk' judges tokens by what stands before them, and there is no prompt: set shadow-guide to 'off', or \
         type a prompt"
    );
}

#[test]
fn an_end_of_text_is_judged_by_what_it_means() {
    let pair = Pair { denoiser: SMALL.clone(), guide: LARGE.clone() };
    let end = SMALL.eos_id();
    let turn_end = SMALL.token_to_id("<|im_end|>").unwrap();
    let mut written = SMALL.encode("the fox").unwrap();
    let letters = written.len();
    written.extend([turn_end, end, end, 9]);
    let settings = rule(GuideRule::Deterministic);
    let (records, ids) = pair.run(&written, &[], true, settings);
    // The text, its end, and the ends behind it; then a draft behind the end, which nothing can verify.
    assert_eq!(accepted(&records), [letters + 3, 0]);
    assert_eq!((records[1].commits[0].reason, records[1].guide.as_ref().unwrap().forwards.len()), (Reason::Forced, 0));
    assert_eq!(ids, written);
    let view = records[0].guide.as_ref().unwrap().drafts[letters].view.unwrap();
    assert_eq!(
        (view.rank, view.token),
        (0, SMALL.vocab_size() as u32 + LARGE.eos_id()),
        "reported as an id of its own"
    );
    // A guide that would continue there refuses the end.
    let guide_text = pair.guide_text();
    let read = guide_text.encode("the fox").unwrap().len();
    let (records, _) = pair.run(&written, &[read], true, settings);
    assert_eq!(accepted(&records)[0], letters);
    assert_eq!(records[0].guide.as_ref().unwrap().drafts[letters].verdict, Verdict::Rejected);
    // With end-of-text rules in force, the run is over there.
    let (records, ids) = pair.run(&written, &[], true, Settings { eos_stop: EosStop::Prefix, ..settings });
    assert_eq!((records.len(), ids[letters..].iter().filter(|id| **id == end).count()), (1, 3));
}

#[test]
fn a_guide_without_a_template_reads_one_text() {
    let bare = Arc::new(byte_level_without_template());
    let guide_text = CrossVocabularyGuide::new(&SMALL, &bare, bare.eos_id(), &[], "The qui").unwrap();
    let encoded = guide_text.encode("ck brown").unwrap();
    let ids: Vec<u32> = encoded.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, bare.encode("The quick brown").unwrap());
    let quick: &(u32, Range<usize>) = &encoded[1];
    assert_eq!((bare.decode(&[quick.0]).as_str(), quick.1.clone()), (" quick", 0..2));
    assert_eq!(guide_text.ends()[0], bare.eos_id());
}

#[test]
fn a_guide_of_another_vocabulary_reads_the_whole_conversation() {
    let turns = [("fox?", "The fox.")];
    let bare = Arc::new(byte_level_without_template());
    let guide_text = CrossVocabularyGuide::new(&SMALL, &bare, bare.eos_id(), &turns, "dog?").unwrap();
    let ids: Vec<u32> = guide_text.encode(" The dog").unwrap().iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, bare.encode("fox?\n\nThe fox.\n\ndog? The dog").unwrap());
    let all = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}";
    let template = ChatTemplate::new("template", all, BTreeMap::new()).unwrap();
    let chatting = Arc::new(byte_level_without_template().with_template(template));
    let guide_text = CrossVocabularyGuide::new(&SMALL, &chatting, chatting.eos_id(), &turns, "dog?").unwrap();
    let ids: Vec<u32> = guide_text.encode("").unwrap().iter().map(|(id, _)| *id).collect();
    let expected = "<|im_start|>fox?<|im_end|><|im_start|>The fox.<|im_end|><|im_start|>dog?<|im_end|>";
    assert_eq!(chatting.decode(&ids), expected);
}

fn byte_level_without_template() -> Tokenizer {
    Arc::try_unwrap(byte_level(420)).unwrap().without_template()
}

#[test]
fn what_takes_the_denoisers_ids_is_refused_to_a_guide_of_another_vocabulary() {
    let denoiser = Scripted::denoiser(Alignment::Shifted, tangled(0));
    let guide = Scripted::guide(tangled(1));
    let make = |settings| {
        let decoder = Decoder::new(denoiser.spec(), Some(guide.spec()), &[1], 4, settings)?;
        decoder.with_guide_text(Box::new(Letters { ends: vec![EOS], limit: usize::MAX }))
    };
    let refused = |settings| make(settings).err().expect("refused").to_string();
    assert_eq!(
        refused(rule(GuideRule::Product)),
        "guide 'product' mixes the distributions of denoiser and guide, and the guide has another vocabulary: set guide to \
         another rule, or choose a guide that shares it"
    );
    let writes = speculative(GuideRule::TopK);
    assert_eq!(
        refused(writes),
        "guide-mismatch 'guide' writes the guide's own tokens, and the guide has another vocabulary: set guide-mismatch to \
         'draft', or choose a guide that shares it"
    );
    let mut decoder = make(rule(GuideRule::TopK)).unwrap();
    assert!(decoder.configure(writes).is_err());
    let filtered = Settings { sampler: SamplerStyle::Filtered, temperature: 0.5, ..rule(GuideRule::Product) };
    let message =
        Decoder::new(denoiser.spec(), Some(guide.spec()), &[1], 4, filtered).err().expect("refused").to_string();
    assert!(message.starts_with("guide 'product' draws drafts and product with the same Gumbel noise"), "{message}");
}

/// Every id is a letter, for both; the guide refuses texts that are too long.
struct Letters {
    ends: Vec<u32>,
    limit: usize,
}

impl GuideText for Letters {
    fn decode(&self, ids: &[u32]) -> (String, Vec<SpelledToken>) {
        let text: String = ids.iter().map(|id| char::from(b'a' + *id as u8)).collect();
        (text, (1..=ids.len()).map(|end| SpelledToken { end, reach: end }).collect())
    }

    fn encode(&self, text: &str) -> Result<Vec<(u32, Range<usize>)>, String> {
        if text.len() > self.limit {
            return Err("too long".to_owned());
        }
        let letters = text.bytes().zip(0..).map(|(letter, at)| (u32::from(letter - b'a'), at..at + 1));
        Ok([(1, 0..0)].into_iter().chain(letters).collect())
    }

    fn ends(&self) -> &[u32] {
        &self.ends
    }
}

/// A run by letters, under a guide that agrees with every draft.
fn lettered(text: Letters, gen_length: usize) -> Result<Vec<StepRecord>, DecodeError> {
    let mut denoiser = Scripted::denoiser(Alignment::Shifted, |position, _| favour(position as u32 % 20 + 1, 3.0));
    let mut guide = Scripted::guide(|place, _| favour(place as u32 % 20 + 1, 3.0));
    let settings = rule(GuideRule::Deterministic);
    let decoder = Decoder::new(denoiser.spec(), Some(guide.spec()), &[1], gen_length, settings)?;
    let run = Run::of(decoder.with_guide_text(Box::new(text))?, &mut denoiser, Some(&mut guide))?;
    Ok(run.records)
}

#[test]
fn a_text_that_the_guide_cannot_read_ends_the_run_in_one_sentence() {
    let ends = || vec![EOS];
    assert_eq!(accepted(&lettered(Letters { ends: ends(), limit: 99 }, 8).unwrap()), [8]);
    let error = lettered(Letters { ends: ends(), limit: 5 }, 8).unwrap_err().to_string();
    assert_eq!(error, "the guide cannot read what was written: too long");
}
