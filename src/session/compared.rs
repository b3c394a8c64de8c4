//! The figures of two runs, with their ratios.

use serde::Serialize;

use crate::trace::Figures;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FigureUnit {
    /// Whole things.
    Count,
    /// Things per second.
    Rate,
    /// Seconds.
    Seconds,
}

/// A figure of two runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ComparedFigure {
    /// What it is called.
    pub name: &'static str,
    /// What it counts.
    pub unit: FigureUnit,
    /// The first run's.
    pub a: f64,
    /// The second run's.
    pub b: f64,
    /// The second run's per the first run's; `None` where the first run has none.
    pub ratio: Option<f64>,
}

/// The figures that two runs are compared by.
pub fn compared(a: &Figures, b: &Figures) -> Vec<ComparedFigure> {
    type ReadFigure = fn(&Figures) -> f64;
    let figures: [(&'static str, FigureUnit, ReadFigure); 8] = [
        ("steps", FigureUnit::Count, |figures| figures.steps as f64),
        ("passes", FigureUnit::Count, |figures| figures.cost.nfe.into()),
        ("guide passes", FigureUnit::Count, |figures| figures.cost.guide_forwards.into()),
        ("rows computed", FigureUnit::Count, |figures| figures.cost.computed.into()),
        ("rows reused", FigureUnit::Count, |figures| figures.cost.reused.into()),
        ("tokens", FigureUnit::Count, |figures| figures.tokens as f64),
        ("tokens/s", FigureUnit::Rate, Figures::tokens_per_second),
        ("time", FigureUnit::Seconds, Figures::seconds),
    ];
    let both = |(name, unit, read): (_, _, ReadFigure)| {
        let (a, b) = (read(a), read(b));
        ComparedFigure { name, unit, a, b, ratio: (a > 0.0).then(|| b / a) }
    };
    figures.into_iter().map(both).collect()
}
