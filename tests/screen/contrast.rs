//! Colours for everyone, computed: contrast on every ground, differences for every eye, even steps of confidence; and the
//! same on whole frames. `DIFFUSCOPE_COLOURS=write` writes the tables of docs/colours.md.

use std::{fmt::Write as _, fs, path::Path};

use diffuscope::{
    decode::record::{AuditReport, AuditedPosition, Change, KvStatus, Reason, RowDrift, Verdict},
    trace::{Entry, Log},
    tui::{
        Action, Layer, Overlay,
        theme::{BarPart, Level, READABLE, Role, THEMES, Theme, ThemeName, Tone, VISIBLE},
    },
};
use palette::Srgb;
use ratatui::style::{Modifier, Style};

use super::{
    browser, common, compare,
    driver::{DARK, Driver, layer},
    eyes::{Eye, contrast, rgb, shown, text_contrasts, variants},
    sitting,
};

/// What two colours that mean different things differ by at least, as every eye sees them.
const APART: f32 = 0.08;

/// How far a step of confidence may be from the mean step, for usual eyes and for others.
const EVEN: [f32; 2] = [0.05, 0.25];

fn themes() -> impl Iterator<Item = Theme> {
    let levels = |name| [Level::True, Level::Ansi256].map(|level| Theme::new(name, level));
    THEMES.iter().flat_map(move |entry| levels(entry.name))
}

fn true_themes() -> impl Iterator<Item = Theme> {
    themes().filter(|theme| theme.level == Level::True)
}

fn ink(style: Style) -> Srgb<u8> {
    style.fg.and_then(shown).expect("ink that the program decides")
}

fn fill(style: Style) -> Srgb<u8> {
    style.bg.and_then(shown).expect("a ground that the program decides")
}

/// Every ground that text meets: the four of the palette, and washes of every colour with a meaning.
fn grounds(theme: Theme) -> Vec<(String, Srgb<u8>)> {
    let plain = [Role::Ground, Role::Surface, Role::Raised, Role::Marked];
    let plain = plain.map(|role| (format!("{role:?}"), fill(theme.style(role))));
    let washes = legends(theme).into_iter().flat_map(|(_, entries)| entries);
    let washes = washes.flat_map(|(name, tone)| {
        [0.1, 0.24, 0.32].map(|share| (format!("{share} of {name}"), fill(theme.fill(theme.wash(tone, share)))))
    });
    plain.into_iter().chain(washes).collect()
}

/// Colours that share a legend, so that each must be told from each; from the enums, which are complete.
fn legends(theme: Theme) -> Vec<(&'static str, Vec<(String, Tone)>)> {
    let mut kinds: Vec<Reason> = Vec::new();
    for reason in Reason::ALL {
        if kinds.iter().all(|known| known.kind() != reason.kind()) {
            kinds.push(*reason);
        }
    }
    let named = |name: &dyn std::fmt::Debug| format!("{name:?}");
    let reasons = kinds.iter().map(|reason| (named(&reason.kind()), theme.reason(*reason)));
    let reasons = reasons.chain([("masked again".to_owned(), theme.remasked())]).collect();
    let uses = variants::<KvStatus>().into_iter().map(|status| (named(&status), theme.kv(status, 0)));
    let uses = uses.chain([("reused long ago".to_owned(), theme.kv(KvStatus::Reused, u32::MAX))]).collect();
    let verdicts = variants::<Verdict>().into_iter().map(|verdict| (named(&verdict), theme.verdict(verdict))).collect();
    let parts = BarPart::ALL.iter().map(|part| (named(part), theme.part(*part))).collect();
    let quiet = ("not audited".to_owned(), theme.palette().faint);
    let fidelity = vec![
        ("far from the truth".to_owned(), theme.confidence(0.0)),
        ("true".to_owned(), theme.confidence(1.0)),
        quiet,
    ];
    vec![("timeline", reasons), ("K/V", uses), ("verdicts", verdicts), ("bars", parts), ("audit", fidelity)]
}

