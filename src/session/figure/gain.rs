//! What a cache gains: whether it saves more than it costs, by the best measure that there is.

use super::Measured;
use crate::trace::Log;

/// How many times as long a step takes without the cache; below 1 it costs more than it saves. Guides are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CacheGain {
    /// So many times.
    pub times: f64,
    /// What says so.
    pub basis: GainBasis,
}

/// What the gain of a cache is measured by, the best one first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GainBasis {
    /// A step of the plain run that is kept.
    PlainRun {
        /// Milliseconds of a step here, everything but the guide.
        own: f64,
        /// Milliseconds of a step there.
        without: f64,
    },
    /// The steps of this very run in which every row was computed.
    WholeSteps {
        /// Milliseconds of a step, everything but the guide.
        own: f64,
        /// Milliseconds of those in which nothing was reused.
        without: f64,
    },
    /// Rows computed, beside those of the canvas: no step could be timed.
    Rows,
}

impl GainBasis {
    /// What says so, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::PlainRun { .. } => "by plain run",
            Self::WholeSteps { .. } => "by own steps",
            Self::Rows => "by rows",
        }
    }
}

impl CacheGain {
    /// Of these steps; `None` where they reused nothing.
    pub fn of(measured: &Measured<'_>) -> Option<Self> {
        let figures = &measured.figures;
        if figures.cost.reused == 0 {
            return None;
        }
        let timed = |without: f64, basis: fn(f64, f64) -> GainBasis| {
            let own = figures.own_ms()?;
            Some(Self { times: without / own, basis: basis(own, without) })
        };
        let plain = measured.plain.and_then(|plain| plain.own_ms());
        let by_rows = || {
            let rows = figures.steps as f64 * measured.log.header().canvas_length() as f64;
            let computed = f64::from(figures.cost.computed);
            (computed > 0.0).then(|| Self { times: rows / computed, basis: GainBasis::Rows })
        };
        plain
            .and_then(|plain| timed(plain, |own, without| GainBasis::PlainRun { own, without }))
            .or_else(|| {
                measured.whole_ms.and_then(|whole| timed(whole, |own, without| GainBasis::WholeSteps { own, without }))
            })
            .or_else(by_rows)
    }

    /// Whether the steps of a log ever reuse a row.
    pub fn is_in(log: &Log) -> bool {
        log.cost_up_to(log.len()).reused > 0
    }

    /// Whether the cache costs more than it saves.
    pub fn is_loss(&self) -> bool {
        self.times < 1.0
    }
}
