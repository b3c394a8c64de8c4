//! The program itself.

use super::{
    Binding, Context, Group, Hint, Key, PANES, READING, WATCHING,
    conditions::{always, live},
    key::{char, ctrl},
};
use crate::tui::{
    action::{Action, Overlay},
    app::App,
};

/// Where something is done by name.
const WITH_PALETTE: &[Context] = &[
    Context::Prompt,
    Context::Canvas,
    Context::Knobs,
    Context::Figures,
    Context::Compare,
    Context::Hands,
    Context::Palette,
];
const WITH_HELP: &[Context] = &[
    Context::Prompt,
    Context::Canvas,
    Context::Knobs,
    Context::Figures,
    Context::Compare,
    Context::Entry,
    Context::KnobFilter,
    Context::Help,
    Context::Legend,
    Context::Gallery,
    Context::Presets,
    Context::Runs,
];
const WITH_TOUR: &[Context] = &[Context::Prompt, Context::Canvas, Context::Knobs, Context::Figures];
/// Panes, and what is typed in them.
const BACK: &[Context] = &[
    Context::Prompt,
    Context::Canvas,
    Context::Knobs,
    Context::Figures,
    Context::Compare,
    Context::Entry,
    Context::KnobFilter,
];
/// What lies in front of the panes.
const CLOSE: &[Context] = &[
    Context::Help,
    Context::Legend,
    Context::Gallery,
    Context::Presets,
    Context::Models,
    Context::Kept,
    Context::Runs,
    Context::PresetName,
    Context::Palette,
    Context::Copy,
    Context::Export,
    Context::ExportText,
    Context::Hands,
    Context::Line,
    Context::Tour,
];

pub(super) fn bindings() -> Vec<Binding> {
    rows! { Program;
        "palette.toggle"  [char(':'), ctrl('p')] Action::Toggle(Overlay::Palette), WITH_PALETTE, always, "palette: do anything by name", 11 palette_words;
        "pane.next"       [Key::TAB] Action::FocusNext, PANES, always, "next pane" in "next pane, and back", 10 "pane";
        "pane.previous"   [Key::SHIFT_TAB] Action::FocusPrevious, PANES, always, "the pane before" in "next pane, and back";
        "screen.back"     [Key::ESC] Action::Back, BACK, always, "back, let go" in "close, leave, let go", 12 "back";
        "screen.close"    [Key::ESC, char('q')] Action::Back, CLOSE, always, "close what is in front" in "close, leave, let go", 3 close_words;
        "theme.next"      [char('t')] Action::NextTheme, READING, always, "next theme";
        "demo.record"     [char('D')] Action::RecordDemo, WATCHING, live, "write a demo script; end that", 2 demo_words;
        "help.toggle"     [char('?'), Key::F1] Action::Toggle(Overlay::Help), WITH_HELP, always, "this help", 13 "help";
        "tour.toggle"     [char('T'), Key::F2] Action::Toggle(Overlay::Tour), WITH_TOUR, always, "a tour of five cards", 11 tour_words;
        "screen.repaint"  [ctrl('l')] Action::Repaint, &Context::ALL, always, "draw everything again";
        "program.suspend" [ctrl('z')] Action::Suspend, &Context::ALL, always, "suspend to the shell";
        "program.quit"    [char('q')] Action::Quit, READING, always, "quit", 14 "quit";
        "program.leave"   [ctrl('c')] Action::Quit, &Context::ALL, always, "quit, from anywhere" in "quit";
    }
}

fn palette_words(app: &App) -> &'static str {
    if app.overlays.is_empty() { "palette" } else { "" }
}

fn close_words(app: &App) -> &'static str {
    match app.context() {
        Context::Hands => "let go",
        Context::Line => "drop",
        Context::ExportText if app.exports.entry.is_some() => "drop",
        Context::Tour => "leave",
        _ => "close",
    }
}

fn demo_words(app: &App) -> &'static str {
    if app.script.is_some() { "end the script" } else { "" }
}

fn tour_words(app: &App) -> &'static str {
    if app.context() == Context::Prompt { "tour" } else { "" }
}