/// What a role's text needs on whatever ground it meets; `None` where it is no text, or has a ground of its own.
fn needed(role: Role) -> Option<f32> {
    match role {
        // Rules and frames, from which nothing is read; then what has a ground of its own.
        Role::Line | Role::Marked | Role::Selected | Role::Caret => None,
        Role::Faint => Some(VISIBLE),
        Role::Ground
        | Role::Surface
        | Role::Raised
        | Role::Text
        | Role::Strong
        | Role::Dim
        | Role::Title
        | Role::TitleFocused
        | Role::Accent
        | Role::Good
        | Role::Bad
        | Role::Note => Some(READABLE),
    }
}

/// The least contrast of the roles that need as much, and where it is.
fn least_of_roles(theme: Theme, floor: f32) -> (f32, String) {
    let roles = Role::ALL.iter().copied().filter(|role| needed(*role) == Some(floor));
    let grounds = grounds(theme);
    let pairs = roles.flat_map(|role| grounds.iter().map(move |ground| (role, ground)));
    least(
        pairs.map(|(role, (name, ground))| (contrast(ink(theme.style(role)), *ground), format!("{role:?} on {name}"))),
    )
}

/// The same of the colours with a meaning, but for the faint one.
fn least_of_meanings(theme: Theme) -> (f32, String) {
    let scale = (0..=20).map(|step| (format!("confidence {step}/20"), theme.confidence(step as f32 / 20.0)));
    let meant = legends(theme).into_iter().flat_map(|(_, entries)| entries).chain(scale);
    let meant = meant.filter(|(_, tone)| *tone != theme.palette().faint);
    let grounds = grounds(theme);
    let pairs = meant.flat_map(|(name, tone)| {
        let style = theme.ink(tone);
        grounds.iter().map(move |(on, ground)| (contrast(ink(style), *ground), format!("{name} on {on}")))
    });
    least(pairs)
}

fn least(all: impl Iterator<Item = (f32, String)>) -> (f32, String) {
    all.min_by(|one, other| one.0.total_cmp(&other.0)).expect("there are some")
}

#[test]
fn every_role_can_be_read_on_every_ground() {
    for theme in themes() {
        for floor in [READABLE, VISIBLE] {
            let (least, place) = least_of_roles(theme, floor);
            assert!(least >= floor, "{} {:?}: {least:.2} {place}", theme.name, theme.level);
        }
        for role in [Role::Selected, Role::Caret] {
            let style = theme.style(role);
            let own = contrast(ink(style), fill(style));
            assert!(own >= READABLE, "{} {:?}: {own:.2} {role:?}", theme.name, theme.level);
        }
    }
}

#[test]
fn every_colour_with_a_meaning_can_be_read_on_every_ground() {
    for theme in themes() {
        let (least, place) = least_of_meanings(theme);
        assert!(least >= READABLE, "{} {:?}: {least:.2} {place}", theme.name, theme.level);
    }
}

/// The story after its seventeenth step, whose drafts have every confidence from 0 to 1.
fn drafting() -> Log {
    let story = common::story();
    let mut log = Log::new(story.header().clone());
    story.entries().take(16).for_each(|entry| log.push(entry));
    let mut entry = story.entry(17).unwrap();
    let last = entry.record.proposals.len() - 1;
    for (index, proposal) in entry.record.proposals.iter_mut().enumerate() {
        proposal.confidence = index as f32 / last as f32;
    }
    log.push(entry);
    log
}

