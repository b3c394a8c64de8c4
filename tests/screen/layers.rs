//! The layers of how certain the denoiser was, why it wrote, and how often it changed its mind; and that no layer is silently
//! grey.

use crossterm::event::KeyCode;
use diffuscope::{
    decode::record::{Commit, Reason},
    trace::{Log, Piece},
    tui::{
        Action, App, Layer,
        theme::{ASCII, Theme},
    },
};
use ratatui::style::Modifier;

use super::{
    common::{self, MASK},
    driver::{DARK, Driver, LIGHT, MONO, layer, picture},
};

/// The steps of [`revised`] that mask a token again, write it again, and write another one over a third.
const AGAIN: usize = 9;
const ANEW: usize = 11;
const OVER: usize = 13;

/// The story with two revised tokens, and their positions: the first one of step 2 is masked again for two steps, the first
/// one of step 4 is written over.
fn revised() -> (Log, [usize; 2]) {
    let story = common::story();
    let position = |step: usize| story.step(step).unwrap().commits[0].position;
    let [again, over] = [2, 4].map(position);
    let other = story.record(OVER).unwrap().ids[position(1)];
    let mut log = Log::new(story.header().clone());
    for (step, mut entry) in (1..).zip(story.entries()) {
        let write = |position: usize, token: u32, reason| Commit { position, token, confidence: 0.62, reason };
        match step {
            AGAIN => {
                entry.record.remasked = vec![again];
                entry.pieces.insert(0, Piece { position: again, text: String::new() });
            }
            ANEW => {
                let token = entry.record.ids[again];
                entry.record.commits.insert(0, write(again, token, Reason::Quota));
                entry.pieces.insert(0, Piece { position: again, text: story.canvas(5).piece(again).to_owned() });
            }
            OVER => entry.record.commits.insert(0, write(over, other, Reason::Edit)),
            _ => {}
        }
        if (AGAIN..ANEW).contains(&step) {
            entry.record.ids[again] = MASK;
        }
        if step >= OVER {
            entry.record.ids[over] = other;
        }
        log.push(entry);
    }
    (log, [again, over])
}

/// A driver that reads a run by a layer.
fn read(log: &Log, steps: usize, theme: Theme, name: &str) -> Driver {
    let mut driver = Driver::live(log, steps, theme);
    driver.act(Action::Layer(layer(name)));
    driver
}

/// The weight of the first visible cell of a position.
fn weight(driver: &Driver, position: usize) -> Modifier {
    let cells = driver.cells_of(position);
    cells.iter().find(|cell| cell.symbol() != " ").expect("the position is on the screen").modifier
}

#[test]
fn pictures_of_the_new_layers() {
    let (log, _) = revised();
    let ascii = Theme { glyphs: &ASCII, ..MONO };
    for name in ["entropy", "margin", "reason", "changes"] {
        for (look, theme, (width, height)) in [
            ("dark", DARK, (80, 24)),
            ("dark", DARK, (120, 40)),
            ("light", LIGHT, (200, 60)),
            ("mono", MONO, (80, 24)),
            ("ascii", ascii, (80, 24)),
        ] {
            let mut driver = read(&log, 17, theme, name).sized(width, height);
            if width == 120 {
                driver.act(Action::Select(log.step(4).unwrap().commits[0].position));
            }
            insta::assert_snapshot!(format!("{name}_{look}_{width}x{height}"), picture(&driver.draw().0));
        }
    }
}

#[test]
fn every_layer_has_a_key_of_its_own() {
    let story = common::story();
    let names = ["confidence", "cache", "guide", "audit", "order", "entropy", "margin", "reason", "changes"];
    assert!(Layer::all().map(|layer| layer.name()).eq(names));
    let mut driver = Driver::live(&story, 9, DARK);
    for (digit, name) in (1..).zip(names) {
        driver.keys(&format!("{digit}"));
        assert!(driver.text().contains(&format!("{digit} {name}")), "{}", driver.text());
    }
}

