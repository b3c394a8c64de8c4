//! What stands below or beside a figure: bars in parts, bars by layer.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{FiguresPane, LABEL, decimal};
use crate::{
    decode::record::LayerUse,
    session::Figure,
    tui::{
        theme::{BarPart, Role},
        view::{
            pen::{count, span, width},
            sample,
        },
    },
};

impl FiguresPane<'_, '_> {
    /// Where the time went.
    pub(super) fn time_split(&mut self) {
        let (cost, steps) = (self.whole.figures.cost, self.whole.figures.steps.max(1) as f64);
        let part = |name: &str, micros: u64, part: BarPart| {
            (micros as f64, part, format!("{name} {}", decimal(micros as f64 / 1e3 / steps)))
        };
        self.split(&[
            part("denoiser", cost.denoiser_us, BarPart::Denoiser),
            part("guide", cost.guide_us, BarPart::Guide),
            part("other", cost.other_us, BarPart::Other),
        ]);
    }

    /// Where the K/V rows came from.
    pub(super) fn row_split(&mut self) {
        let cost = self.whole.figures.cost;
        let part =
            |name: &str, rows: u32, part: BarPart| (f64::from(rows), part, format!("{name} {}", count(rows.into())));
        self.split(&[part("computed", cost.computed, BarPart::Computed), part("reused", cost.reused, BarPart::Reused)]);
    }

    /// A bar in parts, and below it their names.
    fn split(&mut self, parts: &[(f64, BarPart, String)]) {
        let (Some(bar), Some(row)) = (self.row(), self.row()) else {
            return;
        };
        let theme = self.pen.theme;
        let stacked: Vec<_> = parts.iter().map(|(value, part, _)| (*value, theme.ink(theme.part(*part)))).collect();
        self.pen.stack(bar.x, bar.y, bar.width, &stacked);
        let names = parts.iter().filter(|(value, ..)| *value > 0.0);
        let mut line: Vec<Span<'static>> = Vec::new();
        for (_, part, name) in names {
            let gap = if line.is_empty() { "" } else { "  " };
            line.push(span(format!("{gap}{name}"), theme.ink(theme.part(*part))));
        }
        self.pen.line(row, &Line::from(line));
    }

    /// The layers of the shown step.
    fn layers(&self) -> &[LayerUse] {
        let of = &self.whole;
        of.log.step(of.figures.steps).map_or(&[], |step| step.layers())
    }

    /// What each layer computed in the shown step, from the first layer up.
    pub(super) fn layer_rows(&mut self, figure: &Figure, row: Rect) {
        let all = self.whole.log.header().canvas_length() as f32;
        let computed: Vec<u32> = self.layers().iter().map(|layer| layer.computed).collect();
        let note = match (computed.iter().min(), computed.iter().max()) {
            (Some(few), Some(many)) if few == many => format!(" {few} each"),
            (Some(few), Some(many)) => format!(" {few} to {many}"),
            _ => String::new(),
        };
        let shares: Vec<f32> = computed.iter().map(|rows| *rows as f32 / all).collect();
        let theme = self.pen.theme;
        let mut bars = sample::by_layer(theme, &shares, layer_cells(row, &note), f32::max, |share| share);
        for bar in &mut bars {
            bar.style = theme.ink(theme.part(BarPart::Computed));
        }
        self.bars(figure, row, bars, note);
    }

    /// How similar each layer was to before.
    pub(super) fn similarity(&mut self, figure: &Figure, row: Rect) {
        let similar: Vec<f32> = self.layers().iter().filter_map(|layer| layer.similarity).collect();
        let note = match similar.iter().copied().reduce(f32::min) {
            Some(least) => format!(" least {least:.2}"),
            None if self.layers().is_empty() => String::new(),
            None => "not measured".to_owned(),
        };
        let cells = layer_cells(row, &note);
        let bars = sample::by_layer(self.pen.theme, &similar, cells, f32::min, sample::cosine_share);
        self.bars(figure, row, bars, note);
    }

    fn bars(&mut self, figure: &Figure, row: Rect, mut bars: Vec<Span<'static>>, note: String) {
        self.pen.put(row.x, row.y, LABEL, figure.label, self.pen.style(Role::Dim));
        bars.push(span(note, self.pen.style(Role::Faint)));
        self.pen.line(beside(row), &Line::from(bars));
    }
}

/// What is right of the label of a row.
fn beside(row: Rect) -> Rect {
    Rect { x: row.x + LABEL.min(row.width), width: row.width.saturating_sub(LABEL), ..row }
}

/// Cells for a bar per layer, where a note follows it.
fn layer_cells(row: Rect, note: &str) -> u16 {
    beside(row).width.saturating_sub(width(note))
}
