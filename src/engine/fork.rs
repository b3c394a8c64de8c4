//! Forks: the steps of the parent are repeated silently, then the run goes another way.

use super::{
    Models,
    protocol::{ForkRequest, RequestError, RunRequest, TypedText},
};
use crate::{
    decode::{
        DecodeError,
        record::{Change, Edit},
    },
    printable,
    settings::{Knob, Settings},
    trace::{ForkOrigin, ForkPoint, GivenToken, Header, ModelCard, ReplayStep},
};

/// What a fork starts from.
pub(super) struct ForkStart {
    /// The header that it has, or would have, where it is cold: what its changes by hand are checked on.
    pub cold: Header,
    /// Its header where the steps of its parent are repeated. Whether they are repeated exactly is known then.
    pub warm: Option<Header>,
    /// What is changed by hand behind the steps of the parent.
    pub edits: Vec<Edit>,
    /// What the user should know, a sentence each.
    pub warnings: Vec<String>,
}

impl ForkStart {
    /// Of the fork that a request asks for.
    ///
    /// # Errors
    /// Where the parent cannot be repeated with these models, the text has no encoding, or what is asked for lies outside
    /// of the answer.
    pub fn new(models: &Models, request: &RunRequest, fork: &ForkRequest) -> Result<Self, RequestError> {
        let ForkRequest { point, edits, text, cold } = fork;
        check_vocabulary(models, point)?;
        let mut edits = edits.clone();
        let mut given = point.given.clone();
        let mut gen_length = point.header.gen_length;
        let encoded = |text| encoded(models, text, &point.header).map(|tokens| (text, tokens));
        let typed = text.as_ref().map(encoded).transpose()?;
        let is_longer = typed.as_ref().is_some_and(|(text, tokens)| tokens.len() != text.end - text.start);
        match typed {
            Some(_) if is_longer && !edits.is_empty() => return Err(refused(TWO_CHANGES)),
            Some((text, tokens)) if is_longer => {
                put(&mut given, text, &tokens);
                spell(models, &mut given);
                gen_length = gen_length + tokens.len() - (text.end - text.start);
            }
            Some((text, tokens)) => edits.extend(written(text.start, &tokens)),
            None => {}
        }
        let is_cold = *cold || is_longer;
        let mut warnings = Vec::new();
        if !is_cold {
            check_settings(point)?;
            warnings.extend(check_weights(models, point)?);
        }
        let warm = header(models, point, is_cold);
        let settings = request.settings;
        let cold = Header {
            preset: request.preset.clone(),
            settings: Settings { gen_length: settings.gen_length.map(|_| gen_length), ..settings },
            given,
            gen_length,
            ..warm.clone()
        };
        Ok(Self { cold, warm: (!is_cold).then_some(warm), edits, warnings })
    }
}

/// The header of the parent under the models that are loaded.
fn header(models: &Models, point: &ForkPoint, cold: bool) -> Header {
    let (parent, step) = (point.hash.clone(), point.steps.len());
    Header {
        denoiser: models.denoiser_card.clone(),
        guide: models.guide_card.clone(),
        origin: Some(ForkOrigin { parent, step, exact: !cold, cold }),
        peak: models.peak,
        ..point.header.clone()
    }
}

const TWO_CHANGES: &str = "text of another length moves what stands behind it, so it cannot come with other changes by \
                           hand: make them in a fork of their own";

fn refused(message: impl Into<String>) -> RequestError {
    RequestError::Refused(message.into())
}

/// Why a fork failed that was broken off before its own first step.
pub(super) fn broken_off() -> RequestError {
    refused("the fork was broken off while it repeated the steps of its parent")
}

/// Where there is nothing to do behind so many steps of the parent.
pub(super) fn nothing_to_do(step: usize) -> RequestError {
    refused(format!(
        "after step {step} there is nothing left to denoise: fork an earlier step, or mask something again"
    ))
}

