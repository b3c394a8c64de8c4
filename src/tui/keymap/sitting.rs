//! The keys of a sitting with several runs, and of hands on the canvas.

use crossterm::event::KeyCode;

use super::{Binding, Context, Group, Hint, key::Key};
use crate::tui::{
    action::{Action, Direction, Overlay},
    app::{App, Confirmation},
    update::events::written_elsewhere,
    view::RunView,
};

const WATCHING: &[Context] = &[Context::Canvas, Context::Knobs, Context::Figures];
const RUNS: &[Context] = &[Context::Runs];
const HANDS: &[Context] = &[Context::Hands];
const LINE: &[Context] = &[Context::Line];
/// Where a fork can be asked for.
const FORKING: &[Context] = &[Context::Canvas, Context::Knobs, Context::Hands];

fn always(_: &App) -> bool {
    true
}

fn has_steps(app: &App) -> bool {
    !app.is_empty()
}

fn has_runs(app: &App) -> bool {
    app.run().is_some()
}

fn has_several(app: &App) -> bool {
    app.session.runs().len() > 1
}

fn is_asked(app: &App) -> bool {
    app.asked == Some(Confirmation::Fork)
}

/// Whether Enter leads to the step that wrote the selected token, or opens its candidates: the shown step is the one to
/// change it in.
fn can_open(app: &App) -> bool {
    let (Some(run), Some(position)) = (RunView::of(app), app.lens.selected) else { return false };
    run.is_at_hand(position) || written_elsewhere(app).is_some()
}

fn open_words(app: &App) -> &'static str {
    if written_elsewhere(app).is_some() { "its step" } else { "change" }
}

/// Several runs.
pub(super) fn runs() -> Vec<Binding> {
    vec![
        binding!(Action::Fork, [Key::char('F')], "fork at the shown step", Runs, FORKING, has_steps, 7 "fork"),
        binding!(Action::ForkCold, [Key::char('C')], "fork cold, where one is asked", Runs, FORKING, is_asked, 2 "cold"),
        binding!(Action::RunMove(-1), [Key::char('(')], "previous and next run", Runs, WATCHING, has_several),
        binding!(Action::RunMove(1), [Key::char(')')], "previous and next run", Runs, WATCHING, has_several),
        binding!(
            Action::Toggle(Overlay::Runs),
            [Key::char('B')],
            "the runs and their forks",
            Runs,
            &[Context::Canvas, Context::Knobs, Context::Runs],
            has_runs,
            9 "runs"
        ),
        binding!(Action::ListMove(-1), [Key::new(KeyCode::Up), Key::char('k')], "choose", Runs, RUNS, always),
        binding!(Action::ListMove(1), [Key::new(KeyCode::Down), Key::char('j')], "choose", Runs, RUNS, always, 2 "choose"),
        binding!(Action::ListMove(-1 << 20), [Key::new(KeyCode::Home)], "the first, the last", Runs, RUNS, always),
        binding!(Action::ListMove(1 << 20), [Key::new(KeyCode::End)], "the first, the last", Runs, RUNS, always),
        binding!(Action::ListAccept, [Key::new(KeyCode::Enter)], "show it", Runs, RUNS, always, 1 "show"),
        binding!(Action::RenameRun, [Key::char('r')], "rename it", Runs, RUNS, always, 3 "rename"),
        binding!(Action::PinRun, [Key::char('P')], "pin it against leaving, or not", Runs, RUNS, always, 4 "pin"),
        binding!(Action::CloseRun, [Key::char('x')], "close it", Runs, RUNS, always, 5 "close it"),
        binding!(Action::Back, [Key::new(KeyCode::Esc), Key::char('q')], "close the list", Runs, RUNS, always, 6 "back"),
        binding!(
            Action::Toggle(Overlay::Help),
            [Key::char('?'), Key::new(KeyCode::F(1))],
            "this help",
            Runs,
            RUNS,
            always,
            13 "help"
        ),
    ]
}

