//! Whatever happens, in whatever order, at whatever size: nothing panics, and the picture is a function of the log.

use std::collections::BTreeMap;

use crossterm::event::{
    Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use diffuscope::{
    decode::record::{
        AuditReport, AuditedPosition, Change, Commit, Cost, Credit, DraftReview, Gap, GuideReading, GuideReview,
        GuideView, KvUse, LayerUse, Proposal, Region, RowDrift, StepRecord, StopReason, Verdict,
    },
    engine::protocol::Event,
    model::network::NetworkShape,
    trace::{End, Entry, Header, Log, ModelCard, Piece, TokenText},
    tui::{
        Action, Effect, Layer, Pane,
        keymap::{Context, Keymap},
    },
};
use proptest::prelude::*;

use super::{
    common::{self, EOS, MASK},
    driver::{DARK, Driver, LIGHT, MONO},
    exports, sitting,
    support::strategies::any_of,
};

/// Text of any kind, the dangerous kinds often.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z ]{0,8}",
        1 => any::<String>().prop_map(|text| text.chars().take(12).collect()),
        1 => prop_oneof![
            Just("日本語".to_owned()), Just("e\u{301}".to_owned()), Just("👩‍👩‍👧‍👦".to_owned()), Just("\n".to_owned()), Just("\n    ".to_owned()),
            Just("\u{1b}[2J".to_owned()), Just("\u{202e}abc".to_owned()), Just(String::new()), Just("    ".to_owned()),
        ],
    ]
}

fn share() -> impl Strategy<Value = f32> {
    prop_oneof![8 => 0.0f32..=1.0, 1 => Just(f32::NAN), 1 => Just(f32::INFINITY), 1 => Just(-3.0f32)]
}

/// A draft: its id, its verdict, and what the guide saw.
type Draft = (u32, Verdict, Option<(u32, f32, u32)>);

/// A review of drafts by their positions.
fn review(drafts: BTreeMap<usize, Draft>) -> GuideReview {
    GuideReview {
        accepted: drafts.len() / 2,
        forwards: vec![drafts.len()],
        drafts: drafts
            .into_iter()
            .map(|(position, (draft, verdict, view))| DraftReview {
                position,
                draft,
                verdict,
                view: view.map(|(token, probability, rank)| GuideView {
                    token,
                    top_probability: probability,
                    draft_probability: probability,
                    rank,
                }),
                instead: None,
            })
            .collect(),
        reading: GuideReading::Ids,
    }
}