/// Steps of the parent that are repeated.
pub(super) struct Replay {
    steps: std::vec::IntoIter<ReplayStep>,
    /// Number of them.
    pub all: usize,
    /// The settings in force in the parent.
    pub settings: Settings,
    /// The canvas of the parent.
    pub canvas: Vec<u32>,
    /// What is changed by hand behind them.
    pub edits: Vec<Edit>,
    /// The settings of the fork's own steps.
    pub then: Settings,
}

impl Replay {
    /// Of the steps up to a point, which are followed by `edits` and the settings `then`.
    pub fn new(point: &ForkPoint, edits: Vec<Edit>, then: Settings) -> Self {
        Self {
            steps: point.steps.clone().into_iter(),
            all: point.steps.len(),
            settings: point.header.settings,
            canvas: point.header.canvas(),
            edits,
            then,
        }
    }

    /// Steps that are still to be repeated.
    pub fn left(&self) -> usize {
        self.steps.len()
    }

    /// Leaves out the first `steps` steps: the run is behind them already.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub fn skip(&mut self, steps: usize) -> Result<(), DecodeError> {
        (0..steps).try_for_each(|_| self.advance().map(drop))
    }

    /// Moves settings and canvas to the next step, where there is one; returns what was changed by hand before it.
    ///
    /// # Errors
    /// Where a knob of the step is not known.
    pub fn advance(&mut self) -> Result<Option<Vec<Edit>>, DecodeError> {
        let Some(ReplayStep { changes, edits, written }) = self.steps.next() else { return Ok(None) };
        for Change { knob, value } in &changes {
            Knob::find(knob)?.set(&mut self.settings, value)?;
        }
        for (position, id) in written {
            self.canvas[position] = id;
        }
        Ok(Some(edits))
    }
}

/// Whether a token is the same text in the run as with the loaded models.
pub(super) fn check_vocabulary(models: &Models, point: &ForkPoint) -> Result<(), RequestError> {
    let (header, spec) = (&point.header, models.denoiser.spec());
    if spec.mask_id != Some(header.mask_id) {
        let own = spec.mask_id.map_or("it has none".to_owned(), |id| format!("here it is {id}"));
        let run = header.mask_id;
        let given = format!("{LOAD}, with --mask-token {run} if that was given");
        return Err(refused(format!("{OTHER_VOCABULARY}: the mask is token {run} there, and {own}: {given}")));
    }
    let canvas = point.canvas();
    if let Some(token) = canvas.iter().find(|id| **id != header.mask_id && **id as usize >= spec.vocab_size) {
        let size = spec.vocab_size;
        return Err(refused(format!("{OTHER_VOCABULARY}: it has a token {token}, and here there are {size}: {LOAD}")));
    }
    let pieces = models.tokenizer.pieces(&header.prompt_ids);
    let differs = header.prompt_ids.iter().zip(header.prompt_pieces.iter().zip(&pieces)).find(|(_, (a, b))| a != b);
    match differs {
        None => Ok(()),
        Some((id, (there, here))) => Err(refused(printable::line(&format!(
            "{OTHER_VOCABULARY}: token {id} is {there:?} there and {here:?} here: {LOAD}"
        )))),
    }
}

const OTHER_VOCABULARY: &str = "the run was made with another vocabulary than that of the loaded model";
const LOAD: &str = "load the model that made it";

/// Whether this version knows all that the steps were made with.
pub(super) fn check_settings(point: &ForkPoint) -> Result<(), RequestError> {
    let [first, ..] = &point.unknown_knobs[..] else { return Ok(()) };
    Err(refused(format!(
        "the run sets {first}, which this version does not know, so its steps cannot be repeated: use the version that \
         made it, or fork it cold"
    )))
}

/// Whether the loaded models are those that made the run. Returns what the user should know all the same.
pub(super) fn check_weights(models: &Models, point: &ForkPoint) -> Result<Option<String>, RequestError> {
    let header = &point.header;
    let denoiser = same_weights("model", &header.denoiser, &models.denoiser_card)?;
    let guide = match (&header.guide, &models.guide_card) {
        _ if !point.asks_guide() => None,
        (Some(there), Some(here)) => same_weights("guide", there, here)?,
        (Some(there), None) => {
            let name = printable::line(&there.name);
            return Err(refused(format!(
                "the run asked the guide {name}, and no guide is loaded: load it as well, or fork the run cold"
            )));
        }
        (None, _) => None,
    };
    Ok(denoiser.or(guide))
}

