//! Changing tokens by hand.

use super::{
    Binding, CANVAS, Context, Group, Hint, Key,
    conditions::{always, openable},
    key::char,
};
use crate::{
    trace::Log,
    tui::{
        action::{Action, Direction},
        app::App,
        update::events::written_elsewhere,
    },
};

const HANDS: &[Context] = &[Context::Hands];

pub(super) fn bindings() -> Vec<Binding> {
    rows! { Hands;
        "token.open"  [Key::ENTER] Action::OpenToken, CANVAS, openable, "the token's step; there, change it", 0 open_words;
        "write.1"     [char('1')] Action::WriteCandidate(0), HANDS, always, "write candidate 1" in "write a candidate", 1 "to 5 write";
        "write.2"     [char('2')] Action::WriteCandidate(1), HANDS, always, "write candidate 2" in "write a candidate";
        "write.3"     [char('3')] Action::WriteCandidate(2), HANDS, always, "write candidate 3" in "write a candidate";
        "write.4"     [char('4')] Action::WriteCandidate(3), HANDS, always, "write candidate 4" in "write a candidate";
        "write.5"     [char('5')] Action::WriteCandidate(4), HANDS, always, "write candidate 5" in "write a candidate";
        "token.mask"  [char('x')] Action::MaskAgain, HANDS, always, "mask it again", 2 "mask";
        "token.span"  [char('v')] Action::ToggleSpan, HANDS, always, "begin a span, or drop it", 5 "span";
        "token.pin"   [char('P')] Action::TogglePin, HANDS, always, "pin it against rules, or not", 3 "pin";
        "token.type"  [char('e')] Action::TypeOver, HANDS, always, "type text in its place", 4 "type";
        "token.undo"  [char('u')] Action::TakeBack, HANDS, always, "undo the change by hand", 6 "undo";
        "span.left"   [char('h'), Key::LEFT] Action::SelectMove(Direction::Left), HANDS, always, "the token before" in "another token, a longer span";
        "span.right"  [char('l'), Key::RIGHT] Action::SelectMove(Direction::Right), HANDS, always, "the token after" in "another token, a longer span";
        "span.up"     [char('k'), Key::UP] Action::SelectMove(Direction::Up), HANDS, always, "a token above" in "another token, a longer span";
        "span.down"   [char('j'), Key::DOWN] Action::SelectMove(Direction::Down), HANDS, always, "a token below" in "another token, a longer span";
    }
}

fn open_words(app: &App) -> &'static str {
    let is_prompt = |(log, at): (&Log, usize)| at < log.header().prompt_ids.len();
    if app.log().zip(app.lens.selected).is_some_and(is_prompt) {
        return "";
    }
    if written_elsewhere(app).is_some() { "its step" } else { "change" }
}
