//! What demos do that no key does in one press; and writing down what a person does, as a demo.

use super::{Effect, knobs, playing};
use crate::{
    printable,
    settings::{KNOBS, Knob},
    tui::{
        action::{Focus, Notice},
        app::App,
        demo::{DemoAction, ScriptWriter},
    },
};

/// Does it.
pub(super) fn act(app: &mut App, action: DemoAction) -> Vec<Effect> {
    match action {
        DemoAction::Prompt(text) => {
            app.overlays.clear();
            app.focus = Focus::Prompt;
            app.prompt.set(&text);
            Vec::new()
        }
        DemoAction::Caption(text) => {
            app.framing.caption = printable::text(&text).into_owned();
            Vec::new()
        }
        DemoAction::Turn(turns) => turn(app, &turns),
        DemoAction::Pace(pace) => playing::pace_of(app, pace),
        DemoAction::View(pane) => {
            app.lens.pane = pane;
            Vec::new()
        }
        DemoAction::Theme(name) => {
            app.theme.name = name;
            app.follows_ground = false;
            Vec::new()
        }
    }
}

/// Turns knobs all at once; the pane shows the first of them. What is refused is said, since a demo has nobody who looks there.
fn turn(app: &mut App, turns: &[(&'static str, String)]) -> Vec<Effect> {
    let first = turns.first().and_then(|(name, _)| KNOBS.iter().position(|knob| knob.name == *name));
    app.knobs.selected = first.unwrap_or(app.knobs.selected);
    let mut layers = app.layers.clone();
    for (name, value) in turns {
        if let Ok(knob) = Knob::find(name) {
            layers.set_live(knob, value.clone());
        }
    }
    if let Err(error) = knobs::check(app, &layers.resolve()) {
        app.tell(Notice::error(error.to_string()));
        return Vec::new();
    }
    knobs::turn_to(app, layers)
}

/// Begins to write down what is done, or ends that and has it kept.
pub(super) fn toggle(app: &mut App) -> Vec<Effect> {
    let Some(script) = app.script.take() else {
        app.script = Some(Box::new(ScriptWriter::new(app)));
        let said = if app.run().is_some() {
            "a demo script is being written: the runs on the screen are not in it, so begin with a prompt; D ends it"
        } else {
            "a demo script is being written: type a prompt; D ends it"
        };
        app.tell(Notice::note(said));
        return Vec::new();
    };
    match script.finish(app).map(|script| script.to_toml()) {
        Some(Ok(text)) => vec![Effect::SaveDemo(text)],
        Some(Err(error)) => {
            app.tell(Notice::error(error.to_string()));
            Vec::new()
        }
        None => {
            app.tell(Notice::note("nothing was done, so there is no demo script"));
            Vec::new()
        }
    }
}