#[test]
fn nine_layers_can_be_read_and_clicked_in_eighty_columns() {
    let story = common::story();
    let mut driver = Driver::live(&story, 9, DARK).sized(80, 24);
    for layer in Layer::all() {
        let (_, frame) = driver.draw();
        let hit = frame.hits.iter().find(|hit| hit.click == Some(Action::Layer(layer))).expect("a place to click");
        assert!(hit.area.width >= 3, "{layer:?}: {:?}", hit.area);
        let middle = hit.area.x + hit.area.width / 2;
        assert_eq!(frame.at(middle, hit.area.y).and_then(|hit| hit.click.clone()), Some(Action::Layer(layer)));
        driver.act(Action::Layer(layer));
        let rule = driver.text().lines().find(|line| line.contains("canvas")).unwrap().to_owned();
        assert!(rule.contains(layer.name()) && rule.contains("of 160"), "{rule}");
    }
}

#[test]
fn entropy_is_of_the_draft_now_and_of_the_token_when_it_was_written() {
    let story = common::story();
    let record = story.record(17).unwrap();
    let mut drafts: Vec<_> =
        record.proposals.iter().filter(|proposal| proposal.token != common::EOS).cloned().collect();
    drafts.sort_by(|a, b| a.entropy.total_cmp(&b.entropy));
    let open: Vec<_> = drafts.iter().filter(|draft| story.canvas(17).id(draft.position) == Some(MASK)).collect();
    let (sure, doubtful) = (open.first().unwrap(), open.last().unwrap());
    let driver = read(&story, 17, DARK, "entropy");
    let ink = |position| driver.cells_of(position)[0].fg;
    assert_ne!(ink(sure.position), ink(doubtful.position));
    assert!(driver.text().contains("entropy 0"), "{}", driver.text());

    let written = story.step(8).unwrap().commits[0].position;
    let then = story.record(8).unwrap();
    let proposal = then.proposals.iter().find(|proposal| proposal.position == written).unwrap();
    let mut driver = read(&story, 17, DARK, "entropy").sized(120, 60);
    driver.act(Action::Select(written));
    let text = driver.text();
    for part in [
        "how open it was at step 8".to_owned(),
        format!("{:.2} nats", proposal.entropy),
        format!("{:.1} equally likely tokens", proposal.entropy.exp()),
    ] {
        assert!(text.contains(&part), "{part}:\n{text}");
    }
    driver.act(Action::Layer(layer("margin")));
    let (first, second) = (proposal.alternatives[0].1, proposal.alternatives[1].1);
    assert!(driver.text().contains("the lead of the best at step 8"), "{}", driver.text());
    assert!(driver.text().contains(&format!("margin      {:.3}", first - second)), "{}", driver.text());
}

#[test]
fn doubt_is_seen_without_colours() {
    let story = common::story();
    // Two written tokens whose margins are far apart.
    let margin = |position: usize| {
        let (step, ..) = story.canvas(17).written(position)?;
        story.step(step + 1)?.certainty_at(position)?.margin
    };
    let mut written: Vec<(usize, f32)> = (0..story.header().canvas_length())
        .filter(|position| story.step(17).unwrap().commit_at(*position).is_none())
        .filter_map(|position| Some((position, margin(position)?)))
        .collect();
    written.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (least, most) = (written[0], written[written.len() - 1]);
    assert!(least.1 < 0.5 && most.1 > 0.7, "{written:?}");
    let driver = read(&story, 17, MONO, "margin");
    assert!(weight(&driver, least.0).contains(Modifier::UNDERLINED), "{least:?}");
    assert!(!weight(&driver, most.0).contains(Modifier::UNDERLINED), "{most:?}");
}

#[test]
fn reasons_have_the_colours_of_the_timeline() {
    let story = common::story();
    let written = |reason| {
        let mut commits = story.steps()[..16].iter().flat_map(|step| &step.commits);
        commits.find(|commit| commit.reason == reason).map(|commit| commit.position).unwrap()
    };
    let (agreed, forced) = (written(Reason::GuideAgreed), written(Reason::Forced));
    let driver = read(&story, 17, DARK, "reason");
    let colour = |reason| DARK.ink(DARK.reason(reason)).fg.unwrap();
    assert_eq!(driver.cells_of(agreed).last().unwrap().fg, colour(Reason::GuideAgreed));
    assert_eq!(driver.cells_of(forced).last().unwrap().fg, colour(Reason::Forced));
    assert!(driver.text().contains("agreed   forced"), "the most frequent first:\n{}", driver.text());
    let mono = read(&story, 17, MONO, "reason");
    assert_ne!(weight(&mono, agreed), weight(&mono, forced));

    let mut driver = read(&story, 17, DARK, "reason").sized(120, 60);
    driver.act(Action::Select(forced));
    assert!(driver.text().contains("committed   forced"), "{}", driver.text());
    assert!(driver.text().contains("The guide accepted"), "{}", driver.text());
}

