//! Forks: the steps of the parent are repeated silently, then the run goes another way.

use super::{
    Models,
    protocol::{ForkRequest, RequestError, TypedText},
};
use crate::{
    decode::record::Edit,
    printable,
    settings::Settings,
    trace::{ForkOrigin, GivenToken, Header, ReplayStep},
};

/// What a fork starts from.
pub(super) struct ForkStart {
    /// Its header. Whether it is exact is known when its steps are repeated.
    pub header: Header,
    /// The steps to repeat; none where it is cold.
    pub steps: Vec<ReplayStep>,
    /// What is changed by hand behind them; where it is cold, the header has it.
    pub edits: Vec<Edit>,
}

impl ForkStart {
    /// Of the fork that `request` asks for, with `settings` from a preset behind its first steps.
    ///
    /// # Errors
    /// Where the text has no encoding, or what is asked for lies outside of the answer.
    pub fn new(
        models: &Models,
        request: &ForkRequest,
        settings: Settings,
        preset: Option<&String>,
    ) -> Result<Self, RequestError> {
        let ForkRequest { point, edits, text, cold } = request;
        let mut edits = edits.clone();
        let mut longer = None;
        if let Some(text) = text {
            let tokens = encoded(models, text, &point.header)?;
            if tokens.len() == text.end - text.start {
                let writes = tokens.iter().zip(text.start..);
                edits.extend(writes.flat_map(|(token, position)| {
                    [Edit::Write { position, token: *token }, Edit::Pin { position, pinned: true }]
                }));
            } else {
                longer = Some((text, tokens));
            }
        }
        let cold = *cold || longer.is_some();
        let origin = ForkOrigin { parent: point.hash.clone(), step: point.steps.len(), exact: !cold, cold };
        let mut header = Header {
            denoiser: models.denoiser_card.clone(),
            guide: models.guide_card.clone(),
            origin: Some(origin),
            ..point.header.clone()
        };
        if !cold {
            return Ok(Self { header, steps: point.steps.clone(), edits });
        }
        header.settings = settings;
        header.preset = preset.cloned();
        header.given = point.given();
        if let Some((text, tokens)) = longer {
            put(&mut header, text, &tokens);
        }
        Ok(Self { header, steps: Vec::new(), edits })
    }
}

/// The tokens of the text, which must lie in the answer.
fn encoded(models: &Models, typed: &TypedText, header: &Header) -> Result<Vec<u32>, RequestError> {
    let TypedText { start, end, text } = typed;
    let (prompt, length) = (header.prompt_ids.len(), header.canvas_length());
    if *start < prompt || start > end || *end > length {
        return Err(RequestError::Refused(format!(
            "text for the positions from {start} to {end} lies outside of the answer, which takes those from {prompt} to \
             {length}"
        )));
    }
    models
        .tokenizer
        .encode_plain(text)
        .map_err(|error| RequestError::Refused(printable::line(&format!("the text cannot be encoded: {error}"))))
}

/// Puts tokens in place of a span, and moves what stands behind it.
fn put(header: &mut Header, typed: &TypedText, tokens: &[u32]) {
    let TypedText { start, end, text } = typed;
    header.given.retain(|given| !(*start..*end).contains(&given.position));
    for given in header.given.iter_mut().filter(|given| given.position >= *end) {
        given.position = given.position - end + start + tokens.len();
    }
    let at = header.given.partition_point(|given| given.position < *start);
    let typed = tokens.iter().zip(*start..).enumerate().map(|(index, (token, position))| GivenToken {
        position,
        token: *token,
        text: if index == 0 { text.clone() } else { String::new() },
        pinned: true,
    });
    header.given.splice(at..at, typed);
    header.gen_length = header.gen_length + tokens.len() - (end - start);
}
