//! The browser of kept runs: a line each, and below the rule what the selected one was asked and how it went.
//!
//! ```text
//! ╭ kept runs with "goat" ──────────────────────────────────────────────────────────────╮
//! │     written       preset      prompt               steps  passes  tok/s             │
//! │ ▸ ✓ today 14:03   flashdlm    story: Write a st…      53      41    141  ▁▂▇█▃▁     │
//! │   ✗↳today 13:58   threshold   story: Write a st…      69      69     88  ▁█▂▁▁▁     │
//! │─────────────────────────────────────────────────────────────────────────────────────│
//! │ the prompt, the verdict, the figures, the file                                      │
//! ╰────────────────────────────────────────── enter opens it, ^D deletes, esc closes ───╯
//! ```

use jiff::civil::Date;
use ratatui::{
    layout::{Position, Rect},
    style::Style,
    text::{Line, Span},
};

use super::{
    listing::{ListRow, Listing},
    pen::{Pen, count, cut, plural, span, width, wrap},
};
use crate::{
    kept::{KeptRun, KeptState},
    model::memory::bytes,
    printable,
    trace::RunSummary,
    tui::{
        app::{App, Confirmation},
        browser::KeptOutcome,
        theme::{Role, Theme},
    },
};

/// Cells of the marks, the date and the preset, each with the gap behind it.
const MARKS: u16 = 3;
const WHEN: u16 = 14;
const PRESET: u16 = 16;

/// Cells of the sparkline, where there is room for it.
const SPARK: u16 = 16;

/// Draws the browser.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let browser = &app.browser;
    let runs = browser.listed();
    let columns = BrowserColumns::of(area.width);
    let mut rows = Vec::new();
    if !runs.is_empty() {
        rows.push(ListRow::Heading(String::new(), columns.names()));
        rows.extend((0..runs.len()).map(ListRow::Item));
    }
    let filter = printable::line(&browser.filter);
    let title = if filter.is_empty() { "kept runs".to_owned() } else { format!("kept runs with \"{filter}\"") };
    let keys = if filter.is_empty() { "type to filter, " } else { "" };
    let foot = format!("{keys}enter opens it, ^D deletes it, esc closes");
    let detail = if area.height >= 24 { 8 } else { 6 };
    let listing = Listing { title: &title, foot: &foot, wide: WIDE, detail, rows: &rows, selected: app.list };
    let about = listing.draw(area, pen, |index, selected, row, pen| {
        if let Some(run) = runs.get(index) {
            columns.draw(run, browser.today, selected, row, pen);
        }
    });
    let lines = match runs.get(app.list) {
        Some(run) => about_run(app, run, about.width, pen.theme),
        None => vec![nothing(app)],
    };
    let lines = lines.iter().flat_map(|(text, role)| wrap(text, about.width).into_iter().map(|line| (line, *role)));
    for ((line, role), y) in lines.zip(about.top()..about.bottom()) {
        pen.put(about.x, y, about.width, &line, pen.style(role));
    }
    if !filter.is_empty() {
        caret(&listing, &title, area, pen);
    }
}

/// Widest frame.
const WIDE: u16 = 130;

/// The text cursor, behind what is typed.
fn caret(listing: &Listing<'_>, title: &str, area: Rect, pen: &mut Pen<'_>) {
    let frame = listing.frame(0, area);
    let x = frame.x + 2 + width(title);
    if x + 2 < frame.right() {
        pen.drawn.cursor = Some(Position::new(x, frame.y));
    }
}

/// What stands in a line, by the room there is.
struct BrowserColumns {
    /// Cells of the line.
    width: u16,
    has_spark: bool,
    has_preset: bool,
}

impl BrowserColumns {
    fn of(screen: u16) -> Self {
        // Frame, margins and the pointer.
        let width = WIDE.min(screen.saturating_sub(2)).saturating_sub(6);
        Self { width, has_spark: width >= 96, has_preset: width >= 64 }
    }

