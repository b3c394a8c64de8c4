//! The list of runs: each under the one that it left, with what made it and what it took.

use ratatui::{
    layout::{Position, Rect},
    text::{Line, Span},
};

use super::{
    listing::{ListRow, Listing},
    pen::{Pen, count, cut, span, width},
    run_strip::sign,
};
use crate::{
    engine::protocol::RunId,
    printable,
    session::{Run, RunOutcome, TreeRow},
    trace::{Figures, ForkOrigin},
    tui::{
        app::App,
        hands::LineUse,
        theme::{Glyphs, Role},
    },
};

/// "fork of 2 at step 15, cold": how a run branched off another one.
pub(super) fn fork_words(origin: &ForkOrigin, parent: Option<RunId>) -> String {
    let of = parent.map_or_else(String::new, |parent| format!(" of {parent}"));
    let how = match (origin.cold, origin.exact) {
        (true, _) => ", cold",
        (false, false) => ", not exact",
        (false, true) => "",
    };
    format!("fork{of} at step {}{how}", origin.step)
}

/// The columns behind the name and the prompt: heading and cells.
const COLUMNS: [(&str, u16); 4] = [("steps", 7), ("passes", 8), ("tokens/s", 10), ("verdict", 14)];

/// Where the columns of a row stand.
struct RunColumns {
    name: u16,
    prompt: u16,
    /// How many of [`COLUMNS`] have room, from the left, but the verdict always.
    figures: usize,
}

impl RunColumns {
    fn of(cells: u16) -> Self {
        let verdict = COLUMNS[3].1;
        let name = (cells * 2 / 5).clamp(16, 40);
        let mut figures = 0;
        let mut left = cells.saturating_sub(name + verdict);
        for (_, needed) in &COLUMNS[..3] {
            if left < *needed {
                break;
            }
            left -= needed;
            figures += 1;
        }
        Self { name, prompt: if left >= 12 { left } else { 0 }, figures }
    }

    fn heading(&self) -> String {
        let prompt = if self.prompt > 0 { "prompt" } else { "" };
        let figures = COLUMNS[..self.figures].iter().map(|(name, cells)| format!("{name:>0$}", usize::from(*cells)));
        let figures: String = figures.collect();
        format!("{:<1$}{prompt:<2$}{figures}  verdict", "run", usize::from(self.name), usize::from(self.prompt))
    }
}

/// Draws the list.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let tree = app.session.tree();
    let wide = 104;
    let columns = RunColumns::of(wide.min(area.width.saturating_sub(2)).max(20) - 6);
    let rows: Vec<ListRow> = std::iter::once(ListRow::Heading(String::new(), columns.heading()))
        .chain((0..tree.len()).map(ListRow::Item))
        .collect();
    let listing = Listing {
        title: "runs",
        foot: "enter shows, r renames, P pins, x closes, esc",
        wide,
        detail: 4,
        rows: &rows,
        selected: app.list,
    };
    let shown = app.run().map(|run| run.id);
    let detail = listing.draw(area, pen, |index, selected, row, pen| {
        if let Some(entry) = tree.get(index) {
            let role = if Some(entry.run.id) == shown || selected { Role::Text } else { Role::Dim };
            draw_run(entry, &columns, Some(entry.run.id) == shown, role, row, pen);
        }
    });
    if let Some(entry) = tree.get(app.list) {
        draw_detail(app, entry.run, detail, pen);
    }
}

