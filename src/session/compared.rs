//! The figures of two runs, with their ratios.

use serde::Serialize;

use super::figure::{
    Figure, FigureValue, GUIDE_PASSES, Measured, PASSES, ROWS_COMPUTED, ROWS_REUSED, STEPS, TIME, TOKENS,
    TOKENS_PER_SECOND,
};
use crate::trace::Log;

/// What two runs are compared by.
static COMPARED: [&Figure; 8] =
    [&STEPS, &PASSES, &GUIDE_PASSES, &ROWS_COMPUTED, &ROWS_REUSED, &TOKENS, &TOKENS_PER_SECOND, &TIME];

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

/// The figures that two runs are compared by, each over so many of its first steps.
pub fn compared(runs: [(&Log, usize); 2]) -> Vec<ComparedFigure> {
    let [a, b] = runs.map(|(log, steps)| Measured::of(log, steps, None));
    let both = |figure: &&Figure| {
        let (unit, a) = number((figure.read)(&a))?;
        let (_, b) = number((figure.read)(&b))?;
        Some(ComparedFigure { name: figure.short, unit, a, b, ratio: (a > 0.0).then(|| b / a) })
    };
    COMPARED.iter().filter_map(both).collect()
}

fn number(value: FigureValue) -> Option<(FigureUnit, f64)> {
    match value {
        FigureValue::Count(count) => Some((FigureUnit::Count, count as f64)),
        FigureValue::Number(rate) => Some((FigureUnit::Rate, rate)),
        FigureValue::Absent => Some((FigureUnit::Rate, 0.0)),
        FigureValue::Seconds(seconds) => Some((FigureUnit::Seconds, seconds)),
        FigureValue::Share(_)
        | FigureValue::Times(_)
        | FigureValue::Estimate(_)
        | FigureValue::Bytes(_)
        | FigureValue::Operations(_) => None,
    }
}
