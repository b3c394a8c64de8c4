//! Runs, their steps, and two of them beside each other.

use super::{
    Binding, CANVAS, Context, Group, Hint, Key, READING, SCRUBBING, STEPPING, WATCHING,
    conditions::{
        always, asked_to_fork, blocks, comparable, differing, live_run, run, run_before, several_rivals, several_runs,
        steppable, steps, stoppable,
    },
    key::{char, ctrl, shift},
};
use crate::{
    session::Phase,
    tui::{
        action::{Action, Overlay},
        app::App,
        compare::CompareAction,
        pane::Pane,
    },
};

const KEPT: &[Context] = &[Context::Kept];
const RUNS: &[Context] = &[Context::Runs];
const WITH_RUNS: &[Context] = &[Context::Canvas, Context::Knobs, Context::Figures, Context::Runs];
const FORKING: &[Context] = &[Context::Canvas, Context::Knobs, Context::Figures, Context::Hands];
const COMPARE: &[Context] = &[Context::Compare];
const FIGURES: &[Context] = &[Context::Figures];

pub(super) fn bindings() -> Vec<Binding> {
    [one(), several(), time(), compare()].into_iter().flatten().collect()
}

fn one() -> Vec<Binding> {
    rows! { Run;
        "run.play"    [char(' ')] Action::TogglePlay, READING, steps, "pause, resume; play the log", 1 play_words;
        "run.step"    [char('.')] Action::StepOnce, READING, steppable, "one step", 3 "one step";
        "run.again"   [char('R'), ctrl('r')] Action::Restart, WATCHING, live_run, "run again, with these settings", 4 "again";
        "run.other"   [char('b')] Action::SwapRuns, WATCHING, run_before, "the run shown before, and back", 8 "other run";
        "run.stop"    [char('x')] Action::StopRun, WATCHING, stoppable, "end the run here";
        "pace.faster" [char('+'), char('=')] Action::Pace(1), READING, run, "faster" in "faster, slower";
        "pace.slower" [char('-')] Action::Pace(-1), READING, run, "slower" in "faster, slower";
        "pace.full"   [char('f')] Action::ToggleFullSpeed, READING, run, "full speed, and back", 9 "full speed";
        "trace.save"  [char('w')] Action::SaveTrace, WATCHING, live_run, "write the trace to a file", 12 "save";
        "kept.toggle" [char('o')] Action::Toggle(Overlay::Kept), WATCHING, always, "kept runs: open one";
        "kept.delete" [ctrl('d'), Key::DELETE] Action::KeptDelete, KEPT, always, "delete a kept run", 3 "delete";
    }
}

fn several() -> Vec<Binding> {
    rows! { Runs;
        "fork.here"    [char('F')] Action::Fork, FORKING, steps, "fork at the shown step", 7 "fork";
        "fork.cold"    [char('C')] Action::ForkCold, FORKING, asked_to_fork, "fork cold, where one is asked", 2 "cold";
        "run.previous" [char('(')] Action::RunMove(-1), WATCHING, several_runs, "previous run" in "previous and next run";
        "run.next"     [char(')')] Action::RunMove(1), WATCHING, several_runs, "next run" in "previous and next run";
        "runs.toggle"  [char('B')] Action::Toggle(Overlay::Runs), WITH_RUNS, run, "the runs and their forks", 9 "runs";
        "runs.rename"  [char('r')] Action::RenameRun, RUNS, always, "rename it", 3 "rename";
        "runs.pin"     [char('P')] Action::PinRun, RUNS, always, "pin it against leaving, or not", 4 "pin";
        "runs.close"   [char('x')] Action::CloseRun, RUNS, always, "close it", 5 "close it";
    }
}

fn time() -> Vec<Binding> {
    rows! { Time;
        "step.back"         [Key::LEFT, char(',')] Action::Scrub(-1), SCRUBBING, steps, "one step back" in "one step back, on", 2 step_words;
        "step.on"           [Key::RIGHT] Action::Scrub(1), SCRUBBING, steps, "one step on" in "one step back, on";
        "step.ten-back"     [shift(Key::LEFT)] Action::Scrub(-10), READING, steps, "ten steps back" in "ten steps back, on";
        "step.page-back"    [Key::PAGE_UP] Action::Scrub(-10), SCRUBBING, steps, "ten steps back" in "ten steps back, on";
        "step.ten-on"       [shift(Key::RIGHT)] Action::Scrub(10), READING, steps, "ten steps on" in "ten steps back, on";
        "step.page-on"      [Key::PAGE_DOWN] Action::Scrub(10), SCRUBBING, steps, "ten steps on" in "ten steps back, on";
        "block.previous"    [char('[')] Action::BlockMove(-1), CANVAS, blocks, "the block before" in "previous and next block";
        "block.next"        [char(']')] Action::BlockMove(1), CANVAS, blocks, "the next block" in "previous and next block";
        "figure.up"         [Key::UP, char('k')] Action::FigureMove(-1), FIGURES, always, "the figure above" in "what a figure says";
        "figure.down"       [Key::DOWN, char('j')] Action::FigureMove(1), FIGURES, always, "the figure below" in "what a figure says", 0 "figure";
        "step.before-first" [char('g'), Key::HOME] Action::ScrubTo(0), READING, steps, "before the first step";
        "step.newest"       [char('G'), Key::END] Action::Follow, READING, steps, "the newest step, and follow";
    }
}

fn compare() -> Vec<Binding> {
    rows! { Compare;
        "compare.toggle"      [char('c')] Action::Compare(CompareAction::Toggle), STEPPING, comparable, "compare with another run" in "compare with another run; leave", 5 compare_words;
        "difference.next"     [char('n')] Action::Compare(CompareAction::Difference(1)), COMPARE, differing, "next difference" in "next, previous difference", 1 "difference";
        "difference.previous" [char('N')] Action::Compare(CompareAction::Difference(-1)), COMPARE, differing, "previous difference" in "next, previous difference";
        "compare.axis"        [char('a')] Action::Compare(CompareAction::NextAxis), COMPARE, always, "by steps, passes, rows or time", 3 "axis";
        "rival.next"          [Key::TAB, char(')')] Action::Compare(CompareAction::Rival(1)), COMPARE, several_rivals, "compare with the next run" in "compare with the next run, before", 5 "other run";
        "rival.previous"      [Key::SHIFT_TAB, char('(')] Action::Compare(CompareAction::Rival(-1)), COMPARE, several_rivals, "compare with the run before" in "compare with the next run, before";
    }
}

fn play_words(app: &App) -> &'static str {
    match (app.phase().filter(|_| app.follows()), app.playback.playing) {
        (Some(Phase::Running), _) | (_, true) => "pause",
        (Some(Phase::Paused), _) => "resume",
        _ => "play",
    }
}

fn step_words(app: &App) -> &'static str {
    if app.lens.pane == Pane::Map { "" } else { "step" }
}

fn compare_words(app: &App) -> &'static str {
    if app.comparison.is_some() { "leave" } else { "compare" }
}
