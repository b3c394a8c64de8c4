//! The conversation that the next prompt continues, where the model chats.

use super::app::{App, EngineState};
use crate::{session::Run, trace::Exchange};

impl App {
    /// Whether prompts continue a conversation with the loaded model.
    pub fn chats(&self) -> bool {
        matches!(&self.engine, EngineState::Ready { denoiser, .. } if denoiser.chats)
    }

    /// The run that the next prompt continues: the shown one, where models that chat made it and will make the next.
    fn continued(&self) -> Option<&Run> {
        self.run().filter(|run| self.chats() && !self.begins && run.log.header().denoiser.chats)
    }

    /// The turns that the next prompt continues, the oldest first.
    pub fn turns(&self) -> Vec<Exchange> {
        self.continued().map(Run::conversation).unwrap_or_default()
    }

    /// The number of the turn that the next prompt is; `None` where it continues nothing.
    pub fn next_turn(&self) -> Option<usize> {
        let run = self.continued()?;
        let earlier = run.log.header().turns.len() + usize::from(run.answered().is_some());
        (earlier > 0).then_some(earlier + 1)
    }
}
