//! Rules that hold between knobs, and between knobs, prompt and model. Each has a message that says what to change.

mod blocks;

pub use blocks::FILTER_BLOCK;

use super::{
    CacheChoice, CreditRule, EarlyCommit, EosStop, GuideRule, OrderScore, SamplerStyle, ScheduleChoice, Settings,
    SettingsError, UnmaskRule,
};

/// What the prompt and the model allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Masks appended to it: [`Settings::gen_length`] with "auto" resolved.
    pub gen_length: usize,
    /// The longest canvas that the denoiser and the guide take.
    pub max_positions: usize,
    /// Whether a guide is loaded.
    pub has_guide: bool,
}

impl Settings {
    /// Checks the settings against each other and against `limits`.
    pub fn validate(&self, limits: &Limits) -> Result<(), SettingsError> {
        validate_canvas(limits)?;
        self.validate_blocks(limits)?;
        self.validate_window()?;
        self.validate_cache()?;
        self.validate_sampler()?;
        self.validate_adjust()?;
        self.validate_unmask()?;
        self.validate_early_commit(limits)?;
        self.validate_guide(limits)?;
        self.validate_schedule()?;
        self.validate_attention()?;
        self.validate_filter()?;
        self.validate_shadow(limits)?;
        self.validate_revision()?;
        self.validate_cut()
    }

    /// Number of blocks that `gen_length` tokens behind `prompt` are denoised in; the last one may be short. Adaptive
    /// blocks are counted as if each had the usual length.
    pub fn blocks(&self, prompt: usize, gen_length: usize) -> usize {
        let Some(length) = self.block_length.map(|length| length.max(1)) else { return 1 };
        match self.schedule {
            ScheduleChoice::Blocks | ScheduleChoice::Adaptive => gen_length.div_ceil(length),
            ScheduleChoice::Aligned => (prompt + gen_length).div_ceil(length) - prompt / length,
            ScheduleChoice::Leftmost => 1,
        }
    }

