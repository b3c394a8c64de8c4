//! The declaration of every knob.
//!
//! Adding a knob is one entry in `knobs!` and its use. The defaults are those of the plain sampler: one token per
//! step in order of confidence, nothing cached, no guide; a preset turns accelerators on.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Choice, Kind, Knob, Slot, Timing, Value};

/// Declares a choice type: its variants, their words, the knobs that only some of the variants read, and their help.
macro_rules! choices {
    ($(#[$meta:meta])* $name:ident {
        $($variant:ident = $word:literal $([$($knob:literal),+])?: $help:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $(#[doc = $help] $variant,)+ }

        impl $name {
            /// Its words and what they do.
            pub const CHOICES: &'static [Choice] = &[$(Choice { word: $word, help: $help },)+];

            /// The word of this choice.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// Whether it reads the knob of that name, one of those that only some choices read.
            pub fn reads(self, knob: &str) -> bool {
                let knobs: &[&str] = match self { $(Self::$variant => &[$($($knob),+)?],)+ };
                knobs.contains(&knob)
            }
        }

        impl KnobType for $name {
            fn to_value(self) -> Value {
                Value::Word(self.word())
            }

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    $(Value::Word($word) => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

/// A field type that a knob can have.
trait KnobType: Copy {
    fn to_value(self) -> Value;
    fn from_value(value: Value) -> Option<Self>;
}

impl KnobType for bool {
    fn to_value(self) -> Value {
        Value::Flag(self)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Flag(on) => Some(on),
            _ => None,
        }
    }
}

impl KnobType for u64 {
    fn to_value(self) -> Value {
        Value::Int(self)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }
}

impl KnobType for usize {
    fn to_value(self) -> Value {
        Value::Int(self as u64)
    }

    fn from_value(value: Value) -> Option<Self> {
        u64::from_value(value).and_then(|value| Self::try_from(value).ok())
    }
}

impl KnobType for f32 {
    fn to_value(self) -> Value {
        Value::Float(self)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Float(value) => Some(value),
            _ => None,
        }
    }
}

choices! {
    /// Where tokens can be committed.
    ScheduleChoice {
        Blocks = "blocks": "in blocks of block-length from the prompt on, left to right, or on the whole canvas (LLaDA)",
        Aligned = "aligned": "in blocks that end at multiples of block-length from the start of the canvas (LLaDA2)",
        Adaptive = "adablock": "in blocks that end behind the most confident delimiter, else at block-length (AdaBlock-dLLM)",
        Leftmost = "leftmost": "at the leftmost window-length masks, whatever stands between them (Elastic-Cache)",
    }
}

choices! {
    /// Which K/V rows are reused.
    CacheChoice {
        Off = "off": "recompute every position in every step",
        Block = "freecache-block" ["clean-freeze"]:
            "freeze prompt and finished blocks, recompute from the current block on",
        Window = "freecache-window" ["window-left", "window-right"]:
            "recompute a window around the last committed token, freeze everything to its left",
        Prompt = "freecache-prompt": "freeze the prompt after the first step, recompute the generation",
        Exact = "exact-prefix": "compute a finished block once more and keep it: exact where attention is block-causal",
        FastPrefix = "fast-prefix" ["cache-refresh"]:
            "Fast-dLLM: on entering a block compute everything, then from the block on",
        FastDual = "fast-dual" ["cache-refresh"]:
            "Fast-dLLM: on entering a block compute everything, then only the block",
        DkvDecode = "dkv-decode" ["cache-refresh", "dkv-freeze"]:
            "dKV-Cache: freeze a token one step after it was committed, recompute the masks",
        DkvPrefill = "dkv-prefill": "dKV-Cache: freeze the prompt after the first step, and never refresh it",
        DkvPrefillDecode = "dkv-pd" ["cache-refresh", "dkv-freeze"]:
            "dKV-Cache: both, refreshing what dkv-decode froze",
        DkvGreedy = "dkv-greedy" ["cache-refresh", "dkv-neighbours"]:
            "dKV-Cache: recompute what is committed next, what was committed last, and neighbours",
        SlidingBlock = "dsb" ["window-left"]:
            "DSB: recompute the leftmost masks and what lies left of them; everything once as many were committed",
        Elastic = "elastic" ["drift-threshold", "drift-axis", "drift-tokens"]:
            "Elastic-Cache: recompute the window; once attention drifts in a layer, all above it",
        D2 = "d2" ["d2-masks", "rollout-mass", "inflate", "density-sigma"]:
            "d2Cache: recompute the most promising masks and the positions that attention flows through",
        Dllm = "dllm" ["prompt-refresh", "response-refresh", "refresh-share"]:
            "dLLM-Cache: recompute the rows whose values moved most, and each part now and then",
    }
}

choices! {
    /// Which rows dKV-Cache freezes in a network whose rows predict the token to their right.
    FreezeChoice {
        Both = "both": "rows whose own token and the one to the right are committed (dKV-Cache `un_right`)",
        Target = "target": "rows whose token to the right is committed, whether or not they are masked (dKV-Cache `un`)",
    }
}

choices! {
    /// What the similarity of attention is taken over.
    DriftAxis {
        Keys = "keys": "each head's distribution over the keys (Elastic-Cache, as its paper defines it)",
        Heads = "heads": "the heads' weights of each key (Elastic-Cache, as released)",
    }
}

choices! {
    /// Who attends to whom.
    AttentionChoice {
        Own = "own": "as the network was made",
        BlockCausal = "block-causal": "each block to itself and to everything left of it; nothing right of it is computed (BD3LM)",
    }
}

choices! {
    /// Which predicted tokens can end an adaptive block.
    Delimiters {
        Newline = "newline": "tokens that hold a line break",
        Comma = "comma": "tokens that hold a comma",
        Period = "period": "tokens that hold a full stop",
        Any = "newline-comma-period": "tokens that hold any of the three",
    }
}

choices! {
    /// How far an adaptive block looks for delimiters.
    DelimiterWindow {
        Total = "total": "a quarter of gen-length (released code)",
        Written = "written": "a quarter of what is written so far, at least one token (paper)",
    }
}

choices! {
    /// What becomes of committed tokens of the block.
    Revision {
        Off = "off": "they stay",
        Edit = "edit": "overwritten where the denoiser is confident of another token (LLaDA2.1)",
        Remask = "remdm": "the least confident are masked again in extra steps (ReMDM)",
    }
}

choices! {
    /// How a token is drawn at a position.
    SamplerStyle {
        Gumbel = "gumbel": "LLaDA: Gumbel noise; confidence ignores temperature",
        Filtered = "filtered": "Dream: temperature, top-p, top-k; confidence among the kept tokens",
    }
}

choices! {
    /// What ranks the proposals.
    OrderScore {
        Confidence = "confidence": "probability of the drawn token (LLaDA low-confidence, Dream `maskgit_plus`)",
        Margin = "margin": "gap between the two most likely tokens (Dream `topk_margin`)",
        Entropy = "entropy": "negative entropy, the most certain first (Dream entropy)",
        Random = "random": "a random order, drawn again in every step",
        Density = "density": "confidence times the share of committed tokens around (d2Cache's certainty prior)",
        Drawn = "drawn": "a random order, drawn once for the block and so known in advance (dKV-Cache greedy)",
    }
}

choices! {
    /// Which proposals are committed.
    UnmaskRule {
        Quota = "quota" ["tokens-per-step", "steps"]:
            "the best few per step, by tokens-per-step or steps (LLaDA)",
        Time = "time" ["tokens-per-step", "steps", "time-end"]:
            "the share of masks that Dream's time grid asks for, the best first",
        Origin = "origin" ["tokens-per-step", "steps", "time-end"]:
            "each mask independently with the share of Dream's time grid",
        Threshold = "threshold" ["threshold"]:
            "every proposal at or above the threshold, at least one",
        ThresholdBudget = "threshold-budget" ["tokens-per-step", "steps", "threshold"]:
            "as threshold, but never ahead of the even pace of steps (Dream `confidence_threshold`)",
        ThresholdFloor = "threshold-floor" ["tokens-per-step", "steps", "threshold"]:
            "every proposal above the threshold where that is the quota of the step or more, else the quota (LLaDA2)",
        ThresholdTies = "threshold-ties" ["threshold"]:
            "as threshold, and with the best of the step all of the same confidence (dInfer)",
        Hierarchy = "hierarchy" ["threshold", "low-threshold"]:
            "as threshold, and the best of every run of masks from low-threshold on (dInfer)",
        WideIn = "wino" ["threshold", "narrow-out"]:
            "every proposal at the threshold, and doubtful tokens are masked again (WINO)",
        Filter = "filter" ["tokens-per-step", "steps", "filter-threshold"]:
            "what a trained filter takes for final, and the quota (Learn2PD)",
        Alpha = "alpha" ["tokens-per-step", "steps", "alpha-schedule", "alpha-draw"]:
            "the share of masks that a noise schedule frees, rounded half to even (MDLM)",
        Factor = "factor" ["factor", "factor-last"]:
            "the longest run of the most confident whose errors stay below factor together (Fast-dLLM)",
        Frechet = "frechet" ["frechet-margin"]:
            "the longest run of the most confident that are right together, by the Frechet bound (Fast-dLLM++)",
        LocalLeap = "localleap" ["threshold", "threshold-relaxed", "radius", "relaxed-decay"]:
            "as threshold, and around such an anchor at a relaxed one (LocalLeap)",
        EntropyThreshold = "entropy-threshold" ["entropy-threshold"]:
            "every proposal at or below an entropy, at least the least (dParallel)",
        EntropyBound = "entropy-bound" ["entropy-bound"]:
            "the longest run of the best whose entropies but the largest stay in a bound (EB-Sampler)",
        Klass = "klass" ["threshold", "factor", "kl-threshold", "kl-history", "klass-test"]:
            "every confident proposal whose distribution is stable, at least the best (KLASS)",
    }
}

impl UnmaskRule {
    /// Whether the rule spreads its commits over a number of steps. The others commit what passes their test.
    pub fn counts_steps(self) -> bool {
        self.reads("steps")
    }
}

choices! {
    /// Which share of the masks is left at which time.
    AlphaSchedule {
        Linear = "linear": "as many tokens in every step",
        Cosine = "cosine": "few tokens at first, many at last",
    }
}

choices! {
    /// The test of confidence that stable proposals of KLASS must pass.
    ConfidenceTest {
        Threshold = "threshold": "at or above threshold",
        Factor = "factor": "by the factor rule",
    }
}

choices! {
    /// Whether what a position has long been predicted to hold counts in its favour.
    CreditRule {
        Off = "off": "each step by itself",
        Fixed = "fixed": "credit with the weights of credit-weight, credit-decay and credit-power",
        MaskRate = "mask-rate": "credit without parameters: its weight and memory grow as the block fills",
    }
}

choices! {
    /// Where the gap between the two best logits is watched, to commit everything once it is wide.
    EarlyCommit {
        Off = "off": "never",
        Answer = "answer": "over the masks of the answer span (Prophet)",
        Block = "block": "over the masks of the block",
        Canvas = "canvas": "over all masks",
    }
}

choices! {
    /// When the guide accepts a draft.
    GuideRule {
        Off = "off": "no guide",
        Deterministic = "deterministic": "the draft is the guide's most likely token",
        TopK = "topk": "the draft is among the guide's guide-top-k most likely tokens",
        TopKRelative = "topk-relative": "as topk, and at least guide-ratio times as likely as the most likely",
        Probability = "probability": "the guide gives the draft more than guide-probability",
        Aggressive = "aggressive": "any of three: among its top 5, more than 5 % likely, or within its likeliest 95 %",
        Chance = "chance": "at random, with the probability that the guide gives the draft",
        Product = "product": "a product of both models, drawn with the draft's own noise, gives the same token (APD)",
    }
}

choices! {
    /// What happens to the first draft that the guide rejects.
    GuideMismatch {
        Draft = "draft": "it is committed all the same where none was accepted: the guide never writes (FlashDLM)",
        Guide = "guide": "the guide's own token is written in its place (speculative decoding)",
    }
}

choices! {
    /// When end of text ends the run.
    EosStop {
        Off = "off": "never: every mask is denoised",
        Prefix = "prefix": "once end of text is committed and nothing before it is masked",
        Block = "block": "once a finished block holds end of text",
        Cut = "cut": "fill what is right of end of text once it is committed; masks left of it are still denoised",
        Predicted = "predicted": "as cut, but end of text that is only proposed is enough (Learn2PD's EoTP)",
    }
}

/// One entry per knob; makes [`Settings`], its defaults and [`KNOBS`].
macro_rules! knobs {
    ($($slot:ident {
        $($name:literal $field:ident: $type:tt $(/ $unset:literal)? = $default:expr, $kind:tt, $unit:literal, $effect:ident, $help:literal $(, when $when:expr)? $(, of $owner:ident)?;)+
    })+) => {
        /// One value for every knob.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct Settings { $($(#[doc = $help] pub $field: knobs!(@type $type $($unset)?),)+)+ }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($($field: $default,)+)+ }
            }
        }

        /// Every knob, in the order of the knob pane.
        pub static KNOBS: &[Knob] = &[$($(Knob {
            name: $name,
            slot: Slot::$slot,
            unit: $unit,
            kind: knobs!(@kind $type $kind $($unset)?),
            effect: Timing::$effect,
            help: $help,
            acts: knobs!(@acts $name $($when)? $(of $owner)?),
            read: |settings| knobs!(@read settings.$field, $type $($unset)?),
            write: |settings, value| knobs!(@write settings.$field, value, $type $($unset)?),
        },)+)+];
    };
    (@type $type:tt $unset:literal) => { Option<$type> };
    (@type $type:tt) => { $type };
    (@kind usize ($min:literal..=$max:literal by $step:literal) $($unset:literal)?) => {
        Kind::Int { min: $min, max: $max, step: $step, unset: knobs!(@unset $($unset)?) }
    };
    (@kind u64 ($min:literal..by $step:literal) $($unset:literal)?) => {
        Kind::Int { min: $min, max: u64::MAX, step: $step, unset: knobs!(@unset $($unset)?) }
    };
    (@kind f32 ($min:literal..=$max:literal by $step:literal) $($unset:literal)?) => {
        Kind::Float { min: $min, max: $max, step: $step, unset: knobs!(@unset $($unset)?) }
    };
    (@kind bool _) => { Kind::Flag };
    (@kind $type:tt _) => { Kind::Choice($type::CHOICES) };
    (@acts $name:literal of cache) => { |settings| settings.cache.reads($name) };
    (@acts $name:literal of unmask) => { |settings| settings.unmasks_by($name) };
    (@acts $name:literal $when:expr) => { $when };
    (@acts $name:literal) => { |_| true };
    (@unset $unset:literal) => { Some($unset) };
    (@unset) => { None };
    (@read $place:expr, $type:tt $unset:literal) => { $place.map_or(Value::Word($unset), KnobType::to_value) };
    (@read $place:expr, $type:tt) => { $place.to_value() };
    (@write $place:expr, $value:expr, $type:tt $unset:literal) => {
        match $value {
            Value::Word($unset) => $place = None,
            value => if let Some(value) = <$type>::from_value(value) { $place = Some(value) },
        }
    };
    (@write $place:expr, $value:expr, $type:tt) => {
        if let Some(value) = <$type>::from_value($value) { $place = value }
    };
}

knobs! {
    Canvas {
        "gen-length" gen_length: usize / "auto" = None, (1..=4096 by 8), "tokens", NextRun,
            "Masks appended to the prompt; auto takes what the prompt's task needs, else 64.";
        "seed" seed: u64 = 0, (0..by 1), "", NextRun,
            "Seed of every random draw of the run.";
    }
    Schedule {
        "block-length" block_length: usize / "whole" = None, (1..=4096 by 4), "tokens", NextBlock,
            "Denoise in blocks of this length, left to right; whole takes the canvas at once.";
        "schedule" schedule: ScheduleChoice = ScheduleChoice::Blocks, _, "", NextBlock,
            "Where tokens can be committed.";
        "window-length" window_length: usize = 16, (1..=4096 by 4), "masks", NextStep,
            "Schedule leftmost: how many masks stand in the window (Elastic-Cache's beta).",
            when |s| s.schedule == ScheduleChoice::Leftmost;
        "attention" attention: AttentionChoice = AttentionChoice::Own, _, "", NextRun,
            "Who attends to whom. Block-causal suits networks that were trained with it.",
            when |s| s.block_length.is_some() || s.attention == AttentionChoice::BlockCausal;
        "delimiters" delimiters: Delimiters = Delimiters::Newline, _, "", NextRun,
            "Adaptive blocks: the predicted tokens that can end a block.",
            when |s| s.schedule == ScheduleChoice::Adaptive;
        "delimiter-threshold" delimiter_threshold: f32 / "never" = Some(0.3), (0.0..=1.0 by 0.05), "probability", NextBlock,
            "Adaptive blocks: the confidence that the delimiter needs; never leaves every block at block-length.",
            when |s| s.schedule == ScheduleChoice::Adaptive;
        "delimiter-window" delimiter_window: DelimiterWindow = DelimiterWindow::Total, _, "", NextBlock,
            "Adaptive blocks: how far ahead delimiters are looked for.",
            when |s| s.schedule == ScheduleChoice::Adaptive;
    }
    Cache {
        "cache" cache: CacheChoice = CacheChoice::Off, _, "", NextStep,
            "Which K/V rows are reused instead of recomputed.";
        "window-left" window_left: usize = 64, (0..=4096 by 8), "tokens", NextStep,
            "Window cache: positions recomputed before the last committed token, of which 0 recomputes none. DSB: left of the first mask.", of cache;
        "window-right" window_right: usize / "end" = None, (2..=4096 by 8), "tokens", NextStep,
            "Window cache: positions recomputed after it; what lies beyond is dropped. end drops nothing.", of cache;
        "clean-freeze" clean_freeze: bool = false, _, "", NextBlock,
            "Block cache: freeze a finished block one step late, with its last tokens in place.",
            when |s| s.cache.reads("clean-freeze") && s.block_length.is_some();
        "cache-refresh" cache_refresh: usize / "entry" = None, (1..=1024 by 1), "steps", NextStep,
            "Fast-dLLM, dKV-Cache: recompute everything every so many steps of a block; entry: on entering it only.", of cache;
        "dkv-freeze" dkv_freeze: FreezeChoice = FreezeChoice::Both, _, "", NextStep,
            "dKV-Cache on networks with shifted logits: which rows are frozen.", of cache;
        "dkv-neighbours" dkv_neighbours: usize = 4, (0..=64 by 1), "masks", NextStep,
            "dKV-Cache greedy: nearest masks recomputed along with each position that is committed next.", of cache;
        "drift-threshold" drift_threshold: f32 = 0.9, (0.0..=2.0 by 0.05), "cosine", NextStep,
            "Elastic-Cache: recompute the layers above one whose attention is less similar to before (gamma).", of cache;
        "drift-axis" drift_axis: DriftAxis = DriftAxis::Keys, _, "", NextStep,
            "Elastic-Cache: what that similarity is taken over.", of cache;
        "drift-tokens" drift_tokens: usize = 1, (1..=64 by 1), "tokens", NextStep,
            "Elastic-Cache: how many of the most attended tokens are watched per layer.", of cache;
        "d2-masks" d2_masks: usize = 32, (1..=1024 by 4), "masks", NextStep,
            "d2Cache: how many masks a step computes.", of cache;
        "rollout-mass" rollout_mass: f32 = 0.1, (0.0..=1.0 by 0.05), "share", NextStep,
            "d2Cache: recompute, of the other positions, those that hold this share of attention rollout.", of cache;
        "inflate" inflate: usize = 0, (0..=64 by 1), "positions", NextStep,
            "d2Cache: also recompute what lies between two chosen positions that are this near.", of cache;
        "density-sigma" density_sigma: f32 = 10.0, (0.5..=100.0 by 0.5), "positions", NextStep,
            "d2Cache and order density: how far around a position committed tokens count (standard deviation).",
            when |s| s.cache.reads("density-sigma") || s.order == OrderScore::Density;
        "prompt-refresh" prompt_refresh: usize = 50, (1..=1024 by 1), "steps", NextStep,
            "dLLM-Cache: recompute the prompt every so many steps.", of cache;
        "response-refresh" response_refresh: usize = 2, (1..=1024 by 1), "steps", NextStep,
            "dLLM-Cache: recompute the whole generation every so many steps.", of cache;
        "refresh-share" refresh_share: f32 = 0.25, (0.0..=1.0 by 0.05), "share", NextStep,
            "dLLM-Cache: the share of the generation that is recomputed in the steps between.", of cache;
    }
    Adjust {
        "cfg-scale" cfg_scale: f32 = 0.0, (0.0..=4.0 by 0.25), "", NextStep,
            "Classifier-free guidance: how far to move away from the prediction without the prompt. Doubles the work; 0 is off.",
            when |s| s.cache == CacheChoice::Off;
        "eos-ban" eos_ban: bool = false, _, "", NextStep,
            "Never propose end of text (LLaDA `logits_eos_inf`).";
        "credit" credit: CreditRule = CreditRule::Off, _, "", NextStep,
            "Let tokens that were the likeliest in earlier steps of the block count for more (CreditDecoding).";
        "credit-weight" credit_weight: f32 = 0.7, (0.0..=2.0 by 0.05), "", NextStep,
            "Credit: the weight of ln(1 + credit) that is added to a token's logit (alpha).",
            when |s| s.credit == CreditRule::Fixed;
        "credit-decay" credit_decay: f32 = 0.8, (0.0..=1.0 by 0.05), "", NextStep,
            "Credit: the share that is kept from step to step (beta).",
            when |s| s.credit == CreditRule::Fixed;
        "credit-power" credit_power: f32 = 0.2, (0.05..=1.0 by 0.05), "", NextStep,
            "Credit: the power of the probability that is added for the likeliest token; small ones lift the unsure (gamma).",
            when |s| s.credit == CreditRule::Fixed;
    }
    Proposal {
        "sampler" sampler: SamplerStyle = SamplerStyle::Gumbel, _, "", NextStep,
            "How a token is drawn and its confidence measured.";
        "temperature" temperature: f32 = 0.0, (0.0..=2.0 by 0.1), "", NextStep,
            "Randomness of the drawn token; 0 takes the most likely. Guided drafts are greedy, but for rule product.",
            when |s| matches!(s.guide, GuideRule::Off | GuideRule::Product);
        "top-p" top_p: f32 / "off" = None, (0.05..=1.0 by 0.05), "probability", NextStep,
            "Draw from the most likely tokens that hold this mass (sampler filtered).",
            when |s| s.sampler == SamplerStyle::Filtered;
        "top-k" top_k: usize / "off" = None, (1..=1000 by 1), "tokens", NextStep,
            "Draw from this many most likely tokens (sampler filtered).",
            when |s| s.sampler == SamplerStyle::Filtered;
        "order" order: OrderScore = OrderScore::Confidence, _, "", NextStep,
            "What ranks the proposals: the best are committed first.",
            when |s| s.guide == GuideRule::Off;
        "order-temperature" order_temperature: f32 / "off" = None, (0.05..=2.0 by 0.05), "", NextStep,
            "Draw the committed positions at random by their score (Dream `alg_temp`).",
            when |s| s.guide == GuideRule::Off;
        "eos-last" eos_last: bool = false, _, "", NextStep,
            "Give proposals that end the text or the turn the lowest confidence, so that text comes first.",
            when |s| s.guide == GuideRule::Off;
    }
    Unmask {
        "unmask" unmask: UnmaskRule = UnmaskRule::Quota, _, "", NextStep,
            "Which proposals are committed when no guide decides.",
            when |s| s.guide == GuideRule::Off;
        "tokens-per-step" tokens_per_step: usize = 1, (1..=512 by 1), "tokens", NextStep,
            "How many proposals a step commits on average, unless steps is set.",
            when |s| s.unmasks_by("tokens-per-step") && s.steps.is_none();
        "steps" steps: usize / "auto" = None, (1..=4096 by 4), "steps", NextBlock,
            "Steps for the whole canvas, spread over its blocks; auto follows tokens-per-step.", of unmask;
        "time-end" time_end: f32 = 1e-3, (0.0..=0.5 by 0.001), "", NextRun,
            "Dream's time grid runs from 1 to this (eps).", of unmask;
        "alpha-schedule" alpha_schedule: AlphaSchedule = AlphaSchedule::Linear, _, "", NextStep,
            "Alpha: how the masked share falls with time.", of unmask;
        "alpha-draw" alpha_draw: bool = false, _, "", NextStep,
            "Alpha: draw the number of tokens instead of rounding its mean (`stochastic_transfer`).", of unmask;
        "threshold" threshold: f32 = 0.9, (0.0..=1.0 by 0.05), "probability", NextStep,
            "The confidence from which a proposal is committed.",
            when |s| s.unmasks_by("threshold") && s.tests_by(ConfidenceTest::Threshold);
        "threshold-relaxed" threshold_relaxed: f32 = 0.75, (0.0..=1.0 by 0.05), "probability", NextStep,
            "LocalLeap: the confidence that is enough near an anchor.", of unmask;
        "radius" radius: usize = 4, (1..=128 by 1), "tokens", NextStep,
            "LocalLeap: how far from an anchor the relaxed threshold holds.", of unmask;
        "relaxed-decay" relaxed_decay: bool = false, _, "", NextStep,
            "LocalLeap: let the relaxed threshold rise to the full one with the distance from the anchor (not in the paper's code).", of unmask;
        "factor" factor: f32 = 1.0, (0.0..=4.0 by 0.1), "", NextStep,
            "Factor: the r-th most confident proposal needs a confidence of 1 - factor / (r + 1).",
            when |s| s.unmasks_by("factor") && s.tests_by(ConfidenceTest::Factor);
        "factor-last" factor_last: bool = false, _, "", NextStep,
            "Factor: where only the least confident proposal fails, commit it too, as the released code does by mistake.", of unmask;
        "frechet-margin" frechet_margin: f32 = 0.25, (0.0..=1.0 by 0.05), "probability", NextStep,
            "Frechet: by how much the tokens of a step must be likelier together than any others; 0 commits the most.", of unmask;
        "entropy-threshold" entropy_threshold: f32 = 0.5, (0.0..=5.0 by 0.05), "nats", NextStep,
            "Entropy-threshold: the entropy up to which a proposal is committed.", of unmask;
        "entropy-bound" entropy_bound: f32 = 0.001, (0.0..=2.0 by 0.01), "nats", NextStep,
            "Entropy-bound: what the entropies of a step's tokens, but for the largest, may add up to.", of unmask;
        "kl-threshold" kl_threshold: f32 = 0.01, (0.0..=1.0 by 0.005), "nats", NextStep,
            "KLASS: a distribution is stable while it moves by less than this from step to step.", of unmask;
        "kl-history" kl_history: usize = 2, (1..=16 by 1), "steps", NextStep,
            "KLASS: for how many steps it must have been stable.", of unmask;
        "klass-test" klass_test: ConfidenceTest = ConfidenceTest::Threshold, _, "", NextStep,
            "KLASS: the test of confidence that a stable proposal must pass as well.", of unmask;
        "low-threshold" low_threshold: f32 = 0.4, (0.0..=1.0 by 0.05), "probability", NextStep,
            "Hierarchy: the confidence above which the best of a run of masks is committed.", of unmask;
        "narrow-out" narrow_out: f32 = 0.9, (0.0..=1.0 by 0.05), "probability", NextStep,
            "WINO: a token that the rest of the canvas gives less than this is masked again; 0 keeps all.", of unmask;
        "filter-threshold" filter_threshold: f32 = 0.96, (0.0..=1.0 by 0.01), "probability", NextStep,
            "Filter: above which of its values a proposal counts as final.", of unmask;
        "revise" revise: Revision = Revision::Off, _, "", NextBlock,
            "What becomes of committed tokens of the block.",
            when |s| s.guide == GuideRule::Off;
        "edit-threshold" edit_threshold: f32 = 0.9, (0.0..=1.0 by 0.05), "probability", NextStep,
            "Edits: the confidence above which another token overwrites a committed one.",
            when |s| s.revise == Revision::Edit;
        "edit-steps" edit_steps: usize = 16, (0..=256 by 1), "steps", NextBlock,
            "Edits: the most steps that a full block stays open for them.",
            when |s| s.revise == Revision::Edit;
        "remdm-steps" remdm_steps: usize = 8, (0..=256 by 1), "steps", NextBlock,
            "ReMDM: extra steps per block, put in when seven eighths of its steps are done.",
            when |s| s.revise == Revision::Remask;
        "remdm-tokens" remdm_tokens: usize = 1, (1..=256 by 1), "tokens", NextStep,
            "ReMDM: how many tokens an extra step masks again.",
            when |s| s.revise == Revision::Remask;
    }
    Guide {
        "guide" guide: GuideRule = GuideRule::Off, _, "", NextStep,
            "Commit the longest run of drafts that the autoregressive guide accepts (FlashDLM, Guided Diffusion).";
        "guide-top-k" guide_top_k: usize = 2, (1..=1000 by 1), "tokens", NextStep,
            "Guide rules topk and topk-relative: how deep the draft may rank.",
            when |s| matches!(s.judge(), GuideRule::TopK | GuideRule::TopKRelative);
        "guide-ratio" guide_ratio: f32 = 0.5, (0.0..=1.0 by 0.05), "ratio", NextStep,
            "Guide rule topk-relative: how likely the draft must be, relative to the guide's favourite.",
            when |s| s.judge() == GuideRule::TopKRelative;
        "guide-probability" guide_probability: f32 = 0.1, (0.0..=1.0 by 0.05), "probability", NextStep,
            "Guide rule probability: what the guide must give the draft.",
            when |s| s.judge() == GuideRule::Probability;
        "guide-mixture" guide_mixture: f32 = 0.7, (0.0..=1.0 by 0.05), "weight", NextStep,
            "Guide rule product: the denoiser's weight (R of APD); 1 accepts every draft, 0 asks the guide alone.",
            when |s| s.guide == GuideRule::Product;
        "guide-mismatch" guide_mismatch: GuideMismatch = GuideMismatch::Draft, _, "", NextStep,
            "What happens to the first draft that the guide rejects.",
            when |s| s.guide != GuideRule::Off;
        "verify-batch" verify_batch: usize = 32, (1..=512 by 8), "drafts", NextStep,
            "How many drafts the guide reads in one pass.",
            when |s| s.judge() != GuideRule::Off;
        "shadow-guide" shadow_guide: GuideRule = GuideRule::Off, _, "", NextStep,
            "By which rule a guide judges every step without deciding: what it would have said, its cost apart.",
            when |s| s.guide == GuideRule::Off;
    }
    Stop {
        "eos-stop" eos_stop: EosStop = EosStop::Off, _, "", NextStep,
            "When end of text fills the rest of the canvas and ends the run.";
        "eos-confidence" eos_confidence: f32 = 0.0, (0.0..=1.0 by 0.05), "probability", NextStep,
            "Eos-stop predicted: the confidence that an end of text needs that is only proposed.",
            when |s| s.eos_stop == EosStop::Predicted;
        "early-commit" early_commit: EarlyCommit = EarlyCommit::Off, _, "", NextStep,
            "Commit every mask at once when the best token leads the next by a wide gap of logits on average (Prophet).",
            when |s| s.guide == GuideRule::Off;
        "gap-early" gap_early: f32 = 7.5, (0.0..=50.0 by 0.5), "logits", NextStep,
            "Early-commit: the gap that is asked for in the first phase of the run.",
            when |s| s.watches_gap();
        "gap-mid" gap_mid: f32 = 5.0, (0.0..=50.0 by 0.5), "logits", NextStep,
            "Early-commit: the gap in the middle phase.",
            when |s| s.watches_gap();
        "gap-late" gap_late: f32 = 2.5, (0.0..=50.0 by 0.5), "logits", NextStep,
            "Early-commit: the gap in the last phase.",
            when |s| s.watches_gap();
        "phase-mid" phase_mid: f32 = 0.33, (0.0..=1.0 by 0.05), "share", NextStep,
            "Early-commit: the share of the steps after which the middle phase begins.",
            when |s| s.watches_gap();
        "phase-late" phase_late: f32 = 0.67, (0.0..=1.0 by 0.05), "share", NextStep,
            "Early-commit: the share of the steps after which the last phase begins.",
            when |s| s.watches_gap();
        "answer-start" answer_start: usize / "end" = None, (0..=4096 by 1), "tokens", NextStep,
            "Early-commit answer: tokens between the prompt and the answer span; end puts it last on the canvas.",
            when |s| s.watches_gap() && s.early_commit == EarlyCommit::Answer;
        "answer-length" answer_length: usize = 5, (1..=4096 by 1), "tokens", NextStep,
            "Early-commit answer: length of the answer span.",
            when |s| s.watches_gap() && s.early_commit == EarlyCommit::Answer;
        "answer-committed" answer_committed: bool = false, _, "", NextStep,
            "Early-commit answer: measure committed positions of the span too, as the released code does.",
            when |s| s.watches_gap() && s.early_commit == EarlyCommit::Answer;
    }
    Audit {
        "audit" audit: usize / "off" = None, (1..=64 by 1), "steps", NextStep,
            "Every so many steps, also compute the uncached truth and report what the cache changed.",
            when |s| s.cache != CacheChoice::Off;
    }
}

impl Delimiters {
    /// The characters that a delimiter holds, one of them at least.
    pub fn marks(self) -> &'static [char] {
        match self {
            Self::Newline => &['\n'],
            Self::Comma => &[','],
            Self::Period => &['.'],
            Self::Any => &['\n', ',', '.'],
        }
    }
}

impl Settings {
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

    /// Whether an unmask rule decides that reads the knob of that name.
    fn unmasks_by(&self, knob: &str) -> bool {
        self.guide == GuideRule::Off && self.unmask.reads(knob)
    }

    /// Whether proposals are put to that test: KLASS has the choice of two, and reads the knob of one at a time.
    fn tests_by(&self, test: ConfidenceTest) -> bool {
        self.unmask != UnmaskRule::Klass || self.klass_test == test
    }

    /// The rule by which a guide judges drafts, whether it decides or only looks on.
    fn judge(&self) -> GuideRule {
        if self.guide == GuideRule::Off { self.shadow_guide } else { self.guide }
    }

    fn watches_gap(&self) -> bool {
        self.guide == GuideRule::Off && self.early_commit != EarlyCommit::Off
    }
}

/// A map of knob names to values, every knob present.
impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(KNOBS.iter().map(|knob| (knob.name, knob.get(self))))
    }
}

/// A map of knob names to values; absent knobs keep their defaults, unknown ones are refused.
impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = Self::default();
        for (name, value) in BTreeMap::<String, Scalar>::deserialize(deserializer)? {
            Knob::find(&name)
                .and_then(|knob| knob.set(&mut settings, &value.to_string()))
                .map_err(serde::de::Error::custom)?;
        }
        Ok(settings)
    }
}

/// A value as files write it: `32`, `0.9`, `true` or `"whole"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected a number, a word in quotes, true or false")]
pub(super) enum Scalar {
    Flag(bool),
    Int(u64),
    Float(f64),
    Text(String),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(on) => on.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}