    /// Cells of what stands at the right end.
    fn right(&self) -> u16 {
        21 + if self.has_spark { SPARK + 2 } else { 0 }
    }

    fn left(&self) -> u16 {
        MARKS + WHEN + if self.has_preset { PRESET } else { 0 }
    }

    fn names(&self) -> String {
        let preset = if self.has_preset { format!("{:16}", "preset") } else { String::new() };
        let left = format!("   {:14}{preset}prompt", "written");
        let pad = self.width.saturating_sub(self.right() + width(&left));
        let spark = if self.has_spark { "  tokens a step" } else { "" };
        let figures = format!("{:>6} {:>7} {:>6}", "steps", "passes", "tok/s");
        format!("{left}{}{figures}{spark}", " ".repeat(usize::from(pad)))
    }

    fn draw(&self, run: &KeptRun, today: Option<Date>, selected: bool, row: Rect, pen: &mut Pen<'_>) {
        let (mark, style) = mark(run, pen);
        pen.put(row.x, row.y, 1, mark, style);
        let text = pen.style(if selected { Role::Text } else { Role::Dim });
        let faint = pen.style(Role::Faint);
        pen.cut(row.x + MARKS, row.y, WHEN - 2, &when(run, today), text);
        let at = row.x + MARKS + WHEN;
        let room = row.width.saturating_sub(self.left());
        match &run.state {
            KeptState::Unread => {
                pen.cut(at, row.y, row.width.saturating_sub(MARKS + WHEN), &run.name, faint);
            }
            KeptState::Unreadable(why) => {
                pen.cut(at, row.y, row.width.saturating_sub(MARKS + WHEN), why, faint);
            }
            KeptState::Read { summary, family, .. } => {
                if summary.is_fork {
                    pen.put(row.x + 1, row.y, 1, pen.theme.glyphs.fork, pen.style(Role::Accent));
                }
                let mut at = at;
                if self.has_preset {
                    let preset = printable::line(summary.preset.as_deref().unwrap_or("no preset"));
                    pen.cut(at, row.y, PRESET - 2, &preset, text);
                    at += PRESET;
                }
                let family = family.map_or(String::new(), |family| format!("{}: ", family.name()));
                let prompt = format!("{family}{}", printable::line(&summary.prompt));
                pen.cut(at, row.y, room.saturating_sub(self.right() + 1), &prompt, text);
                pen.line_right(row, &Line::from(self.figures(summary, pen.theme, text, faint)));
            }
        }
    }

    fn figures(&self, summary: &RunSummary, theme: Theme, text: Style, faint: Style) -> Vec<Span<'static>> {
        let speed = format!("{:.0}", summary.tokens_per_second());
        let figures =
            format!("{:>6} {:>7} {speed:>6}", count(summary.written.len() as u64), count(summary.cost.nfe.into()));
        let mut line = vec![span(figures, text)];
        if self.has_spark {
            let spark = spark(theme, &summary.written, SPARK);
            let pad = usize::from(SPARK.saturating_sub(width(&spark)));
            line.push(span("  ", faint));
            line.push(span(format!("{spark}{}", " ".repeat(pad)), theme.style(Role::Accent)));
        }
        line
    }
}

/// How many tokens the steps wrote, in at most so many bars. A root, so that one large step leaves others their height.
fn spark(theme: Theme, written: &[u32], cells: u16) -> String {
    let share = written.len().div_ceil(usize::from(cells)).max(1);
    let means = written.chunks(share).map(|steps| steps.iter().sum::<u32>() as f32 / steps.len() as f32);
    let means: Vec<f32> = means.collect();
    let most = means.iter().copied().fold(1.0, f32::max);
    means.iter().map(|mean| theme.glyphs.rising[((mean / most).sqrt() * 7.99) as usize]).collect()
}

