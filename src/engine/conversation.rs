//! The conversation that a run continues: what the network reads of it, and whether it leaves room for an answer.

use super::protocol::RequestError;
use crate::{model::tokenizer::Tokenizer, printable, trace::Exchange};

/// Ids of a prompt behind the earlier turns of its conversation.
///
/// # Errors
/// Where there is nothing that lays earlier turns out, or the tokenizer refuses what was typed.
pub(super) fn encode(tokenizer: &Tokenizer, turns: &[Exchange], prompt: &str) -> Result<Vec<u32>, RequestError> {
    if !turns.is_empty() && !tokenizer.converses() {
        let reason = match tokenizer.template() {
            Some(template) => format!("the chat template in {} takes none", template.origin()),
            None => "without a chat template there is nothing that lays them out".to_owned(),
        };
        return Err(refused(&format!(
            "the prompt comes with {} of a conversation, and {reason}: begin a new conversation (^N)",
            earlier(turns.len())
        )));
    }
    tokenizer
        .encode_conversation(&Exchange::texts(turns), prompt)
        .map_err(|error| refused(&format!("the prompt cannot be encoded: {error}")))
}

/// Refuses a conversation that leaves no room in the context for `masks` of an answer; all in tokens.
pub(super) fn check_room(conversation: usize, masks: usize, context: usize) -> Result<(), RequestError> {
    let left = context.saturating_sub(conversation);
    if left == 0 {
        return Err(refused(&format!(
            "the conversation has {conversation} tokens, and the model's context of {context} leaves none for an answer: \
             begin a new conversation (^N)"
        )));
    }
    if masks > left {
        return Err(refused(&format!(
            "the conversation has {conversation} tokens, and the model's context of {context} leaves {left} for an answer \
             of {masks}: begin a new conversation (^N), or set gen-length to at most {left}"
        )));
    }
    Ok(())
}

fn earlier(turns: usize) -> String {
    if turns == 1 { "an earlier turn".to_owned() } else { format!("{turns} earlier turns") }
}

fn refused(sentence: &str) -> RequestError {
    RequestError::Refused(printable::line(sentence))
}
