//! No cache: every position is computed in every step.

use super::{Allows, CachePolicy, KnownRows, SoundAttention};
use crate::decode::{context::StepContext, plan::Plan};

/// The policy.
#[derive(Debug, Clone)]
pub(super) struct Uncached;

impl CachePolicy for Uncached {
    fn plan(&mut self, context: StepContext<'_>, _rows: KnownRows<'_>) -> Plan {
        Plan::whole(context.horizon())
    }

    fn allows(&self) -> Allows {
        Allows { adaptive_blocks: true, revision: true, leave_one_out: true, attention: SoundAttention::Any }
    }
}
