//! One step as it is sent and read: the record, and the text that is new with it.

use serde::{Deserialize, Serialize};

use crate::decode::record::StepRecord;

/// The text of a token id by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenText {
    /// The id.
    pub id: u32,
    /// Its text.
    pub text: String,
}

/// What the token at a position contributes to the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Absolute position.
    pub position: usize,
    /// Its contribution.
    pub text: String,
}

/// One step as the engine sends it and a file gives it: the record, and the text that is new with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The step.
    pub record: StepRecord,
    /// Pieces that are new or changed, ascending by position.
    pub pieces: Vec<Piece>,
    /// Texts of ids that occur for the first time.
    pub texts: Vec<TokenText>,
}
