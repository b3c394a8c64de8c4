//! Slot 2, cache: which positions are computed in a step, and which K/V rows are read.
//!
//! A policy never changes a value: it chooses sets of positions, once per step, and is shown what was proposed. It is a
//! value that owns what it remembers from step to step, and says which settings it conflicts with. To add one, write it in
//! a file of its own, name it in [`policy`], and name its choice in `settings/knobs.rs`. Rows are written at absolute
//! positions. What is common to all policies stands here: the provenance of every row (the step that wrote it, and the
//! token that stood there), and the report made of it.
//!
//! | file | method |
//! |---|---|
//! | `off.rs` | none: everything is computed in every step |
//! | `freecache.rs` | FreeCache (FlashDLM) |
//! | `exact.rs` | the exact prefix of block-causal networks (BD3LM, LLaDA2) |
//! | `fastdllm.rs` | Fast-dLLM's prefix and dual cache |
//! | `dkv.rs` | dKV-Cache: decode, prefill, both, greedy |
//! | `dsb.rs` | the cache of Dynamic Sliding Block |
//! | `elastic.rs` | Elastic-Cache |
//! | `d2.rs` | d²Cache |
//! | `dllm.rs` | dLLM-Cache |
//!
//! A policy that takes over in the middle of a run starts from rows that are all fresh, so none ever reads a row that
//! another left in a state which it does not know.

mod d2;
mod dkv;
mod dllm;
mod dsb;
mod elastic;
mod exact;
mod fastdllm;
mod freecache;
mod off;

use dyn_clone::DynClone;

use super::{
    Limits,
    context::StepContext,
    plan::{PassPlan, Plan},
    proposal::Candidate,
    record::{KvStatus, KvUse, LayerUse},
};
use crate::{
    model::network::{Logits, Network, NetworkError, Pass},
    settings::{CacheChoice, Settings},
};

/// The policy of each choice, with nothing to remember yet.
pub(super) fn policy(choice: CacheChoice) -> Box<dyn CachePolicy> {
    match choice {
        CacheChoice::Off => Box::new(off::Uncached),
        CacheChoice::Block => Box::new(freecache::FreeCache::Block),
        CacheChoice::Window => Box::new(freecache::FreeCache::Window),
        CacheChoice::Prompt => Box::new(freecache::FreeCache::Prompt),
        CacheChoice::Exact => Box::new(exact::ExactPrefix::default()),
        CacheChoice::FastPrefix => Box::new(fastdllm::FastDllm::Prefix),
        CacheChoice::FastDual => Box::new(fastdllm::FastDllm::Dual),
        CacheChoice::DkvDecode => Box::new(dkv::DkvCache::Decode),
        CacheChoice::DkvPrefill => Box::new(dkv::DkvCache::Prefill),
        CacheChoice::DkvPrefillDecode => Box::new(dkv::DkvCache::PrefillDecode),
        CacheChoice::DkvGreedy => Box::new(dkv::DkvCache::Greedy),
        CacheChoice::SlidingBlock => Box::new(dsb::SlidingBlock::default()),
        CacheChoice::Elastic => Box::new(elastic::Elastic::default()),
        CacheChoice::D2 => Box::new(d2::D2::default()),
        CacheChoice::Dllm => Box::new(dllm::Dllm::default()),
    }
}

/// A policy: what it computes, how its passes run, and what it does not go together with.
pub(super) trait CachePolicy: Send + DynClone {
    /// What a step computes.
    fn plan(&mut self, context: StepContext<'_>, rows: KnownRows<'_>) -> Plan;

    /// Runs one pass of the plan; `layers`, empty before it, becomes what each layer did, where layers differ.
    ///
    /// # Errors
    /// When the network fails.
    fn forward(
        &mut self,
        network: &mut dyn Network,
        pass: Pass<'_>,
        _settings: &Settings,
        _layers: &mut Vec<LayerRows>,
    ) -> Result<Logits, NetworkError> {
        network.forward(pass)
    }

    /// The positions whose rows `pass`, the last one that was run, computed: those that it fed, or fewer.
    fn computed<'a>(&'a self, pass: &'a PassPlan) -> &'a [usize] {
        &pass.query
    }