/// A step over a canvas of `prompt` + `length` positions: what it writes is arbitrary, its shape is valid.
fn entry(prompt: usize, length: usize) -> impl Strategy<Value = Entry> {
    let end = prompt + length;
    let proposals = prop::collection::btree_map(prompt..end, (0u32..12, share(), share()), 0..length.min(20) + 1);
    let commits = prop::collection::btree_map(prompt..end, (0u32..12, share(), any_of()), 0..6);
    let drafts = prop::collection::btree_map(
        prompt..end,
        (0u32..12, any_of(), prop::option::of((0u32..12, share(), 0u32..9))),
        0..8,
    );
    let kv = prop::collection::vec((any_of(), 0u32..90), end);
    let pieces = prop::collection::btree_map(prompt..end, text(), 0..6);
    let region = (prompt..end, 1..length + 1);
    let ages = prop_oneof![99 => prop::collection::vec(0u32..9, end), 1 => prop::collection::vec(any::<u32>(), 0..9)];
    let layers = prop::collection::vec((0u32..300, prop::option::of(share()), ages), 0..40);
    let audit = prop::option::of((share(), prop::collection::vec(share(), 0..40)));
    let rare = (layers, audit, any::<bool>());
    (proposals, commits, prop::option::of(drafts), kv, pieces, region, any::<[u16; 4]>(), rare).prop_map(
        move |(proposals, commits, drafts, kv, pieces, (start, size), cost, (layers, audit, changed))| Entry {
            record: StepRecord {
                step: 0,
                region: Region { block: 0, start, end: (start + size).min(end) },
                changes: if changed {
                    vec![Change { knob: "threshold".to_owned(), value: "0.5".to_owned() }]
                } else {
                    Vec::new()
                },
                edits: Vec::new(),
                ids: Vec::new(),
                proposals: proposals
                    .into_iter()
                    .map(|(position, (token, confidence, entropy))| Proposal {
                        position,
                        token,
                        confidence,
                        score: confidence,
                        entropy,
                        alternatives: vec![(token, confidence), (token + 1, entropy)],
                        credit: (token % 2 == 0).then_some(Credit { amount: entropy, token: token + 1, confidence }),
                        moved: (token % 3 == 0).then_some(entropy),
                    })
                    .collect(),
                commits: commits
                    .into_iter()
                    .map(|(position, (token, confidence, reason))| Commit { position, token, confidence, reason })
                    .collect(),
                remasked: if cost[1] % 4 == 0 { vec![prompt] } else { Vec::new() },
                kv: kv.into_iter().map(|(status, age)| KvUse { status, age }).collect(),
                layers: layers
                    .into_iter()
                    .map(|(computed, similarity, ages)| LayerUse { computed, similarity, ages })
                    .collect(),
                guide: drafts.clone().filter(|_| changed).map(review),
                shadow: drafts.filter(|_| !changed).map(review),
                gap: changed.then_some(Gap { mean: f32::from(cost[0]), needed: 7.5, positions: 3 }),
                audit: audit.map(|(kl, cosines)| AuditReport {
                    positions: vec![AuditedPosition {
                        position: prompt,
                        token: 3,
                        probability: kl,
                        differs: changed,
                        kl,
                    }],
                    drift: vec![RowDrift { position: prompt / 2, keys: cosines.clone(), values: cosines }],
                }),
                cost: Cost {
                    nfe: 1,
                    guide_forwards: u32::from(cost[0] % 3),
                    computed: cost[1].into(),
                    reused: cost[2].into(),
                    guide_computed: 0,
                    denoiser_us: cost[3].into(),
                    guide_us: cost[0].into(),
                    other_us: 3,
                    audit_forwards: u32::from(cost[2] % 2),
                    audit_us: 7,
                    shadow_forwards: u32::from(cost[1] % 2),
                    shadow_us: 5,
                },
                stop: None,
            },
            pieces: pieces.into_iter().map(|(position, text)| Piece { position, text }).collect(),
            texts: Vec::new(),
        },
    )
}

/// Any valid log.
pub fn log() -> impl Strategy<Value = Log> {
    (0usize..6, 1usize..40).prop_flat_map(|(prompt, length)| {
        (
            prop::collection::vec(text(), prompt),
            prop::collection::vec(entry(prompt, length), 0..8),
            text(),
            prop::collection::vec(text(), 16),
            prop::option::of((any::<Option<bool>>(), prop::option::of(text()), prop::option::of(0..length))),
        )
            .prop_map(move |(prompt_pieces, entries, title, texts, end)| {
                // Of a file, sizes can be anything.
                let size = length << (length % 60);
                let shape = (length % 3 > 0).then_some(NetworkShape {
                    hidden: size,
                    intermediate: size,
                    heads: size,
                    kv_heads: size,
                    head_dim: size,
                    vocab: size,
                    kv_number: size,
                    weight_bytes: u64::MAX,
                });
                let header = Header {
                    denoiser: ModelCard { shape, ..common::card(&title, &title, length * 1000, 2) },
                    guide: (length % 2 == 0).then(|| common::card(&title, &title, 7, 1)),
                    preset: Some(title.clone()),
                    settings: common::settings("flashdlm"),
                    prompt: title,
                    prompt_ids: vec![3; prompt],
                    prompt_pieces,
                    gen_length: length,
                    mask_id: MASK,
                    eos_id: EOS,
                    end_ids: Vec::new(),
                    given: Vec::new(),
                    turns: Vec::new(),
                    origin: None,
                    peak: (length % 5 > 0).then_some(u64::MAX),
                };
                let mut ids = header.prompt_ids.clone();
                ids.resize(header.canvas_length(), MASK);
                let mut log = Log::new(header);
                for (step, mut entry) in entries.into_iter().enumerate() {
                    for commit in &entry.record.commits {
                        ids[commit.position] = commit.token;
                    }
                    entry.record.ids.clone_from(&ids);
                    entry.record.step = step;
                    if step == 0 {
                        // Ids are named when they first occur, and never again.
                        entry.texts =
                            texts.iter().zip(2..).map(|(text, id)| TokenText { id, text: text.clone() }).collect();
                    }
                    log.push(entry);
                }
                if let Some((correct, verdict, failed)) = end {
                    log.finish(End {
                        reason: Some(StopReason::EndOfText),
                        answer: String::new(),
                        tokens: 3,
                        correct,
                        verdict,
                        failed: failed.map(|at| prompt + at..(prompt + at + 3).min(prompt + length)),
                    });
                }
                log
            })
    })
}

