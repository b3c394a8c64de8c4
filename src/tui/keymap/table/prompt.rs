//! Writing prompts.

use super::{
    Binding, Context, Group, Hint, Key, PANES, TYPED, WATCHING,
    conditions::{always, conversation, live, mendable},
    key::{alt, char, ctrl, shift},
};
use crate::tui::action::{Action, Focus, Overlay};

const PROMPT: &[Context] = &[Context::Prompt];
const IN_GALLERY: &[Context] = &[Context::Gallery];
const GALLERY: &[Context] = &[Context::Prompt, Context::Canvas, Context::Knobs, Context::Figures, Context::Gallery];

pub(super) fn bindings() -> Vec<Binding> {
    // Terminals send the same byte for the three keys of undo.
    rows! { Prompt;
        "prompt.denoise"   [Key::ENTER] Action::Submit, PROMPT, live, "denoise the prompt", 1 "denoise";
        "prompt.newline"   [ctrl('j'), alt(Key::ENTER), shift(Key::ENTER)] Action::Newline, PROMPT, live, "break the line", 6 "new line";
        "text.clear"       [ctrl('u')] Action::Clear, TYPED, always, "clear to the start of the line";
        "prompt.undo"      [ctrl('_'), ctrl('/'), ctrl('7')] Action::Undo, PROMPT, live, "undo" in "undo, redo";
        "prompt.redo"      [ctrl('r')] Action::Redo, PROMPT, live, "redo" in "undo, redo";
        "prompt.older"     [Key::UP] Action::HistoryOlder, PROMPT, live, "the prompt before" in "earlier and later prompts";
        "prompt.newer"     [Key::DOWN] Action::HistoryNewer, PROMPT, live, "the prompt after" in "earlier and later prompts";
        "gallery.toggle"   [ctrl('g'), char('e')] Action::Toggle(Overlay::Gallery), GALLERY, live, "gallery of prompts", 2 "gallery";
        "gallery.mend"     [ctrl('r')] Action::MendExample, IN_GALLERY, mendable, "under the preset that gets it right", 2 "the right way";
        "conversation.new" [ctrl('n')] Action::NewConversation, PANES, conversation, "begin a new conversation", 7 "new conversation";
        "prompt.edit"      [char('i')] Action::Focus(Focus::Prompt), WATCHING, live, "edit the prompt", 5 "prompt";
    }
}
