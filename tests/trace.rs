//! The trace file: what is written is read back, and whatever else is read does no harm.

#![allow(clippy::unwrap_used)]

#[path = "trace/compressed.rs"]
mod compressed;
#[path = "trace/memory.rs"]
mod memory;
#[path = "trace/schema.rs"]
mod schema;
mod support;

use std::path::Path;

use diffuscope::{
    decode::record::{
        AuditReport, AuditedPosition, Change, Commit, Cost, Credit, DraftReview, Gap, GuideReview, GuideView, KvStatus,
        KvUse, LayerUse, Proposal, Reason, Region, RowDrift, StepRecord, StopReason,
    },
    settings::{KNOBS, Settings},
    trace::{
        Certainty, End, Entry, Exchange, Figures, Header, Log, ModelCard, Piece, PositionChanges, TokenText, file,
    },
};
use proptest::{collection::vec, option, prelude::*, sample::subsequence};
use serde_json::json;
use support::strategies::any_of;

const MASK: u32 = 1;

fn text() -> impl Strategy<Value = String> {
    // Anything that a model or a person can bring: quotes, breaks, controls, wide and combining characters.
    prop_oneof![any::<String>(), Just("a\u{1b}[31m\n\"\\\t日本e\u{301}".to_owned())]
}

fn probability() -> impl Strategy<Value = f32> {
    prop_oneof![0.0_f32..=1.0, Just(0.0), Just(1.0)]
}

fn card() -> impl Strategy<Value = ModelCard> {
    let fingerprint = option::of("[0-9a-f]{32}");
    (text(), text(), any::<u32>(), 0..100_usize, fingerprint, any::<bool>()).prop_map(
        |(name, architecture, parameters, layers, fingerprint, chats)| ModelCard {
            name,
            architecture,
            parameters: parameters as usize,
            layers,
            device: "cpu".into(),
            fingerprint,
            chats,
            shape: None,
        },
    )
}

fn settings() -> impl Strategy<Value = Settings> {
    vec(-40_i64..40, KNOBS.len()).prop_map(|presses| {
        let mut settings = Settings::default();
        for (knob, presses) in KNOBS.iter().zip(presses) {
            knob.nudge(&mut settings, presses);
        }
        settings
    })
}

fn header() -> impl Strategy<Value = Header> {
    let prompt = vec((5..900_u32, text()), 0..4);
    let turns = vec((text(), text()).prop_map(|(prompt, answer)| Exchange { prompt, answer }), 0..3);
    (card(), option::of(card()), option::of(text()), settings(), text(), prompt, 1..6_usize, turns).prop_map(
        |(denoiser, guide, preset, settings, prompt, pieces, gen_length, turns)| Header {
            denoiser,
            guide,
            preset,
            settings,
            prompt,
            prompt_ids: pieces.iter().map(|(id, _)| *id).collect(),
            prompt_pieces: pieces.into_iter().map(|(_, piece)| piece).collect(),
            gen_length,
            mask_id: MASK,
            eos_id: 0,
            end_ids: Vec::new(),
            given: Vec::new(),
            turns,
            origin: None,
            peak: None,
        },
    )
}

fn proposal(position: usize) -> impl Strategy<Value = Proposal> {
    let alternatives = vec((any::<u32>(), probability()), 0..=Proposal::ALTERNATIVES);
    (any::<u32>(), probability(), 0.0_f32..20.0, -20.0_f32..1.0, alternatives).prop_map(
        move |(token, confidence, entropy, score, alternatives)| Proposal {
            position,
            token,
            confidence,
            entropy,
            score,
            alternatives,
            credit: Some(Credit { amount: entropy, token, confidence }),
            moved: Some(entropy),
        },
    )
}

fn commit(position: usize, token: u32) -> impl Strategy<Value = Commit> {
    (probability(), any_of()).prop_map(move |(confidence, reason)| Commit { position, token, confidence, reason })
}

fn kv() -> impl Strategy<Value = KvUse> {
    (any_of(), 0..9_u32).prop_map(|(status, age)| KvUse { status, age })
}

fn draft(position: usize) -> impl Strategy<Value = DraftReview> {
    let view = (any::<u32>(), probability(), probability(), 0..9_u32).prop_map(
        |(token, top_probability, draft_probability, rank)| GuideView {
            token,
            top_probability,
            draft_probability,
            rank,
        },
    );
    (any::<u32>(), any_of(), option::of(view), any::<Option<u32>>())
        .prop_map(move |(draft, verdict, view, instead)| DraftReview { position, draft, verdict, view, instead })
}

fn review(positions: Vec<usize>) -> impl Strategy<Value = GuideReview> {
    let drafts: Vec<_> = positions.into_iter().map(draft).collect();
    (drafts, vec(0..40_usize, 0..3), any_of()).prop_map(|(drafts, forwards, reading)| GuideReview {
        accepted: drafts.len() / 2,
        drafts,
        forwards,
        reading,
    })
}

fn cost() -> impl Strategy<Value = Cost> {
    (vec(0..1000_u32, 7), vec(0..1_000_000_u64, 5)).prop_map(|(counts, times)| Cost {
        nfe: counts[0],
        guide_forwards: counts[1],
        computed: counts[2],
        reused: counts[3],
        guide_computed: counts[4],
        denoiser_us: times[0],
        guide_us: times[1],
        other_us: times[2],
        audit_forwards: counts[5],
        audit_us: times[3],
        shadow_forwards: counts[6],
        shadow_us: times[4],
    })
}