/// Changing tokens by hand.
pub(super) fn hands() -> Vec<Binding> {
    let mut bindings = vec![
        binding!(
            Action::OpenToken,
            [Key::new(KeyCode::Enter)],
            "the token's step; there, change it",
            Hands,
            &[Context::Canvas],
            can_open,
            0 open_words
        ),
        binding!(Action::WriteCandidate(0), [Key::char('1')], "write a candidate", Hands, HANDS, always, 1 "to 5 write"),
    ];
    let write = |(row, key): (usize, &'static Key)| Binding {
        action: Action::WriteCandidate(row),
        keys: std::slice::from_ref(key),
        label: "write a candidate",
        group: Group::Hands,
        contexts: HANDS,
        applies: always,
        hint: None,
    };
    bindings.extend((1..).zip(&DIGITS).map(write));
    bindings.extend([
        binding!(Action::MaskAgain, [Key::char('x')], "mask it again", Hands, HANDS, always, 2 "mask"),
        binding!(Action::ToggleSpan, [Key::char('v')], "begin a span, or drop it", Hands, HANDS, always, 5 "span"),
        binding!(Action::TogglePin, [Key::char('P')], "pin it against rules, or not", Hands, HANDS, always, 3 "pin"),
        binding!(Action::TypeOver, [Key::char('e')], "type text in its place", Hands, HANDS, always, 4 "type"),
        binding!(Action::TakeBack, [Key::char('u')], "undo the change by hand", Hands, HANDS, always, 6 "undo"),
        binding!(Action::Back, [Key::new(KeyCode::Esc), Key::char('q')], "let go", Hands, HANDS, always, 7 "let go"),
        binding!(Action::LineAccept, [Key::new(KeyCode::Enter)], "take the typed line", Hands, LINE, always, 1 "take"),
        binding!(Action::LineErase, [Key::new(KeyCode::Backspace)], "erase a character", Hands, LINE, always),
        binding!(Action::Clear, [Key::ctrl('u')], "clear the typed line", Hands, LINE, always),
        binding!(Action::Back, [Key::new(KeyCode::Esc)], "drop the typed line", Hands, LINE, always, 2 "drop"),
    ]);
    bindings.extend(moves());
    bindings
}

/// The tour. Where characters are text, a function key opens it.
pub(super) fn tour() -> Vec<Binding> {
    const TOUR: &[Context] = &[Context::Tour];
    vec![
        binding!(Action::Toggle(Overlay::Tour), [Key::char('T')], "a tour of five cards", Program, WATCHING, always),
        binding!(Action::Toggle(Overlay::Tour), [Key::new(KeyCode::F(2))], "a tour of five cards", Program, &[Context::Prompt], always, 11 "tour"),
        binding!(
            Action::ListMove(-1),
            [Key::new(KeyCode::Left), Key::char('h')],
            "the card before, the next",
            Lists,
            TOUR,
            always
        ),
        binding!(Action::ListMove(1), [Key::new(KeyCode::Right), Key::char('l')], "the card before, the next", Lists, TOUR, always, 2 "walk"),
        binding!(Action::ListAccept, [Key::new(KeyCode::Enter), Key::char(' ')], "the next card, out of the last", Lists, TOUR, always, 1 "next"),
        binding!(Action::Back, [Key::new(KeyCode::Esc), Key::char('q')], "leave the tour", Lists, TOUR, always, 3 "leave"),
    ]
}

/// Moves of the selection, which extend a span.
fn moves() -> [Binding; 4] {
    [
        binding!(
            Action::SelectMove(Direction::Left),
            [Key::char('h'), Key::new(KeyCode::Left)],
            "another token, a longer span",
            Hands,
            HANDS,
            always
        ),
        binding!(
            Action::SelectMove(Direction::Right),
            [Key::char('l'), Key::new(KeyCode::Right)],
            "another token, a longer span",
            Hands,
            HANDS,
            always
        ),
        binding!(
            Action::SelectMove(Direction::Up),
            [Key::char('k'), Key::new(KeyCode::Up)],
            "another token, a longer span",
            Hands,
            HANDS,
            always
        ),
        binding!(
            Action::SelectMove(Direction::Down),
            [Key::char('j'), Key::new(KeyCode::Down)],
            "another token, a longer span",
            Hands,
            HANDS,
            always
        ),
    ]
}

/// The keys of the candidates behind the first.
static DIGITS: [Key; 4] = [Key::char('2'), Key::char('3'), Key::char('4'), Key::char('5')];
