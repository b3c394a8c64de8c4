//! Conversations with a model that chats.

use super::{Effect, set_focus};
use crate::{
    trace::Header,
    tui::{
        action::{Focus, Notice},
        app::App,
    },
};

/// The next prompt begins a new conversation.
pub(super) fn begin(app: &mut App) -> Vec<Effect> {
    if app.next_turn().is_none() {
        return Vec::new();
    }
    app.begins = true;
    app.tell(Notice::note("the next prompt begins a new conversation"));
    set_focus(app, Focus::Prompt)
}

/// A run starts. What it was asked is no prompt for the next turn: it is among the earlier ones then.
pub(super) fn started(app: &mut App, header: &Header) {
    if header.turns.is_empty() {
        app.begins = false;
    }
    if header.denoiser.chats && app.chats() && header.origin.is_none() && app.prompt.text() == header.prompt {
        app.prompt.set("");
    }
}