/// What became of a run, in a cell.
fn mark(run: &KeptRun, pen: &Pen<'_>) -> (&'static str, Style) {
    let glyphs = pen.theme.glyphs;
    let (mark, role) = match KeptOutcome::of(run) {
        KeptOutcome::Unread => (glyphs.dot, Role::Faint),
        KeptOutcome::Unreadable => ("!", Role::Bad),
        KeptOutcome::UnderWay => (glyphs.running, Role::Good),
        KeptOutcome::Interrupted => (glyphs.ellipsis, Role::Note),
        KeptOutcome::Correct => (glyphs.right, Role::Good),
        KeptOutcome::Wrong => (glyphs.wrong, Role::Bad),
        KeptOutcome::Finished | KeptOutcome::Stopped => (glyphs.stopped, Role::Dim),
    };
    (mark, pen.style(role))
}

/// "today 14:03", "Nov 27 14:03", "Nov 27 2025".
fn when(run: &KeptRun, today: Option<Date>) -> String {
    let date = run.when.date();
    let format = match today {
        Some(today) if today == date => "today %H:%M",
        Some(today) if today.year() != date.year() => "%b %d %Y",
        _ => "%b %d %H:%M",
    };
    run.when.strftime(format).to_string()
}

/// What is to be known of the selected run.
fn about_run(app: &App, run: &KeptRun, cells: u16, theme: Theme) -> Vec<(String, Role)> {
    let mut lines = Vec::new();
    if app.asked == Some(Confirmation::Delete) {
        let question = "delete it for good? the same key again does, any other key keeps it";
        lines.push((question.to_owned(), Role::Bad));
    }
    match &run.state {
        KeptState::Unread => {}
        KeptState::Unreadable(why) => lines.push((why.clone(), Role::Bad)),
        KeptState::Read { summary, .. } => {
            // Two lines of the prompt are enough to know it by.
            let prompt = printable::line(&summary.prompt);
            lines.push((cut(&prompt, 2 * cells.saturating_sub(4), theme.glyphs.ellipsis), Role::Text));
            lines.push(how_it_went(run, summary));
            let dot = theme.glyphs.dot;
            lines.push((
                format!(
                    "{}  {dot}  {} in {}  {dot}  {:.1} tokens/s  {dot}  {}",
                    plural(summary.written.len(), "step"),
                    plural(summary.tokens, "token"),
                    if summary.cost.nfe == 1 { "1 pass".to_owned() } else { format!("{} passes", summary.cost.nfe) },
                    summary.tokens_per_second(),
                    bytes(run.bytes)
                ),
                Role::Dim,
            ));
        }
    }
    lines.push((run.name.clone(), Role::Faint));
    lines
}

/// How the run ended, a sentence.
fn how_it_went(run: &KeptRun, summary: &RunSummary) -> (String, Role) {
    let outcome = KeptOutcome::of(run);
    let reason = summary.end.as_ref().and_then(|end| end.verdict.as_deref()).map(printable::line).unwrap_or_default();
    let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
    let fork = if summary.is_fork { "a fork, " } else { "" };
    let (text, role) = match outcome {
        KeptOutcome::UnderWay => ("under way in this diffuscope or in another one".to_owned(), Role::Good),
        KeptOutcome::Interrupted if summary.is_torn => {
            ("interrupted: its last line is cut off, and it opens with the steps before".to_owned(), Role::Note)
        }
        KeptOutcome::Interrupted => ("interrupted: it has no end".to_owned(), Role::Note),
        KeptOutcome::Correct => (format!("correct{reason}"), Role::Good),
        KeptOutcome::Wrong => (format!("wrong{reason}"), Role::Bad),
        other => (other.word().to_owned(), Role::Dim),
    };
    (format!("{fork}{text}"), role)
}

/// Why nothing is listed.
fn nothing(app: &App) -> (String, Role) {
    let browser = &app.browser;
    match &browser.trouble {
        Some(why) => (why.clone(), Role::Note),
        None if browser.is_reading => ("reading".to_owned(), Role::Faint),
        None if browser.runs.is_empty() => {
            ("no run is kept yet: every run of the playground will be".to_owned(), Role::Dim)
        }
        None => ("no kept run has all of these words: backspace erases, ^U clears".to_owned(), Role::Dim),
    }
}