    /// Shows it what a step proposed at masked positions.
    fn proposed(&mut self, _candidates: &[Candidate]) {}

    /// One past the last row that must have been written before a part of the canvas can be computed alone.
    fn needed(&self, context: StepContext<'_>) -> usize {
        context.canvas.live()
    }

    /// Whether it can read the rows as another policy left them.
    fn continues(&self, _before: CacheChoice) -> bool {
        false
    }

    /// What other slots may rely on.
    fn allows(&self) -> Allows {
        Allows::default()
    }

    /// Why it cannot work beside the other settings, if so.
    fn conflict(&self, _settings: &Settings) -> Option<String> {
        None
    }
}

/// What a layer computed in a pass, where layers differ.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LayerRows {
    /// Positions whose rows it computed, each once.
    computed: Vec<usize>,
    /// As in [`LayerUse`].
    similarity: Option<f32>,
}

/// What a policy lets other slots do; nothing, unless it says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Allows {
    /// Blocks that end where the proposals right of them say: on entering a block, everything there is computed.
    pub adaptive_blocks: bool,
    /// Replacing committed tokens of the block: its rows are computed in every step, whatever stands there.
    pub revision: bool,
    /// Scoring tokens without themselves: the block and all masks are computed in every step.
    pub leave_one_out: bool,
    /// Attention for which it is sound.
    pub attention: SoundAttention,
}

/// Attention under which a policy can be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum SoundAttention {
    /// It approximates attention to both sides.
    #[default]
    BothSides,
    /// It is exact where no block sees a later one, and wrong elsewhere.
    BlockCausal,
    /// Any.
    Any,
}

/// What is known of the rows when a step is planned.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownRows<'a> {
    origins: &'a [Option<RowOrigin>],
    /// The canvas as the last step found it.
    before: &'a [u32],
    /// Nothing can be reused: a row that the policy needs was never written, or another policy left them.
    fresh: bool,
}

impl KnownRows<'_> {
    /// Whether the row of a position was never computed with the token that stands there now.
    fn is_outdated(&self, position: usize, context: StepContext<'_>) -> bool {
        self.origins[position].is_none_or(|row| row.token != context.canvas.ids()[position])
    }
}

dyn_clone::clone_trait_object!(CachePolicy);

/// The provenance of every K/V row, and the policy in force.
#[derive(Clone)]
pub(super) struct Cache {
    rows: Vec<Option<RowOrigin>>,
    choice: CacheChoice,
    /// The policy that planned the last step: another one starts from rows that are all fresh.
    policy: Box<dyn CachePolicy>,
    /// The canvas as the last step found it.
    before: Vec<u32>,
    /// What each layer did in the last step, where layers differ.
    layers: Vec<LayerRows>,
    /// By layer, the step that computed the row of each position, as long as layers differ.
    layer_origins: Vec<Vec<Option<usize>>>,
}

/// The provenance of a K/V row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RowOrigin {
    step: usize,
    token: u32,
}

impl Cache {
    /// No row yet, for a canvas of `length` positions.
    pub fn new(length: usize) -> Self {
        let choice = CacheChoice::Off;
        Self {
            rows: vec![None; length],
            choice,
            policy: policy(choice),
            before: Vec::new(),
            layers: Vec::new(),
            layer_origins: Vec::new(),
        }
    }

    /// What the next step computes.
    pub fn plan(&mut self, context: StepContext<'_>) -> Plan {
        let switched = self.follow(context.settings.cache);
        let needed = self.policy.needed(context);
        let fresh = switched || self.rows[..needed].iter().any(Option::is_none);
        self.layers.clear();
        let rows = KnownRows { origins: &self.rows, before: &self.before, fresh };
        let mut plan = self.policy.plan(context, rows);
        if plan.passes.iter().any(|pass| pass.query.is_empty()) {
            // Nothing is masked any more, and some rule still scores what is written.
            plan = Plan::whole(context.canvas.live());
        }
        self.before.clear();
        self.before.extend_from_slice(context.canvas.ids());
        plan
    }

    /// Puts the policy of `choice` in force. Returns whether it cannot read the rows as they are.
    fn follow(&mut self, choice: CacheChoice) -> bool {
        if choice == self.choice {
            return false;
        }
        let before = std::mem::replace(&mut self.choice, choice);
        self.policy = policy(choice);
        self.layer_origins.clear();
        !self.policy.continues(before)
    }

