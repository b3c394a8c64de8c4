//! How the K/V row of each position was used.

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{CanvasCell, CanvasLayer, StepView};
use crate::{
    decode::record::KvStatus,
    tui::{
        theme::{Role, Theme, kv_mark},
        view::{
            inspector::Inspected,
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

    fn mask_sign(&self, theme: Theme, step: &StepView<'_>, position: usize) -> &'static str {
        match step.kv(position).map(|kv| kv.status) {
            Some(KvStatus::Reused | KvStatus::Stale) => theme.glyphs.mask_reused,
            Some(KvStatus::Dropped) => theme.glyphs.mask_dropped,
            Some(KvStatus::Recomputed) | None => theme.glyphs.mask,
        }
    }

    fn key(&self, theme: Theme, _step: &StepView<'_>, _cells: u16) -> Vec<Vec<Span<'static>>> {
        STATUSES.iter().map(|(status, name, _)| vec![span(*name, mark(theme, *status))]).collect()
    }

    fn legend(&self, theme: Theme) -> Vec<Line<'static>> {
        let entry = |(status, name, meaning)| sample::legend_entry(theme, name, mark(theme, status), meaning);
        STATUSES.into_iter().map(entry).collect()
    }

    fn fact(&self, seen: &Inspected<'_>) -> Option<Line<'static>> {
        let kv = seen.step.kv(seen.position)?;
        let (_, name, _) = STATUSES.into_iter().find(|(status, ..)| *status == kv.status)?;
        let mut value = vec![span(name, mark(seen.theme, kv.status))];
        if kv.age > 0 {
            let age = format!("  {} old", plural(kv.age as usize, "step"));
            value.push(span(age, seen.theme.style(Role::Faint)));
        }
        Some(seen.fact("K/V row", value))
    }
}

fn mark(theme: Theme, status: KvStatus) -> Style {
    theme.ink(theme.kv(status, 0)).add_modifier(kv_mark(status))
}
