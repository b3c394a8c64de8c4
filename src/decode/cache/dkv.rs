//! dKV-Cache (arXiv 2505.15781; released `llada_dkv_cache_decode.py`, `llada_dkv_cache_greedy.py`,
//! `dream_generation_utils.py` and `dream_generation_utils_pd.py`).
//!
//! A token's K/V change most when it turns from a mask into itself. So its row is frozen one step *later*: once it has
//! been computed with the token in place.
//!
//! *Decode* computes every mask of the canvas and what was committed in the last step. Everything is computed in the
//! first step of a block and in every `cache-refresh`-th, in networks that are not shifted also in the second.
//! *Prefill* freezes the prompt after the first step and never refreshes it; *pd* does both, and refreshes what decode
//! froze. *Greedy* computes what the step is about to commit (so the order must be known beforehand), what the last one
//! committed, and the masks nearest to the former; all other rows, masks among them, are reused.
//!
//! In a shifted network the row at `i` predicts `i + 1`, so it must not be frozen while `i + 1` is masked. `both` freezes
//! it once both are committed, `target` once `i + 1` is, even under a mask. The released third form, which freezes a row by
//! its own token alone, leaves masks that no row predicts (their confidence becomes NaN there): it is not offered. Greedy is
//! published for networks that are not shifted; here the rows that predict the positions to be committed are computed too.

use super::{
    super::{context::StepContext, plan::Plan, unmask},
    CachePolicy, KnownRows,
};
use crate::{
    model::network::Alignment,
    settings::{CreditRule, FreezeChoice, GuideRule, OrderScore, Settings, UnmaskRule},
};

/// The policy in its forms.
#[derive(Debug, Clone)]
pub(super) enum DkvCache {
    /// Freezes tokens one step after they were committed.
    Decode,
    /// Freezes the prompt.
    Prefill,
    /// Both.
    PrefillDecode,
    /// Computes what is committed next, what was committed last, and neighbours.
    Greedy,
}

impl CachePolicy for DkvCache {
    fn plan(&mut self, context: StepContext<'_>, rows: KnownRows<'_>) -> Plan {
        let StepContext { canvas, schedule, alignment, .. } = context;
        let live = canvas.live();
        if rows.fresh {
            return Plan::whole(live);
        }
        let frozen_prompt = |position: usize| match alignment {
            Alignment::Aligned => position < canvas.prompt(),
            Alignment::Shifted => position + 1 < canvas.prompt(),
        };
        let is_frozen = |position: usize| is_frozen(position, context, rows.before);
        let second_is_full = schedule.step == 1 && alignment == Alignment::Aligned;
        match self {
            Self::Prefill => but(live, frozen_prompt),
            Self::PrefillDecode if context.refreshes() => but(live, frozen_prompt),
            Self::PrefillDecode => but(live, |position| frozen_prompt(position) || is_frozen(position)),
            Self::Decode | Self::Greedy if context.refreshes() => Plan::whole(live),
            Self::Greedy => greedy(context, rows),
            Self::Decode if second_is_full => Plan::whole(live),
            Self::Decode => but(live, is_frozen),
        }
    }

    fn conflict(&self, settings: &Settings) -> Option<String> {
        if let Self::Greedy = self { greedy_conflict(settings) } else { None }
    }
}

/// Why *greedy* cannot know beforehand what is committed next, if so.
fn greedy_conflict(settings: &Settings) -> Option<String> {
    let cache = settings.cache.word();
    if settings.guide != GuideRule::Off {
        return Some(format!(
            "cache '{cache}' computes only what it knows to be committed next, and guide '{}' decides that later: set \
             guide to 'off', or cache to 'dkv-decode'",
            settings.guide.word()
        ));
    }
    if settings.unmask != UnmaskRule::Quota
        || settings.order != OrderScore::Drawn
        || settings.order_temperature.is_some()
        || settings.eos_last
    {
        return Some(format!(
            "cache '{cache}' must know beforehand what is committed next: set unmask to 'quota', order to 'drawn', \
             order-temperature to 'off' and eos-last to 'off', or cache to 'dkv-decode'"
        ));
    }
    (settings.credit != CreditRule::Off).then(|| {
        format!(
            "credit '{}' is given to positions that are scored step by step, and cache '{cache}' scores none before its \
             turn: set credit to 'off', or cache to 'dkv-decode'",
            settings.credit.word()
        )
    })
}

/// One pass over all positions but the frozen ones.
fn but(live: usize, frozen: impl Fn(usize) -> bool) -> Plan {
    Plan::window((0..live).filter(|position| !frozen(*position)), live)
}

/// Whether the row of a position is frozen: by then the last step has computed it in its final surroundings.
fn is_frozen(position: usize, context: StepContext<'_>, before: &[u32]) -> bool {
    let StepContext { settings, canvas, alignment, .. } = context;
    // Stood there already when the last step ran: its row has seen it.
    let stood = |position: usize| !canvas.is_masked(position) && before[position] == canvas.ids()[position];
    let last = position + 1 == canvas.live();
    if context.source(position) == position && canvas.is_masked(position) {
        return false;
    }
    match (alignment, settings.dkv_freeze) {
        (Alignment::Aligned, _) => stood(position),
        // No token is to the right of the last row; the released code lets it share the fate of the one before it…
        (Alignment::Shifted, FreezeChoice::Both) if last => {
            stood(position) && position.checked_sub(1).is_some_and(stood)
        }
        (Alignment::Shifted, FreezeChoice::Both) => stood(position) && stood(position + 1),
        // …and wraps around to the first prompt token, which always stands, from its third step on.
        (Alignment::Shifted, FreezeChoice::Target) if last => context.step > 1,
        (Alignment::Shifted, FreezeChoice::Target) => stood(position + 1),
    }
}

fn greedy(context: StepContext<'_>, rows: KnownRows<'_>) -> Plan {
    let StepContext { settings, canvas, .. } = context;
    let live = canvas.live();
    let upcoming = unmask::upcoming(context);
    let mut fed: Vec<bool> = (0..live).map(|position| rows.is_outdated(position, context)).collect();
    for &position in &upcoming {
        fed[position] = true;
    }
    for &position in &upcoming {
        let (mut left, mut right) = (position, position + 1);
        let (mut missing, mut leftwards) = (settings.dkv_neighbours, true);
        while missing > 0 && (left > 0 || right < live) {
            let neighbour = if leftwards { left.checked_sub(1) } else { Some(right).filter(|right| *right < live) };
            if leftwards {
                left = left.saturating_sub(1);
            } else {
                right += 1;
            }
            leftwards = !leftwards;
            if let Some(neighbour) = neighbour.filter(|at| canvas.is_masked(*at) && !fed[*at]) {
                fed[neighbour] = true;
                missing -= 1;
            }
        }
    }
    for source in upcoming.iter().map(|position| context.source(*position)) {
        fed[source] = true;
    }
    Plan::window((0..live).filter(|position| fed[*position]), live)
}
