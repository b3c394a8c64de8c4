//! The figures: what they say is true, marked as what it is, and explained.

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use diffuscope::{
    decode::record::{Commit, Cost, GuideReading, GuideReview, KvStatus, KvUse, Reason, Region, StepRecord},
    engine::protocol::Event,
    model::network::NetworkShape,
    session::{CacheGain, Figure, FigureForm, GainBasis, Measured, figure::FIGURES},
    trace::{Entry, Figures, Header, Log},
    tui::{
        Action, Focus,
        theme::{ASCII, Theme},
        view,
    },
};

use super::{
    common::{self, EOS, MASK},
    driver::{DARK, Driver, LIGHT, MONO, picture, rows},
};

/// Cells of a line of an explanation where the figures have most room.
const LINE: usize = 44;

fn shape(width: usize) -> NetworkShape {
    NetworkShape {
        hidden: width,
        intermediate: 3 * width,
        heads: 4,
        kv_heads: 2,
        head_dim: width / 4,
        vocab: 2048,
        kv_number: 4,
        weight_bytes: 96_000 * width as u64,
    }
}

/// The same run by models whose sizes are known, on a device whose peak is.
fn sized(log: &Log) -> Log {
    let mut header = log.header().clone();
    header.denoiser.shape = Some(shape(128));
    if let Some(guide) = &mut header.guide {
        guide.shape = Some(shape(64));
    }
    header.peak = Some(92_000_000_000);
    let mut sized = Log::new(header);
    log.entries().for_each(|entry| sized.push(entry));
    if let Some(end) = log.end() {
        sized.finish(end.clone());
    }
    sized
}

fn row(driver: &Driver, label: &str) -> String {
    let found = rows(&driver.draw().0).into_iter().find(|row| row.contains(label));
    found.unwrap_or_else(|| panic!("{label} is not in\n{}", driver.text()))
}

/// A run that fills a mask a step under a cache, where a step takes what `cost` says.
fn cached(preset: &str, steps: usize, cost: impl Fn(usize) -> Cost) -> Log {
    let mut vocabulary = common::Vocabulary::default();
    let header = common::header(&mut vocabulary, common::STORY_PROMPT, steps, preset);
    let (prompt, length) = (header.prompt_ids.len(), header.canvas_length());
    let mut ids = header.canvas();
    let mut log = Log::new(header);
    for step in 0..steps {
        let position = prompt + step;
        ids[position] = 400;
        let record = StepRecord {
            step,
            region: Region {
                block: step / 8,
                start: prompt + step / 8 * 8,
                end: prompt + (step / 8 * 8 + 8).min(steps),
            },
            changes: Vec::new(),
            edits: Vec::new(),
            ids: ids.clone(),
            proposals: Vec::new(),
            commits: vec![Commit { position, token: 400, confidence: 0.8, reason: Reason::Quota }],
            remasked: Vec::new(),
            kv: vec![KvUse { status: KvStatus::Recomputed, age: 0 }; length],
            layers: Vec::new(),
            guide: None,
            shadow: None,
            gap: None,
            audit: None,
            cost: cost(step),
            stop: None,
        };
        log.push(Entry { record, pieces: Vec::new(), texts: Vec::new() });
    }
    log.finish(diffuscope::trace::End {
        reason: Some(diffuscope::decode::record::StopReason::NothingMasked),
        answer: String::new(),
        tokens: steps,
        correct: None,
        verdict: None,
        failed: None,
    });
    log
}

/// A whole step, and then cheaper or dearer ones.
fn by_steps(first_us: u64, others_us: u64) -> impl Fn(usize) -> Cost {
    move |step| {
        let (computed, reused, denoiser_us) = if step == 0 { (32, 0, first_us) } else { (8, 24, others_us) };
        Cost { nfe: 1, computed, reused, denoiser_us, ..Cost::default() }
    }
}