    /// The canvas was changed by hand: no row of it is known any more, and the policy remembers nothing of it.
    pub fn edited(&mut self) {
        self.rows.fill(None);
        self.policy = policy(self.choice);
        self.layer_origins.clear();
    }

    /// Runs one pass of the plan.
    pub fn forward(
        &mut self,
        network: &mut dyn Network,
        pass: Pass<'_>,
        settings: &Settings,
    ) -> Result<Logits, NetworkError> {
        self.policy.forward(network, pass, settings, &mut self.layers)
    }

    /// What each layer did in the step, from the first one up; empty where all did the same.
    pub fn layers(&self, context: StepContext<'_>) -> Vec<LayerUse> {
        let age = |origin: &Option<usize>| origin.map_or(context.step + 1, |origin| context.step - origin) as u32;
        let layers = self.layers.iter().zip(&self.layer_origins);
        let layer_use = |(rows, origins): (&LayerRows, &Vec<Option<usize>>)| LayerUse {
            computed: rows.computed.len() as u32,
            similarity: rows.similarity,
            ages: origins.iter().map(age).collect(),
        };
        layers.map(layer_use).collect()
    }

    /// How many positions `pass`, the last one that was run, computed; the mean over the layers, rounded up, where they
    /// differ.
    pub fn computed(&self, pass: &PassPlan) -> u32 {
        match self.layers.len() {
            0 => pass.query.len() as u32,
            layers => self.layers.iter().map(|layer| layer.computed.len()).sum::<usize>().div_ceil(layers) as u32,
        }
    }

    /// How many of the rows that `pass`, the last one that was run, read were there before it.
    pub fn reused(&self, pass: &PassPlan) -> u32 {
        (pass.end - self.policy.computed(pass).len()) as u32
    }

    /// Records what `pass`, the last one that was run, wrote.
    pub fn record(&mut self, pass: &PassPlan, context: StepContext<'_>) {
        for &position in self.policy.computed(pass) {
            self.rows[position] = Some(RowOrigin { step: context.step, token: context.canvas.ids()[position] });
        }
        self.layer_origins.resize(self.layers.len(), vec![None; self.rows.len()]);
        for (layer, origins) in self.layers.iter().zip(&mut self.layer_origins) {
            layer.computed.iter().for_each(|position| origins[*position] = Some(context.step));
        }
    }

    /// Shows the policy what the step proposed at masked positions.
    pub fn proposed(&mut self, candidates: &[Candidate]) {
        self.policy.proposed(candidates);
    }

    /// How every row was used by the step that followed `plan`.
    pub fn report(&self, plan: &Plan, context: StepContext<'_>) -> Vec<KvUse> {
        let report = |(position, row): (usize, &Option<RowOrigin>)| {
            let age = row.map_or(0, |row| (context.step - row.step) as u32);
            let status = match row {
                Some(row) if row.step == context.step => KvStatus::Recomputed,
                Some(row) if plan.reads(position) && row.token == context.canvas.ids()[position] => KvStatus::Reused,
                Some(_) if plan.reads(position) => KvStatus::Stale,
                _ => KvStatus::Dropped,
            };
            KvUse { status, age }
        };
        self.rows.iter().enumerate().map(report).collect()
    }
}