/// Something a user, the terminal or the engine can do.
#[derive(Debug, Clone)]
enum Deed {
    Key(KeyCode, KeyModifiers),
    Mouse(MouseEventKind, u16, u16),
    Paste(String),
    Resize(u16, u16),
    Tick(u64),
    Step,
}

fn deed() -> impl Strategy<Value = Deed> {
    let code = prop_oneof![
        6 => prop::char::range(' ', '~').prop_map(KeyCode::Char),
        6 => prop_oneof![
            Just(KeyCode::Enter), Just(KeyCode::Esc), Just(KeyCode::Tab), Just(KeyCode::BackTab), Just(KeyCode::Left),
            Just(KeyCode::Right), Just(KeyCode::Up), Just(KeyCode::Down), Just(KeyCode::Home), Just(KeyCode::End),
            Just(KeyCode::PageUp), Just(KeyCode::PageDown), Just(KeyCode::Backspace), Just(KeyCode::F(1)),
        ],
        1 => any::<char>().prop_map(KeyCode::Char),
    ];
    let modifiers = prop_oneof![
        6 => Just(KeyModifiers::NONE), 1 => Just(KeyModifiers::CONTROL), 1 => Just(KeyModifiers::SHIFT), 1 => Just(KeyModifiers::ALT),
    ];
    let mouse = prop_oneof![
        Just(MouseEventKind::Down(MouseButton::Left)),
        Just(MouseEventKind::Drag(MouseButton::Left)),
        Just(MouseEventKind::ScrollUp),
        Just(MouseEventKind::ScrollDown),
    ];
    prop_oneof![
        8 => (code, modifiers).prop_map(|(code, modifiers)| Deed::Key(code, modifiers)),
        2 => (mouse, 0u16..130, 0u16..50).prop_map(|(kind, x, y)| Deed::Mouse(kind, x, y)),
        1 => text().prop_map(Deed::Paste),
        1 => (1u16..170, 1u16..60).prop_map(|(width, height)| Deed::Resize(width, height)),
        2 => (0u64..200_000).prop_map(Deed::Tick),
        2 => Just(Deed::Step),
    ]
}