fn draw_run(entry: &TreeRow<'_>, columns: &RunColumns, is_shown: bool, role: Role, row: Rect, pen: &mut Pen<'_>) {
    let (run, style) = (entry.run, pen.style(role));
    let glyphs = pen.theme.glyphs;
    let mut x = pen.put(row.x, row.y, columns.name, &rails(entry, glyphs), pen.style(Role::Faint));
    let end = row.x + columns.name - 1;
    if let Some(branch) = run.branch() {
        let mark = format!("{}{} ", glyphs.fork, branch.step);
        x = pen.put(x, row.y, end.saturating_sub(x), &mark, pen.style(Role::Accent));
    }
    let title = if run.title().is_empty() { "the same settings" } else { run.title() };
    let name = format!("{} {title}{}", run.id, if is_shown { format!(" {}", glyphs.changed) } else { String::new() });
    pen.cut(x, row.y, end.saturating_sub(x), &name, if is_shown { pen.style(Role::Strong) } else { style });
    let mut x = row.x + columns.name;
    let prompt = printable::line(&run.log.header().prompt);
    pen.cut(x, row.y, columns.prompt.saturating_sub(1), &prompt, pen.style(Role::Faint));
    x += columns.prompt;
    let figures = Figures::of(&run.log, run.log.len());
    let speed = if figures.seconds() > 0.0 { format!("{:.1}", figures.tokens_per_second()) } else { "-".to_owned() };
    let values = [count(figures.steps as u64), count(figures.cost.nfe.into()), speed];
    for (value, (_, cells)) in values.iter().zip(&COLUMNS[..columns.figures]) {
        pen.put(x + cells.saturating_sub(width(value)), row.y, *cells, value, style);
        x += cells;
    }
    let (sign, role) = sign(run.outcome(), pen.theme);
    let mut line = vec![span(format!("  {sign} {} ", outcome(run.outcome())), pen.style(role))];
    line.extend(marks(run, pen));
    pen.line(Rect { x, width: row.right().saturating_sub(x), ..row }, &Line::from(line));
}

/// The lines of the tree in front of a branch.
fn rails(entry: &TreeRow<'_>, glyphs: &Glyphs) -> String {
    let Some((last, above)) = entry.rails.split_last() else { return String::new() };
    let mut rails: String =
        above.iter().map(|more| if *more { format!("{} ", glyphs.upright) } else { "  ".to_owned() }).collect();
    rails += glyphs.branches[usize::from(!last)];
    rails + glyphs.rule
}

fn outcome(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::UnderWay => "runs",
        RunOutcome::Right => "correct",
        RunOutcome::Wrong => "wrong",
        RunOutcome::Unjudged => "over",
        RunOutcome::Broken => "failed",
    }
}

/// Whether it is pinned, and whether a file holds it.
fn marks(run: &Run, pen: &Pen<'_>) -> Vec<Span<'static>> {
    let pin = if run.pinned { pen.theme.glyphs.pin } else { " " };
    let saved = if run.saved { "s" } else { " " };
    vec![span(pin, pen.style(Role::Accent)), span(saved, pen.style(Role::Faint))]
}

/// The prompt of the selected run, what it is and how it ended; while its name is typed, that.
fn draw_detail(app: &App, run: &Run, area: Rect, pen: &mut Pen<'_>) {
    let row = |down: u16| Rect { y: area.y + down, height: 1, ..area };
    if let Some(line) = app.line.as_ref().filter(|line| line.used == LineUse::Name(run.id)) {
        let label = format!("name of run {}  ", run.id);
        type_line(&label, &line.text, row(0), pen);
        return;
    }
    let log = &run.log;
    let prompt = cut(&printable::line(&log.header().prompt), area.width, pen.theme.glyphs.ellipsis);
    let parent = run.branch().map(|branch| branch.parent);
    let mut facts: Vec<String> = log.header().origin.iter().map(|origin| fork_words(origin, parent)).collect();
    facts.extend(run.branch().and_then(|branch| branch.by_hand.clone()));
    facts.extend(run.pinned.then(|| format!("{} pinned: stays when memory is scarce", pen.theme.glyphs.pin)));
    facts.push(if run.saved { "s saved in a file".to_owned() } else { "in no file".to_owned() });
    let verdict = log.end().and_then(|end| end.verdict.as_deref()).map(printable::line).unwrap_or_default();
    let dot = format!(" {} ", pen.theme.glyphs.dot);
    let lines = [(prompt, Role::Text), (facts.join(&dot), Role::Dim), (verdict, Role::Faint)];
    for ((text, role), down) in lines.iter().zip(0..area.height) {
        pen.cut(area.x, area.y + down, area.width, text, pen.style(*role));
    }
}

/// A line that is being typed, its end in sight, with the text cursor behind it.
pub(super) fn type_line(label: &str, text: &str, row: Rect, pen: &mut Pen<'_>) {
    if row.height == 0 || row.width == 0 {
        return;
    }
    let x = pen.cut(row.x, row.y, row.width, label, pen.style(Role::Dim));
    let room = row.right().saturating_sub(x + 1);
    let mut tail = text;
    while width(tail) > room {
        let Some((at, _)) = tail.char_indices().nth(1) else { break };
        tail = &tail[at..];
    }
    let end = pen.put(x, row.y, room, tail, pen.style(Role::Strong));
    pen.drawn.cursor = Some(Position::new(end.min(row.right() - 1), row.y));
}
