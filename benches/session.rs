//! What a sitting of many runs costs, with the embedded pair: loading it and naming its weights, the memory of fifty
//! stories, a fork at step 30, and frames of 200×60 cells with eight runs beside frames with one.
//!
//! ```sh
//! cargo bench --bench session
//! cargo bench --bench session -- 10
//! ```
//!
//! The number is that of the stories, 50 by itself.

use std::{ops::ControlFlow, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use diffuscope::{
    engine::{
        InProcess, Link, ModelRequest, complete,
        protocol::{Command, Drive, Event, ForkRequest, RunId, RunRequest},
    },
    model::embedded,
    settings::{Layers, preset},
    tasks::{self, Family, Options},
    trace::ForkPoint,
    tui::{
        Action, App, Effect, Overlay,
        theme::{Level, Theme, ThemeName},
        update, view,
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

mod support;

const FRAMES: usize = 101;
const FORKS: usize = 21;
const FORK_AT: usize = 30;
const AREA: Rect = Rect::new(0, 0, 200, 60);

fn main() -> Result<()> {
    let stories = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(50);
    weights()?;
    let mut engine = InProcess::open(ModelRequest::default())?;
    let ready = loop {
        match engine.wait().context("the engine has ended")? {
            event @ Event::Ready { .. } => break event,
            Event::LoadFailed { error, .. } => bail!(error),
            _ => {}
        }
    };
    for name in ["threshold", "flashdlm"] {
        forks(&mut engine, name)?;
    }
    sitting(&mut engine, &ready, stories)
}

/// Loading the pair, and what of it goes into the names of its weights.
fn weights() -> Result<()> {
    let pair = support::median(11, |_| drop(std::hint::black_box(embedded::pair())));
    let pair_of_files = embedded::pair()?;
    let checkpoints = [pair_of_files.denoiser, pair_of_files.guide];
    let names = support::median(11, |_| {
        for checkpoint in &checkpoints {
            std::hint::black_box(checkpoint.fingerprint());
        }
    });
    println!("unpacking the pair        {:>8.2} ms", millis(pair));
    println!("fingerprints of the pair  {:>8.2} ms", millis(names));
    Ok(())
}

/// From asking for a fork of a story until it starts, all steps before it repeated.
fn forks(engine: &mut InProcess, name: &str) -> Result<()> {
    let parent = complete(engine, request(1, story(0), name)?, |_| ControlFlow::Continue(()))?;
    ensure!(parent.len() > FORK_AT, "the story under {name} has no step {FORK_AT}");
    let point: ForkPoint = parent.fork_point(FORK_AT);
    let mut failed = None;
    let fork = support::median(FORKS, |number| {
        let run = number as RunId + 2;
        let fork = ForkRequest { point: point.clone(), edits: Vec::new(), text: None, cold: false };
        let request = RunRequest { fork: Some(Box::new(fork)), ..request(run, String::new(), name).expect("known") };
        failed = failed.take().or(started(engine, request).err());
    });
    if let Some(error) = failed {
        return Err(error);
    }
    let all = support::median(FORKS, |number| {
        let request = request(number as RunId + 100, story(0), name).expect("known");
        drop(complete(engine, request, |_| ControlFlow::Continue(())));
    });
    println!(
        "fork at step {FORK_AT} under {name:<10}{:>8.2} ms; the whole story, {} steps, {:.2} ms",
        millis(fork),
        parent.len(),
        millis(all)
    );
    Ok(())
}

/// Waits until a fork has started, and ends it there.
fn started(engine: &mut InProcess, request: RunRequest) -> Result<()> {
    let id = request.run;
    engine.send(Command::Start(Box::new(request)));
    loop {
        match engine.wait().context("the engine has ended")? {
            Event::Started { run, .. } if run == id => {
                engine.send(Command::Stop);
                return Ok(());
            }
            Event::Failed { run, error } if run == id => bail!(error),
            _ => {}
        }
    }
}

/// Stories that a playground keeps: what they take, and what frames cost beside.
fn sitting(engine: &mut InProcess, ready: &Event, stories: u64) -> Result<()> {
    let theme = Theme::new(ThemeName::Dark, Level::True);
    let mut app = App::live(Layers::default(), Some(String::new()), theme, Vec::new(), ModelRequest::default());
    hear(&mut app, ready.clone());
    let before = resident();
    for index in 0..stories {
        run_story(&mut app, engine, index)?;
        if [1, 8].contains(&(index + 1)) {
            frames(&mut app, index + 1);
        }
    }
    let runs = app.session().runs();
    let logs: usize = runs.iter().map(|run| run.log.memory()).sum();
    let steps: usize = runs.iter().map(|run| run.log.len()).sum();
    println!("{} stories of {steps} steps: logs of {:.1} MB", runs.len(), logs as f64 / 1e6);
    if let (Some(before), Some(after)) = (before, resident()) {
        println!("the process with all that it holds: {:.1} MB, {:.1} MB before the first", after / 1e6, before / 1e6);
    }
    Ok(())
}

/// Has the playground run a story as a person would.
fn run_story(app: &mut App, engine: &mut InProcess, index: u64) -> Result<()> {
    update(app, Action::Focus(diffuscope::tui::Focus::Prompt));
    update(app, Action::Clear);
    update(app, Action::Paste(story(index)));
    let effects = update(app, Action::Submit);
    let start = effects.into_iter().find_map(|effect| match effect {
        Effect::Engine(Command::Start(request)) => Some(request),
        _ => None,
    });
    let request = RunRequest { drive: Drive::Free, ..*start.context("the playground starts no run")? };
    engine.send(Command::Start(Box::new(request)));
    loop {
        let event = engine.wait().context("the engine has ended")?;
        let is_over = matches!(event, Event::Finished { .. });
        hear(app, event);
        if is_over {
            return Ok(());
        }
    }
}

/// Frames of the newest run at one of its steps after the other, and with the list of all runs before it.
fn frames(app: &mut App, runs: u64) {
    let steps = app.len();
    let moving = support::median(FRAMES, |frame| {
        update(app, Action::ScrubTo(1 + frame % steps));
        picture(app);
    });
    update(app, Action::Toggle(Overlay::Runs));
    let listed = support::median(FRAMES, |_| picture(app));
    update(app, Action::Back);
    let plural = if runs == 1 { "" } else { "s" };
    println!("frame with {runs} run{plural}: {:.2} ms; with their list open {:.2} ms", millis(moving), millis(listed));
}

fn picture(app: &App) {
    let mut buffer = Buffer::empty(AREA);
    view::draw(app, AREA, &mut buffer);
    std::hint::black_box(&buffer);
}

fn hear(app: &mut App, event: Event) {
    update(app, Action::Engine(Box::new(event)));
}

fn story(index: u64) -> String {
    tasks::generate(Family::Story, 20_261_128, index, Options::default()).prompt
}

fn request(run: RunId, prompt: String, name: &str) -> Result<RunRequest> {
    let mut layers = Layers::default();
    layers.set_preset(preset(name)?.clone());
    Ok(RunRequest {
        run,
        prompt,
        turns: Vec::new(),
        settings: layers.resolve(),
        preset: Some(name.to_owned()),
        drive: Drive::Free,
        rivals: Vec::new(),
        fork: None,
    })
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Bytes of this process that are in memory, where the system says so as Linux does.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? * 1024.0)
}