/// Whether two cards are of the same weights. Where that is unknown they must look alike, and a sentence says so.
fn same_weights(role: &str, there: &ModelCard, here: &ModelCard) -> Result<Option<String>, RequestError> {
    let look = |card: &ModelCard| (card.name.clone(), card.architecture.clone(), card.parameters, card.layers);
    let looks_alike = look(there) == look(here);
    match (&there.fingerprint, &here.fingerprint) {
        (Some(a), Some(b)) if a == b => return Ok(None),
        // Networks that came from no file are those of this process.
        (None, None) if looks_alike => return Ok(None),
        (None, _) | (_, None) if looks_alike => {
            let name = printable::line(&there.name);
            return Ok(Some(format!(
                "the weights of the {role} {name} could not be compared with those that made the run, whose file does not \
                 name them"
            )));
        }
        _ => {}
    }
    Err(refused(format!(
        "the run was made with the {role} {}, and {} is loaded, so its steps cannot be repeated: load the one that made it, \
         or fork the run cold",
        named(there),
        named(here)
    )))
}

/// "embedded (LLaDA, 3071488 weights, 9f86d081)".
fn named(card: &ModelCard) -> String {
    let ModelCard { name, architecture, parameters, fingerprint, .. } = card;
    let start: String = fingerprint.iter().flat_map(|fingerprint| fingerprint.chars()).take(8).collect();
    let fingerprint = if start.is_empty() { start } else { format!(", {start}") };
    printable::line(&format!("{name} ({architecture}, {parameters} weights{fingerprint})"))
}

/// The tokens of the text, which must lie in the answer.
fn encoded(models: &Models, typed: &TypedText, header: &Header) -> Result<Vec<u32>, RequestError> {
    let TypedText { start, end, text } = typed;
    let (prompt, length) = (header.prompt_ids.len(), header.canvas_length());
    if *start < prompt || start > end || *end > length {
        return Err(refused(format!(
            "text for the positions from {start} to {end} lies outside of the answer, which takes those from {prompt} to \
             {length}"
        )));
    }
    let encoding = models.tokenizer.encode_plain(text);
    encoding.map_err(|error| refused(printable::line(&format!("the text cannot be encoded: {error}"))))
}

/// Tokens that are written from `start` on, and pinned.
fn written(start: usize, tokens: &[u32]) -> impl Iterator<Item = Edit> {
    (start..)
        .zip(tokens)
        .flat_map(|(position, token)| [Edit::Write { position, token: *token }, Edit::Pin { position, pinned: true }])
}

/// Puts tokens in place of a span, and moves what stands behind it.
fn put(given: &mut Vec<GivenToken>, typed: &TypedText, tokens: &[u32]) {
    let TypedText { start, end, .. } = typed;
    given.retain(|given| !(*start..*end).contains(&given.position));
    for given in given.iter_mut().filter(|given| given.position >= *end) {
        given.position = given.position - end + start + tokens.len();
    }
    let at = given.partition_point(|given| given.position < *start);
    let typed = tokens.iter().zip(*start..).map(|(token, position)| GivenToken {
        position,
        token: *token,
        text: String::new(),
        pinned: true,
    });
    given.splice(at..at, typed);
}

/// Says what each token contributes to the text of the neighbours that it has now.
fn spell(models: &Models, given: &mut [GivenToken]) {
    for neighbours in given.chunk_by_mut(|left, right| left.position + 1 == right.position) {
        let ids: Vec<u32> = neighbours.iter().map(|given| given.token).collect();
        for (given, text) in neighbours.iter_mut().zip(models.tokenizer.pieces(&ids)) {
            given.text = text;
        }
    }
}
