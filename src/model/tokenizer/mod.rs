//! Text to token ids and back, for the embedded pair and for real checkpoints: a layer over `tokenizer.json`.
//!
//! | file | question |
//! |---|---|
//! | here | which ids, which special tokens? |
//! | `file.rs` | what of a foreign `tokenizer.json` can be trusted? |
//! | `bpe.rs` | how is one put together where there is no `tokenizer.json`? |
//! | `pieces.rs` | what does each token contribute to the text? |
//! | `prompt.rs` | what does the network read for a prompt? |
//! | `side_files.rs` | what do the files beside `tokenizer.json` say? |

pub(in crate::model) mod bpe;
mod file;
mod pieces;
mod prompt;
mod side_files;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use file::Guarded;
use tokenizers::Tokenizer as Inner;

pub use pieces::TokenPart;
use pieces::{Scheme, TokenRun};
use prompt::TurnLayout;
pub use side_files::SideFiles;

use crate::{
    files,
    model::{
        lfs, mask,
        template::{ChatTemplate, TemplateError},
    },
};

/// Names of the token that ends a text, the embedded pair's first.
const END_NAMES: [&str; 5] = ["<eos>", "<|endoftext|>", "</s>", "<|end_of_text|>", "<|im_end|>"];
/// Names of special tokens that end a turn, and so an answer: `ChatML` (Dream, Qwen), `LLaDA`, `LLaDA2`, Gemma, Phi.
const TURN_END_NAMES: [&str; 5] = ["<|im_end|>", "<|eot_id|>", "<|role_end|>", "<end_of_turn>", "<|end|>"];

/// A tokenizer that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The file cannot be read.
    #[error("reading {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The content is no `tokenizer.json`.
    #[error("{origin} is no tokenizer.json: {reason}")]
    Parse {
        /// The file, or what else the bytes were.
        origin: String,
        /// What the parser says.
        reason: String,
    },
    /// The content is a `tokenizer.json` that the library reads and then fails on.
    #[error("{origin} is damaged: {reason}; get the file again")]
    Damaged {
        /// The file, or what else the bytes were.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The content asks for something that is newer than this program.
    #[error("{origin} holds a {part} of the kind `{kind}`, which this version of diffuscope does not know")]
    Kind {
        /// The file, or what else the bytes were.
        origin: String,
        /// The part of the tokenizer.
        part: &'static str,
        /// Its kind.
        kind: String,
    },
    /// The file itself was not fetched.
    #[error("{origin} {}", lfs::SENTENCE)]
    Pointer {
        /// The file.
        origin: String,
    },
    /// A file beside `tokenizer.json` is damaged.
    #[error("{}: {reason}", path.display())]
    SideFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A token that is needed is not there.
    #[error("{origin} has no {role} token: expected one of {expected}")]
    Missing {
        /// The file, or what else the bytes were.
        origin: String,
        /// What the token is for.
        role: &'static str,
        /// Names that were looked for.
        expected: String,
    },
    /// A text has no encoding.
    #[error("encoding a text of {bytes} bytes: {reason}")]
    Encode {
        /// Length of the text.
        bytes: usize,
        /// What the tokenizer says.
        reason: String,
    },
    /// The chat template does not work.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A system text has no place.
    #[error("a system text was given, but {reason}: leave it out, or write it into the prompt")]
    System {
        /// Why it has none.
        reason: String,
    },
    /// What was typed spells a special token, and the template rewrites what was typed.
    #[error(
        "{} spells the special token {token}, and the chat template in {origin} rewrites prompts so that it would \
         be taken for one: {}",
        if *is_earlier { "an earlier turn" } else { "the prompt" },
        if *is_earlier { "begin a new conversation" } else { "remove it from the prompt" }
    )]
    Spelled {
        /// Whether an earlier turn of the conversation spells it.
        is_earlier: bool,
        /// The token.
        token: String,
        /// The template's file.
        origin: String,
    },
}

/// Text to token ids and back.
#[derive(Debug)]
pub struct Tokenizer {
    inner: Guarded,
    /// The same tokenizer, deaf to special tokens in the text; made when a text first needs it.
    plain: OnceLock<Guarded>,
    /// The text of every token with its id; made when first asked for.
    texts: OnceLock<Vec<(u32, String)>>,
    origin: String,
    scheme: Scheme,
    /// Special tokens with their ids, the longest first.
    specials: Vec<(String, u32)>,
    end: u32,
    ends: BTreeSet<u32>,
    mask: Option<u32>,
    layout: TurnLayout,
}

