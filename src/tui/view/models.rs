//! The model picker: what is here, what could be downloaded, and a line to type any source; below it what the selected
//! model needs, or how loading goes.
//!
//! ```text
//! ╭ models: denoisers ─────────────────────────────────╮
//! │ here  cpu: 21.5 GB of 25.8 GB free                 │
//! │ ▸ ● embedded                         1.5M  6.2 MB  │
//! │                                                    │
//! │ to download                                        │
//! │     hf:GSAI-ML/LLaDA-8B-Instruct     8.0B 16.0 GB  │
//! │                                                    │
//! │ or type                                            │
//! │     hf:owner/name                                  │
//! │ ────────────────────────────────────────────────── │
//! │ what it is for, what it needs, what enter does     │
//! ╰────────── enter loads it, tab guides, esc closes ╯
//! ```

use ratatui::{
    layout::{Position, Rect},
    text::{Line, Span},
};

use super::{
    listing::{Listing, grouped},
    pen::{Pen, cut, span, tail, wrap},
    sample,
};
use crate::{
    model::{
        catalog::CatalogEntry,
        known,
        memory::{MemoryFit, bytes},
        source::{Progress, SYNTAX, Source},
    },
    printable,
    tui::{
        app::{App, SPINNER_TURN},
        picker::{ModelLoading, PickerLine},
        theme::{BarPart, Role},
    },
};

/// Rows for what is said of the selected model, with the rule above it, where there is room.
const DETAIL: u16 = 6;
/// The same on a small screen.
const SMALL_DETAIL: u16 = 4;

/// Draws the picker.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let choices = app.picker.choices();
    let rows = grouped(choices.iter().map(|choice| heading(app, *choice)));
    let (title, other) = match app.picker.role {
        known::ModelRole::Denoiser => ("models: denoisers", "enter loads it, tab guides, esc closes"),
        known::ModelRole::Guide => ("models: guides", "enter loads it, tab denoisers, esc closes"),
    };
    let foot = if app.picker.loading.is_some() { "^X breaks it off, esc closes" } else { other };
    let detail = if area.height >= 22 { DETAIL } else { SMALL_DETAIL };
    let listing = Listing { title, foot, wide: 92, detail, rows: &rows, selected: app.list };
    let about = listing.draw(area, pen, |index, selected, row, pen| {
        if let Some(choice) = choices.get(index) {
            draw_choice(app, *choice, selected, row, pen);
        }
    });
    match (&app.picker.loading, choices.get(app.list)) {
        (Some(loading), _) => draw_loading(app, loading, about, pen),
        (None, Some(choice)) => draw_about(app, *choice, about, pen),
        (None, None) => {}
    }
}

/// What is here comes before what would be downloaded.
fn heading(app: &App, choice: PickerLine<'_>) -> (String, String) {
    let (title, note) = match choice {
        PickerLine::NoGuide => ("here", room(app)),
        PickerLine::Item(item) if item.is_here() => ("here", room(app)),
        PickerLine::Item(_) => ("to download", String::new()),
        PickerLine::Typed => ("or type", String::new()),
    };
    (title.to_owned(), note)
}

/// The memory that models are loaded to.
fn room(app: &App) -> String {
    let Some(catalog) = &app.picker.catalog else { return String::new() };
    catalog.memory.map_or(String::new(), |memory| {
        format!("{}: {} of {} free", catalog.device, bytes(memory.free), bytes(memory.total))
    })
}

fn fit(app: &App, item: &CatalogEntry) -> Option<MemoryFit> {
    let memory = app.picker.catalog.as_ref()?.memory?;
    Some(MemoryFit::of(item.need?, memory.free))
}