fn audit(length: usize) -> impl Strategy<Value = Option<AuditReport>> {
    let everywhere = || subsequence((0..length).collect::<Vec<_>>(), 0..=length);
    let report = (everywhere(), everywhere(), 0.0..=1.0_f32, 0.0..9.0_f32, vec(-1.0..=1.0_f32, 0..4));
    option::of(report.prop_map(|(masked, reused, probability, kl, cosines)| {
        AuditReport {
            positions: masked
                .into_iter()
                .map(|position| AuditedPosition { position, token: 3, probability, differs: kl > 1.0, kl })
                .collect(),
            drift: reused
                .into_iter()
                .map(|position| RowDrift { position, keys: cosines.clone(), values: cosines.clone() })
                .collect(),
        }
    }))
}

/// What layers did to the rows of `length` positions, as far as it is known.
fn layers(length: usize) -> impl Strategy<Value = Vec<LayerUse>> {
    (vec((option::of(-1.0..=1.0_f32), vec(0..5_u32, length)), 0..4), any::<bool>()).prop_map(|(layers, is_known)| {
        let layer = |(similarity, ages): (_, Vec<u32>)| LayerUse {
            computed: ages.iter().filter(|age| **age == 0).count() as u32,
            similarity,
            ages: if is_known { ages } else { Vec::new() },
        };
        layers.into_iter().map(layer).collect()
    })
}

/// An entry of a run on `prompt` and `masks`, whatever its number.
fn entry(prompt: usize, masks: usize) -> impl Strategy<Value = Entry> {
    let length = prompt + masks;
    let generated: Vec<usize> = (prompt..length).collect();
    let some = || subsequence(generated.clone(), 0..=masks);
    let everywhere: Vec<usize> = (0..length).collect();
    (
        vec(any::<u32>(), length),
        vec(kv(), length),
        (some(), some(), option::of(some()), subsequence(everywhere, 0..=length)),
        (0..=length, 0..=length),
    )
        .prop_flat_map(move |(ids, kv, (proposed, committed, drafted, pieces), (a, b))| {
            let proposals: Vec<_> = proposed.into_iter().map(proposal).collect();
            let commits: Vec<_> = committed.into_iter().map(|position| commit(position, ids[position])).collect();
            let reviews = match drafted {
                Some(positions) => (option::of(review(positions.clone())), option::of(review(positions))).boxed(),
                None => Just((None, None)).boxed(),
            };
            let pieces: Vec<_> =
                pieces.into_iter().map(|position| text().prop_map(move |text| Piece { position, text })).collect();
            let texts = vec((any::<u32>(), text()), 0..3);
            let changes = vec(
                (0..KNOBS.len()).prop_map(|index| Change {
                    knob: KNOBS[index].name.into(),
                    value: KNOBS[index].default().to_string(),
                }),
                0..2,
            );
            let stop = option::of(any_of());
            let rare = (audit(length), layers(length));
            (proposals, commits, reviews, pieces, texts, changes, cost(), stop, rare).prop_map(
                move |(proposals, commits, (guide, shadow), pieces, texts, changes, cost, stop, (audit, layers))| {
                    Entry {
                        record: StepRecord {
                            step: 0,
                            region: Region { block: 0, start: a.min(b), end: a.max(b) },
                            changes,
                            edits: Vec::new(),
                            ids: ids.clone(),
                            proposals,
                            commits,
                            remasked: Vec::new(),
                            kv: kv.clone(),
                            layers,
                            guide,
                            shadow,
                            gap: Some(Gap { mean: 1.5, needed: 7.5, positions: 3 }),
                            audit,
                            cost,
                            stop,
                        },
                        pieces,
                        texts: texts.into_iter().map(|(id, text)| TokenText { id, text }).collect(),
                    }
                },
            )
        })
}

/// The end of a run on `prompt` and `masks`.
fn end(prompt: usize, masks: usize) -> impl Strategy<Value = End> {
    let failed = (0..masks, 1..=masks);
    let failed = failed.prop_map(move |(start, length)| prompt + start..prompt + (start + length).min(masks));
    (option::of(any_of()), text(), 0..9_usize, any::<Option<bool>>(), option::of(text()), option::of(failed)).prop_map(
        |(reason, answer, tokens, correct, verdict, failed)| End { reason, answer, tokens, correct, verdict, failed },
    )
}

/// A run: what a log is made of.
#[derive(Debug, Clone)]
struct Run {
    header: Header,
    entries: Vec<Entry>,
    end: Option<End>,
}

impl Run {
    fn log(&self) -> Log {
        let mut log = Log::new(self.header.clone());
        self.entries.iter().for_each(|entry| log.push(entry));
        self.end.iter().for_each(|end| log.finish(end.clone()));
        log
    }

    /// So many times over: long enough for several key steps.
    fn repeated(self, times: usize) -> Self {
        let entries = self.entries.iter().cycle().take(self.entries.len() * times).enumerate().map(|(step, entry)| {
            let record = StepRecord { step, ..entry.record.clone() };
            Entry { record, ..entry.clone() }
        });
        Self { entries: entries.collect(), ..self }
    }

    /// The file that this program wrote while it had format 1.
    fn in_format_1(&self) -> String {
        let stamp = json!({ "format": 1, "program": env!("CARGO_PKG_VERSION") });
        let mut lines = vec![json!({ "diffuscope": stamp, "header": self.header })];
        for entry in &self.entries {
            let mut line = serde_json::to_value(&entry.record).unwrap();
            (line["pieces"], line["texts"]) = (json!(entry.pieces), json!(entry.texts));
            lines.push(line);
        }
        lines.extend(self.end.iter().map(|end| json!({ "end": end })));
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        lines.join("\n") + "\n"
    }
}

