//! How often a frame is drawn: driven as the event loop does it, with a clock of its own, and counted.

use std::time::Duration;

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use diffuscope::{
    engine::protocol::Event,
    trace::Log,
    tui::{Action, App, FrameClock, Redraw, input_action, update},
};

use super::{
    common,
    driver::{DARK, Driver},
};

/// The event loop without a terminal: a frame takes a while, and is counted.
struct EventLoop {
    app: App,
    clock: FrameClock,
    now: Duration,
    frame_takes: Duration,
    frames: usize,
}

impl EventLoop {
    /// Around a playground whose picture stands.
    fn of(driver: Driver) -> Self {
        let mut events = Self {
            app: driver.app,
            clock: FrameClock::default(),
            now: Duration::from_secs(60),
            frame_takes: Duration::from_micros(300),
            frames: 0,
        };
        events.act(Action::Tick(events.now));
        events.pass(1000);
        events.frames = 0;
        events
    }

    fn act(&mut self, action: Action) {
        update(&mut self.app, action);
        self.draw_if_due();
    }

    fn hear(&mut self, event: TerminalEvent) {
        if let Some(action) = input_action(&self.app, event) {
            self.act(action);
        }
    }

    fn draw_if_due(&mut self) {
        if self.clock.due(self.app.redraw()).is_some_and(|due| due <= self.now) {
            self.frames += 1;
            self.clock.drew(self.now, self.now + self.frame_takes);
            update(&mut self.app, Action::Drawn(Box::default()));
        }
    }

    /// Lets time pass in which nothing comes. Returns how often the loop woke.
    fn pass(&mut self, millis: u64) -> usize {
        let until = self.now + Duration::from_millis(millis);
        let mut woke = 0;
        loop {
            let frame = self.clock.due(self.app.redraw());
            let Some(due) = [self.app.next_tick(), frame].into_iter().flatten().min().filter(|due| *due <= until)
            else {
                break;
            };
            self.now = self.now.max(due);
            woke += 1;
            self.act(Action::Tick(self.now));
        }
        self.now = until;
        woke
    }

    /// A run at full speed: a step every so many milliseconds.
    fn steps(&mut self, log: &Log, range: std::ops::Range<usize>, millis: u64) {
        let run = self.app.last_run();
        for entry in log.entries().take(range.end).skip(range.start) {
            self.act(Action::Tick(self.now));
            self.act(Action::Engine(Box::new(Event::Step { run, entry: entry.into() })));
            self.pass(millis);
        }
    }
}

fn key(code: KeyCode) -> TerminalEvent {
    TerminalEvent::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn at_full_speed(log: &Log) -> EventLoop {
    let mut driver = Driver::live(log, 1, DARK);
    driver.act(Action::ToggleFullSpeed);
    EventLoop::of(driver)
}

#[test]
fn nothing_is_drawn_of_a_picture_that_stands() {
    let mut idle = EventLoop::of(Driver::ready(&common::story(), DARK));
    assert_eq!(idle.app.redraw(), Redraw::No);
    assert_eq!(idle.pass(3_600_000), 0, "an hour without a run, and nothing wakes");
    let moved = MouseEvent { kind: MouseEventKind::Moved, column: 9, row: 9, modifiers: KeyModifiers::NONE };
    idle.hear(TerminalEvent::Mouse(moved));
    idle.act(Action::Tick(idle.now));
    idle.pass(1000);
    assert_eq!(idle.frames, 0, "a mouse that moves changes nothing");
}

#[test]
fn a_burst_of_events_is_one_frame_and_the_first_of_it_is_not_kept_waiting() {
    let mut events = EventLoop::of(Driver::ready(&common::story(), DARK));
    events.hear(key(KeyCode::Char('x')));
    assert_eq!(events.frames, 1, "a key is seen at once");
    for _ in 0..500 {
        events.hear(key(KeyCode::Char('x')));
    }
    assert_eq!(events.frames, 1, "those that follow at once wait for one frame");
    events.pass(1000);
    assert_eq!(events.frames, 2);
}

#[test]
fn a_terminal_of_another_size_is_drawn_again() {
    let mut events = EventLoop::of(Driver::ready(&common::story(), DARK));
    events.hear(TerminalEvent::Resize(90, 30));
    assert_eq!(events.frames, 1);
}

#[test]
fn a_run_at_full_speed_is_drawn_thirty_times_a_second_at_most_and_shows_its_last_step() {
    let log = common::story();
    let mut events = at_full_speed(&log);
    let steps = 1..log.len().min(41);
    let (count, end) = (steps.len(), steps.end);
    events.steps(&log, steps, 5);
    let most = count * 5 / 33 + 1;
    assert!((most - 1..=most).contains(&events.frames), "{} frames of {count} steps", events.frames);
    events.pass(100);
    assert_eq!((events.app.redraw(), events.app.len()), (Redraw::No, end), "the last step is on the screen");
    assert_eq!(events.pass(10_000), 0, "then nothing moves");
}

#[test]
fn a_key_is_answered_at_once_while_a_run_goes_at_full_speed() {
    let log = common::story();
    let mut events = at_full_speed(&log);
    events.steps(&log, 1..11, 5);
    let before = events.frames;
    events.hear(key(KeyCode::Char('2')));
    events.pass(16);
    assert!(events.frames > before, "no later than the next one of keys that are held");
    assert_eq!(events.app.redraw(), Redraw::No);
}

#[test]
fn frames_that_take_long_come_more_seldom() {
    let log = common::story();
    let frames = |micros| {
        let mut events = at_full_speed(&log);
        events.frame_takes = Duration::from_micros(micros);
        events.steps(&log, 1..41, 5);
        events.frames
    };
    let (quick, slow, slowest) = (frames(300), frames(700), frames(50_000));
    assert!(quick > slow && slow > slowest && slowest > 1, "{quick}, {slow}, {slowest}");
}

#[test]
fn the_spinner_turns_by_the_clock_and_by_nothing_else() {
    let mut events = EventLoop::of(Driver::loading(DARK));
    for _ in 0..9 {
        events.now += Duration::from_millis(10);
        events.act(Action::Tick(events.now));
    }
    assert!(events.frames <= 1, "{} frames in a turn", events.frames);
    let before = events.frames;
    events.pass(900);
    assert_eq!(events.frames - before, 10);
}