fn draw_choice(app: &App, choice: PickerLine<'_>, selected: bool, row: Rect, pen: &mut Pen<'_>) {
    let glyphs = pen.theme.glyphs;
    let present = app.picker.present();
    let (is_present, is_too_large) = match choice {
        PickerLine::NoGuide => (app.picker.loaded.is_some() && present.is_none(), false),
        PickerLine::Item(item) => (present == Some(&item.source), fit(app, item) == Some(MemoryFit::Exceeds)),
        PickerLine::Typed => (false, false),
    };
    if is_present {
        pen.put(row.x, row.y, 1, glyphs.running, pen.style(Role::Good));
    } else if is_too_large {
        pen.put(row.x, row.y, 1, glyphs.wrong, pen.style(Role::Bad));
    }
    let style = pen.style(if selected || is_present { Role::Text } else { Role::Dim });
    let at = row.x + 2;
    let room = row.right().saturating_sub(at);
    match choice {
        PickerLine::NoGuide => {
            pen.cut(at, row.y, room, "no guide", style);
        }
        PickerLine::Item(item) => {
            let about = if item.is_measured { "" } else { "~" };
            let size = format!("{about}{}", bytes(item.bytes));
            let weights = item.parameters.map(weights).unwrap_or_default();
            let right = Line::from(vec![
                span(format!("{weights:>6}"), pen.style(Role::Dim)),
                span(format!("{size:>9}"), pen.style(Role::Faint)),
            ]);
            let taken = if room >= 36 { 15 } else { 0 };
            if taken > 0 {
                pen.line_right(row, &right);
            }
            let name = printable::line(&item.source.to_string());
            pen.cut(at, row.y, room.saturating_sub(taken), &name, style);
        }
        PickerLine::Typed if app.picker.entry.is_empty() => {
            pen.cut(at, row.y, room, "hf:owner/name", pen.style(Role::Faint));
            caret(app, selected, at, row, pen);
        }
        PickerLine::Typed => {
            // The end of what is typed stays in view.
            let entry = printable::line(&app.picker.entry);
            let shown = tail(&entry, room.saturating_sub(1));
            let end = pen.put(at, row.y, room, shown, pen.style(Role::Accent));
            caret(app, selected, end, row, pen);
        }
    }
}

/// The text cursor, where what is typed goes.
fn caret(app: &App, selected: bool, x: u16, row: Rect, pen: &mut Pen<'_>) {
    if selected && app.picker.loading.is_none() {
        pen.drawn.cursor = Some(Position::new(x.min(row.right().saturating_sub(1)), row.y));
    }
}

/// A number of weights.
fn weights(count: u64) -> String {
    match count {
        1_000_000_000.. => format!("{:.1}B", count as f64 / 1e9),
        100_000_000.. => format!("{:.0}M", count as f64 / 1e6),
        _ => format!("{:.1}M", count as f64 / 1e6),
    }
}

/// What is to be known of the selected line.
fn draw_about(app: &App, choice: PickerLine<'_>, area: Rect, pen: &mut Pen<'_>) {
    let mut lines: Vec<(String, Role)> = Vec::new();
    match choice {
        PickerLine::NoGuide => {
            lines.push(("the denoiser alone decides which tokens are committed".to_owned(), Role::Text));
        }
        PickerLine::Item(item) => {
            if !item.what.is_empty() {
                lines.push((item.what.to_owned(), Role::Text));
            }
            lines.extend(need(app, item));
            lines.push((what_enter_does(app, item), Role::Faint));
        }
        PickerLine::Typed => {
            let entry = app.picker.entry.trim();
            let usual = (format!("a {} is {SYNTAX}", app.picker.role.name()), Role::Text);
            match entry.parse::<Source>() {
                _ if app.picker.refusal.is_some() => {}
                _ if entry.is_empty() => lines.extend([usual, ("begin to type, or paste".to_owned(), Role::Faint)]),
                Err(error) => lines.push((printable::line(&error.to_string()), Role::Note)),
                Ok(Source::Hub(_)) => {
                    lines.extend([usual, ("enter loads it from the hub, or from its cache".to_owned(), Role::Faint)]);
                }
                Ok(_) => lines.extend([usual, ("enter loads it".to_owned(), Role::Faint)]),
            }
        }
    }
    if let Some(refusal) = &app.picker.refusal {
        lines.insert(0, (refusal.clone(), Role::Bad));
    }
    let lines = lines.iter().flat_map(|(line, role)| wrap(line, area.width).into_iter().map(move |line| (line, *role)));
    for ((line, role), y) in lines.zip(area.top()..area.bottom()) {
        pen.put(area.x, y, area.width, &line, pen.style(role));
    }
}

/// What the model needs, and whether that is there.
fn need(app: &App, item: &CatalogEntry) -> Option<(String, Role)> {
    let need = bytes(item.need?);
    let catalog = app.picker.catalog.as_ref()?;
    let device = &catalog.device;
    Some(match fit(app, item) {
        Some(MemoryFit::Exceeds) => {
            (format!("takes about {need} of memory on the {device}: more than is free"), Role::Bad)
        }
        Some(MemoryFit::Close) => {
            (format!("takes about {need} of memory on the {device}: almost all that is free"), Role::Note)
        }
        Some(MemoryFit::Fits) | None => (format!("takes about {need} of memory on the {device}"), Role::Dim),
    })
}

fn what_enter_does(app: &App, item: &CatalogEntry) -> String {
    if app.picker.present() == Some(&item.source) {
        return "it is loaded".to_owned();
    }
    if item.is_partial {
        return "enter loads it from this machine; the hub is asked for small files that it may lack".to_owned();
    }
    if item.is_here() {
        return "enter loads it from this machine".to_owned();
    }
    let about = if item.is_measured { "" } else { "about " };
    format!("enter downloads {about}{} and loads it", bytes(item.bytes))
}