    fn validate_blocks(&self, limits: &Limits) -> Result<(), SettingsError> {
        let gen_length = limits.gen_length;
        if let Some(length) = self.block_length.filter(|length| *length > gen_length) {
            return conflict(format!(
                "block-length {length} does not fit a gen-length of {gen_length}: choose at most {gen_length}, or 'whole'"
            ));
        }
        let blocks = self.blocks(limits.prompt, gen_length);
        if let Some(steps) = self.steps.filter(|steps| *steps < blocks && self.unmask.counts_steps()) {
            return conflict(format!(
                "steps {steps} is less than one step for each of the {blocks} blocks: choose steps of at least {blocks}, \
                 a longer block-length, or steps 'auto'"
            ));
        }
        if self.eos_stop == EosStop::Block && self.block_length.is_none() && self.guide == GuideRule::Off {
            return conflict(
                "eos-stop 'block' ends a run at a finished block, and block-length is 'whole': set block-length, \
                 or eos-stop 'prefix'"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn validate_window(&self) -> Result<(), SettingsError> {
        if self.schedule != ScheduleChoice::Leftmost {
            return Ok(());
        }
        let paced = matches!(
            self.unmask,
            UnmaskRule::Time | UnmaskRule::Origin | UnmaskRule::ThresholdBudget | UnmaskRule::Alpha
        );
        if paced || self.unmask.counts_steps() && self.steps.is_some() {
            let pace = match self.steps.filter(|_| !paced) {
                Some(steps) => format!("steps {steps} are spread over blocks"),
                None => format!("unmask '{}' paces itself by the steps of a block", self.unmask.word()),
            };
            return conflict(format!(
                "schedule 'leftmost' moves its window in every step, and {pace}: set unmask to 'threshold', or to 'quota' \
                 with steps 'auto'"
            ));
        }
        if self.eos_stop == EosStop::Block {
            return conflict(
                "eos-stop 'block' ends a run at a finished block, and schedule 'leftmost' has none: set eos-stop to 'cut'"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn validate_cache(&self) -> Result<(), SettingsError> {
        let cache = self.cache.word();
        match self.cache {
            CacheChoice::FastPrefix | CacheChoice::FastDual
                if self.cache_refresh.is_none()
                    && (self.block_length.is_none() || self.schedule == ScheduleChoice::Leftmost) =>
            {
                conflict(format!(
                    "cache '{cache}' is refreshed on entering a block, and there is only one block: set block-length (with \
                     schedule 'blocks'), or cache-refresh"
                ))
            }
            CacheChoice::DkvGreedy if self.guide != GuideRule::Off => conflict(format!(
                "cache '{cache}' computes only what it knows to be committed next, and guide '{}' decides that later: set \
                 guide to 'off', or cache to 'dkv-decode'",
                self.guide.word()
            )),
            CacheChoice::DkvGreedy
                if self.unmask != UnmaskRule::Quota
                    || self.order != OrderScore::Drawn
                    || self.order_temperature.is_some()
                    || self.eos_last =>
            {
                conflict(format!(
                    "cache '{cache}' must know beforehand what is committed next: set unmask to 'quota', order to 'drawn', \
                     order-temperature to 'off' and eos-last to 'off', or cache to 'dkv-decode'"
                ))
            }
            CacheChoice::DkvGreedy if self.credit != CreditRule::Off => conflict(format!(
                "credit '{}' is given to positions that are scored step by step, and cache '{cache}' scores none before its \
                 turn: set credit to 'off', or cache to 'dkv-decode'",
                self.credit.word()
            )),
            CacheChoice::Elastic if self.schedule != ScheduleChoice::Leftmost => conflict(format!(
                "cache '{cache}' computes a window of the leftmost masks, and schedule is '{}': set schedule to 'leftmost'",
                self.schedule.word()
            )),
            CacheChoice::D2 if self.guide != GuideRule::Off => conflict(format!(
                "cache '{cache}' computes masks here and there, and guide '{}' reads drafts from left to right: set guide to \
                 'off', or cache to 'freecache-window'",
                self.guide.word()
            )),
            CacheChoice::Elastic if self.guide != GuideRule::Off => conflict(format!(
                "cache '{cache}' commits from its window by threshold or quota, and guide is '{}': set guide to 'off', or \
                 cache to 'freecache-window'",
                self.guide.word()
            )),
            _ => Ok(()),
        }
    }

    fn validate_sampler(&self) -> Result<(), SettingsError> {
        if self.sampler == SamplerStyle::Gumbel && (self.top_p.is_some() || self.top_k.is_some()) {
            return conflict(
                "top-p and top-k belong to sampler 'filtered', and sampler is 'gumbel': set sampler to 'filtered', \
                 or top-p and top-k to 'off'"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn validate_adjust(&self) -> Result<(), SettingsError> {
        if self.cfg_scale > 0.0 && self.cache != CacheChoice::Off {
            return conflict(format!(
                "cfg-scale {} needs a second pass without the prompt, whose K/V rows no cache keeps, and cache is '{}': \
                 set cache to 'off', or cfg-scale to 0",
                self.cfg_scale,
                self.cache.word()
            ));
        }
        if self.eos_ban && self.eos_stop != EosStop::Off {
            return conflict(format!(
                "eos-stop '{}' waits for an end of text that eos-ban never lets through: set eos-stop to 'off', or \
                 eos-ban to off",
                self.eos_stop.word()
            ));
        }
        if self.eos_ban && self.eos_last {
            return conflict(
                "eos-last puts end of text behind the rest, and eos-ban never lets it through: choose one of them"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn validate_unmask(&self) -> Result<(), SettingsError> {
        if self.guide != GuideRule::Off {
            return Ok(());
        }
        if self.unmask.asks_confidence() && matches!(self.order, OrderScore::Random | OrderScore::Drawn) {
            return conflict(format!(
                "unmask '{}' commits what is sure, and order '{}' says nothing of that: set order to 'confidence', or \
                 unmask to 'quota'",
                self.unmask.word(),
                self.order.word()
            ));
        }
        if self.unmask == UnmaskRule::LocalLeap && self.threshold_relaxed > self.threshold {
            return conflict(format!(
                "threshold-relaxed {} asks for more than threshold {}: choose at most {}",
                self.threshold_relaxed, self.threshold, self.threshold
            ));
        }
        Ok(())
    }

    fn validate_early_commit(&self, limits: &Limits) -> Result<(), SettingsError> {
        if self.early_commit == EarlyCommit::Off {
            return Ok(());
        }
        if self.guide != GuideRule::Off {
            return conflict(format!(
                "early-commit '{}' commits without asking anybody, and guide is '{}': set one of them to 'off'",
                self.early_commit.word(),
                self.guide.word()
            ));
        }
        // As released, an answer that reaches beyond the canvas is cut at its end.
        let start = self.answer_start.unwrap_or(0);
        if self.early_commit == EarlyCommit::Answer && start >= limits.gen_length {
            return conflict(format!(
                "answer-start {start} lies behind a gen-length of {}: choose at most {}, or 'end'",
                limits.gen_length,
                limits.gen_length.saturating_sub(1)
            ));
        }
        if self.phase_mid > self.phase_late {
            return conflict(format!(
                "phase-mid {} lies behind phase-late {}: choose at most {}",
                self.phase_mid, self.phase_late, self.phase_late
            ));
        }
        Ok(())
    }

    fn validate_guide(&self, limits: &Limits) -> Result<(), SettingsError> {
        if self.guide != GuideRule::Off && !limits.has_guide {
            return conflict(format!(
                "guide is '{}' but no guide model is loaded: load one, or set guide to 'off'",
                self.guide.word()
            ));
        }
        if self.guide != GuideRule::Off && limits.prompt == 0 {
            return conflict(format!(
                "guide '{}' judges drafts by what stands before them, and there is no prompt: set guide to 'off', or type a \
                 prompt",
                self.guide.word()
            ));
        }
        if self.guide == GuideRule::Product && self.sampler == SamplerStyle::Filtered && self.temperature > 0.0 {
            return conflict(
                "guide 'product' draws drafts and product with the same Gumbel noise, and sampler is 'filtered': set \
                 sampler to 'gumbel', or temperature to 0"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

fn validate_canvas(limits: &Limits) -> Result<(), SettingsError> {
    let Limits { prompt, gen_length, max_positions, .. } = *limits;
    if prompt >= max_positions {
        return conflict(format!(
            "the prompt takes {prompt} tokens and the model's context is {max_positions}: shorten the prompt"
        ));
    }
    if prompt + gen_length > max_positions {
        return conflict(format!(
            "gen-length {gen_length} and a prompt of {prompt} tokens exceed the model's context of {max_positions}: \
             choose a gen-length of at most {}",
            max_positions - prompt
        ));
    }
    Ok(())
}

fn conflict(message: String) -> Result<(), SettingsError> {
    Err(SettingsError::Conflict(message))
}
