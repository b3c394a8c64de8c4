//! When a binding is possible, and in a few words why it is not.

use crate::tui::{
    app::{App, Confirmation, EngineState},
    compare::RunComparison,
    exporting::ExportRowKind,
    find,
    update::events::written_elsewhere,
    view::RunView,
};

/// Whether something is possible now, or the reason why it is not: for the palette, and for who presses its key.
pub type Availability = Result<(), &'static str>;

fn only_if(holds: bool, otherwise: &'static str) -> Availability {
    if holds { Ok(()) } else { Err(otherwise) }
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table has a condition")]
pub(super) fn always(_: &App) -> Availability {
    Ok(())
}

pub(super) fn live(app: &App) -> Availability {
    only_if(!app.is_replay(), "a trace is shown, which no engine can change")
}

pub(super) fn run(app: &App) -> Availability {
    only_if(app.run().is_some(), "no run yet")
}

pub(super) fn steps(app: &App) -> Availability {
    run(app)?;
    only_if(!app.is_empty(), "no step yet")
}

pub(super) fn exportable(app: &App) -> Availability {
    steps(app)?;
    only_if(app.exports.form.is_some(), "nothing here makes exports")
}

pub(super) fn several_values(app: &App) -> Availability {
    only_if(app.exports.kind(app.list) != Some(ExportRowKind::Text), "this row is typed")
}

pub(super) fn exporting(app: &App) -> Availability {
    only_if(app.exports.writing.is_some(), "no export is being written")
}

pub(super) fn live_run(app: &App) -> Availability {
    live(app)?;
    run(app)
}

pub(super) fn conversation(app: &App) -> Availability {
    only_if(app.next_turn().is_some(), "the next prompt begins a conversation already")
}

pub(super) fn run_before(app: &App) -> Availability {
    only_if(app.session.other().is_some(), "one run only")
}

pub(super) fn several_runs(app: &App) -> Availability {
    run(app)?;
    only_if(app.session.runs().len() > 1, "one run only")
}

pub(super) fn stoppable(app: &App) -> Availability {
    only_if(app.is_under_way() || app.forking.is_some(), "no run is under way")
}

pub(super) fn steppable(app: &App) -> Availability {
    run(app)?;
    only_if(app.is_under_way() || !app.follows(), "the last step is shown, and the run is over")
}

pub(super) fn turnable(app: &App) -> Availability {
    live(app)?;
    only_if(!matches!(app.engine, EngineState::Failed(_)), "no network is loaded")
}

pub(super) fn loading(app: &App) -> Availability {
    only_if(app.picker.loading.is_some(), "no network is being loaded")
}

pub(super) fn asked_to_fork(app: &App) -> Availability {
    only_if(app.asked == Some(Confirmation::Fork), "no fork is asked about")
}

pub(super) fn mendable(app: &App) -> Availability {
    live(app)?;
    let mended = app.examples.get(app.list).and_then(|example| example.mended);
    only_if(mended.is_some(), "no other preset is named for this prompt")
}

pub(super) fn comparable(app: &App) -> Availability {
    let has_rivals = || !RunComparison::rivals(&app.session).is_empty();
    run(app)?;
    only_if(app.comparison.is_some() || has_rivals(), "there is no other run to compare it with")
}

pub(super) fn several_rivals(app: &App) -> Availability {
    only_if(RunComparison::rivals(&app.session).len() > 1, "there is no third run")
}

pub(super) fn differing(app: &App) -> Availability {
    let has_any = |comparison: &RunComparison| !comparison.diff().differences.is_empty();
    only_if(app.comparison.as_ref().is_some_and(has_any), "the two runs do not differ")
}

/// Whether Enter leads to the step that wrote the selected token, or opens its candidates: the shown step is the one to
/// change it in.
pub(super) fn openable(app: &App) -> Availability {
    let (Some(run), Some(position)) = (RunView::of(app), app.lens.selected) else {
        return Err("no token is selected");
    };
    only_if(run.is_at_hand(position) || written_elsewhere(app).is_some(), "this token was there from the beginning")
}

pub(super) fn found(app: &App) -> Availability {
    let has_any = find::found(app).is_some_and(|found| !found.places.is_empty());
    only_if(has_any, "the text of this step has no such words")
}

pub(super) fn long_canvas(app: &App) -> Availability {
    only_if(app.drawn.canvas.lowest > 0, "all of the canvas is in sight")
}

pub(super) fn blocks(app: &App) -> Availability {
    steps(app)?;
    only_if(app.log().is_some_and(|log| log.block_starts().len() > 1), "this run has one block")
}
