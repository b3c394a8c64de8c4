//! Slot 2, cache: which positions are computed in a step, and which K/V rows are read.
//!
//! A policy never changes a value: it chooses sets of positions, once per step, and is told what was computed and
//! what was committed. Rows are written at absolute positions. What is common to all policies stands here: the
//! provenance of every row (the step that wrote it, and the token that stood there), and the report made of it.
//!
//! | file | method |
//! |---|---|
//! | `freecache.rs` | FreeCache (FlashDLM) |
//! | `exact.rs` | the exact prefix of block-causal networks (BD3LM, LLaDA2) |
//! | `fastdllm.rs` | Fast-dLLM's prefix and dual cache |
//! | `dkv.rs` | dKV-Cache: decode, prefill, both, greedy |
//! | `elastic.rs` | Elastic-Cache |
//! | `d2.rs` | d²Cache |
//! | `dllm.rs` | dLLM-Cache |
//!
//! A policy that takes over in the middle of a run starts from rows that are all fresh, so none ever reads a row that
//! another left in a state which it does not know.

mod d2;
mod dkv;
mod dllm;
mod elastic;
mod exact;
mod fastdllm;
mod freecache;

use super::{
    moment::StepContext,
    plan::{PassPlan, Plan},
    proposal::Candidate,
    record::{KvStatus, KvUse, LayerUse},
};
use crate::{
    model::network::{Logits, Network, NetworkError, Pass},
    settings::{CacheChoice, Settings},
};

