//! How much faster a method is than the plain sampler: measured, between two runs that are kept.

use super::{Phase, Run, Session};
use crate::{
    settings::{Preset, Settings, Slot, presets},
    trace::{Figures, Header, Log},
};

/// The preset that every speed-up is measured against.
pub const YARDSTICK: &str = "plain";

/// How many times as many tokens another run writes as the plain sampler.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpeedUp {
    /// In the same time; `None` where one of them took none that could be measured.
    pub time: Option<f64>,
    /// In as many passes of the denoiser.
    pub passes: f64,
}

impl SpeedUp {
    /// Of steps with these figures beside a plain run; `None` where either has written nothing yet.
    pub fn of(figures: &Figures, plain: &Figures) -> Option<Self> {
        let times = |ours: f64, theirs: f64| (ours > 0.0 && theirs > 0.0).then(|| ours / theirs);
        Some(Self {
            time: times(figures.tokens_per_second(), plain.tokens_per_second()),
            passes: times(figures.tokens_per_forward(), plain.tokens_per_forward())?,
        })
    }
}

impl Session {
    /// The newest run of the plain sampler that came to its own end, where denoiser, prompt and canvas are those of
    /// `header`.
    pub fn plain_run<'a>(&'a self, header: &Header) -> Option<&'a Log> {
        let yardstick = yardstick()?;
        self.completed(header).find(|log| is_made_with(log, &yardstick))
    }

    /// The plain run that the run of `log` can be compared with, unless that is a plain run itself.
    pub fn plain_beside(&self, log: &Log) -> Option<&Log> {
        if is_plain(log) { None } else { self.plain_run(log.header()) }
    }

    /// The speed-up of the newest complete run that `preset` made, with all knobs as `settings`, over a plain run of the
    /// same denoiser, prompt and canvas.
    pub fn speed_up(&self, preset: &Preset, settings: &Settings, header: &Header) -> Option<SpeedUp> {
        let whole = |log: &Log| Figures::of(log, log.len());
        let is_of_preset = |log: &&Log| log.header().preset.as_deref() == Some(preset.name.as_str());
        let log = self.completed(header).filter(is_of_preset).find(|log| is_made_with(log, settings))?;
        SpeedUp::of(&whole(log), &whole(self.plain_beside(log)?))
    }

    /// The logs of complete runs that can be compared with one of `header`, the newest first.
    fn completed<'a, 'b>(&'a self, header: &'b Header) -> impl Iterator<Item = &'a Log> + use<'a, 'b> {
        let is_alike = |run: &&Run| {
            let other = run.log.header();
            run.phase == Phase::Over
                && run.log.end().is_some_and(|end| end.reason.is_some())
                && other.denoiser.is_same_model(&header.denoiser)
                && other.prompt_ids == header.prompt_ids
                && other.gen_length == header.gen_length
        };
        self.runs().iter().rev().filter(is_alike).map(|run| &*run.log)
    }
}

/// Whether a run is one that others are measured against.
pub(super) fn is_plain(log: &Log) -> bool {
    yardstick().is_some_and(|yardstick| is_made_with(log, &yardstick))
}

/// The settings of the plain sampler.
fn yardstick() -> Option<Settings> {
    presets().iter().find(|preset| preset.name == YARDSTICK).map(Preset::settings)
}

/// Whether all steps of a run used knobs that act as `settings` do. The canvas is compared by itself, and an audit is in
/// no figure.
fn is_made_with(log: &Log, settings: &Settings) -> bool {
    let made = log.header().settings;
    let matters = |slot| !matches!(slot, Slot::Canvas | Slot::Audit);
    log.turned_at(log.len()).is_none()
        && made.differences(settings).all(|knob| !matters(knob.slot) || !(knob.acts(&made) || knob.acts(settings)))
}
