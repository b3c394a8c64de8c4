//! The figures of a run, each in one place: what it is called, how it is read off a log, and what it says.
//!
//! The pane, the strip, the comparison of two runs, the explanations and `docs/figures.md` are all made of this table.

mod gain;
mod table;

pub use gain::{CacheGain, GainBasis};
pub use table::{
    ACCEPTED, ENDS, FIGURES, GUIDE_PASSES, PASSES, REUSED, ROWS_COMPUTED, ROWS_REUSED, STEPS, TIME, TOKENS,
    TOKENS_PER_PASS, TOKENS_PER_SECOND,
};

use crate::trace::{Figures, Header, Log};

/// Steps of a log, from which figures are read.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// The log.
    pub log: &'a Log,
    /// The sums over these steps.
    pub figures: Figures,
    /// Milliseconds of those of the first steps in which every row was computed, if there were any.
    whole_ms: Option<f64>,
    /// Those of the whole plain run that the log can be measured against, where one is kept.
    pub plain: Option<Figures>,
}

impl<'a> Measured<'a> {
    /// The first `steps` steps of a log, beside a plain run where one is kept.
    pub fn of(log: &'a Log, steps: usize, plain: Option<&Log>) -> Self {
        let plain = plain.map(|plain| Figures::of(plain, plain.len()));
        let figures = Figures::of(log, steps);
        Self { log, figures, whole_ms: figures.work.whole_ms(), plain }
    }

    /// The same without the first `before` steps.
    #[must_use]
    pub fn since(self, before: usize) -> Self {
        Self { figures: Figures::between(self.log, before, self.figures.steps), ..self }
    }

    fn header(&self) -> &'a Header {
        self.log.header()
    }
}

/// What a figure says of some steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FigureValue {
    /// Nothing can be said.
    Absent,
    /// Whole things.
    Count(u64),
    /// A number.
    Number(f64),
    /// A part of a whole, 0 to 1.
    Share(f64),
    /// So many times as much; measured or counted.
    Times(f64),
    /// So many times as much; estimated.
    Estimate(f64),
    /// Seconds.
    Seconds(f64),
    /// Bytes.
    Bytes(u64),
    /// Floating-point operations.
    Operations(f64),
}

/// How a figure is drawn in its pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FigureForm {
    /// A row: label, value, remark.
    Row,
    /// The same; the value is of the whole run, whatever steps are looked at.
    Fixed,
    /// With the parts of the time below it.
    TimeSplit,
    /// With the parts of the K/V rows below it.
    RowSplit,
    /// With a sentence on the gain of a cache below it.
    Verdict,
    /// A bar for each layer: what it computed.
    LayerRows,
    /// A bar for each layer: how similar it was to before.
    LayerSimilarity,
    /// Only in comparisons.
    Compared,
}

impl FigureForm {
    /// Rows of the pane that it takes.
    pub fn rows(self) -> u16 {
        match self {
            Self::Compared => 0,
            Self::Row | Self::Fixed | Self::LayerRows | Self::LayerSimilarity => 1,
            Self::Verdict => 2,
            Self::TimeSplit | Self::RowSplit => 3,
        }
    }
}

/// A figure.
pub struct Figure {
    /// What it is called where there is room.
    pub label: &'static str,
    /// What it is called in strips and tables.
    pub short: &'static str,
    /// What it says, in at most two lines.
    pub explanation: &'static str,
    /// How it is drawn.
    pub form: FigureForm,
    /// The smaller, the longer it stays where rows are few.
    pub rank: u8,
    /// Whether a log has it, at any of its steps.
    pub applies: fn(&Measured<'_>) -> bool,
    /// Its value.
    pub read: fn(&Measured<'_>) -> FigureValue,
    /// What stands beside it: as a rule of what, or from where.
    pub remark: fn(&Measured<'_>) -> String,
}

impl std::fmt::Debug for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Figure").field("label", &self.label).finish_non_exhaustive()
    }
}

impl Figure {
    /// The figures that the pane has for a log.
    pub fn of_pane(measured: &Measured<'_>) -> Vec<&'static Self> {
        let is_shown = |figure: &&&Self| figure.form != FigureForm::Compared && (figure.applies)(measured);
        FIGURES.iter().filter(is_shown).copied().collect()
    }

    /// Where it stands in the table.
    pub fn index(&self) -> usize {
        FIGURES.iter().position(|figure| std::ptr::eq(*figure, self)).unwrap_or(0)
    }
}
