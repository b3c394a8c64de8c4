//! What a sitting of many runs costs, with the embedded pair: loading it and naming its weights, a fork at step 30, the
//! share of recording and drawing in runs at full speed, the memory of fifty stories, and frames of 200×60 cells with
//! eight runs beside frames with one.
//!
//! ```sh
//! cargo bench --bench session
//! cargo bench --bench session -- 10 speed memory
//! ```
//!
//! The number is that of the stories, 50 by itself; words choose among the parts `weights`, `forks`, `speed`, `frames`, `memory`.

use std::{
    fs, io,
    ops::ControlFlow,
    time::{Duration, Instant},
};

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
        Action, App, Effect, Focus, FrameClock, Overlay,
        theme::{Level, Theme, ThemeName},
        update, view,
    },
};
use ratatui::{Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};

mod support;

const FRAMES: usize = 101;
const FORKS: usize = 21;
const FORK_AT: usize = 30;
const STORIES_AT_FULL_SPEED: u64 = 6;
const SEVERAL: u64 = 8;
const AREA: Rect = Rect::new(0, 0, 200, 60);

fn main() -> Result<()> {
    let (numbers, parts): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .partition(|argument| argument.parse::<u64>().is_ok());
    let stories = numbers.iter().find_map(|number| number.parse().ok()).unwrap_or(50);
    let is_asked = |part: &str| parts.is_empty() || parts.iter().any(|asked| asked == part);
    if is_asked("weights") {
        weights()?;
    }
    let mut engine = InProcess::open(ModelRequest::default())?;
    let ready = loop {
        match engine.wait().context("the engine has ended")? {
            event @ Event::Ready { .. } => break event,
            Event::LoadFailed { error, .. } => bail!(error),
            _ => {}
        }
    };
    for name in ["threshold", "flashdlm"].into_iter().filter(|_| is_asked("forks")) {
        forks(&mut engine, name)?;
    }
    for name in ["threshold", "flashdlm-narrow"].into_iter().filter(|_| is_asked("speed")) {
        share(&mut engine, &ready, name)?;
    }
    if is_asked("frames") {
        frames(&mut engine, &ready)?;
    }
    if is_asked("memory") { memory(&mut engine, &ready, stories) } else { Ok(()) }
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

/// How much of the processor's time goes into recording and drawing while stories are decoded at full speed, with frames
/// as the event loop draws them: this thread does that and nothing else.
fn share(engine: &mut InProcess, ready: &Event, name: &str) -> Result<()> {
    let mut screen = Screen::new(playground(ready, name)?)?;
    update(&mut screen.app, Action::ToggleFullSpeed);
    let (began, before) = (Instant::now(), processor_times());
    let mut frames = 0;
    for index in 0..STORIES_AT_FULL_SPEED {
        frames += run_story(&mut screen, engine, index, Some(began))?;
    }
    let elapsed = began.elapsed();
    let steps: usize = screen.app.session().runs().iter().map(|run| run.log.len()).sum();
    print!("{name} at full speed: {steps} steps in {:.2} s, {frames} frames", elapsed.as_secs_f64());
    match before.zip(processor_times()) {
        Some((before, after)) => {
            let [own, all] = [0, 1].map(|of| after[of].saturating_sub(before[of]).as_secs_f64());
            let share = |of: f64| 100.0 * own / of;
            let wall = elapsed.as_secs_f64();
            println!(
                "; recording and drawing {:.1} ms, {:.1} % of all processor time, {:.1} % of the clock",
                own * 1e3,
                share(all),
                share(wall)
            );
        }
        None => println!(),
    }
    Ok(())
}

/// Frames of a story alone and beside others that are kept.
fn frames(engine: &mut InProcess, ready: &Event) -> Result<()> {
    let mut screen = Screen::new(playground(ready, "flashdlm-narrow")?)?;
    for runs in 1..=SEVERAL {
        run_story(&mut screen, engine, runs, None)?;
        if [1, SEVERAL].contains(&runs) {
            frames_of_first(&mut screen, runs)?;
        }
    }
    Ok(())
}

/// Stories that a playground keeps, and what they take.
fn memory(engine: &mut InProcess, ready: &Event, stories: u64) -> Result<()> {
    let mut screen = Screen::new(playground(ready, "plain")?)?;
    let before = resident();
    for index in 0..stories {
        run_story(&mut screen, engine, index, None)?;
    }
    let runs = screen.app.session().runs();
    let logs: usize = runs.iter().map(|run| run.log.memory()).sum();
    let steps: usize = runs.iter().map(|run| run.log.len()).sum();
    println!("{} stories of {steps} steps: logs of {:.1} MB", runs.len(), logs as f64 / 1e6);
    if let (Some(before), Some(after)) = (before, resident()) {
        println!("the process with all that it holds: {:.1} MB, {:.1} MB before the first", after / 1e6, before / 1e6);
    }
    Ok(())
}

/// A playground that has its networks, with a preset.
fn playground(ready: &Event, name: &str) -> Result<App> {
    let theme = Theme::new(ThemeName::Dark, Level::True);
    let mut layers = Layers::default();
    layers.set_preset(preset(name)?);
    let mut app = App::live(layers, Some(String::new()), theme, Vec::new(), ModelRequest::default());
    hear(&mut app, ready.clone());
    Ok(app)
}

/// Has the playground run a story as a person would. Where there is a clock, frames are drawn by it; returns how many.
fn run_story(screen: &mut Screen, engine: &mut InProcess, index: u64, clock: Option<Instant>) -> Result<usize> {
    let app = &mut screen.app;
    update(app, Action::Focus(Focus::Prompt));
    update(app, Action::Clear);
    update(app, Action::Paste(story(index)));
    let effects = update(app, Action::Submit);
    let start = effects.into_iter().find_map(|effect| match effect {
        Effect::Engine(Command::Start(request)) => Some(request),
        _ => None,
    });
    let request = RunRequest { drive: Drive::Free, ..*start.context("the playground starts no run")? };
    engine.send(Command::Start(Box::new(request)));
    let (mut pace, mut frames) = (FrameClock::default(), 0);
    loop {
        let mut next = Some(engine.wait().context("the engine has ended")?);
        let mut is_over = false;
        while let Some(event) = next {
            is_over |= matches!(event, Event::Finished { .. });
            if let Some(began) = clock {
                update(&mut screen.app, Action::Tick(began.elapsed()));
            }
            hear(&mut screen.app, event);
            next = engine.poll();
        }
        if let Some(began) = clock {
            let now = began.elapsed();
            if pace.due(screen.app.redraw()).is_some_and(|due| due <= now) {
                screen.draw()?;
                pace.drew(now, began.elapsed());
                frames += 1;
            }
        }
        if is_over {
            return Ok(frames);
        }
    }
}

/// Frames of the first run, however many there are, at one of its steps after the other, and with the list of all runs
/// before it.
fn frames_of_first(screen: &mut Screen, runs: u64) -> Result<()> {
    let first = screen.app.session().runs().first().context("there is no run")?.id;
    update(&mut screen.app, Action::ShowRun(first));
    let steps = screen.app.len();
    let mut failed = None;
    let moving = support::median(FRAMES, |frame| {
        update(&mut screen.app, Action::ScrubTo(1 + frame % steps));
        failed = failed.take().or(screen.draw().err());
    });
    update(&mut screen.app, Action::Toggle(Overlay::Runs));
    let listed = support::median(FRAMES, |_| failed = failed.take().or(screen.draw().err()));
    update(&mut screen.app, Action::Back);
    let plural = if runs == 1 { "" } else { "s" };
    println!("frame with {runs} run{plural}: {:.2} ms; with their list open {:.2} ms", millis(moving), millis(listed));
    failed.map_or(Ok(()), Err)
}

/// A playground on a terminal that takes everything at once.
struct Screen {
    app: App,
    terminal: Terminal<CrosstermBackend<io::Sink>>,
}

impl Screen {
    fn new(app: App) -> Result<Self> {
        let options = TerminalOptions { viewport: Viewport::Fixed(AREA) };
        Ok(Self { app, terminal: Terminal::with_options(CrosstermBackend::new(io::sink()), options)? })
    }

    /// Draws a frame, down to the bytes that the terminal gets.
    fn draw(&mut self) -> Result<()> {
        let mut drawn = view::FrameInfo::default();
        self.terminal.draw(|frame| drawn = view::draw(&self.app, AREA, frame.buffer_mut()))?;
        update(&mut self.app, Action::Drawn(Box::new(drawn)));
        Ok(())
    }
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

/// The processor's time that this thread has taken, and the whole process, where the system says so as Linux does.
fn processor_times() -> Option<[Duration; 2]> {
    let thread = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let process = fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name, which may hold blanks: user and system time are the twelfth and the thirteenth, in hundredths.
    let mut ticks = process.rsplit_once(')')?.1.split_whitespace().skip(11).map(str::parse::<u64>);
    let process = Duration::from_millis(10 * (ticks.next()?.ok()? + ticks.next()?.ok()?));
    Some([Duration::from_nanos(thread.split_whitespace().next()?.parse().ok()?), process])
}

/// Bytes of this process that are in memory, where the system says so as Linux does.
fn resident() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? * 1024.0)
}
