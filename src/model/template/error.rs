//! What can be wrong with a chat template.

use thiserror::Error;

use super::{BUDGET, LONGEST_FRAME, source};

/// A chat template that cannot be used, or a conversation that it does not take.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// The file is there and cannot be read, or does not hold one template.
    #[error("{origin}: {reason}; --raw does without a template")]
    Unreadable {
        /// The file.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The text is no template.
    #[error("{origin}: line {line} of the chat template is not valid: {reason}; --raw does without a template")]
    Syntax {
        /// The file.
        origin: String,
        /// The line of the template, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// The text is far longer than any published one.
    #[error(
        "{origin}: the chat template has {bytes} bytes, and at most {} are read; --raw does without a template",
        source::LONGEST
    )]
    Oversized {
        /// The file.
        origin: String,
        /// Its length.
        bytes: usize,
    },
    /// The template refuses, by `raise_exception`.
    #[error("{origin}: the chat template refuses this conversation at line {line}: {reason}")]
    Refused {
        /// The file.
        origin: String,
        /// The line of the template, from 1.
        line: usize,
        /// What the template says.
        reason: String,
    },
    /// The rendering failed.
    #[error("{origin}: the chat template cannot be rendered{}: {reason}; --raw does without a template", at_line(*line))]
    Render {
        /// The file.
        origin: String,
        /// The line of the template, from 1; 0 where it is not known.
        line: usize,
        /// What went wrong.
        reason: String,
    },
    /// The template does not end within its instructions.
    #[error(
        "{origin}: the chat template is still running at line {line} after {BUDGET} instructions; --raw does without a \
         template"
    )]
    Endless {
        /// The file.
        origin: String,
        /// The line of the template, from 1.
        line: usize,
    },
    /// The template works on far more text and lists than a prompt is made of.
    #[error(
        "{origin}: the chat template handles more text and lists than a prompt needs{}; --raw does without a template",
        at_line(*line)
    )]
    Costly {
        /// The file.
        origin: String,
        /// The line of the template, from 1; 0 where it is not known.
        line: usize,
    },
    /// The template prints far more than the conversation.
    #[error(
        "{origin}: the chat template adds more than {LONGEST_FRAME} bytes to the prompt{}; --raw does without a template",
        at_line(*line)
    )]
    TooLong {
        /// The file.
        origin: String,
        /// The line of the template, from 1; 0 where it is not known.
        line: usize,
    },
    /// The template prints nothing.
    #[error("{origin}: the chat template makes an empty text of this prompt; --raw does without a template")]
    Nothing {
        /// The file.
        origin: String,
    },
}

/// The words for a line that may not be known.
fn at_line(line: usize) -> String {
    if line == 0 { String::new() } else { format!(" at line {line}") }
}