#[test]
fn every_figure_says_in_two_lines_what_it_is() {
    let mut names = Vec::new();
    for figure in FIGURES {
        let mut lines: Vec<String> = vec![String::new()];
        for word in figure.explanation.split(' ') {
            let line = lines.last_mut().unwrap();
            match line.len() {
                0 => line.push_str(word),
                len if len + 1 + word.len() <= LINE => line.extend([" ", word]),
                _ => lines.push(word.to_owned()),
            }
        }
        assert!(lines.len() <= 2 && !figure.explanation.is_empty(), "{}: {lines:?}", figure.label);
        assert!(figure.explanation.ends_with('.'), "{}", figure.explanation);
        assert!(view::cells(figure.label) <= 18, "{}", figure.label);
        assert!(!names.contains(&figure.label) && !names.contains(&figure.short), "{}", figure.label);
        names.extend([figure.label, figure.short]);
        names.dedup();
    }
}

#[test]
fn the_page_of_figures_has_every_figure_and_every_lane() {
    let page = include_str!("../../docs/figures.md");
    let listed: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
    for figure in FIGURES {
        let line = format!("| {} | {} |", figure.label, figure.explanation);
        assert!(page.lines().any(|listed| listed == line), "docs/figures.md lacks {line}");
    }
    for lane in ["conf", "time", "K/V", "events"] {
        assert!(listed.contains(&lane), "docs/figures.md lacks the lane {lane}");
    }
    let known = |name: &&str| {
        let of_figures = FIGURES.iter().any(|figure| figure.label == *name);
        of_figures
            || ["figure", "lane", "conf", "time", "K/V", "events", "sign"].contains(name)
            || name.chars().count() == 1
    };
    let unknown: Vec<&&str> = listed.iter().filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "docs/figures.md has {unknown:?}, which the program has not");
}

#[test]
fn tab_reaches_the_figures_and_esc_leaves_them() {
    let story = sized(&common::story());
    for (width, height) in [(120, 40), (200, 60), (80, 24), (100, 24)] {
        let mut driver = Driver::live(&story, story.len(), DARK).sized(width, height);
        driver.key(KeyCode::Tab).key(KeyCode::Tab);
        assert_eq!(driver.app.focus(), Focus::Figures);
        let text = driver.text();
        assert!(text.contains("Tokens before end of text that"), "{text}");
        driver.key(KeyCode::Down);
        assert!(driver.text().contains("Positions that hold end of text."), "{}", driver.text());
        driver.keys("kk");
        assert_eq!(driver.app.chosen_figure().unwrap().label, "tokens", "there is none above");
        // Each figure that the run has can be chosen, and is then on the screen.
        let figures = driver.app.figures();
        for figure in &figures {
            assert_eq!(driver.app.chosen_figure().unwrap().label, figure.label);
            let start: String = figure.explanation.split(' ').take(3).collect::<Vec<_>>().join(" ");
            assert!(driver.text().contains(&start), "{}", driver.text());
            assert!(driver.text().contains(figure.label), "{}", driver.text());
            driver.keys("j");
        }
        assert_eq!(driver.app.chosen_figure().unwrap().label, figures.last().unwrap().label);
        driver.key(KeyCode::Left);
        assert_eq!(driver.app.shown(), story.len() - 1, "steps can be shown from here");
        driver.key(KeyCode::Esc);
        assert_eq!(driver.app.focus(), Focus::Canvas);
        assert!(driver.app.chosen_figure().is_none());
    }
}

#[test]
fn a_click_on_a_figure_explains_it() {
    let story = sized(&common::story());
    let mut driver = Driver::live(&story, 12, DARK);
    driver.tick(0);
    let reused = FIGURES.iter().position(|figure| figure.label == "K/V rows reused").unwrap();
    let (_, frame) = driver.draw();
    let area = frame.hits.iter().find(|hit| hit.click == Some(Action::FigureSelect(reused))).unwrap().area;
    let kind = MouseEventKind::Down(MouseButton::Left);
    let (column, row) = (area.x + 2, area.y + 1);
    driver.event(TerminalEvent::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    assert!(driver.text().contains("Rows of earlier steps"), "{}", driver.text());
}

#[test]
fn without_a_run_there_are_no_figures_to_choose() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.act(Action::Focus(Focus::Figures)).act(Action::FigureSelect(3)).act(Action::FigureMove(1));
    assert_ne!(driver.app.focus(), Focus::Figures);
}

