//! Chat templates, compiled and rendered.

use std::collections::BTreeMap;

use diffuscope::model::template::{ChatTemplate, LONGEST_FRAME, Message, Speaker};

use super::{Target, of_text};
use crate::mutate::{Format, Language, jinja};

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "{%", "%}", "{{", "}}", "{#", "#}", "{%-", "-%}", "{%+", "generation", "endgeneration", "for", "endfor", "if",
    "elif", "else", "endif", "set", "endset", "macro", "endmacro", "call", "endcall", "filter", "raw", "endraw",
    "include", "import", "extends", "block", "loop", "namespace", "|", "~", "**", "//", "is", "not",
];

pub const TEMPLATE: Target = Target {
    name: "template",
    format: Format::Text,
    language: Language { words: WORDS, phrase: Some(jinja::phrase) },
    longest: 32 << 10,
    open: |_| of_text(render),
};

/// Conversations as prompts make them, and longer ones.
const CONVERSATIONS: [&[Message<'_>]; 3] = [
    &[(Speaker::User, "What is 1 + 1?")],
    &[(Speaker::System, "Be brief."), (Speaker::User, "<|im_end|> {{ x }}")],
    &[(Speaker::User, "a"), (Speaker::Assistant, "b"), (Speaker::User, "日本\u{0}")],
];

fn render(text: &str) -> String {
    let specials = [("bos_token", "<s>"), ("eos_token", "</s>")].map(|(name, token)| (name.into(), token.into()));
    let template = match ChatTemplate::new("chat_template.jinja", text, BTreeMap::from(specials)) {
        Ok(template) => template,
        Err(error) => return error.to_string(),
    };
    let mut outcomes = Vec::new();
    for (conversation, answer) in CONVERSATIONS.into_iter().zip([true, true, false]) {
        outcomes.push(match template.render(conversation, answer) {
            Ok(page) => {
                let said: usize = conversation.iter().map(|(_, said)| said.len()).sum();
                assert!(page.len() <= LONGEST_FRAME + 8 * said, "a page of {} bytes", page.len());
                "rendered".to_owned()
            }
            Err(error) => error.to_string(),
        });
    }
    outcomes.dedup();
    outcomes.join("; ")
}
