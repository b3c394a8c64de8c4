//! What a run needs that takes long to load.

use std::sync::Arc;

use super::load::LoadedModel;
use crate::{
    decode::{Networks, filter::Filter},
    model::{network::Network, tokenizer::Tokenizer},
    trace::{MODELLED, ModelCard},
};

/// The networks with their tokenizer and what people should know about them.
pub struct Models {
    /// Proposes tokens.
    pub denoiser: Box<dyn Network>,
    /// Accepts or rejects drafts.
    pub guide: Option<Box<dyn Network>>,
    /// Text to ids and back: the denoiser's, and the guide's where both have one vocabulary.
    pub tokenizer: Arc<Tokenizer>,
    /// The guide's own, where its vocabulary is another one: it judges drafts by their text then.
    pub guide_tokenizer: Option<Arc<Tokenizer>>,
    /// The denoiser, for people.
    pub denoiser_card: ModelCard,
    /// The guide, for people.
    pub guide_card: Option<ModelCard>,
    /// What separates the denoiser's final proposals from others, where one was trained for it.
    pub filter: Option<Filter>,
    /// Floating-point operations a second that the denoiser's device reaches, once that was measured.
    pub peak: Option<u64>,
    /// Floating-point operations a second of the machine whose times are logged in place of this one's.
    pub modelled_rate: Option<f64>,
}

impl Models {
    /// A denoiser and its guide.
    pub(super) fn new(denoiser: LoadedModel, guide: Option<LoadedModel>, filter: Option<Filter>) -> Self {
        let mut models = Self {
            denoiser: denoiser.network,
            guide: None,
            tokenizer: Arc::new(denoiser.tokenizer),
            guide_tokenizer: None,
            denoiser_card: denoiser.card,
            guide_card: None,
            filter,
            peak: None,
            modelled_rate: None,
        };
        models.set_guide(guide);
        models
    }

    /// Another guide, or none. One whose vocabulary is the denoiser's reads its ids, any other one its text.
    pub(super) fn set_guide(&mut self, guide: Option<LoadedModel>) {
        self.guide_tokenizer = None;
        (self.guide, self.guide_card) = guide
            .map(|guide| {
                if self.tokenizer.difference(&guide.tokenizer).is_some() {
                    self.guide_tokenizer = Some(Arc::new(guide.tokenizer));
                }
                (guide.network, guide.card)
            })
            .unzip();
    }

    /// Has runs logged with the times that their passes would take on a machine of `rate` floating-point operations a second,
    /// as [`modelled_cost`](crate::trace::modelled_cost) counts them: the same wherever and whenever they are made. The
    /// cards name that machine as the device.
    #[must_use]
    pub fn timed_by_work(mut self, rate: f64) -> Self {
        self.modelled_rate = Some(rate);
        for card in std::iter::once(&mut self.denoiser_card).chain(&mut self.guide_card) {
            card.device = format!("{MODELLED}, {:.0} GFLOP/s", rate / 1e9);
        }
        self
    }

    /// The longest canvas, in tokens, that denoiser and guide both take.
    pub fn context(&self) -> usize {
        let denoiser = self.denoiser.spec().max_positions;
        self.guide.as_ref().map_or(denoiser, |guide| guide.spec().max_positions.min(denoiser))
    }

    /// Forgets what an earlier run left behind.
    pub(super) fn reset(&mut self) {
        self.denoiser.reset();
        if let Some(guide) = &mut self.guide {
            guide.reset();
        }
    }

    /// What each of `ids` contributes to the text. A single id behind the denoiser's own is one of the guide's, where its
    /// vocabulary is another one.
    pub(super) fn pieces(&self, ids: &[u32]) -> Vec<String> {
        let own = self.denoiser.spec().vocab_size as u32;
        match (ids, &self.guide_tokenizer) {
            ([id], Some(guide)) if *id >= own => guide.pieces(&[id - own]),
            _ => self.tokenizer.pieces(ids),
        }
    }

    /// As a step takes them.
    pub(super) fn networks(&mut self) -> Networks<'_> {
        Networks {
            denoiser: &mut *self.denoiser,
            guide: self.guide.as_mut().map(|guide| &mut **guide as &mut dyn Network),
        }
    }
}