/// The provenance of every K/V row, and the policy in force.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cache {
    rows: Vec<Option<RowOrigin>>,
    /// The policy that planned the last step: another one starts from rows that are all fresh.
    policy: CacheChoice,
    exact: exact::Exact,
    /// The canvas as the last step found it.
    before: Vec<u32>,
    /// What each layer did in the last step, where layers differ.
    layers: Vec<LayerUse>,
    elastic: elastic::Elastic,
    d2: d2::D2,
    dllm: dllm::Dllm,
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
        Self {
            rows: vec![None; length],
            policy: CacheChoice::Off,
            exact: exact::Exact::default(),
            before: Vec::new(),
            layers: Vec::new(),
            elastic: elastic::Elastic::default(),
            d2: d2::D2::default(),
            dllm: dllm::Dllm::default(),
        }
    }

    /// What the next step computes.
    pub fn plan(&mut self, moment: StepContext<'_>) -> Plan {
        let policy = moment.settings.cache;
        // A prefix of the rows of every FreeCache form is readable by every other.
        let related = freecache::is_form(policy) && freecache::is_form(self.policy);
        let switched = policy != self.policy && !related;
        self.policy = policy;
        let live = moment.canvas.live();
        let needed = freecache::needed(moment);
        let fresh = switched || self.rows[..needed].iter().any(Option::is_none);
        self.layers.clear();
        let mut plan = match policy {
            CacheChoice::Off => Plan::whole(moment.horizon()),
            CacheChoice::Exact => self.exact.plan(moment, switched),
            CacheChoice::Prompt | CacheChoice::Block | CacheChoice::Window if fresh => freecache::first(moment),
            CacheChoice::Prompt | CacheChoice::Block | CacheChoice::Window => freecache::plan(moment),
            CacheChoice::FastPrefix | CacheChoice::FastDual => fastdllm::plan(moment, fresh),
            CacheChoice::DkvDecode
            | CacheChoice::DkvPrefill
            | CacheChoice::DkvPrefillDecode
            | CacheChoice::DkvGreedy => dkv::plan(moment, &self.rows, &self.before, fresh),
            CacheChoice::Elastic => self.elastic.plan(moment, &self.rows, fresh),
            CacheChoice::D2 => self.d2.plan(moment, &self.rows, fresh),
            CacheChoice::Dllm => self.dllm.plan(moment, fresh),
        };
        if plan.passes.iter().any(|pass| pass.query.is_empty()) {
            // Nothing is masked any more, and some rule still wants to look at what is written.
            plan = Plan::whole(live);
        }
        self.before.clear();
        self.before.extend_from_slice(moment.canvas.ids());
        plan
    }

    /// Runs one forward of the plan.
    pub fn forward(
        &mut self,
        network: &mut dyn Network,
        pass: Pass<'_>,
        settings: &Settings,
    ) -> Result<Logits, NetworkError> {
        match self.policy {
            CacheChoice::Elastic => self.elastic.forward(network, pass, settings, &mut self.layers),
            CacheChoice::D2 => self.d2.forward(network, pass),
            CacheChoice::Dllm => self.dllm.forward(network, pass, settings, &mut self.layers),
            _ => network.forward(pass),
        }
    }

    /// What each layer did in the last step, from the first one up; empty where all did the same.
    pub fn layers(&self) -> &[LayerUse] {
        &self.layers
    }

    /// How many positions `pass`, the last one that was run, computed; the mean over the layers, rounded up, where they
    /// differ.
    pub fn computed(&self, pass: &PassPlan) -> u32 {
        match self.layers.len() {
            0 => pass.query.len() as u32,
            layers => self.layers.iter().map(|layer| layer.computed).sum::<u32>().div_ceil(layers as u32),
        }
    }

    /// How many of the rows that `pass`, the last one that was run, read were there before it.
    pub fn reused(&self, pass: &PassPlan) -> u32 {
        (pass.end - anew(self.policy, &self.dllm, pass).len()) as u32
    }

    /// Notes what `pass`, the last one that was run, wrote.
    pub fn wrote(&mut self, pass: &PassPlan, moment: StepContext<'_>) {
        for &position in anew(self.policy, &self.dllm, pass) {
            self.rows[position] = Some(RowOrigin { step: moment.step, token: moment.canvas.ids()[position] });
        }
    }

    /// Takes note of what the step proposed at masked positions.
    pub fn proposed(&mut self, candidates: &[Candidate]) {
        if self.policy == CacheChoice::D2 {
            self.d2.proposed(candidates);
        }
    }

    /// How every row was used by the step that followed `plan`.
    pub fn report(&self, plan: &Plan, moment: StepContext<'_>) -> Vec<KvUse> {
        let report = |(position, row): (usize, &Option<RowOrigin>)| {
            let age = row.map_or(0, |row| (moment.step - row.step) as u32);
            let status = match row {
                Some(row) if row.step == moment.step => KvStatus::Recomputed,
                Some(row) if plan.reads(position) && row.token == moment.canvas.ids()[position] => KvStatus::Reused,
                Some(_) if plan.reads(position) => KvStatus::Stale,
                _ => KvStatus::Dropped,
            };
            KvUse { status, age }
        };
        self.rows.iter().enumerate().map(report).collect()
    }
}

/// The rows that a pass computed: those that it fed, or those of them that were worth it.
fn anew<'a>(policy: CacheChoice, dllm: &'a dllm::Dllm, pass: &'a PassPlan) -> &'a [usize] {
    if policy == CacheChoice::Dllm { dllm.picked() } else { &pass.query }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decode::{canvas::Canvas, noise::Seeded, schedule::Schedule},
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
            cache.plan(StepContext {
                settings,
                canvas,
                schedule,
                noise: &Seeded(0),
                step: *step,
                alignment: *alignment,
                eos: 0,
            })
        }

        /// Plans and computes a step.
        fn step(&mut self) -> (Plan, Vec<KvUse>) {
            let plan = self.plan();
            let Self { canvas, cache, schedule, settings, alignment, step } = self;
            let moment = StepContext {
                settings,
                canvas,
                schedule,
                noise: &Seeded(0),
                step: *step,
                alignment: *alignment,
                eos: 0,
            };
            for pass in &plan.passes {
                cache.wrote(pass, moment);
            }
            let report = cache.report(&plan, moment);
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