/// Why the cache does not go together with the other settings, if so.
pub(super) fn conflict(settings: &Settings, _limits: &Limits) -> Option<String> {
    policy(settings.cache).conflict(settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decode::{canvas::Canvas, schedule::Schedule},
        model::network::Alignment,
        settings::Settings,
    };

    const MASK: u32 = 9;

    /// A canvas of 4 prompt tokens and 8 generated ones, the first `committed` of them written, after a full step.
    struct CacheRun {
        canvas: Canvas,
        cache: Cache,
        schedule: Schedule,
        settings: Settings,
        alignment: Alignment,
        step: usize,
    }

    impl CacheRun {
        fn after_full_step(committed: usize, settings: &Settings) -> Self {
            let canvas = Canvas::new(&[1, 2, 3, 4], 8, MASK);
            let (cache, schedule) = (Cache::new(canvas.len()), Schedule::new(&canvas, settings));
            let settings = *settings;
            let mut run = Self { canvas, cache, schedule, settings, alignment: Alignment::Shifted, step: 0 };
            run.step();
            (4..4 + committed).for_each(|position| run.canvas.write(position, 5));
            if run.schedule.is_closed(&run.canvas) {
                run.schedule.advance(&run.canvas, &run.settings);
            }
            run
        }

        fn plan(&mut self) -> Plan {
            let Self { canvas, cache, schedule, settings, alignment, step } = self;
            let context = StepContext::of(settings, canvas, schedule);
            cache.plan(StepContext { step: *step, alignment: *alignment, ..context })
        }

        /// Plans and computes a step.
        fn step(&mut self) -> (Plan, Vec<KvUse>) {
            let plan = self.plan();
            let Self { canvas, cache, schedule, settings, alignment, step } = self;
            let context = StepContext::of(settings, canvas, schedule);
            let context = StepContext { step: *step, alignment: *alignment, ..context };
            for pass in &plan.passes {
                cache.record(pass, context);
            }
            let report = cache.report(&plan, context);
            *step += 1;
            (plan, report)
        }
    }

    #[test]
    fn the_first_step_computes_everything() {
        let canvas = Canvas::new(&[1, 2, 3, 4], 8, MASK);
        let settings = Settings { cache: CacheChoice::Window, window_left: 1, ..Settings::default() };
        let (cache, schedule) = (Cache::new(canvas.len()), Schedule::new(&canvas, &settings));
        let mut run = CacheRun { canvas, cache, schedule, settings, alignment: Alignment::Shifted, step: 0 };
        assert_eq!(run.plan(), Plan::window(0..12, 12));
    }

    #[test]
    fn the_window_follows_the_last_committed_token_and_drops_what_is_right_of_it() {
        let settings =
            Settings { cache: CacheChoice::Window, window_left: 2, window_right: Some(3), ..Settings::default() };
        let mut run = CacheRun::after_full_step(3, &settings);
        let (plan, uses) = run.step();
        assert_eq!(plan, Plan::window(4..9, 9));
        assert_eq!(uses[3], KvUse { status: KvStatus::Reused, age: 1 });
        assert_eq!(uses[4], KvUse { status: KvStatus::Recomputed, age: 0 });
        assert_eq!(uses[9], KvUse { status: KvStatus::Dropped, age: 1 });
    }

    #[test]
    fn a_row_written_under_a_mask_is_stale_once_its_token_is_committed() {
        let settings = Settings { cache: CacheChoice::Block, block_length: Some(4), ..Settings::default() };
        let mut run = CacheRun::after_full_step(4, &settings);
        let (plan, uses) = run.step();
        assert_eq!(plan, Plan::window(7..12, 12));
        assert_eq!(uses[2].status, KvStatus::Reused);
        assert_eq!(uses[6], KvUse { status: KvStatus::Stale, age: 1 });
        assert_eq!(uses[7].status, KvStatus::Recomputed);
    }

    #[test]
    fn a_clean_freeze_computes_the_finished_block_once_more() {
        let settings =
            Settings { cache: CacheChoice::Block, clean_freeze: true, block_length: Some(4), ..Settings::default() };
        assert_eq!(CacheRun::after_full_step(4, &settings).plan(), Plan::window(4..12, 12));
    }

    #[test]
    fn a_shifted_network_also_computes_the_row_left_of_the_first_mask() {
        let settings = Settings { cache: CacheChoice::Prompt, ..Settings::default() };
        let mut run = CacheRun::after_full_step(0, &settings);
        assert_eq!(run.plan(), Plan::window(3..12, 12));
        run.alignment = Alignment::Aligned;
        assert_eq!(run.plan(), Plan::window(4..12, 12));
    }

    #[test]
    fn a_policy_of_another_family_starts_from_fresh_rows() {
        let mut run = CacheRun::after_full_step(3, &Settings::default());
        run.settings.cache = CacheChoice::Prompt;
        assert_eq!(run.step().0, Plan::whole(12));
        assert_eq!(run.step().0, Plan::window(4..12, 12));
    }
}