#[test]
fn an_estimate_is_marked_as_one_until_a_plain_run_is_kept() {
    let log = cached("fast-dllm-dual", 16, by_steps(4000, 1000));
    let driver = Driver::live(&log, log.len(), DARK);
    let estimate = row(&driver, "speed-up by rows");
    let computed = 32 + 15 * 8;
    let plain = 16 * log.header().canvas_length();
    let expected = format!("~{:.1}×", plain as f64 / f64::from(computed));
    assert!(estimate.contains(&expected) && estimate.contains("an estimate"), "{expected}: {estimate}");
    assert!(!driver.text().contains("speed-up by time") && !driver.text().contains("measured"), "{}", driver.text());

    let plain = cached("plain", 16, |_| Cost { nfe: 1, computed: 32, denoiser_us: 4000, ..Cost::default() });
    let driver = Driver::live(&plain, plain.len(), DARK);
    assert!(!driver.text().contains("speed-up"), "a plain run is not measured against itself");
}

#[test]
fn operations_are_counted_from_the_sizes() {
    let mut vocabulary = common::Vocabulary::default();
    let mut header = common::header(&mut vocabulary, "a b", 4, "flashdlm");
    let prompt = header.prompt_ids.len();
    let length = header.canvas_length() as u32;
    header.denoiser.shape = Some(NetworkShape { vocab: 100, ..shape(8) });
    header.denoiser.layers = 3;
    let guide = NetworkShape { vocab: 50, heads: 1, kv_heads: 1, head_dim: 4, hidden: 4, intermediate: 8, ..shape(8) };
    header.guide.as_mut().unwrap().shape = Some(guide);
    header.guide.as_mut().unwrap().layers = 2;
    let mut log = Log::new(header.clone());
    let kv = vec![KvUse { status: KvStatus::Recomputed, age: 0 }; length as usize];
    let review = GuideReview { drafts: Vec::new(), accepted: 0, forwards: vec![5], reading: GuideReading::Ids };
    let record = StepRecord {
        step: 0,
        region: Region { block: 0, start: prompt, end: prompt + 4 },
        changes: Vec::new(),
        edits: Vec::new(),
        ids: header.canvas(),
        proposals: Vec::new(),
        commits: Vec::new(),
        remasked: Vec::new(),
        kv,
        layers: Vec::new(),
        guide: Some(review),
        shadow: None,
        gap: None,
        audit: None,
        cost: Cost { nfe: 1, computed: 6, reused: length - 6, guide_computed: 5, guide_forwards: 1, ..Cost::default() },
        stop: None,
    };
    log.push(Entry { record, pieces: Vec::new(), texts: Vec::new() });
    // Maps of 8 by 8 (queries, output), 8 by 4 (keys, values) and 8 by 24 (three times), each with two operations.
    let row = 2 * (2 * 8 * 8 + 2 * 8 * 4 + 3 * 8 * 24);
    let denoiser = 3 * (6 * row + 6 * length * 4 * 8);
    // Five rows of a causal guide see 1 + 2 + 3 + 4 + 5 rows.
    let guide = 2 * (5 * 2 * (4 * 4 * 4 + 3 * 4 * 8) + 15 * 4 * 4);
    assert_eq!(Figures::of(&log, 1).flops(log.header()), Some(f64::from(denoiser + guide)));
    assert_eq!(Figures::of(&log, 0).flops(log.header()), Some(0.0));
    let unsized_guide = Header { guide: Some(common::card("guide", "Qwen2", 7, 2)), ..header };
    assert_eq!(Figures::of(&log, 1).flops(&unsized_guide), None, "what is not known is not guessed");
}

#[test]
fn arithmetic_and_memory_stand_beside_what_the_machine_has() {
    let story = sized(&common::story());
    let driver = Driver::live(&story, story.len(), DARK).sized(200, 60);
    let figures = Figures::of(&story, story.len());
    let rate = figures.flops(story.header()).unwrap() / figures.seconds() / 1e9;
    assert!(row(&driver, " GFLOP/s").contains(&format!("{rate:.1}")), "{rate}: {}", row(&driver, " GFLOP/s"));
    assert!(row(&driver, "peak GFLOP/s").contains("92.0 measured"), "{}", row(&driver, "peak GFLOP/s"));
    let kv = 2 * 6 * 2 * 32 * 4 * story.header().canvas_length() as u64;
    assert_eq!(story.header().denoiser.kv_bytes(story.header().canvas_length()), Some(kv));
    // A knob was turned on the way: memory is of the whole run all the same, and its guide stands apart.
    assert!(row(&driver, "K/V memory").contains("guide "), "{}", row(&driver, "K/V memory"));
    assert!(row(&driver, "weights").contains("12.3 MB guide 6.14 MB"), "{}", row(&driver, "weights"));
    let driver = Driver::live(&common::story(), 9, DARK).sized(200, 60);
    assert!(!driver.text().contains("FLOPs") && !driver.text().contains("K/V memory"), "{}", driver.text());
}