/// The confidence of every draft, and the contrast of its cells, in one frame.
fn drafts(driver: &Driver, log: &Log) -> Vec<(f32, f32)> {
    let record = log.record(17).unwrap();
    let (buffer, drawn) = driver.draw();
    let contrasts = |position| {
        let hits = drawn.hits.iter().filter(move |hit| hit.click == Some(Action::Select(position)));
        let cells = hits.flat_map(|hit| hit.area.positions().map(|at| &buffer[at]).collect::<Vec<_>>());
        cells.filter(|cell| cell.symbol() != " ").map(|cell| contrast(shown(cell.fg).unwrap(), shown(cell.bg).unwrap()))
    };
    // That nothing more will come is drawn as quietly as what is not active.
    let is_draft = |position: usize, token| record.ids[position] == log.header().mask_id && !log.header().is_end(token);
    let masked = record.proposals.iter().filter(|proposal| is_draft(proposal.position, proposal.token));
    masked.flat_map(|proposal| contrasts(proposal.position).map(|contrast| (proposal.confidence, contrast))).collect()
}

/// The least contrast of drafts that are not sure, and of those that are, for every theme.
fn least_of_drafts() -> Vec<(Theme, [f32; 2])> {
    let log = drafting();
    let mut driver = Driver::live(&log, 17, DARK).sized(200, 60);
    let each = themes().map(|theme| {
        driver.app.theme = theme;
        let drafts = drafts(&driver, &log);
        assert!(drafts.len() > 60, "{}", drafts.len());
        let least = |sure| {
            let those = drafts.iter().filter(|(confidence, _)| (*confidence >= 0.5) == sure);
            those.map(|(_, contrast)| *contrast).fold(f32::INFINITY, f32::min)
        };
        (theme, [least(false), least(true)])
    });
    each.collect()
}

#[test]
fn drafts_can_be_seen_and_those_that_are_sure_can_be_read() {
    for (theme, [least, sure]) in least_of_drafts() {
        assert!(least >= VISIBLE && sure >= READABLE, "{} {:?}: {least:.2}, {sure:.2}", theme.name, theme.level);
    }
}

/// The two entries of a legend that an eye tells apart worst, and by how much.
fn nearest(entries: &[(String, Tone)], eye: Eye) -> (f32, String) {
    let pairs =
        entries.iter().enumerate().flat_map(|(index, one)| entries[..index].iter().map(move |other| (one, other)));
    least(pairs.map(|((one, a), (other, b))| (eye.difference(rgb(*a), rgb(*b)), format!("{other} / {one}"))))
}

#[test]
fn colours_that_share_a_legend_are_told_apart_by_every_eye() {
    for theme in true_themes() {
        for (legend, entries) in legends(theme) {
            for eye in Eye::ALL {
                let (least, pair) = nearest(&entries, eye);
                assert!(least >= APART, "{} {legend} {eye:?}: {least:.3} {pair}", theme.name);
            }
        }
    }
}

/// Steps of lightness along the scale of confidence, a quarter each, towards the text.
fn steps(theme: Theme, eye: Eye) -> Vec<f32> {
    let lightness: Vec<f32> = (0..=4).map(|at| eye.sees(rgb(theme.confidence(at as f32 / 4.0))).l).collect();
    let sign = if theme.palette().ground.rgb.is_light() { -1.0 } else { 1.0 };
    lightness.windows(2).map(|pair| sign * (pair[1] - pair[0])).collect()
}

/// The mean step, and how far the others are from it at most.
fn evenness(theme: Theme, eye: Eye) -> (f32, f32) {
    let steps = steps(theme, eye);
    let mean = steps.iter().sum::<f32>() / steps.len() as f32;
    (mean, steps.iter().map(|step| (step / mean - 1.0).abs()).fold(0.0, f32::max))
}

#[test]
fn confidence_grows_in_even_steps_for_every_eye() {
    for theme in true_themes() {
        for eye in Eye::ALL {
            let (mean, worst) = evenness(theme, eye);
            let most = EVEN[usize::from(eye != Eye::Usual)];
            assert!(mean > 0.06 && worst <= most, "{} {eye:?}: {worst:.2} of {mean:.3}", theme.name);
        }
    }
}