/// How loading goes, with a bar.
fn draw_loading(app: &App, loading: &ModelLoading, area: Rect, pen: &mut Pen<'_>) {
    let mut y = area.y;
    let mut put = |text: &str, role: Role, pen: &mut Pen<'_>| {
        if y < area.bottom() {
            pen.cut(area.x, y, area.width, text, pen.style(role));
            y += 1;
        }
    };
    put(&words(loading), Role::Text, pen);
    if let Some((done, total)) = loading.bytes() {
        put("", Role::Text, pen);
        if let Some(share) = loading.share().filter(|_| area.height >= 2) {
            let row = Rect { y: area.y + 1, height: 1, ..area };
            let style = pen.theme.ink(pen.theme.part(BarPart::Plain));
            pen.line(row, &Line::from(sample::bar(pen.theme, row.width, share, style)));
        }
        put(&amounts(app, loading, done, total), Role::Dim, pen);
    }
    if loading.is_cancelled {
        put("breaking off", Role::Note, pen);
    }
}

/// What is being done, in a few words.
pub(super) fn words(loading: &ModelLoading) -> String {
    let text = match &loading.progress {
        None => {
            let (denoiser, guide) = (&loading.request.denoiser, loading.request.guide_source());
            match guide.filter(|guide| *guide != denoiser) {
                Some(guide) => format!("loading {} and {}", denoiser.name(), guide.name()),
                None => format!("loading {}", denoiser.name()),
            }
        }
        Some(Progress::Asking { model }) => format!("asking the hub for {model}"),
        Some(Progress::Waiting { model, seconds: None }) => {
            format!("the hub does not answer about {model}; trying again")
        }
        Some(Progress::Waiting { model, seconds: Some(seconds) }) => {
            format!("the hub asks to wait {seconds} s before it is asked about {model} again")
        }
        Some(Progress::Found { model, .. }) => format!("downloading {model}"),
        Some(Progress::Checking { model, file, .. }) => format!("checking what is there of {model}: {file}"),
        Some(Progress::Downloading { model, file, .. }) => format!("downloading {model}: {file}"),
        Some(Progress::Reading { model, .. }) => format!("reading {model}"),
    };
    printable::line(&text)
}

/// Bytes, share, speed and time left.
fn amounts(app: &App, loading: &ModelLoading, done: u64, total: Option<u64>) -> String {
    let mut parts = vec![match total {
        Some(total) => format!("{} of {}", bytes(done), bytes(total)),
        None => bytes(done),
    }];
    if let Some(share) = loading.share() {
        parts.push(format!("{:.0} %", 100.0 * share));
    }
    if let Some(rate) = loading.rate(app.now) {
        parts.push(format!("{}/s", bytes(rate as u64)));
        if let Some(left) = total.map(|total| total.saturating_sub(done) as f64 / rate) {
            parts.push(format!("{} left", time(left)));
        }
    }
    parts.join("  ")
}

/// A time for people who wait.
fn time(seconds: f64) -> String {
    match seconds.round() as u64 {
        seconds @ 0..90 => format!("{seconds} s"),
        seconds @ 90..5400 => format!("{} min", (seconds + 30) / 60),
        seconds => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

/// What turns while one waits.
pub(super) fn turning(app: &App, pen: &Pen<'_>) -> Span<'static> {
    let spinner = pen.theme.glyphs.spinner;
    let turn = (app.now.as_millis() / SPINNER_TURN.as_millis()) as usize % spinner.len();
    span(spinner[turn], pen.style(Role::Accent))
}

/// How loading goes, in the header's few cells.
pub(super) fn brief(app: &App, loading: &ModelLoading, pen: &Pen<'_>) -> Vec<Span<'static>> {
    let word = match &loading.progress {
        Some(Progress::Waiting { seconds: Some(_), .. }) => "waiting for the hub",
        Some(Progress::Asking { .. } | Progress::Waiting { .. }) => "asking the hub",
        Some(Progress::Found { .. } | Progress::Downloading { .. }) => "downloading",
        Some(Progress::Checking { .. }) => "checking",
        Some(Progress::Reading { .. }) | None => "loading the networks",
    };
    let share = loading.share().map_or_else(String::new, |share| format!(" {:.0} %", 100.0 * share));
    let text = cut(&format!(" {word}{share}"), 32, pen.theme.glyphs.ellipsis);
    vec![turning(app, pen), span(text, pen.style(Role::Dim))]
}
