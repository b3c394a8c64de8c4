//! The layers of the canvas: each reads the same tokens by another question. A new layer is a file here and its line in
//! [`LAYERS`]; its key, its name on the canvas's rule and for `cast --layer`, its part of the legend and its block of the
//! inspector follow from the list.

mod audit;
mod cache;
mod certainty;
mod changes;
mod confidence;
mod entropy;
mod guide;
mod margin;
mod order;
mod reason;

use std::{fmt, ops::Deref};

use ratatui::{
    style::Style,
    text::{Line, Span},
};

pub(super) use cache::{by_layer, named};

use super::{
    inspector::Inspected,
    map::{MapMark, MapTint},
    row::Ink,
    run::RunView,
    step::StepView,
};
use crate::{trace::Figures, tui::theme::Theme};

/// Every layer, in the order of their keys: a digit each, so nine at most.
pub static LAYERS: &[&dyn CanvasLayer] = &[
    &confidence::ConfidenceLayer,
    &cache::CacheLayer,
    &guide::GuideLayer,
    &audit::AuditLayer,
    &order::OrderLayer,
    &entropy::EntropyLayer,
    &margin::MarginLayer,
    &reason::ReasonLayer,
    &changes::ChangesLayer,
];

/// A position of the canvas at a step, as it is drawn.
#[derive(Debug, Clone, Copy)]
pub struct CanvasCell<'a> {
    /// Colours and glyphs.
    pub theme: Theme,
    /// The step.
    pub step: &'a StepView<'a>,
    /// The position.
    pub position: usize,
    /// What stands there.
    pub ink: Ink,
}

/// A way to read the canvas.
pub trait CanvasLayer: Sync {
    /// Its name, in one lower-case word.
    fn name(&self) -> &'static str;

    /// How a position looks.
    fn style(&self, cell: &CanvasCell<'_>) -> Style;

    /// The sign of a mask without a draft.
    fn mask_sign(&self, theme: Theme, _step: &StepView<'_>, _position: usize) -> &'static str {
        theme.glyphs.mask
    }

    /// What marks a position on the map.
    fn mark(&self, step: &StepView<'_>, position: usize) -> MapMark {
        MapMark::of_state(step, position)
    }

    /// In which tone the map shows a position that has this mark.
    fn tint(&self, cell: &CanvasCell<'_>, mark: MapMark) -> MapTint {
        MapTint::of_style(cell.theme, self.style(cell), mark)
    }

    /// What the ends of the shades of the map mean, where dots are read without colour.
    fn shades(&self) -> [&'static str; 2] {
        ["draft, unsure", "sure"]
    }

    /// Whether it is about drafts, so that they are drawn where plain masks are asked for, too.
    fn needs_drafts(&self) -> bool {
        false
    }

    /// Why it has nothing to show at this step, and what would give it something: short enough for half a screen.
    fn absence(&self, _run: &RunView<'_>, step: &StepView<'_>) -> Option<String> {
        not_begun(self.name(), step)
    }

    /// What its colours mean, for the line under the canvas: items in the order of their importance, in about `cells`
    /// cells.
    fn key(&self, theme: Theme, step: &StepView<'_>, cells: u16) -> Vec<Vec<Span<'static>>>;

    /// What its colours and marks mean, for the legend.
    fn legend(&self, theme: Theme) -> Vec<Line<'static>>;

    /// What the inspector always shows of a position, in a line or two.
    fn facts(&self, _seen: &Inspected<'_>) -> Vec<Line<'static>> {
        Vec::new()
    }

    /// All that it knows about a position, for the inspector.
    fn inspect(&self, _seen: &Inspected<'_>) -> Vec<Line<'static>> {
        Vec::new()
    }

    /// What it adds to the strip of figures: values and their labels.
    fn figures(&self, _step: &StepView<'_>, _figures: &Figures) -> Vec<(String, &'static str)> {
        Vec::new()
    }
}

/// What a layer says that has nothing to show before the first step.
fn not_begun(name: &str, step: &StepView<'_>) -> Option<String> {
    step.record.is_none().then(|| format!("the {name} layer begins with step 1"))
}

/// A layer out of the list of all, to be copied and compared.
#[derive(Clone, Copy)]
pub struct Layer(&'static dyn CanvasLayer);

impl Layer {
    /// How K/V rows were used.
    pub const CACHE: Self = Self(&cache::CacheLayer);

    /// What the cache changed.
    pub const AUDIT: Self = Self(&audit::AuditLayer);

    /// All layers, in the order of their keys.
    pub fn all() -> impl ExactSizeIterator<Item = Self> + Clone {
        LAYERS.iter().copied().map(Self)
    }

    /// The layer of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|layer| layer.name() == name)
    }

    /// The number of its key.
    pub fn digit(self) -> usize {
        Self::all().take_while(|layer| *layer != self).count() + 1
    }

    /// The layer after this one; after the last, the first.
    #[must_use]
    pub fn next(self) -> Self {
        Self::all().cycle().skip_while(|layer| *layer != self).nth(1).unwrap_or_default()
    }
}

impl Default for Layer {
    fn default() -> Self {
        Self(LAYERS[0])
    }
}

impl Deref for Layer {
    type Target = dyn CanvasLayer;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl PartialEq for Layer {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Layer {}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Layer").field(&self.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_has_a_name_and_a_digit_of_its_own() {
        let names: std::collections::BTreeSet<_> = Layer::all().map(|layer| layer.name()).collect();
        assert_eq!(names.len(), LAYERS.len(), "{names:?}");
        assert!(LAYERS.len() <= 9, "there are nine digits");
        assert!(names.iter().all(|name| Layer::named(name).is_some_and(|layer| layer.name() == *name)));
        assert_eq!(Layer::named("CONFIDENCE"), None);
    }

    #[test]
    fn the_next_layer_comes_around() {
        let walked: Vec<_> =
            std::iter::successors(Some(Layer::default()), |layer| Some(layer.next())).take(LAYERS.len() + 1).collect();
        assert!(walked.iter().copied().eq(Layer::all().chain([Layer::default()])), "{walked:?}");
    }
}