/// The story with an audit and a turned knob in its last steps.
fn audited() -> Log {
    let story = common::story();
    let mut log = Log::new(story.header().clone());
    for (index, mut entry) in story.entries().enumerate() {
        if index == 12 {
            entry.record.changes = vec![Change { knob: "threshold".to_owned(), value: "0.8".to_owned() }];
        }
        if index == 16 {
            audit(&mut entry);
        }
        log.push(entry);
    }
    log
}

fn audit(entry: &mut Entry) {
    let proposals = entry.record.proposals.iter().enumerate();
    let positions = proposals.map(|(index, proposal)| AuditedPosition {
        position: proposal.position,
        kl: index as f32 / 20.0,
        token: 7,
        probability: 0.5,
        differs: index % 3 == 0,
    });
    let drift = |position| RowDrift { position, keys: vec![0.6 + position as f32 / 100.0], values: vec![0.9] };
    entry.record.audit = Some(AuditReport { positions: positions.collect(), drift: (0..30).map(drift).collect() });
}

/// Screens of all kinds: every layer with drafts and with masks, the inspector, spans, panes, overlays, two runs, many runs.
fn screens() -> Vec<(String, Driver)> {
    let (story, audited, failing) = (common::story(), audited(), common::failing());
    let mut screens = Vec::new();
    for layer in Layer::all() {
        let mut driver = Driver::live(&audited, 17, DARK);
        driver.act(Action::Layer(layer)).act(Action::Select(20));
        screens.push((format!("{} and inspector", layer.name()), driver));
        let mut driver = Driver::live(&drafting(), 17, DARK);
        driver.act(Action::Layer(layer)).act(Action::ToggleDrafts);
        screens.push((format!("{} and masks", layer.name()), driver));
    }
    for overlay in
        [Overlay::Help, Overlay::Legend, Overlay::Gallery, Overlay::Presets, Overlay::Models, Overlay::SavePreset]
    {
        let mut driver = Driver::live(&story, 17, DARK);
        driver.act(Action::Toggle(overlay)).act(Action::ListMove(1));
        screens.push((format!("{overlay:?}"), driver));
    }
    let mut failed = Driver::live(&failing, failing.len(), DARK);
    failed.keys("!");
    let mut scrubbed = Driver::live(&audited, story.len(), DARK);
    scrubbed.act(Action::ScrubTo(9)).keys("v");
    let mut named = Driver::live(&story, story.len(), DARK);
    named.keys("t");
    let mut handled = Driver::live(&story, 17, DARK);
    handled.act(Action::Select(20)).act(Action::OpenToken);
    screens.extend(vec![
        ("welcome".to_owned(), Driver::loading(DARK)),
        ("what fails".to_owned(), failed),
        ("scrubbed".to_owned(), scrubbed),
        ("a notice".to_owned(), named),
        ("by hand".to_owned(), handled),
        ("two runs".to_owned(), compare::compared(DARK)),
        ("many runs".to_owned(), sitting::four(DARK)),
        ("kept runs".to_owned(), browser::open(DARK)),
    ]);
    let forced = (1..=story.len())
        .find(|steps| story.record(*steps).unwrap().guide.as_ref().is_some_and(|guide| guide.accepted == 0));
    let mut forcing = Driver::live(&story, forced.unwrap(), DARK);
    forcing.act(Action::Layer(layer("guide")));
    screens.push(("a forced draft".to_owned(), forcing));
    screens
}

