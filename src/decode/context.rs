//! What every slot may look at.

use super::{
    Limits, cache,
    cache::SoundAttention,
    canvas::Canvas,
    filter::Filter,
    noise::{Noise, Purpose},
    schedule::Schedule,
};
use crate::{
    model::network::{Alignment, Mask},
    settings::{AttentionChoice, ScheduleChoice, Settings},
};

/// The run at one step, before anything of the step is written.
#[derive(Clone, Copy)]
pub(super) struct StepContext<'a> {
    pub settings: &'a Settings,
    pub canvas: &'a Canvas,
    pub schedule: &'a Schedule,
    pub noise: &'a dyn Noise,
    /// Index of the step in its run.
    pub step: usize,
    pub alignment: Alignment,
    pub eos: u32,
    /// Every token that ends a text or a turn.
    pub ends: &'a [u32],
    /// One past the last token that is pinned and part of the text: nothing before it may end the text.
    pub fixed: usize,
    /// The trained filter of the denoiser, where there is one.
    pub filter: Option<&'a Filter>,
}

impl StepContext<'_> {
    /// The position whose row of logits predicts the token at `position`. As released, the first row of a shifted network
    /// also predicts its own token, where no prompt stands left of it.
    pub fn source(&self, position: usize) -> usize {
        match self.alignment {
            Alignment::Aligned => position,
            Alignment::Shifted => position.saturating_sub(1),
        }
    }

    /// Whether a cache that is refreshed now and then computes everything in this step: the first of a block, and every
    /// `cache-refresh`-th after it.
    pub fn refreshes(&self) -> bool {
        let step = self.schedule.step;
        step == 0 || self.settings.cache_refresh.is_some_and(|every| step.is_multiple_of(every))
    }

    /// Whether nothing that ends a text may be written at `position`: it lies before something that is pinned.
    pub fn bars_ends(&self, position: usize) -> bool {
        position < self.fixed
    }

    /// The place of `position` in the block's drawn order; larger is earlier.
    pub fn drawn(&self, position: usize) -> f64 {
        self.noise.uniform(Purpose::BlockOrder, self.schedule.region().block, position)
    }

    /// Masked positions of the active block, scored or not.
    pub fn masked_in_block(&self) -> usize {
        let region = self.schedule.region();
        self.canvas.masked(region.start..region.end).count()
    }

    /// One past the last position that may be computed now: block-causal attention sees nothing right of its block.
    pub fn horizon(&self) -> usize {
        match self.settings.attention {
            AttentionChoice::Own => self.canvas.live(),
            AttentionChoice::BlockCausal => self.schedule.region().end.min(self.canvas.live()),
        }
    }

    /// First position of the active block as attention sees it: an aligned block may begin with the end of the prompt.
    pub fn block_start(&self) -> usize {
        let start = self.schedule.region().start;
        match (self.settings.schedule, self.settings.block_length) {
            (ScheduleChoice::Aligned, Some(length)) => start / length * length,
            _ => start,
        }
    }

    /// Who attends to whom.
    ///
    /// Blocks that are counted from the end of the prompt fill up its left end: what the released BD3LM sampler pads the
    /// prompt with is an offset here, and is never fed.
    pub fn mask(&self) -> Mask<'static> {
        let Some(length) =
            self.settings.block_length.filter(|_| self.settings.attention == AttentionChoice::BlockCausal)
        else {
            return Mask::Own;
        };
        let offset = match self.settings.schedule {
            ScheduleChoice::Aligned => 0,
            ScheduleChoice::Blocks | ScheduleChoice::Adaptive | ScheduleChoice::Leftmost => {
                self.canvas.prompt().next_multiple_of(length) - self.canvas.prompt()
            }
        };
        Mask::BlockCausal { length, offset }
    }
}

/// Why the attention that the settings ask for does not go together with the others, if so.
pub(super) fn attention_conflict(settings: &Settings, _limits: &Limits) -> Option<String> {
    let sound = cache::policy(settings.cache).allows().attention;
    if settings.attention == AttentionChoice::Own {
        return (sound == SoundAttention::BlockCausal).then(|| {
            format!(
                "cache '{}' keeps finished blocks, which is exact only where no block sees a later one: \
                 set attention to 'block-causal', or choose another cache",
                settings.cache.word()
            )
        });
    }
    if settings.block_length.is_none() {
        return Some(
            "attention 'block-causal' needs blocks, and block-length is 'whole': set block-length, or attention to \
             'own'"
                .to_owned(),
        );
    }
    if !matches!(settings.schedule, ScheduleChoice::Blocks | ScheduleChoice::Aligned) {
        return Some(format!(
            "attention 'block-causal' needs blocks of one length, and schedule '{}' has none: set schedule to 'blocks' \
             or 'aligned', or attention to 'own'",
            settings.schedule.word()
        ));
    }
    (sound == SoundAttention::BothSides).then(|| {
        format!(
            "cache '{}' approximates attention to both sides, and attention is 'block-causal', which can be cached \
             exactly: set cache to 'exact-prefix' or 'off'",
            settings.cache.word()
        )
    })
}

/// Ascending `indexes`, each once, and where every one of them stands among those: without a prompt, the first two
/// positions of a shifted network share a row.
pub(super) fn shared(indexes: impl IntoIterator<Item = usize>) -> (Vec<usize>, Vec<usize>) {
    let mut once: Vec<usize> = Vec::new();
    let place = |index| {
        if once.last() != Some(&index) {
            once.push(index);
        }
        once.len() - 1
    };
    let places = indexes.into_iter().map(place).collect();
    (once, places)
}

#[cfg(test)]
impl<'a> StepContext<'a> {
    /// The first step of a run on an aligned network, with the noise of seed 0.
    pub fn of(settings: &'a Settings, canvas: &'a Canvas, schedule: &'a Schedule) -> Self {
        Self {
            settings,
            canvas,
            schedule,
            noise: &super::noise::Seeded(0),
            step: 0,
            alignment: Alignment::Aligned,
            eos: 0,
            ends: &[0],
            fixed: canvas.fixed(&[0]),
            filter: None,
        }
    }
}
