//! Runs that are played again for a recording.
//!
//! A recording is a sitting: a prompt is typed, networks answer, steps come one after the other, the run ends. Its frames are
//! what the playground shows of that, from a log that grows, so that nothing of a run can be seen before it happens.

use std::{str::FromStr, time::Duration};

use super::{
    action::Focus,
    app::{App, EngineState, Origin},
    compare::RunComparison,
    theme::Theme,
};
use crate::{
    printable,
    session::{Axis, Phase, Run, Session},
    settings::{Layers, Preset, presets},
    trace::{Header, Log},
};

/// What of the screen a recording shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Scene {
    /// The whole screen.
    #[default]
    Everything,
    /// The canvas alone.
    Canvas,
    /// The canvas above the timeline.
    CanvasTimeline,
    /// The map alone.
    Map,
    /// Two runs beside each other.
    Compare,
}

impl Scene {
    /// All of them, with the words of flags.
    pub const ALL: [(Self, &str); 5] = [
        (Self::Everything, "everything"),
        (Self::Canvas, "canvas"),
        (Self::CanvasTimeline, "canvas+timeline"),
        (Self::Map, "map"),
        (Self::Compare, "compare"),
    ];

    /// The word of flags.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(scene, _)| *scene == self).map_or("", |(_, word)| word)
    }

    /// What is shown, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Everything => "the whole screen",
            Self::Canvas => "the canvas alone",
            Self::CanvasTimeline => "the canvas above the timeline",
            Self::Map => "the map alone",
            Self::Compare => "two runs beside each other",
        }
    }

    /// Whether it is the screen as the playground has it, with all of its panes.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Everything | Self::Compare)
    }
}

impl FromStr for Scene {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(_, known)| *known == word).map(|(scene, _)| *scene);
        known.ok_or_else(|| format!("there are {}", Self::ALL.map(|(_, word)| word).join(", ")))
    }
}

/// What is shown of the screen, and what stands above and below that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Framing {
    /// What is shown.
    pub scene: Scene,
    /// A line above it, printable; none where it is empty.
    pub title: String,
    /// Lines below it, printable; none where it is empty.
    pub caption: String,
}

impl App {
    /// A playground in which a run with this header will be played again: its networks are there, nothing is typed yet.
    /// The run begins and goes its way by [`Event`](crate::engine::protocol::Event)s, under the number 0.
    pub fn recording(header: &Header, theme: Theme) -> Self {
        let engine = EngineState::Ready { denoiser: Box::new(header.denoiser.clone()), guide: header.guide.clone() };
        Self::new(Origin::Recording, engine, layers(header), "", theme)
    }

    /// The same for two runs beside each other, aligned by an axis. They have begun, under the numbers 0 and 1.
    pub fn recording_of_two(headers: [&Header; 2], axis: Axis, theme: Theme) -> Self {
        let mut app = Self::recording(headers[0], theme);
        let begun =
            |id, header: &Header| Run::new(id, Box::new(Log::new(header.clone())), Phase::Running, Duration::ZERO);
        app.session = Session::of(begun(1, headers[1]));
        app.session.add(begun(0, headers[0]));
        app.focus = Focus::Canvas;
        app.comparison = Some(RunComparison::of_two([0, 1], axis));
        app
    }
}

/// The settings of a header as layers: its preset, and the knobs that stand elsewhere.
fn layers(header: &Header) -> Layers {
    let mut layers = Layers::default();
    if let Some(name) = &header.preset {
        let known = presets().iter().find(|preset| preset.name == *name).cloned();
        let unknown = || Preset::of_settings(&printable::line(name), String::new(), &header.settings);
        layers.set_preset(known.unwrap_or_else(unknown));
    }
    let base = layers.resolve();
    for knob in header.settings.differences(&base) {
        layers.set_live(knob, knob.get(&header.settings).to_string());
    }
    layers
}