#[test]
fn what_was_revised_is_warmer_than_any_draft() {
    let (log, [again, over]) = revised();
    let mut driver = read(&log, 17, MONO, "changes");
    let steady = (log.header().prompt_ids.len()..again).find(|at| log.changes(*at, 17).drafts == 0).unwrap();
    assert!(
        weight(&driver, again).contains(Modifier::UNDERLINED) && weight(&driver, over).contains(Modifier::UNDERLINED)
    );
    assert_eq!(weight(&driver, steady), Modifier::DIM);
    driver.act(Action::Select(again));
    assert!(driver.text().contains("changes     masked again"), "{}", driver.text());
    driver.act(Action::Layer(layer("confidence")));
    assert!(driver.text().contains("changes     masked again"), "a revision is always worth a line");
    driver.act(Action::Select(steady));
    assert!(!driver.text().contains("changes     "), "{}", driver.text());
    driver.act(Action::Layer(layer("changes")));
    assert!(driver.text().contains("none: as drafted at first"), "{}", driver.text());
    driver.act(Action::Select(over));
    assert!(driver.text().contains("changes     written over"), "{}", driver.text());

    let seen = |steps: usize| {
        let mut driver = read(&log, 17, DARK, "changes");
        driver.act(Action::ScrubTo(steps));
        driver.cells_of(again).last().map(|cell| cell.fg)
    };
    assert_ne!(seen(AGAIN - 1), seen(AGAIN), "it is masked again");
    assert_ne!(seen(AGAIN - 1), seen(ANEW + 2), "and remembered once it is written");
}

#[test]
fn the_strip_has_the_figures_of_the_layer() {
    let (log, _) = revised();
    for (name, figures) in [
        ("entropy", vec!["nats written", "nats open"]),
        ("margin", vec!["margin written", "margin open"]),
        ("reason", vec!["agreed"]),
        ("changes", vec!["2 revised", "drafts changed"]),
    ] {
        let text = read(&log, 17, DARK, name).sized(99, 24).text();
        let strip = text.lines().find(|line| line.contains("tokens/pass")).unwrap().to_owned();
        assert!(figures.iter().all(|figure| strip.contains(figure)), "{name}: {strip}");
    }
}

#[test]
fn no_layer_is_silently_grey() {
    let uncached = {
        let mut fixture = common::Fixture::new(common::STORY_PROMPT, common::STORY, 160, "threshold");
        (0..4).for_each(|_| assert!(fixture.quota_step(4, None)));
        fixture.log
    };
    let mut log = Log::new(uncached.header().clone());
    for mut entry in uncached.entries() {
        entry.record.kv.iter_mut().for_each(|kv| kv.age = 0);
        log.push(entry);
    }
    for (name, live, recorded) in [
        (
            "cache",
            "no cache here: preset flashdlm has one; all is recomputed",
            "recorded without a cache; all is recomputed",
        ),
        ("guide", "no guide here: preset flashdlm has one", "recorded without a guide"),
        ("audit", "not audited so far: A audits each step", "recorded without an audit"),
    ] {
        let driver = read(&log, 4, DARK, name).sized(80, 24);
        assert!(driver.text().contains(live), "{name}: {}", driver.text());
        let app = App::replay("x.jsonl", Box::new(log.clone()), DARK);
        let mut driver = Driver { app, size: (80, 24), effects: Vec::new() };
        driver.act(Action::Layer(layer(name))).act(Action::ScrubTo(4));
        assert!(driver.text().contains(recorded), "{name}: {}", driver.text());
    }
    for layer in Layer::all().filter(|layer| layer.name() != "confidence") {
        let mut driver = Driver::live(&log, 4, DARK);
        driver.act(Action::Layer(layer)).act(Action::ScrubTo(0));
        assert!(driver.text().contains(&format!("the {} layer begins with step 1", layer.name())), "{layer:?}");
    }
    // Nothing that has no data leaves a key behind.
    let mut driver = read(&log, 4, DARK, "changes");
    driver.act(Action::ScrubTo(1)).key(KeyCode::Null);
    assert!(driver.text().contains("nothing has changed so far: no draft, no token"), "{}", driver.text());
}