/// Does what the user and the terminal can do by themselves.
fn by_hand(driver: &mut Driver, deed: Deed) {
    match deed {
        Deed::Key(code, modifiers) => {
            driver.event(TerminalEvent::Key(KeyEvent::new(code, modifiers)));
        }
        Deed::Mouse(kind, column, row) => {
            driver.event(TerminalEvent::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
        }
        Deed::Resize(width, height) => {
            driver.size = (width, height);
            driver.redraw();
        }
        Deed::Tick(millis) => {
            driver.tick(millis);
        }
        Deed::Paste(text) => {
            driver.event(TerminalEvent::Paste(text));
        }
        Deed::Step => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_log_can_be_drawn_at_any_size(log in log(), width in 1u16..200, height in 1u16..60, select in 0usize..46) {
        for theme in [DARK, LIGHT, MONO] {
            let app = diffuscope::tui::App::replay("x", Box::new(log.clone()), theme);
            let mut driver = Driver { app, size: (width, height), effects: Vec::new() };
            for steps in 0..=log.len() {
                driver.act(Action::ScrubTo(steps));
                for layer in Layer::all() {
                    driver.act(Action::Layer(layer)).act(Action::Pane(Pane::Map)).act(Action::Pane(Pane::Map));
                }
                driver.act(Action::Select(select)).act(Action::ToggleDrafts);
            }
            let (buffer, _) = driver.draw();
            prop_assert!(buffer.content.iter().all(|cell| !cell.symbol().contains(char::is_control)));
        }
    }

    #[test]
    fn no_sequence_of_deeds_panics(log in log(), deeds in prop::collection::vec(deed(), 0..80), begin in any::<bool>()) {
        let mut driver = if begin { Driver::ready(&log, DARK) } else { Driver::live(&log, 0, DARK) };
        for deed in deeds {
            match deed {
                Deed::Key(code, modifiers) => { driver.event(TerminalEvent::Key(KeyEvent::new(code, modifiers))); }
                Deed::Mouse(kind, column, row) => {
                    driver.event(TerminalEvent::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
                }
                Deed::Paste(text) => { driver.event(TerminalEvent::Paste(text)); }
                Deed::Resize(width, height) => { driver = driver.sized(width, height); driver.act(Action::Follow); }
                Deed::Tick(millis) => { driver.tick(millis); }
                Deed::Step => {
                    // The engine begins what was asked for last, does a step, or ends the run behind the last one.
                    let run = driver.app.last_run();
                    if sitting::begin(&mut driver, &log).is_none() {
                        let sent = driver.app.session().under_way().map_or(usize::MAX, |run| run.log.len());
                        if sent < log.len() {
                            driver.steps(&log, sent..sent + 1);
                        } else if let Some(end) = log.end().filter(|_| sent == log.len()) {
                            driver.hear(Event::Finished { run, end: Box::new(end.clone()) });
                        }
                    }
                }
            }
            let session = driver.app.session();
            prop_assert!(session.runs().iter().filter(|run| run.is_under_way()).count() < 2);
            prop_assert_eq!(session.tree().len(), session.runs().len());
            prop_assert_eq!(session.shown().is_none(), session.runs().is_empty());
            prop_assert!(driver.app.shown() <= driver.app.len());
        }
    }

    #[test]
    fn any_two_logs_can_be_compared(a in log(), b in log(), deeds in prop::collection::vec(deed(), 0..30), keys in "[acnNgGhjkl1-5vd ]{0,30}") {
        let app = diffuscope::tui::App::compare("a", Box::new(a), ("b", Box::new(b)), DARK);
        let mut driver = Driver { app, size: (100, 40), effects: Vec::new() };
        driver.redraw();
        driver.keys(&keys);
        for deed in deeds.into_iter().filter(|deed| !matches!(deed, Deed::Paste(_))) {
            by_hand(&mut driver, deed);
        }
        let (buffer, _) = driver.draw();
        prop_assert!(buffer.content.iter().all(|cell| !cell.symbol().contains(char::is_control)));
    }

    #[test]
    fn esc_leads_back_and_ctrl_c_out_whatever_the_keys_are(
        log in log(),
        deeds in prop::collection::vec(deed(), 0..30),
        first in "[:/y?pBomE]?[a-z]{0,4}",
        keys in prop::collection::vec((any::<prop::sample::Index>(), "[ -~]|ctrl-[a-z]|f[2-9]|alt-[a-z]|none"), 0..4),
    ) {
        let table = Keymap::default();
        let names: Vec<&str> = table.bindings().iter().filter(|binding| !matches!(binding.action, Action::Back | Action::Quit)).map(|binding| &*binding.name).collect();
        let keys: Vec<_> = keys.iter().map(|(name, key)| (*name.get(&names), vec![key.replace(' ', "space")])).collect();
        let steps = log.len();
        let mut driver = Driver::live(&log, steps, DARK);
        driver.app = driver.app.with_exports(exports::menu(&[]));
        if let Ok(keymap) = Keymap::rebound(keys.iter().map(|(name, keys)| (*name, keys.as_slice()))) {
            driver.app = driver.app.with_keys(keymap);
        }
        driver.keys(&first);
        for deed in deeds {
            by_hand(&mut driver, deed);
        }
        for _ in 0..10 {
            driver.key(KeyCode::Esc);
        }
        prop_assert_eq!(driver.app.context(), Context::Canvas);
        prop_assert!(driver.app.overlays().is_empty() && driver.app.lens().find.is_none());
        driver.effects.clear();
        driver.ctrl('c').ctrl('c');
        prop_assert!(driver.effects.contains(&Effect::Quit));
    }

    #[test]
    fn scrubbing_to_a_step_shows_what_a_replay_up_to_it_shows(log in log(), at in 0usize..9) {
        let at = at.min(log.len());
        let mut scrubbed = Driver { app: diffuscope::tui::App::replay("x", Box::new(log.clone()), DARK), size: (110, 44), effects: Vec::new() };
        scrubbed.act(Action::Focus(diffuscope::tui::Focus::Canvas)).act(Action::ScrubTo(at));
        let mut short = Log::new(log.header().clone());
        log.entries().take(at).for_each(|entry| short.push(entry));
        if let Some(end) = log.end().filter(|_| at == log.len()) {
            short.finish(end.clone());
        }
        let mut replayed = Driver { app: diffuscope::tui::App::replay("x", Box::new(short), DARK), size: (110, 44), effects: Vec::new() };
        replayed.act(Action::Follow);
        for position in 0..log.header().canvas_length() {
            prop_assert_eq!(scrubbed.cells_of(position), replayed.cells_of(position), "position {}", position);
        }
    }
}