impl Tokenizer {
    /// Opens the tokenizer of a checkpoint's folder: `tokenizer.json`, or `vocab.json` with `merges.txt`; and what there is of `tokenizer_config.json`,
    /// `special_tokens_map.json`, `chat_template.jinja`, `config.json` and `generation_config.json`.
    pub fn open(folder: &Path) -> Result<Self, TokenizerError> {
        let path = folder.join("tokenizer.json");
        let side = SideFiles::read(folder)?;
        if !path.is_file() && folder.join(bpe::VOCABULARY).is_file() {
            let origin = folder.join(bpe::VOCABULARY).display().to_string();
            return Self::from_library(bpe::from_folder(folder)?, origin, side);
        }
        let bytes = files::read(&path).map_err(|source| TokenizerError::Read { path: path.clone(), source })?;
        Self::from_parts(&bytes, path.display().to_string(), side)
    }

    /// Loads a `tokenizer.json` and nothing beside it: prompts have no template.
    pub fn from_file(path: &Path) -> Result<Self, TokenizerError> {
        let bytes = files::read(path).map_err(|source| TokenizerError::Read { path: path.to_owned(), source })?;
        Self::from_parts(&bytes, path.display().to_string(), SideFiles::default())
    }

    /// Reads the `tokenizer.json` of the embedded pair, or of one that is laid out like it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TokenizerError> {
        let side = SideFiles { template: Some(ChatTemplate::embedded()?), ..SideFiles::default() };
        Self::from_parts(bytes, "the embedded tokenizer".to_owned(), side)
    }

    /// Reads the content of a `tokenizer.json`, with what is known from beside it; `origin` stands for it in messages.
    pub fn from_parts(bytes: &[u8], origin: String, side: SideFiles) -> Result<Self, TokenizerError> {
        Self::with_inner(file::read(bytes, &origin)?, origin, side)
    }

    /// Takes what was put together of other files.
    pub(in crate::model) fn from_library(
        inner: Inner,
        origin: String,
        side: SideFiles,
    ) -> Result<Self, TokenizerError> {
        Self::with_inner(Guarded::new(inner, origin.clone())?, origin, side)
    }

    fn with_inner(inner: Guarded, origin: String, side: SideFiles) -> Result<Self, TokenizerError> {
        let mut specials: Vec<(String, u32)> = inner
            .get_added_tokens_decoder()
            .into_iter()
            .filter(|(_, token)| token.special && !token.content.is_empty())
            .map(|(id, token)| (token.content, id))
            .collect();
        specials.sort_unstable_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        let declared = |role: &str| side.specials.get(role).and_then(|name| inner.token_to_id(name));
        let find = |names: &[&str]| names.iter().find_map(|name| inner.token_to_id(name));
        let Some(end) = declared("eos_token").or_else(|| find(&END_NAMES)) else {
            return Err(TokenizerError::Missing { origin, role: "end-of-text", expected: END_NAMES.join(", ") });
        };
        let special = |name: &str| specials.iter().find(|(token, _)| token == name).map(|(_, id)| *id);
        let mut ends = side.end_ids;
        ends.insert(end);
        ends.extend(END_NAMES.iter().chain(&TURN_END_NAMES).filter_map(|name| special(name)));
        let mask = declared("mask_token")
            .or_else(|| mask::NAMES.iter().find_map(|name| special(name)))
            .or_else(|| find(&mask::NAMES));
        let scheme = Scheme::of(&inner);
        let layout = TurnLayout { template: side.template, ..TurnLayout::default() };
        Ok(Self {
            inner,
            plain: OnceLock::new(),
            texts: OnceLock::new(),
            origin,
            scheme,
            specials,
            end,
            ends,
            mask,
            layout,
        })
    }

    /// Ids of `text`, with no template around it. Special tokens that the text spells out are taken as such.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        encode(&self.inner, text)
    }

    /// Ids of `text` with the byte range of `text` that each stands for. Tokens of one character share its range; the
    /// word mark before a spelled word has the range of its first letter.
    pub fn encode_spans(&self, text: &str) -> Result<Vec<(u32, Range<usize>)>, TokenizerError> {
        spans(&self.inner, text)
    }

    /// As [`Self::encode_spans`], with special tokens in the text taken as the characters that they are.
    pub fn encode_plain_spans(&self, text: &str) -> Result<Vec<(u32, Range<usize>)>, TokenizerError> {
        spans(self.plain(), text)
    }

    /// Ids of a text that stands within another one: nothing is put around it, and special tokens in it are the characters
    /// that they are.
    ///
    /// # Errors
    /// Where the text has no encoding.
    pub fn encode_plain(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        encode(self.plain(), text)
    }

    /// The tokenizer that hears no special tokens in a text.
    fn plain(&self) -> &Guarded {
        self.plain.get_or_init(|| self.inner.plain())
    }

    /// The text of `ids`; special tokens appear by their names, ids without a token not at all.
    pub fn decode(&self, ids: &[u32]) -> String {
        self.run(ids.iter().map(|&id| self.inner.id_to_token(id))).text()
    }

    /// The text of `ids` without special tokens.
    pub fn decode_plain(&self, ids: &[u32]) -> String {
        let special = |id: u32| self.specials.iter().any(|(_, special)| *special == id);
        self.run(ids.iter().filter(|id| !special(**id)).map(|&id| self.inner.id_to_token(id))).text()
    }

    /// The text that each of `ids` contributes: put together, the pieces are exactly [`decode`](Self::decode) of all.
    ///
    /// A character whose bytes lie in several tokens goes to the last of them. A space that is implied between two
    /// tokens goes to the later one.
    pub fn pieces(&self, ids: &[u32]) -> Vec<String> {
        self.parts(ids).into_iter().map(|part| part.text).collect()
    }

    /// As [`Self::pieces`], with what stays open until a later token.
    pub fn parts(&self, ids: &[u32]) -> Vec<TokenPart> {
        self.run(ids.iter().map(|&id| self.inner.id_to_token(id))).parts()
    }

    fn run(&self, names: impl Iterator<Item = Option<String>>) -> TokenRun<'_> {
        TokenRun::new(&self.inner, self.scheme, names.collect())
    }

    /// Ids of the tokens whose text holds one of `marks`, ascending; special tokens have no text.
    pub fn ids_with(&self, marks: &[char]) -> Vec<u32> {
        let texts = self.texts.get_or_init(|| {
            let ids: BTreeSet<u32> = self.inner.get_vocab(true).into_values().collect();
            ids.into_iter().map(|id| (id, self.decode_plain(&[id]))).collect()
        });
        texts.iter().filter(|(_, text)| text.contains(marks)).map(|(id, _)| *id).collect()
    }

    /// The id of a token by its name in the vocabulary.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The name of a token in the vocabulary.
    pub fn id_to_token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The token that ends a text.
    pub fn eos_id(&self) -> u32 {
        self.end
    }

    /// Every token that ends a text or a turn, as the configurations and the vocabulary know them: the first of them
    /// in an answer is where it ends.
    pub fn end_ids(&self) -> &BTreeSet<u32> {
        &self.ends
    }

    /// The mask token, where the vocabulary has one.
    pub fn mask_id(&self) -> Option<u32> {
        self.mask
    }

    /// The mask token of a denoiser.
    ///
    /// # Errors
    /// Where the vocabulary has none under any name that is known here.
    pub fn require_mask(&self) -> Result<u32, TokenizerError> {
        self.mask.ok_or_else(|| TokenizerError::Missing {
            origin: self.origin.clone(),
            role: "mask",
            expected: mask::names(),
        })
    }

    /// The token of the largest id, with that: a network needs a row for it.
    pub fn last_token(&self) -> Option<(String, u32)> {
        self.inner.get_vocab(true).into_iter().max_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)))
    }

    /// The tokenizer's file, or what else it came from.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Tokens, special ones among them. A network may have more rows.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// How this vocabulary differs from another one in a way that ids cannot pass from one to the other; `None` where
    /// they can: every ordinary token has the same id in both, and so has every special token that both have. Special
    /// tokens that only one of them has do not matter (Dream's mask, which its guides lack).
    pub fn difference(&self, other: &Self) -> Option<String> {
        let added = |tokenizer: &Self| -> BTreeMap<String, u32> {
            tokenizer.inner.get_added_tokens_decoder().into_iter().map(|(id, token)| (token.content, id)).collect()
        };
        let (own_added, other_added) = (added(self), added(other));
        let ordinary = |tokenizer: &Self| {
            let mut tokens = tokenizer.inner.get_vocab(false);
            tokens.retain(|token, _| !own_added.contains_key(token) && !other_added.contains_key(token));
            tokens
        };
        let (own, others) = (ordinary(self), ordinary(other));
        let missing = |id: Option<u32>| id.map_or_else(|| "no token".to_owned(), |id| format!("token {id}"));
        let differs = |token: &String, own: Option<u32>, other: Option<u32>| {
            (own != other).then(|| format!("{token:?} is {} here and {} there", missing(own), missing(other)))
        };
        let ordinary = own
            .iter()
            .filter_map(|(token, id)| differs(token, Some(*id), others.get(token).copied()))
            .chain(others.iter().filter_map(|(token, id)| differs(token, own.get(token).copied(), Some(*id))));
        let shared =
            own_added.iter().filter_map(|(token, id)| differs(token, Some(*id), Some(*other_added.get(token)?)));
        // The least of them, so that the sentence is the same every time.
        shared.chain(ordinary).min()
    }
}

fn encode(inner: &Guarded, text: &str) -> Result<Vec<u32>, TokenizerError> {
    inner.ids(text)
}

fn spans(inner: &Guarded, text: &str) -> Result<Vec<(u32, Range<usize>)>, TokenizerError> {
    let encoding = inner.encoding(text, false)?;
    let spans = encoding.get_offsets().iter().map(|&(start, end)| start..end);
    Ok(encoding.get_ids().iter().copied().zip(spans).collect())
}