fn run() -> impl Strategy<Value = Run> {
    header()
        .prop_flat_map(|header| {
            let entries = vec(entry(header.prompt_ids.len(), header.gen_length), 0..4);
            let end = end(header.prompt_ids.len(), header.gen_length);
            (Just(header), entries, option::of(end))
        })
        .prop_map(|(header, mut entries, end)| {
            for (step, entry) in entries.iter_mut().enumerate() {
                entry.record.step = step;
            }
            Run { header, entries, end }
        })
}

fn log() -> impl Strategy<Value = Log> {
    run().prop_map(|run| run.log())
}

fn written(log: &Log) -> Vec<u8> {
    let mut bytes = Vec::new();
    file::write(log, &mut bytes).unwrap();
    bytes
}

/// Everything that views index by.
fn look_at_all_of(log: &Log) {
    let length = log.header().canvas_length();
    for steps in 0..=log.len() + 1 {
        let canvas = log.canvas(steps);
        assert_eq!((canvas.length(), canvas.ids().count()), (length, length));
        for position in 0..=length {
            let _ = (canvas.piece(position), canvas.written(position));
        }
        let figures = Figures::of(log, steps);
        let _ = (figures.reuse(), figures.acceptance(), figures.tokens_per_second());
        assert_eq!(Figures::between(log, 0, steps), figures);
        let before = log.turned_at(steps).unwrap_or(steps).min(steps) / 2;
        let (first, then) = (Figures::of(log, before), Figures::between(log, before, steps));
        assert_eq!(first.steps + then.steps, figures.steps);
        assert_eq!(first.cost.total_us() + then.cost.total_us(), figures.cost.total_us());
        assert_eq!((first.judged + then.judged, first.flips + then.flips), (figures.judged, figures.flips));
        assert_eq!((then.masked, then.tokens), (figures.masked, figures.tokens.saturating_sub(first.tokens)));
        let _ = log.settings_at(steps);
        assert!(log.layer_kv(steps, 0..length).iter().all(|layer| layer.len() == length));
        assert!(log.layer_kv(steps, 0..length + 1).is_empty());
        (0..=length).for_each(|position| assert!(log.changes(position, steps).drafts <= steps));
        if let Some(record) = log.record(steps) {
            assert_eq!(record.kv.len(), length);
            assert!(record.region.end <= length);
            let drafts = record.guide.iter().flat_map(|review| &review.drafts).map(|draft| draft.position);
            let proposals = record.proposals.iter().map(|proposal| proposal.position);
            for position in record.commits.iter().map(|commit| commit.position).chain(drafts).chain(proposals) {
                assert!(position < length);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_step_is_given_back_as_it_was_pushed(run in run(), times in 1..30_usize) {
        let run = run.repeated(times);
        support::kept::check(&run.log(), &run.entries);
    }

    #[test]
    fn a_log_that_grows_gives_the_same_records_in_whatever_order_they_are_asked_for(
        run in run(),
        times in 1..30_usize,
        asked in vec(any::<prop::sample::Index>(), 1..40),
    ) {
        let run = run.repeated(times);
        let whole = run.log();
        let mut growing = Log::new(run.header);
        for (entry, asked) in run.entries.iter().zip(asked.iter().cycle()) {
            growing.push(entry);
            for steps in [growing.len(), 1 + asked.index(growing.len())] {
                let record = growing.record(steps).map(|record| (*record).clone());
                prop_assert_eq!(record, whole.entry(steps).map(|entry| entry.record));
            }
        }
    }

    #[test]
    fn format_1_opens_as_the_same_log(run in run()) {
        let opened = file::read("old", run.in_format_1().as_bytes()).unwrap();
        prop_assert_eq!(opened.log, run.log());
    }

    #[test]
    fn what_is_written_is_read_back(log in log()) {
        let opened = file::read("log", &written(&log)[..]).unwrap();
        prop_assert_eq!(opened.warnings.is_empty(), log.end().is_some());
        prop_assert_eq!(opened.log, log);
    }

    #[test]
    fn a_file_that_is_cut_off_opens_up_to_the_cut(log in log(), cut in any::<prop::sample::Index>()) {
        let bytes = written(&log);
        let cut = cut.index(bytes.len());
        let header = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        let whole_lines = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
        match file::read("cut", &bytes[..cut]) {
            // Only the line break may be missing from a line that counts.
            Ok(opened) => {
                prop_assert!(cut >= header);
                prop_assert!((whole_lines.max(1) - 1..=whole_lines).contains(&opened.log.len()));
                prop_assert_eq!(opened.warnings.len(), usize::from(opened.log.end().is_none()));
                look_at_all_of(&opened.log);
            }
            Err(error) => {
                prop_assert!(cut < header, "{}", error);
                prop_assert!(error.to_string().starts_with("cut is not a diffuscope trace"));
            }
        }
    }

    #[test]
    fn a_damaged_file_is_refused_or_safe(
        log in log(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let mut bytes = written(&log);
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                // A digit for a digit keeps the line well-formed and makes its numbers lie.
                1 if bytes[at].is_ascii_digit() => bytes[at] = b'0' + byte % 10,
                1 => bytes.insert(at, b'9'),
                _ => { bytes.remove(at); }
            }
            if bytes.is_empty() {
                bytes.push(b'\n');
            }
        }
        match file::read("damaged", &bytes[..]) {
            Ok(opened) => look_at_all_of(&opened.log),
            Err(error) => {
                let message = error.to_string();
                prop_assert!(message.starts_with("damaged") && !message.contains('\n'), "{}", message);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_safe(bytes in vec(any::<u8>(), 0..400)) {
        let error = file::read("bytes", &bytes[..]).unwrap_err().to_string();
        prop_assert!(error.starts_with("bytes is not a diffuscope trace"), "{}", error);
    }
}

/// A small log with one step, as JSON lines.
fn sample() -> Vec<String> {
    let header = Header {
        denoiser: ModelCard {
            name: "embedded".into(),
            architecture: "Dream".into(),
            parameters: 3,
            layers: 1,
            device: "cpu".into(),
            fingerprint: None,
            chats: false,
            shape: None,
        },
        guide: None,
        preset: None,
        settings: Settings::default(),
        prompt: "p".into(),
        prompt_ids: vec![7],
        prompt_pieces: vec!["p".into()],
        gen_length: 2,
        mask_id: MASK,
        eos_id: 0,
        end_ids: Vec::new(),
        given: Vec::new(),
        turns: Vec::new(),
        origin: None,
        peak: None,
    };
    let mut log = Log::new(header);
    let step = |step, ids: [u32; 3], position| {
        let kv = KvUse { status: KvStatus::Recomputed, age: 0 };
        Entry {
            record: StepRecord {
                step,
                region: Region { block: 0, start: 1, end: 3 },
                changes: Vec::new(),
                edits: Vec::new(),
                ids: ids.to_vec(),
                proposals: Vec::new(),
                commits: vec![Commit { position, token: ids[position], confidence: 0.5, reason: Reason::Quota }],
                remasked: Vec::new(),
                kv: vec![kv; 3],
                layers: Vec::new(),
                guide: None,
                shadow: None,
                gap: None,
                audit: None,
                cost: Cost { nfe: 1, computed: 3, ..Cost::default() },
                stop: None,
            },
            pieces: Vec::new(),
            texts: Vec::new(),
        }
    };
    log.push(step(0, [7, 8, MASK], 1));
    log.push(step(1, [7, 8, 9], 2));
    log.finish(End {
        reason: Some(StopReason::NothingMasked),
        answer: "x".into(),
        tokens: 2,
        correct: None,
        verdict: None,
        failed: None,
    });
    String::from_utf8(written(&log)).unwrap().lines().map(str::to_owned).collect()
}

/// The same log as this program wrote it in format 1.
fn sample_of_format_1() -> Vec<String> {
    let step = |step: usize, ids: &str, position: usize, token: u32| {
        format!(
            r#"{{"step":{step},"region":{{"block":0,"start":1,"end":3}},"ids":{ids},"proposals":[],"commits":[{{"position":{position},"token":{token},"confidence":0.5,"reason":"quota"}}],"kv":[{{"u":"c"}},{{"u":"c"}},{{"u":"c"}}],"cost":{{"nfe":1,"guide_forwards":0,"computed":3,"reused":0,"guide_computed":0,"denoiser_us":0,"guide_us":0,"other_us":0}}}}"#
        )
    };
    let mut lines = sample();
    lines[0] = lines[0].replacen(r#""format":2"#, r#""format":1"#, 1);
    lines[1] = step(0, "[7,8,1]", 1, 8);
    lines[2] = step(1, "[7,8,9]", 2, 9);
    lines
}

fn message(lines: &[String]) -> String {
    let text = lines.join("\n") + "\n";
    file::read("run.jsonl", text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn the_format_is_what_the_documentation_says() {
    let lines = sample();
    assert_eq!(lines.len(), 4);
    let version = env!("CARGO_PKG_VERSION");
    assert!(lines[0].starts_with(&format!(
        r#"{{"diffuscope":{{"format":2,"program":"{version}"}},"header":{{"denoiser":{{"name":"embedded""#
    )));
    assert_eq!(
        lines[1],
        r#"{"step":0,"region":{"block":0,"start":1,"end":3},"commits":[{"position":1,"token":8,"confidence":0.5,"reason":"quota"}],"cost":{"nfe":1,"guide_forwards":0,"computed":3,"reused":0,"guide_computed":0,"denoiser_us":0,"guide_us":0,"other_us":0},"columns":{}}"#
    );
    assert_eq!(lines[3], r#"{"end":{"reason":"nothing-masked","answer":"x","tokens":2}}"#);
}

#[test]
fn what_is_wrong_is_told_with_file_and_line() {
    let damaged_in = |mut lines: Vec<String>, line: usize, from: &str, to: &str| {
        assert!(lines[line - 1].contains(from), "{from} is not in line {line}");
        lines[line - 1] = lines[line - 1].replacen(from, to, 1);
        let message = message(&lines);
        let middle = message.strip_prefix(&format!("run.jsonl, line {line}: ")).and_then(|rest| {
            rest.strip_suffix("; the trace is damaged: record it again with `diffuscope run --trace`")
        });
        middle.unwrap_or_else(|| panic!("{message}")).to_owned()
    };
    let damaged = |line, from: &str, to: &str| damaged_in(sample(), line, from, to);
    let damaged_before = |line, from: &str, to: &str| damaged_in(sample_of_format_1(), line, from, to);
    assert_eq!(damaged(1, r#""gen_length":2"#, r#""gen_length":0"#), "gen_length is 0");
    assert_eq!(
        damaged(1, r#""gen_length":2"#, r#""gen_length":99999999999"#),
        "a prompt of 1 token and 99999999999 masks exceed the longest canvas of 1048576"
    );
    assert_eq!(damaged(1, r#""prompt_ids":[7]"#, r#""prompt_ids":[7,7]"#), "the prompt has 2 ids but 1 piece of text");
    assert_eq!(
        damaged_before(2, r#""ids":[7,8,1]"#, r#""ids":[7,8]"#),
        "ids has 2 values and the canvas has 3 positions"
    );
    assert_eq!(damaged_before(2, r#"{"u":"c"},"#, ""), "kv has 2 values and the canvas has 3 positions");
    assert_eq!(damaged(2, r#""end":3"#, r#""end":4"#), "the region 1..4 is outside the canvas of 3 positions");
    assert_eq!(
        damaged(2, r#""position":1"#, r#""position":3"#),
        "a commit at position 3 is outside the canvas of 3 positions"
    );
    assert_eq!(damaged(2, r#""position":1"#, r#""position":0"#), "a commit at position 0 writes into the prompt");
    assert_eq!(
        damaged_before(2, r#""token":8"#, r#""token":9"#),
        "the commit at position 1 writes token 9, and ids has 8 there"
    );
    assert_eq!(
        damaged(2, r#""confidence":0.5"#, r#""confidence":1.5"#),
        "a commit's confidence is 1.5, not between 0 and 1"
    );
    assert_eq!(damaged(3, r#""step":1"#, r#""step":2"#), "step 2 stands where step 1 is expected");
    assert_eq!(damaged(3, r#""nfe":1"#, r#""nfe":4294967295"#), "a cost of 4294967295 makes an impossible sum");
    assert_eq!(damaged_before(3, r#""kv""#, r#""vk""#), "missing field `kv` (column 307)");
    assert_eq!(damaged(3, r#""columns""#, r#""columms""#), "missing field `columns` (column 254)");
    let columns = |columns: &str| damaged(2, r#""columns":{}"#, &format!(r#""columns":{{{columns}}}"#));
    assert_eq!(columns(r#""kv":"AAgA""#), "the column kv leaves the canvas");
    assert_eq!(columns(r#""kv":"AAgA/w==""#), "the column kv leaves the canvas");
    assert_eq!(columns(r#""kv":"AAL/""#), "the column kv ends early");
    assert_eq!(columns(r#""kv":"AAIB""#), "the column kv has a number out of range");
    assert_eq!(columns(r#""at":"AAI=""#), "the column kinds ends early");
    assert_eq!(columns(r#""order":"AA==""#), "the column order is longer than its step");
    assert_eq!(columns(r#""review":"AAY=""#), "3 is no way to read drafts");
    assert_eq!(columns(r#""shadow":"AAA=","shadow_at":"AAgA""#), "the column shadow_at leaves the canvas");
    // A step of one layer that computed one row, with what its columns say of that.
    let layer = |columns: &str| {
        let to = format!(r#""layers":[{{"computed":1}}],"columns":{{{columns}}}"#);
        damaged(2, r#""columns":{}"#, &to)
    };
    assert_eq!(layer(r#""layer_rows":"BA==""#), "the column layer_rows has a number out of range");
    assert_eq!(layer(r#""layer_rows":"AgYC""#), "the column layer_rows leaves the canvas");
    assert_eq!(layer(r#""layer_rows":"AgAE","layer_ages":"AAgC""#), "the column layer_ages leaves the canvas");
    assert_eq!(layer(r#""layer_ages":"AAgC""#), "the column layer_ages is longer than its step");
    assert_eq!(layer(r#""layer_rows":"Ag==""#), "a layer computes 1 of its rows, and 3 of them are new");
    let ages = r#""layers":[{"computed":1,"ages":[0]}],"cost""#;
    assert_eq!(damaged_before(2, r#""cost""#, ages), "a layer has ages of 1 row and the canvas has 3 positions");
    let failed = |failed: &str| damaged(4, r#""tokens":2"#, &format!(r#""tokens":2,"failed":{failed}"#));
    assert_eq!(failed(r#"{"start":0,"end":2}"#), "the answer fails at 0..2, and its positions are 1..3");
    assert_eq!(failed(r#"{"start":2,"end":4}"#), "the answer fails at 2..4, and its positions are 1..3");
    assert_eq!(failed(r#"{"start":2,"end":2}"#), "the answer fails at 2..2, and its positions are 1..3");
    assert!(columns(r#""kv":"?""#).starts_with("a column is no base64: Invalid symbol 63, offset 0. (column "));
    let ids = damaged(2, r#""columns""#, r#""ids":[[3,9]],"columns""#);
    assert_eq!(ids, "an id at position 3 is outside the canvas of 3 positions");
    assert_eq!(
        damaged(2, r#""columns""#, r#""ids":[[1,9]],"columns""#),
        "the commit at position 1 writes token 8, and ids has 9 there"
    );
    assert!(damaged(3, "{", "").starts_with("invalid type: string"));
}

#[test]
fn a_file_of_format_1_opens_as_it_was_written() {
    let opened = file::open(Path::new("tests/trace/format-1.jsonl")).unwrap();
    assert_eq!(opened.warnings, [""; 0]);
    let log = opened.log;
    let figures = Figures::of(&log, log.len());
    assert_eq!((log.header().preset.as_deref(), log.len()), (Some("flashdlm"), 5));
    assert_eq!((figures.cost.nfe, figures.tokens, figures.reviews, figures.audited), (5, 4, 5, 12));
    assert_eq!(log.record(1).unwrap().proposals.len(), 12);
    look_at_all_of(&log);
    assert_eq!(file::read("new", &written(&log)[..]).unwrap().log, log);
    let columns = log.entries().collect();
    let run = Run { header: log.header().clone(), entries: columns, end: log.end().cloned() };
    assert_eq!(file::read("old", run.in_format_1().as_bytes()).unwrap().log, log);
}

#[test]
fn what_is_no_trace_is_told() {
    let not = |text: &str| file::read("x", text.as_bytes()).unwrap_err().to_string();
    let way_out = "; `diffuscope run --trace FILE` writes one";
    assert_eq!(not(""), format!("x is not a diffuscope trace: it is empty{way_out}"));
    for other in ["hello\n", "[1]\n", "{\"version\": 2}\n", "\u{0}\n"] {
        assert_eq!(not(other), format!("x is not a diffuscope trace: its first line is no header{way_out}"));
    }
    let mut lines = sample();
    assert_eq!(not(&lines[0][..100]), format!("x is not a diffuscope trace: its header is cut off{way_out}"));
    lines[0] = r#"{"diffuscope":{"format":3,"program":"9.0.0"},"other":1}"#.into();
    assert_eq!(
        message(&lines),
        "run.jsonl was written by diffuscope 9.0.0 in trace format 3, and this version reads up to 2: use a newer \
         diffuscope"
    );
    let missing = Path::new("no-such-folder/run.jsonl");
    assert!(file::open(missing).unwrap_err().to_string().starts_with("no-such-folder/run.jsonl cannot be read: "));
}

#[test]
fn a_trace_without_an_end_or_with_too_much_is_told() {
    let mut lines = sample();
    let end = lines.pop().unwrap();
    let text = lines.join("\n") + "\n";
    let opened = file::read("x", text.as_bytes()).unwrap();
    assert_eq!(opened.log.len(), 2);
    assert_eq!(opened.warnings, ["the trace has no end: its run was interrupted after 2 steps"]);
    let opened = file::read("x", &text.as_bytes()[..text.len() - 9]).unwrap();
    assert_eq!(opened.log.len(), 1);
    assert_eq!(opened.warnings, ["line 3 of the trace is cut off: it opens with the 1 step before it"]);
    lines.extend([end.clone(), end]);
    assert_eq!(
        message(&lines),
        "run.jsonl, line 5: there is more after the end of the run; the trace is damaged: record it again with \
         `diffuscope run --trace`"
    );
}

/// The sample as the next major version might write it, with a line changed.
fn later(line: usize, from: &str, to: &str) -> Vec<String> {
    later_of(sample(), line, from, to)
}

fn later_of(mut lines: Vec<String>, line: usize, from: &str, to: &str) -> Vec<String> {
    lines[0] = lines[0].replacen(env!("CARGO_PKG_VERSION"), "999.2.0", 1);
    assert!(lines[line - 1].contains(from), "{from} is not in line {line}");
    lines[line - 1] = lines[line - 1].replacen(from, to, 1);
    lines
}

#[test]
fn knobs_that_this_version_does_not_know_are_left_out_and_told() {
    let version = env!("CARGO_PKG_VERSION");
    let warning = |lines: Vec<String>| {
        let opened = file::read("x", (lines.join("\n") + "\n").as_bytes()).unwrap();
        assert_eq!(opened.log.len(), 2);
        let [warning] = &opened.warnings[..] else { panic!("{:?}", opened.warnings) };
        (warning.clone(), opened.log.header().settings)
    };
    let threshold = r#""threshold":0.9"#;
    let (told, settings) = warning(later(1, threshold, r#""threshold":0.25,"new-knob":1"#));
    assert_eq!(
        told,
        format!(
            "the trace was written by diffuscope 999.2.0 and sets new-knob = 1, which this one ({version}) does not \
             know: it is left out"
        )
    );
    assert_eq!(settings, Settings { threshold: 0.25, ..Settings::default() }, "the others are taken");
    let many = r#""threshold":[[1],{"a":2}],"n1":null,"n2":"\u001b[31m","n3":true,"n4":0"#;
    let (told, settings) = warning(later(1, threshold, many));
    assert_eq!(settings, Settings::default());
    assert!(told.contains(" sets threshold, n1, n2 = �[31m and 2 more, which this one "), "{told}");
    assert!(told.ends_with(" does not know: they are left out"), "{told}");
    let (told, settings) = warning(later(1, r#""unmask":"quota""#, r#""unmask":"by-tea-leaves""#));
    assert_eq!(settings, Settings::default());
    assert!(told.contains(" sets unmask = by-tea-leaves, which this one "), "{told}");
    let mut lines = sample();
    lines[0] = lines[0].replacen(threshold, &format!(r#""{}":"\u001b""#, "k".repeat(99)), 1);
    let (told, _) = warning(lines);
    let name = "k".repeat(40);
    assert!(
        told.starts_with(&format!("the trace was written by diffuscope {version} and sets {name}…, which")),
        "{told}"
    );
}

#[test]
fn what_a_later_version_knows_beyond_this_one_is_no_damage() {
    let version = env!("CARGO_PKG_VERSION");
    let beyond_in = |lines: Vec<String>, line: usize, from: &str, to: &str| {
        let message = message(&later_of(lines, line, from, to));
        let middle = message.strip_prefix(&format!("run.jsonl, line {line}: ")).and_then(|rest| {
            rest.strip_suffix(&format!(
                "; it was written by diffuscope 999.2.0, which knows more than this one ({version}): use a newer diffuscope"
            ))
        });
        middle.unwrap_or_else(|| panic!("{message}")).to_owned()
    };
    let beyond = |line, from: &str, to: &str| beyond_in(sample(), line, from, to);
    assert!(beyond(2, r#""quota""#, r#""new-reason""#).starts_with("unknown variant `new-reason`, expected one of"));
    assert_eq!(beyond(2, r#""columns":{}"#, r#""columns":{"review":"AAY="}"#), "3 is no way to read drafts");
    assert!(
        beyond_in(sample_of_format_1(), 2, r#""u":"c""#, r#""u":"x""#).starts_with("unknown variant `x`, expected")
    );
    assert!(beyond(4, "nothing-masked", "bored").starts_with("unknown variant `bored`"));
    assert!(beyond(1, r#""gen_length":2"#, r#""gen_length":"two""#).starts_with("invalid type: string \"two\""));
    assert_eq!(beyond(3, r#""step":1"#, r#""step":2"#), "step 2 stands where step 1 is expected");
    let long = beyond(2, r#""quota""#, &format!(r#""{}""#, "q".repeat(100_000)));
    assert!(long.len() < 300 && long.contains("q… (column "), "{long}");
    let torn = message(&later(3, r#""columns":{"#, r#""columns":,{"#));
    assert!(torn.ends_with("the trace is damaged: record it again with `diffuscope run --trace`"), "{torn}");
    let mut lines = sample();
    lines[1] = lines[1].replacen("quota", "new-reason", 1);
    assert!(message(&lines).contains("the trace is damaged"), "this very version knows no such word");
}

#[test]
fn lines_of_a_later_version_are_left_out() {
    let mut lines = later(1, "{", "{");
    lines.insert(1, r#"{"note":{"text":"seen by nobody"}}"#.to_owned());
    lines.push(r#"{"summary":1}"#.to_owned());
    let opened = file::read("x", (lines.join("\n") + "\n").as_bytes()).unwrap();
    assert_eq!((opened.log.len(), opened.log.end().is_some()), (2, true));
    let version = env!("CARGO_PKG_VERSION");
    let told = format!("the trace has 2 lines of diffuscope 999.2.0 that this one ({version}) leaves out");
    assert_eq!(opened.warnings, [told]);
    lines[0] = sample().swap_remove(0);
    assert!(message(&lines).contains("missing field `step`"));
}

#[test]
fn a_step_in_a_trace_without_end_is_counted() {
    let lines = sample()[..2].join("\n") + "\n";
    let opened = file::read("x", lines.as_bytes()).unwrap();
    assert_eq!(opened.warnings, ["the trace has no end: its run was interrupted after 1 step"]);
}

#[test]
fn a_saved_trace_takes_a_free_name() {
    let folder = support::files::Folder::new();
    let log = file::read("x", (sample().join("\n") + "\n").as_bytes()).unwrap().log;
    let path = folder.write("run.jsonl", "precious");
    assert_eq!(file::save(&log, &path).unwrap(), folder.path("run-2.jsonl"));
    assert_eq!(file::save(&log, &path).unwrap(), folder.path("run-3.jsonl"));
    assert_eq!(file::save(&log, &folder.path("no ending")).unwrap(), folder.path("no ending"));
    assert_eq!(file::save(&log, &folder.path("no ending")).unwrap(), folder.path("no ending-2"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(file::open(&folder.path("run-3.jsonl")).unwrap().log, log);
    let nowhere = folder.path("no-such-folder/run.jsonl");
    let told = file::save(&log, &nowhere).unwrap_err().to_string();
    let expected = format!("the trace could not be saved as {}: No such file or directory", nowhere.display());
    assert!(told.starts_with(&expected), "{told}");
}

#[test]
fn every_step_of_a_log_keeps_its_canvas() {
    let sample = file::read("x", (sample().join("\n") + "\n").as_bytes()).unwrap().log;
    let mut log = Log::new(sample.header().clone());
    let record = sample.record(1).unwrap();
    let step =
        |step, ids: [u32; 3], remasked: Vec<usize>, commit: Option<(usize, Reason)>, pieces: &[(usize, &str)]| {
            let commit = commit.map(|(position, reason)| Commit { position, token: 0, confidence: 0.25, reason });
            let record = StepRecord {
                step,
                ids: ids.to_vec(),
                remasked,
                commits: commit.into_iter().collect(),
                ..StepRecord::clone(&record)
            };
            let pieces = pieces.iter().map(|(position, text)| Piece { position: *position, text: (*text).into() });
            Entry { record, pieces: pieces.collect(), texts: Vec::new() }
        };
    log.push(step(0, [7, 8, MASK], vec![], Some((1, Reason::Quota)), &[(1, "a")]));
    log.push(step(1, [7, 8, MASK], vec![], None, &[]));
    log.push(step(2, [7, MASK, 9], vec![1], Some((2, Reason::Forced)), &[(1, ""), (2, "b\u{7}")]));
    log.push(step(3, [7, 5, 9], vec![1], Some((1, Reason::Revised)), &[(1, "c")]));
    let seen = |steps: usize| {
        let canvas = log.canvas(steps);
        let text: Vec<&str> = (0..3).map(|position| canvas.piece(position)).collect();
        (canvas.ids().collect::<Vec<_>>(), text.join("|"), [1, 2].map(|position| canvas.written(position)))
    };
    assert_eq!(seen(0), (vec![7, MASK, MASK], "p||".into(), [None, None]));
    let first = Some((0, Reason::Quota, 0.25));
    assert_eq!(seen(1), (vec![7, 8, MASK], "p|a|".into(), [first, None]));
    assert_eq!(seen(2), seen(1));
    let third = Some((2, Reason::Forced, 0.25));
    assert_eq!(seen(3), (vec![7, MASK, 9], "p||b\u{fffd}".into(), [None, third]));
    assert_eq!(seen(4), (vec![7, 5, 9], "p|c|b\u{fffd}".into(), [Some((3, Reason::Revised, 0.25)), third]));
    assert_eq!(seen(99), seen(4));
}

#[test]
fn layers_that_would_fill_the_memory_are_refused() {
    let mut lines = sample();
    lines[0] = lines[0].replacen(r#""gen_length":2"#, r#""gen_length":1000000"#, 1);
    let layers = vec![r#"{"computed":1}"#; 4096].join(",");
    let to = format!(r#""layers":[{layers}],"columns":{{"layer_rows":"Ag=="}}"#);
    lines[1] = lines[1].replacen(r#""columns":{}"#, &to, 1);
    let message = message(&lines);
    assert!(message.contains("4096 layers of 1000001 rows are listed, and 4194304 rows is the most"), "{message}");
}

/// Step by step on the sample's canvas of one token and two masks: the canvas after it, what it masked again, and what it
/// proposed at position 1.
fn run_of(steps: &[([u32; 3], &[usize], Option<u32>)]) -> Log {
    let sample = file::read("x", (sample().join("\n") + "\n").as_bytes()).unwrap().log;
    let mut log = Log::new(sample.header().clone());
    let record = sample.record(1).unwrap();
    for (step, (ids, remasked, proposed)) in steps.iter().enumerate() {
        let written =
            |position: &usize| ids[*position] != MASK && log.canvas(step).id(*position) != Some(ids[*position]);
        let commit =
            |position: usize| Commit { position, token: ids[position], confidence: 0.5, reason: Reason::Quota };
        let proposal = |token: u32| Proposal {
            position: 1,
            token,
            confidence: 0.5,
            entropy: 1.25,
            score: 0.5,
            alternatives: vec![(token, 0.5), (token + 1, 0.125)],
            credit: None,
            moved: None,
        };
        let record = StepRecord {
            step,
            ids: ids.to_vec(),
            commits: (1..3).filter(written).map(commit).collect(),
            remasked: remasked.to_vec(),
            proposals: proposed.iter().copied().map(proposal).collect(),
            ..StepRecord::clone(&record)
        };
        log.push(Entry { record, pieces: Vec::new(), texts: Vec::new() });
    }
    log
}

#[test]
fn the_changes_of_a_position_are_counted_up_to_any_step() {
    let log = run_of(&[
        ([7, MASK, MASK], &[], Some(20)),
        ([7, MASK, MASK], &[], Some(21)),
        ([7, MASK, 9], &[], None),
        ([7, 20, 9], &[], Some(20)),
        ([7, 30, 9], &[], None),
        ([7, MASK, 9], &[1], None),
        // Another draft under another mask is no change of the one before.
        ([7, MASK, 9], &[], Some(40)),
        ([7, 41, 9], &[], Some(41)),
        ([7, 42, 9], &[1], None),
    ]);
    let seen = |steps| {
        let PositionChanges { drafts, masked_again, written_over } = log.changes(1, steps);
        (drafts, masked_again, written_over)
    };
    let expected =
        [(0, 0, 0), (0, 0, 0), (1, 0, 0), (1, 0, 0), (2, 0, 0), (2, 0, 1), (2, 1, 1), (2, 1, 1), (3, 1, 1), (3, 2, 1)];
    assert_eq!((0..=9).map(seen).collect::<Vec<_>>(), expected);
    assert_eq!(log.changes(1, 99).revisions(), 3);
    assert_eq!([0, 2, 3].map(|position| log.changes(position, 9)), [PositionChanges::default(); 3]);
    let opened = file::read("x", written(&log).as_slice()).unwrap().log;
    assert_eq!(opened, log, "a file gives the same counts");
}

#[test]
fn what_was_written_keeps_how_certain_it_was() {
    let log = run_of(&[([7, 20, MASK], &[], Some(20)), ([7, 20, 9], &[], None)]);
    let certainty = |step: usize, position| log.step(step).unwrap().certainty_at(position);
    let Some(Certainty { entropy, margin }) = certainty(1, 1) else { panic!("it was proposed") };
    assert!((entropy - 1.25).abs() < 1e-3 && margin.is_some_and(|margin| (margin - 0.375).abs() < 1e-4), "{margin:?}");
    assert_eq!((certainty(1, 2), certainty(2, 2), certainty(2, 1)), (None, None, None));
}

#[test]
fn the_rows_of_each_layer_are_known_with_what_they_are_of() {
    let mut log = run_of(&[([7, MASK, MASK], &[], Some(20)), ([7, 20, MASK], &[], Some(20))]);
    let mut entry = log.entry(2).unwrap();
    let used = |status, age| KvUse { status, age };
    // The third step computes position 1 in both layers, and all of them in the second.
    entry.record.step = 2;
    entry.record.commits.clear();
    entry.record.kv = vec![used(KvStatus::Reused, 2), used(KvStatus::Recomputed, 0), used(KvStatus::Dropped, 1)];
    let layer = |computed, ages: [u32; 3]| LayerUse { computed, similarity: None, ages: ages.into() };
    entry.record.layers = vec![layer(1, [2, 0, 1]), layer(3, [0, 0, 0])];
    log.push(&entry);
    let mut next = entry.clone();
    next.record.step = 3;
    next.record.kv[1] = used(KvStatus::Stale, 3);
    next.record.layers = vec![layer(0, [3, 3, 2]), layer(0, [1, 1, 1])];
    log.push(&next);
    let kept = |steps, layer: usize| log.layer_kv(steps, 0..3)[layer].clone();
    let new = used(KvStatus::Recomputed, 0);
    assert_eq!(kept(3, 0), [used(KvStatus::Reused, 2), new, used(KvStatus::Dropped, 1)]);
    assert_eq!(kept(3, 1), [new; 3]);
    // The first layer still has the row of the mask that stood at position 1 before the second step wrote there.
    assert_eq!(kept(4, 0), [used(KvStatus::Reused, 3), used(KvStatus::Stale, 3), used(KvStatus::Dropped, 2)]);
    assert_eq!(kept(4, 1), [used(KvStatus::Reused, 1), used(KvStatus::Reused, 1), used(KvStatus::Dropped, 1)]);
    assert_eq!(log.layer_kv(4, 1..2).concat(), [used(KvStatus::Stale, 3), used(KvStatus::Reused, 1)]);
    assert!(log.layer_kv(2, 0..3).is_empty() && log.layer_kv(9, 0..3).is_empty());
    assert!(log.step(4).unwrap().layers().iter().all(|layer| layer.ages.is_empty()), "they are packed");
}
