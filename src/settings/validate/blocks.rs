//! Rules of the block schedules, of what revises committed tokens, and of the trained filter.

use super::{Limits, conflict};
use crate::settings::{
    AttentionChoice, CacheChoice, EosStop, GuideRule, Revision, ScheduleChoice, Settings, SettingsError, UnmaskRule,
};

/// Block length that filters are trained for (Learn2PD, arXiv 2509.25188).
pub const FILTER_BLOCK: usize = 32;

impl Settings {
    pub(super) fn validate_schedule(&self) -> Result<(), SettingsError> {
        if self.schedule != ScheduleChoice::Adaptive {
            return Ok(());
        }
        if self.guide != GuideRule::Off {
            return conflict(format!(
                "schedule 'adablock' ends blocks for the unmask rule, and guide '{}' decides by itself how far a step \
                 goes: set guide to 'off', or schedule to 'blocks'",
                self.guide.word()
            ));
        }
        if !matches!(
            self.cache,
            CacheChoice::Off
                | CacheChoice::Prompt
                | CacheChoice::Block
                | CacheChoice::FastPrefix
                | CacheChoice::FastDual
        ) {
            return conflict(format!(
                "schedule 'adablock' looks for delimiters in everything right of a block, and cache '{}' does not \
                 compute all of that: set cache to 'off'",
                self.cache.word()
            ));
        }
        if let Some(steps) = self.steps.filter(|_| self.unmask.counts_steps()) {
            return conflict(format!(
                "steps {steps} are spread over the blocks, and schedule 'adablock' does not know beforehand how many \
                 there are: set steps to 'auto', or unmask to 'threshold'"
            ));
        }
        Ok(())
    }

    pub(super) fn validate_attention(&self) -> Result<(), SettingsError> {
        if self.attention == AttentionChoice::Own {
            if self.cache == CacheChoice::Exact {
                return conflict(
                    "cache 'exact-prefix' keeps finished blocks, which is exact only where no block sees a later one: \
                     set attention to 'block-causal', or choose another cache"
                        .to_owned(),
                );
            }
            return Ok(());
        }
        if self.block_length.is_none() {
            return conflict(
                "attention 'block-causal' needs blocks, and block-length is 'whole': set block-length, or attention to \
                 'own'"
                    .to_owned(),
            );
        }
        if !matches!(self.schedule, ScheduleChoice::Blocks | ScheduleChoice::Aligned) {
            return conflict(format!(
                "attention 'block-causal' needs blocks of one length, and schedule '{}' has none: set schedule to 'blocks' \
                 or 'aligned', or attention to 'own'",
                self.schedule.word()
            ));
        }
        if !matches!(self.cache, CacheChoice::Off | CacheChoice::Exact) {
            return conflict(format!(
                "cache '{}' approximates attention to both sides, and attention is 'block-causal', which can be cached \
                 exactly: set cache to 'exact-prefix' or 'off'",
                self.cache.word()
            ));
        }
        Ok(())
    }

    pub(super) fn validate_filter(&self) -> Result<(), SettingsError> {
        if self.unmask != UnmaskRule::Filter || self.guide != GuideRule::Off {
            return Ok(());
        }
        if self.block_length != Some(FILTER_BLOCK) {
            let found = self.block_length.map_or("'whole'".to_owned(), |length| length.to_string());
            return conflict(format!(
                "unmask 'filter' reads blocks of {FILTER_BLOCK}, for which filters are trained, and block-length is \
                 {found}: set block-length to {FILTER_BLOCK}, or choose another unmask rule"
            ));
        }
        if self.schedule != ScheduleChoice::Blocks {
            return conflict(format!(
                "unmask 'filter' reads whole blocks of {FILTER_BLOCK}, and schedule '{}' makes blocks of other lengths: \
                 set schedule to 'blocks', or choose another unmask rule",
                self.schedule.word()
            ));
        }
        Ok(())
    }

    pub(super) fn validate_shadow(&self, limits: &Limits) -> Result<(), SettingsError> {
        if self.unmask != UnmaskRule::WideIn || self.guide != GuideRule::Off {
            return Ok(());
        }
        if !matches!(self.cache, CacheChoice::Off | CacheChoice::FastPrefix) {
            return conflict(format!(
                "unmask 'wino' verifies tokens against a block and masks that are computed afresh, and cache is '{}': set \
                 cache to 'off' or 'fast-prefix', or choose another unmask rule",
                self.cache.word()
            ));
        }
        if self.cfg_scale > 0.0 {
            return conflict(format!(
                "unmask 'wino' asks one stream for its verdicts, and cfg-scale {} mixes two: set cfg-scale to 0, or choose \
                 another unmask rule",
                self.cfg_scale
            ));
        }
        if self.attention == AttentionChoice::BlockCausal {
            return conflict(
                "unmask 'wino' decides itself who attends to whom, and attention is 'block-causal': set attention to \
                 'own', or choose another unmask rule"
                    .to_owned(),
            );
        }
        // Behind the canvas, K/V buffers have room for as much again as the context; a shadow takes up to two blocks.
        let Limits { prompt, gen_length, max_positions, .. } = *limits;
        let block = self.block_length.unwrap_or(gen_length);
        if prompt + gen_length + 2 * block > 2 * max_positions {
            let most = (2 * max_positions - prompt - gen_length) / 2;
            return conflict(format!(
                "unmask 'wino' computes a shadow of the block behind the canvas, and a block-length of {block} leaves no \
                 room for it in the model's context of {max_positions}: set block-length to at most {most}"
            ));
        }
        Ok(())
    }

    pub(super) fn validate_revision(&self) -> Result<(), SettingsError> {
        if self.revise == Revision::Off {
            return Ok(());
        }
        let word = self.revise.word();
        if self.guide != GuideRule::Off {
            return conflict(format!(
                "revise '{word}' goes back to committed tokens, and guide '{}' commits from left to right for good: set \
                 guide or revise to 'off'",
                self.guide.word()
            ));
        }
        if self.unmask == UnmaskRule::WideIn {
            return conflict(format!(
                "unmask 'wino' takes its own tokens back, so that revise '{word}' has nothing to add: set revise to \
                 'off', or choose another unmask rule"
            ));
        }
        if self.revise == Revision::Remask && self.unmask != UnmaskRule::Quota {
            return conflict(format!(
                "revise 'remdm' puts its steps into a schedule that counts tokens, and unmask is '{}': set unmask to \
                 'quota', or revise to 'off'",
                self.unmask.word()
            ));
        }
        if self.schedule == ScheduleChoice::Leftmost {
            return conflict(format!(
                "revise '{word}' goes back within a block, and schedule 'leftmost' has none: set schedule to 'blocks', or \
                 revise to 'off'"
            ));
        }
        if !matches!(
            self.cache,
            CacheChoice::Off | CacheChoice::Exact | CacheChoice::FastPrefix | CacheChoice::FastDual
        ) {
            return conflict(format!(
                "revise '{word}' goes back to tokens that cache '{}' may never compute again: set cache to 'off', or \
                 revise to 'off'",
                self.cache.word()
            ));
        }
        Ok(())
    }

    pub(super) fn validate_cut(&self) -> Result<(), SettingsError> {
        if self.eos_stop == EosStop::Predicted && self.eos_last {
            return conflict(
                "eos-last holds end of text back until the rest is written, and eos-stop 'predicted' acts on its first \
                 proposal: set eos-last to 'off', or eos-stop to 'cut'"
                    .to_owned(),
            );
        }
        Ok(())
    }
}
