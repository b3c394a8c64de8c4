//! The canvas for pages outside of a terminal: every position by itself, as every layer reads it.

use ratatui::style::Style;

use super::{
    layers::{CanvasCell, Layer},
    page,
    row::Ink,
    run::RunView,
    step::StepView,
};
use crate::{
    session::Phase,
    trace::Log,
    tui::{
        app::Lens,
        theme::{Level, Rgb, Theme, ThemeName},
    },
};

/// The canvas at a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// Every position, the prompt's first.
    pub cells: Vec<SheetCell>,
    /// Why each layer has nothing to show, where that is so, in the order of [`Layer::all`].
    pub absences: Vec<Option<String>>,
}

/// What a position shows at a step.
#[derive(Debug, Clone, PartialEq)]
pub struct SheetCell {
    /// Its text, as it came; a draft where it is a masked position that has one, else a sign.
    pub text: String,
    /// What sort of text that is.
    pub ink: Ink,
    /// How each layer styles it, in the order of [`Layer::all`].
    pub styles: Vec<Style>,
    /// The colour of its dot on each layer's map.
    pub dots: Vec<Rgb>,
}

/// The canvas of a log after so many steps.
pub fn sheet(log: &Log, steps: usize, theme: ThemeName) -> Sheet {
    let theme = Theme::new(theme, Level::True);
    let (step, lens) = (StepView::new(log, steps), Lens::default());
    let cell = |position| {
        let (text, ink) = page::token(&lens, &step, theme, position);
        let seen = |ink| CanvasCell { theme, step: &step, position, ink };
        let dot = |layer: Layer| {
            let mark = layer.mark(&step, position);
            layer.tint(&seen(Ink::Draft), mark).tones(theme)[0].rgb
        };
        SheetCell {
            text: text.into_owned(),
            ink,
            styles: Layer::all().map(|layer| layer.style(&seen(ink))).collect(),
            dots: Layer::all().map(dot).collect(),
        }
    };
    let run = RunView {
        log,
        at: steps,
        phase: &Phase::Over,
        lens: &lens,
        follows: false,
        focused: false,
        recorded: true,
        span: None,
        shown_for: None,
    };
    Sheet {
        cells: (0..step.length()).map(cell).collect(),
        absences: Layer::all().map(|layer| layer.absence(&run, &step)).collect(),
    }
}