/// The share of the signs on all screens that are below 4.5:1. None is below 3:1, and none is dimmed by the terminal, which
/// decides how dim that is.
fn faint_share(screens: &mut [(String, Driver)], theme: Theme) -> f32 {
    let (mut all, mut faint) = (0, 0);
    for (name, driver) in screens {
        driver.app.theme = theme;
        for size in [(120, 40), (80, 24)] {
            driver.size = size;
            let buffer = driver.draw().0;
            let dimmed = buffer.content.iter().find(|cell| cell.modifier.contains(Modifier::DIM));
            assert!(dimmed.is_none(), "{} {name}: {dimmed:?}", theme.name);
            for (contrast, cell) in text_contrasts(&buffer) {
                assert!(contrast >= VISIBLE, "{} {:?} {name}: {contrast:.2} {cell}", theme.name, theme.level);
                all += 1;
                faint += usize::from(contrast < READABLE);
            }
        }
    }
    faint as f32 / all as f32
}

/// The tables of the documentation.
fn tables() -> String {
    let mut out = String::new();
    let heads: Vec<String> = themes()
        .map(|theme| format!("{}{}", theme.name, if theme.level == Level::True { "" } else { ", 256" }))
        .collect();
    let mut table = |title: &str, heads: &[String], rows: &[(String, Vec<String>)]| {
        writeln!(out, "\n| {title} | {} |\n|---|{}", heads.join(" | "), "---|".repeat(heads.len())).unwrap();
        for (name, cells) in rows {
            writeln!(out, "| {name} | {} |", cells.join(" | ")).unwrap();
        }
    };
    let row = |name: &str, cell: &dyn Fn(Theme) -> String| (name.to_owned(), themes().map(cell).collect());
    let drafts = least_of_drafts();
    let drafted = |sure: usize| drafts.iter().map(|(_, least)| format!("{:.1}", least[sure])).collect();
    let mut screens = screens();
    let faint = themes().map(|theme| format!("{:.0} %", faint_share(&mut screens, theme) * 100.0)).collect();
    table(
        "least contrast, on every ground",
        &heads,
        &[
            row("text", &|theme| format!("{:.1}", least_of_roles(theme, READABLE).0)),
            row("colours with a meaning", &|theme| format!("{:.1}", least_of_meanings(theme).0)),
            row("faint", &|theme| format!("{:.1}", least_of_roles(theme, VISIBLE).0)),
            ("drafts from 0.5 on".to_owned(), drafted(1)),
            ("drafts below 0.5".to_owned(), drafted(0)),
            ("signs below 4.5:1 on all screens".to_owned(), faint),
        ],
    );
    let heads: Vec<String> = true_themes().map(|theme| theme.name.to_string()).collect();
    let legend_rows =
        legends(Theme::new(ThemeName::Dark, Level::True)).into_iter().enumerate().flat_map(|(index, (legend, _))| {
            Eye::ALL.map(|eye| {
                let cells = true_themes().map(|theme| {
                    let (least, pair) = nearest(&legends(theme)[index].1, eye);
                    format!("{least:.3} {pair}")
                });
                (format!("{legend}, {eye:?}"), cells.collect())
            })
        });
    table("least difference, and of which", &heads, &legend_rows.collect::<Vec<_>>());
    let step_rows = Eye::ALL.map(|eye| {
        let cells = true_themes().map(|theme| {
            let (mean, worst) = evenness(theme, eye);
            format!("{mean:.3} ± {:.0} %", worst * 100.0)
        });
        (format!("{eye:?}"), cells.collect())
    });
    table("a quarter of confidence, in lightness", &heads, &step_rows);
    out
}

#[test]
fn the_tables_of_the_documentation_are_what_is_measured() {
    const BEGIN: &str = "<!-- measured -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/colours.md");
    let text = fs::read_to_string(&path).unwrap();
    let (prose, written) = text.split_once(BEGIN).expect("a line that the tables follow");
    let measured = tables();
    if std::env::var("DIFFUSCOPE_COLOURS").is_ok_and(|value| value == "write") {
        fs::write(&path, format!("{prose}{BEGIN}{measured}")).unwrap();
    } else {
        assert_eq!(written, measured, "DIFFUSCOPE_COLOURS=write cargo test --test screen tables writes them");
    }
}
