//! The canvas for pages outside of a terminal: every position by itself, as every layer reads it.

use ratatui::style::Style;

use super::{
    layers::{CanvasCell, Layer},
    page,
    row::Ink,
    step::StepView,
};
use crate::{
    trace::Log,
    tui::{
        app::Lens,
        theme::{Level, Rgb, Theme, ThemeName},
    },
};

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

/// Every position of a log after so many steps, the prompt's first.
pub fn sheet(log: &Log, steps: usize, theme: ThemeName) -> Vec<SheetCell> {
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
    (0..step.length()).map(cell).collect()
}
