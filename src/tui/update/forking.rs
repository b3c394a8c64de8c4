//! Forks: from the shown step another run, with the settings in force or with tokens that are changed by hand.

use super::{Effect, prompt};
use crate::{
    engine::protocol::{ForkRequest, RunId},
    printable,
    session::{Branch, turned},
    trace::{Figures, Log},
    tui::{
        action::Notice,
        app::{App, Confirmation, EngineState, Origin},
        forking::{ForkPlan, PendingFork},
    },
};

/// Steps that take longer to repeat are not repeated without a question, seconds.
const SLOW: f64 = 5.0;

/// Forks at the shown step. `cold` answers a question only.
pub(super) fn fork(app: &mut App, cold: bool) -> Vec<Effect> {
    let answers = app.asked == Some(Confirmation::Fork);
    if cold && !answers {
        return Vec::new();
    }
    let plan = app.planned.take().filter(|_| answers).unwrap_or_default();
    if answers { begin(app, plan, cold) } else { ask(app, plan) }
}

/// Makes a fork, at the second asking where that takes a while.
pub(super) fn ask(app: &mut App, plan: ForkPlan) -> Vec<Effect> {
    if let Some(refusal) = refusal(app, &plan) {
        app.tell(Notice::error(refusal));
        return Vec::new();
    }
    let at = app.shown();
    let seconds = app.log().map_or(0.0, |log| seconds(log, at));
    if seconds <= SLOW {
        return begin(app, plan, false);
    }
    app.asked = Some(Confirmation::Fork);
    app.planned = Some(plan);
    let dot = app.theme.glyphs.dot;
    app.tell(Notice::note(format!(
        "{at} steps come before it, which took {seconds:.0} s: F repeats what it must {dot} C forks cold, with empty caches, at once",
    )));
    Vec::new()
}

/// How long the first steps of a log took, audits included.
fn seconds(log: &Log, steps: usize) -> f64 {
    let figures = Figures::of(log, steps);
    figures.seconds() + figures.cost.audit_us as f64 / 1e6
}

/// Why there can be no fork here, in a sentence.
fn refusal(app: &App, plan: &ForkPlan) -> Option<String> {
    let (run, at) = (app.run()?, app.shown());
    if let Origin::Replay { file } = &app.origin {
        return Some(format!("a replayed file has no engine: `diffuscope run --fork {file}@{at}` continues it"));
    }
    let header = run.log.header();
    match &app.engine {
        EngineState::Loading | EngineState::Absent => return Some("the networks are still being loaded".to_owned()),
        EngineState::Failed(message) => return Some(message.clone()),
        EngineState::Ready { denoiser, .. } if !denoiser.is_same_model(&header.denoiser) => {
            let name = |card: &crate::trace::ModelCard| printable::line(&card.name);
            return Some(format!(
                "run {} was made with {}, and {} is loaded: load the other one again with ^O to fork it",
                run.id,
                name(&header.denoiser),
                name(denoiser)
            ));
        }
        EngineState::Ready { .. } => {}
    }
    if app.forking.is_some() {
        return Some("a fork is being made: x breaks it off".to_owned());
    }
    if plan.edits.is_empty() && plan.text.is_none() && !has_masks(&run.log, at) {
        return Some(format!(
            "nothing is masked after step {at}: go to an earlier step to fork, or mask something again (Enter on a token)"
        ));
    }
    None
}

fn has_masks(log: &Log, steps: usize) -> bool {
    let mask = log.header().mask_id;
    log.canvas(steps).ids().any(|id| id == mask)
}

fn begin(app: &mut App, plan: ForkPlan, cold: bool) -> Vec<Effect> {
    let step = app.shown();
    let Some(run) = app.run() else { return Vec::new() };
    let (point, base) = (run.log.fork_point(step), run.log.settings_at(step));
    let (parent, prompt) = (run.id, run.log.header().prompt.clone());
    let ForkPlan { edits, text, by_hand } = plan;
    let effects = prompt::request(app, prompt, Vec::new(), Some(Box::new(ForkRequest { point, edits, text, cold })));
    let branch = Branch { parent, step, by_hand };
    app.forking = Some(PendingFork { run: app.last_run, branch, base, progress: None });
    effects
}

/// The engine has repeated so many steps of the parent.
pub(super) fn on_progress(app: &mut App, run: RunId, done: usize, steps: usize) {
    if let Some(fork) = app.forking.as_mut().filter(|fork| fork.run == run) {
        fork.progress = Some((done, steps));
    }
}

/// A knob was turned: where the shown step has its future behind it, says what that means for it.
pub(super) fn offer(app: &mut App) {
    let Some(run) = app.run().filter(|run| !run.log.is_empty()) else { return };
    if app.is_replay() || (run.is_under_way() && app.follows()) {
        return;
    }
    let (at, dot) = (app.shown(), app.theme.glyphs.dot);
    let what = turned("", &app.layers.resolve(), &run.log.settings_at(at));
    if what.is_empty() || app.notice.as_ref().is_some_and(|(notice, _)| notice.is_error) {
        return;
    }
    let elsewhere = app.session.under_way().map(|run| format!("run {} has it with its next step {dot} ", run.id));
    let elsewhere = elsewhere.unwrap_or_default();
    let fork = format!("F forks from step {at} with {what}");
    let text = match app.notice() {
        // What was done has said the rest.
        Some(said) if has_masks(&run.log, at) => format!("{} {dot} {elsewhere}{fork}", said.text),
        Some(_) => return,
        None if has_masks(&run.log, at) => format!("{elsewhere}{fork} {dot} R runs again"),
        None => format!("{elsewhere}R runs again with {what} {dot} at an earlier step, F forks from there"),
    };
    app.tell(Notice::note(text));
}
