//! How the K/V row of each position was used.

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{CanvasCell, CanvasLayer, RunView, StepView, not_begun};
use crate::{
    decode::record::{KvStatus, KvUse},
    settings::CacheChoice,
    tui::{
        theme::{Role, Theme, kv_mark},
        view::{
            inspector::Inspected,
            map::{MapKind, MapMark, MapTint},
            pen::{plural, span},
            sample,
            step::State,
            token_style,
        },
    },
};

pub(super) struct CacheLayer;

const STATUSES: [(KvStatus, &str, &str); 4] = [
    (KvStatus::Recomputed, "recomputed", "K/V computed in this step"),
    (KvStatus::Reused, "reused", "K/V of an earlier step; paler the older"),
    (KvStatus::Stale, "stale", "reused, but written while another token stood there"),
    (KvStatus::Dropped, "dropped", "not attended to at all"),
];

impl CanvasLayer for CacheLayer {
    fn name(&self) -> &'static str {
        "cache"
    }

    fn style(&self, cell: &CanvasCell<'_>) -> Style {
        let CanvasCell { theme, step, position, ink } = *cell;
        let is_masked = step.state(position) == State::Masked;
        let Some(kv) = step.kv(position) else {
            return if is_masked { token_style::inactive(theme, ink) } else { theme.style(Role::Dim) };
        };
        let tone = theme.kv(kv.status, kv.age);
        if !is_masked {
            return theme.ink(tone).add_modifier(kv_mark(kv.status));
        }
        let strength = match kv.status {
            KvStatus::Recomputed => 0.3,
            KvStatus::Reused | KvStatus::Stale => 0.2,
            KvStatus::Dropped => 0.0,
        };
        let mark = if theme.has_colour() { Modifier::empty() } else { kv_mark(kv.status) };
        token_style::masked(theme, ink, tone, strength).add_modifier(mark)
    }

    /// Rows that are computed stand out, reused ones fade with their age, stale ones are events.
    fn mark(&self, step: &StepView<'_>, position: usize) -> MapMark {
        let Some(kv) = step.kv(position) else { return MapMark::default() };
        match kv.status {
            KvStatus::Recomputed => MapMark::new(MapKind::Shade, 1.0),
            KvStatus::Reused => MapMark::new(MapKind::Shade, 0.7 - freshness_lost(kv.age)),
            KvStatus::Stale => MapMark::new(MapKind::Stale, 1.0),
            KvStatus::Dropped => MapMark::new(MapKind::Shade, 0.0),
        }
    }

    fn tint(&self, cell: &CanvasCell<'_>, mark: MapMark) -> MapTint {
        let theme = cell.theme;
        let Some(kv) = cell.step.kv(cell.position) else { return MapTint::of_style(theme, Style::new(), mark) };
        let share = match kv.status {
            KvStatus::Recomputed => 0.9,
            KvStatus::Reused => 0.75 - freshness_lost(kv.age),
            KvStatus::Stale => 0.8,
            KvStatus::Dropped => 0.15,
        };
        MapTint::new(theme.kv(kv.status, kv.age), share)
    }

    fn shades(&self) -> [&'static str; 2] {
        ["dropped, reused", "recomputed"]
    }

    fn mask_sign(&self, theme: Theme, step: &StepView<'_>, position: usize) -> &'static str {
        match step.kv(position).map(|kv| kv.status) {
            Some(KvStatus::Reused | KvStatus::Stale) => theme.glyphs.mask_reused,
            Some(KvStatus::Dropped) => theme.glyphs.mask_dropped,
            Some(KvStatus::Recomputed) | None => theme.glyphs.mask,
        }
    }

    fn absence(&self, run: &RunView<'_>, step: &StepView<'_>) -> Option<String> {
        not_begun(self.name(), step).or_else(|| {
            let is_off = step.log.settings_at(step.steps).cache == CacheChoice::Off;
            let computes_all = || (0..step.length()).all(|at| step.kv(at).is_some_and(|kv| kv.age == 0));
            let words =
                if run.recorded { "recorded without a cache" } else { "no cache here: preset flashdlm has one" };
            (is_off && computes_all()).then(|| format!("{words}; all is recomputed"))
        })
    }

    fn key(&self, theme: Theme, _step: &StepView<'_>, _cells: u16) -> Vec<Vec<Span<'static>>> {
        STATUSES.iter().map(|(status, name, _)| vec![span(*name, mark(theme, *status))]).collect()
    }

    fn legend(&self, theme: Theme) -> Vec<Line<'static>> {
        let entry = |(status, name, meaning)| sample::legend_entry(theme, name, mark(theme, status), meaning);
        STATUSES.into_iter().map(entry).collect()
    }

    /// How the row was used in the shown step, and since when.
    fn facts(&self, seen: &Inspected<'_>) -> Vec<Line<'static>> {
        let Some(kv) = seen.step.kv(seen.position) else { return Vec::new() };
        let (shown, computed) = (seen.step.steps, seen.step.steps.saturating_sub(kv.age as usize));
        let cache = seen.step.log.settings_at(shown).cache;
        let since = match kv.status {
            KvStatus::Recomputed if cache == CacheChoice::Off => "each step".to_owned(),
            KvStatus::Recomputed | KvStatus::Dropped => "in this step".to_owned(),
            KvStatus::Reused => format!("since step {}", computed + 1),
            KvStatus::Stale => match seen.step.state(seen.position) {
                // A token is read with the row of its mask from the step after the one that wrote it.
                State::Written { step, .. } if step >= computed => format!("since step {}", step + 1),
                _ => format!("since step {}", computed + 1),
            },
        };
        let since = span(format!(" {since}"), seen.theme.style(Role::Dim));
        let mut lines = vec![seen.fact("K/V row", vec![named(seen.theme, kv.status), since])];
        let layers = seen.step.log.layer_kv(shown, seen.position..seen.position + 1);
        let layers: Vec<KvUse> = layers.into_iter().filter_map(|layer| layer.first().copied()).collect();
        if layers.windows(2).any(|pair| pair[0] != pair[1]) {
            lines.extend(seen.sentence("", &by_layer(seen.theme, &layers)));
        }
        lines
    }
}

/// What a reused row has lost of its brightness on the map: half of it in some thirty steps.
fn freshness_lost(age: u32) -> f32 {
    (age as f32 / 64.0).min(0.45)
}

/// What the layers did with a row, the first layer first: "recomputed in layer 1-3; reused (4 steps old) in 4-6".
pub fn by_layer(theme: Theme, layers: &[KvUse]) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let mut first = 1;
    for run in layers.chunk_by(|below, above| below == above) {
        let (kv, last) = (run[0], first + run.len() - 1);
        let age = match kv.status {
            KvStatus::Reused | KvStatus::Stale => format!(" ({} old)", plural(kv.age as usize, "step")),
            KvStatus::Recomputed | KvStatus::Dropped => String::new(),
        };
        let place = if run.len() == 1 { format!("{first}") } else { format!("{first}-{last}") };
        let stop = if last < layers.len() { ";" } else { "" };
        let layer = if first == 1 { "layer " } else { "" };
        spans.push(named(theme, kv.status));
        spans.push(span(format!("{age} in {layer}{place}{stop} "), theme.style(Role::Dim)));
        first = last + 1;
    }
    spans
}

/// A status in its word and look.
pub fn named(theme: Theme, status: KvStatus) -> Span<'static> {
    let name = STATUSES.into_iter().find(|(other, ..)| *other == status).map_or("", |(_, name, _)| name);
    span(name, mark(theme, status))
}

fn mark(theme: Theme, status: KvStatus) -> Style {
    theme.ink(theme.kv(status, 0)).add_modifier(kv_mark(status))
}