#[test]
fn a_cache_that_costs_more_than_it_saves_is_told_so() {
    let gain = |log: &Log, plain: Option<&Log>| CacheGain::of(&Measured::of(log, log.len(), plain)).unwrap();
    let slow = cached("fast-dllm-dual", 16, by_steps(2000, 2600));
    let found = gain(&slow, None);
    assert!(found.is_loss() && matches!(found.basis, GainBasis::WholeSteps { .. }), "{found:?}");
    let mut driver = Driver::live(&slow, slow.len(), DARK);
    assert!(driver.text().contains("costs more than it saves, by own steps"), "{}", driver.text());

    // Beside a plain run its own first step says nothing any more.
    let plain = cached("plain", 16, |_| Cost { nfe: 1, computed: 32, denoiser_us: 5200, ..Cost::default() });
    driver.act(Action::Restart);
    let run = driver.app.last_run();
    driver.hear(Event::Started { run, header: Box::new(plain.header().clone()) }).steps(&plain, 0..16);
    driver.hear(Event::Finished { run, end: Box::new(plain.end().unwrap().clone()) }).keys("b");
    assert!(!driver.text().contains("costs more"), "{}", driver.text());
    assert!(row(&driver, "cache gain").contains("by plain run"), "{}", row(&driver, "cache gain"));
    assert!(driver.text().contains("2.56 ms a step, 5.20 in the plain run"), "{}", driver.text());
    assert!(row(&driver, "speed-up by time").contains("measured"));
    assert!(!driver.text().contains("speed-up by rows"), "{}", driver.text());

    let quick = cached("fast-dllm-dual", 16, by_steps(2000, 900));
    assert!(!gain(&quick, None).is_loss());
    let timeless = cached("fast-dllm-dual", 16, |_| Cost { nfe: 1, computed: 40, reused: 8, ..Cost::default() });
    assert_eq!(gain(&timeless, None).basis, GainBasis::Rows);
    assert!(gain(&timeless, None).is_loss(), "it computes more rows than the canvas has");
    assert_eq!(CacheGain::of(&Measured::of(&plain, 16, None)), None, "what reuses nothing has no cache");
}

#[test]
fn where_rows_are_few_the_figures_that_matter_most_stay() {
    let story = sized(&common::story());
    let text = Driver::live(&story, 9, DARK).sized(100, 30).text();
    assert!(text.contains("tokens per second") && text.contains("K/V rows reused"), "{text}");
    assert!(!text.contains("K/V memory"), "{text}");
    let measured = Measured::of(&story, 9, None);
    assert!(Figure::of_pane(&measured).iter().all(|figure| figure.form != FigureForm::Compared));
    assert!(story.canvas(9).ids().any(|id| id == MASK) && EOS != MASK);
}

macro_rules! snapshot {
    ($name:literal, $driver:expr) => {
        insta::assert_snapshot!($name, picture(&$driver.draw().0))
    };
}

#[test]
fn a_figure_is_explained() {
    let story = sized(&common::story());
    let gain = FIGURES.iter().position(|figure| figure.label == "cache gain").unwrap();
    let driver = |theme: Theme, width, height| {
        let mut driver = Driver::live(&story, 17, theme).sized(width, height);
        driver.act(Action::FigureSelect(gain));
        driver
    };
    snapshot!("figure_explained_120x40", driver(DARK, 120, 40));
    snapshot!("figure_explained_light_200x60", driver(LIGHT, 200, 60));
    snapshot!("figure_explained_mono_80x24", driver(MONO, 80, 24));
    snapshot!("figure_explained_ascii_100x30", driver(Theme { glyphs: &ASCII, ..MONO }, 100, 30));
}
